"""Inbound feeds of pilots: pushed or pulled, checked, read row by row."""
