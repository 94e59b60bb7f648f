"""Outbound feeds: what is on sale, for machines of others. One shape of feed, whatever it carries."""
