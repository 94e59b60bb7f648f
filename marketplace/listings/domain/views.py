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


def device_of(user_agent: str) -> str:
    """Coarse on purpose: two people behind one address are told apart, and inventing devices brings a handful of visitors at most."""
    told = user_agent.lower()
    kind = next((word for word in ("ipad", "tablet", "mobile", "android", "iphone") if word in told), "desktop")
    program = next((word for word in ("micromessenger", "edg", "firefox", "chrome", "safari") if word in told), "other")
    return f"{kind}/{program}"


def visitor_digest(salt: bytes, *, listing_id: bytes, visitor: str, device: str) -> str:
    """The same visitor of the same listing on the same day, and nothing else: the day's salt is thrown away with the day."""
    content = b"\0".join((listing_id, visitor.encode(), device.encode()))
    return hmac.new(salt, content, hashlib.sha256).hexdigest()[:32]
