"""What the record says: pure folds over ``events.envelope.Recorded``, each of which answers one question.

No fold reads a clock, a file or a socket, so a rebuild from position 1 gives exactly what is live.
"""
