"""The record: its vocabulary, the decisions that produce facts, and the store that keeps them."""
