"""Metrics for Prometheus: what the projections say, as families of samples that are rendered once and kept."""
