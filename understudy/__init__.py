"""The program: command line, settings and wiring. No domain rule lives here."""

__version__ = "0.1.0"
