"""Checking a lot's result from its proof file alone: pure, no server, no database. What is proved and what not: docs/verifying.md."""
