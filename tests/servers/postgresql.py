"""A real PostgreSQL server, which the tests start themselves on loopback, and stop."""
