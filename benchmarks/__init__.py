"""Benchmarks: ``python -m benchmarks.NAME [--quick]`` prints JSON lines."""
