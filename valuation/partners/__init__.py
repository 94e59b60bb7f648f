"""Valuation partners: estimates over HTTP by API key, plans, quotas."""
