"""Evidence bundles: a part of the record in one file, with its proofs and a verifier that needs nothing of ours."""
