"""Use cases of proofs."""
