"""Use cases of aftercare. Every function works in the caller's transaction and never commits."""
