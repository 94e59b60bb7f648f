"""Tests of the auction service."""
