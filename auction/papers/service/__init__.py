"""The use cases: what a paper says, who may have it, how it is printed."""
