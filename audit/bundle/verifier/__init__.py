"""What checks an evidence bundle, with Python's standard library only; ``standalone`` joins it into one file.

It keeps to Python 3.8: it runs where auditors are, not where this program is installed.
"""
