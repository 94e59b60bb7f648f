"""The demo: a story that walks the whole chain over the public API, and the market that ``make serve`` shows.

Only with ``HENANROAD_DEMO=1``; start-up refuses it beside a real gateway.
"""
