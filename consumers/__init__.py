"""Who is told: subscribers of the record."""
