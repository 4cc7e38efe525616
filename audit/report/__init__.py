"""The report of a period: one page of HTML that needs nothing else, for people who would rather look than read."""
