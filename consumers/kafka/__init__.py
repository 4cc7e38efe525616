"""Kafka: the record and the alarm list as topics, which the publisher writes and subscribers read."""

import warnings

with warnings.catch_warnings():
    # kafka-python 3.0.12 reads its own schemas so, and only when it is imported; Python 3.13 took the deprecation back.
    warnings.filterwarnings("ignore", r"(read|open)_text is deprecated", DeprecationWarning)
    import kafka as kafka  # type: ignore[import-untyped]  # kafka-python has no types
