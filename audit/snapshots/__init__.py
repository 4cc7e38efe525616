"""Snapshots: what the folds said of each chassis after every so many facts, so that no answer needs all of them.

They are disposable. Whatever is missing, of another version or of another record is folded from the record instead,
which gives the same answer later. ``store`` keeps them, ``following`` and ``rebuilding`` make them, ``past`` asks them.
"""
