"""Bids: pure rules, the log, the sequencer. How one bid travels is described in ARCHITECTURE.md."""
