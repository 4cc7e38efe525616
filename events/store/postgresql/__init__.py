"""The record in PostgreSQL, for several machines; the optional part ``understudy[postgresql]``."""
