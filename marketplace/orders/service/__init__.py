"""Use cases of orders. Every function works in the caller's transaction and never commits."""
