"""Who counts as a visitor of a listing: once a day, no robot, nobody we could name. Pure."""

import hashlib
import hmac

_ROBOTS = (
    "bot", "spider", "crawl", "slurp", "curl", "wget", "python", "httpx", "aiohttp", "okhttp", "java/", "go-http", "headless", "scrapy",
    "phantom", "lighthouse", "monitor", "preview", "facebookexternalhit", "bytespider", "libwww", "axios", "node-fetch",
)  # fmt: skip


def is_robot(user_agent: str) -> bool:
    """A client that names itself a program, or names itself not at all."""
    told = user_agent.strip().lower()
    return not told or any(word in told for word in _ROBOTS)


def visitor_digest(salt: bytes, *, listing_id: bytes, visitor: str, user_agent: str) -> str:
    """The same visitor of the same listing on the same day, and nothing else: the day's salt is thrown away with the day."""
    content = b"\0".join((listing_id, visitor.encode(), user_agent.encode()))
    return hmac.new(salt, content, hashlib.sha256).hexdigest()[:32]
