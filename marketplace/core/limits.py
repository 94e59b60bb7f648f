"""Rate limits: so many requests of one caller in one window, told by the IETF ``RateLimit`` headers, refused with 429.

A route declares its limit behind its principal::

    _limit: Annotated[None, Depends(RateLimit("searches", setting="limit_searches"))]

The caller is the principal (a person or an API key), else the address. Counters live in Redis, shared by all processes, or in the
process. When Redis is gone each process counts for itself until it is back: open doors would hand an attacker the reason to break Redis,
closed ones would let a lost cache stop the market; so the bound grows at most to the number of processes times the limit.
"""

import logging
import math
import threading
import time
from dataclasses import dataclass
from typing import Literal, TypeAlias

import redis
from fastapi import Request, Response
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.concurrency import run_in_threadpool

from marketplace.core.errors import TooManyRequests
from marketplace.core.security import client_address
from marketplace.core.settings import Settings

logger = logging.getLogger(__name__)
By: TypeAlias = Literal["caller", "address"]
_ASK_AGAIN_S = 5.0
"""Pause after a failed question to Redis, so that an outage does not cost every request its time-out."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands after a request. ``reset_s`` is when the next place is free, at least a second."""

    name: str
    allowed: bool
    quota: int
    window_s: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """``RateLimit-Policy`` and ``RateLimit`` of draft-ietf-httpapi-ratelimit-headers."""
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.quota};w={self.window_s}',
            "RateLimit": f'"{self.name}";r={self.remaining};t={self.reset_s}',
        }


class Limiter:
    """One process's view of the counters; on ``app.state.limiter``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = self._redis(settings) if settings.limits_url else None
        self._ask_again_at = 0.0
        self._lock = threading.Lock()

    @staticmethod
    def _redis(settings: Settings) -> SlidingWindowCounterRateLimiter:
        timeout_s = settings.limits_timeout_ms / 1_000
        pool = redis.ConnectionPool.from_url(
            settings.limits_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, max_connections=64
        )
        return SlidingWindowCounterRateLimiter(RedisStorage(settings.limits_url, connection_pool=pool, key_prefix="henanroad-limit"))

    @property
    def asks_redis(self) -> bool:
        """Whether a hit may block on the network."""
        return self._shared is not None and time.monotonic() >= self._ask_again_at

    def hit(self, name: str, *, caller: str, quota: int, window_s: int = 60) -> Standing:
        """Count one request. Blocks for at most ``limits_timeout_ms`` when counters are shared."""
        if self.asks_redis:
            assert self._shared is not None
            try:
                return _hit(self._shared, name, caller, quota, window_s)
            except redis.RedisError as error:
                with self._lock:
                    self._ask_again_at = time.monotonic() + _ASK_AGAIN_S
                logger.warning("rate limits count in the process", extra={"error_kind": type(error).__name__})
        return _hit(self._own, name, caller, quota, window_s)

    async def hit_async(self, name: str, *, caller: str, quota: int, window_s: int = 60) -> Standing:
        """The same for handlers on the event loop."""
        if self.asks_redis:
            return await run_in_threadpool(self.hit, name, caller=caller, quota=quota, window_s=window_s)
        return self.hit(name, caller=caller, quota=quota, window_s=window_s)


def _hit(counters: SlidingWindowCounterRateLimiter, name: str, caller: str, quota: int, window_s: int) -> Standing:
    limit = RateLimitItemPerSecond(quota, window_s)
    allowed = counters.hit(limit, name, caller)
    stats = counters.get_window_stats(limit, name, caller)
    reset_s = min(window_s, max(1, math.ceil(stats.reset_time - time.time())))
    return Standing(name, allowed, quota, window_s, max(0, int(stats.remaining)), reset_s)


def refuse_beyond(standing: Standing) -> None:
    """Raises ``TooManyRequests`` when the request was one too many."""
    if not standing.allowed:
        raise TooManyRequests(retry_after_s=standing.reset_s)


class RateLimit:
    """A route's limit, as a dependency behind the principal. ``setting`` names the setting with the quota of one window.

    ``by="address"`` counts an address whoever signs in from it.
    """

    def __init__(self, name: str, *, setting: str, window_s: int = 60, by: By = "caller") -> None:
        if setting not in Settings.model_fields:
            raise ValueError(f"no setting {setting!r}")
        self.name = name
        self.setting = setting
        self.window_s = window_s
        self.by = by

    async def __call__(self, request: Request, response: Response) -> None:
        limiter: Limiter = request.app.state.limiter
        quota: int = getattr(limiter.settings, self.setting)
        standing = await limiter.hit_async(self.name, caller=self._caller(request), quota=quota, window_s=self.window_s)
        headers = standing.headers()
        request.state.answer_headers = headers  # for a refusal, ours or a later one
        response.headers.update(headers)
        refuse_beyond(standing)

    def _caller(self, request: Request) -> str:
        principal = getattr(request.state, "principal", None) if self.by == "caller" else None
        return str(principal.id) if principal is not None else client_address(request)
