"""A real Prometheus and Alertmanager, which the tests start themselves on loopback, and stop."""
