"""A real Apache Kafka broker, which the tests start themselves on loopback, and stop."""
