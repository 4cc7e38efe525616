"""Proof over the record: time travel, the Merkle tree, evidence, its keeping."""
