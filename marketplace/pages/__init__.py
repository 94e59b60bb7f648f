"""Pages for people: rendered on the server from the same service calls; what they change goes through the public API."""
