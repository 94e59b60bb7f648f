"""Use cases of payments. Every function works in the caller's transaction and never commits."""
