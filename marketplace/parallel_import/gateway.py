"""A pilot's server, asked for its feed: bounded in time, size and redirects, never a private address."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

import httpcore
import httpx

from marketplace.core import http
from marketplace.core.errors import Refusal
from marketplace.core.settings import Settings

_IN_MEMORY = 1_048_576
_CHUNK = 65_536
ETAG_MAX = 200


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. ``body`` is None when it is unchanged; ``digest`` is SHA-256 of the body as it came."""

    body: IO[bytes] | None
    digest: bytes
    etag: str
    signature: str
    sequence: str


class FetchFailed(Exception):
    """The feed did not come. ``code`` and ``zh`` are for the pilot; never the address."""

    def __init__(self, code: str, zh: str) -> None:
        super().__init__(code)
        self.code = code
        self.zh = zh


@contextmanager
def fetch(url: str, *, etag: str, settings: Settings) -> Iterator[Fetched]:
    """Ask once. Raises ``FetchFailed``."""
    bounded = settings.model_copy(
        update={
            "http_total_timeout_s": settings.feed_pull_total_s,
            "http_response_limit_bytes": settings.feed_file_limit_bytes,
            "http_retries": 0,
        }
    )
    headers = {"accept": "application/json, text/csv, application/xml, application/gzip"}
    if etag:
        headers["if-none-match"] = etag
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        try:
            with http.outbound(bounded, headers=headers) as client, client.stream("GET", url) as response:
                fetched = _take(response, spool)
        except http.UrlRefused as error:
            raise FetchFailed("address_refused", "地址或跳转目标不是公网地址") from error
        except http.AnswerTooLarge as error:
            raise FetchFailed("too_large", f"数据超过上限 {bounded.http_response_limit_bytes} 字节,或带有传输压缩") from error
        except httpx.TimeoutException as error:
            raise FetchFailed("too_slow", "对方服务器响应过慢") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError, Refusal, OSError) as error:
            raise FetchFailed("unreachable", "无法连接对方服务器") from error
        yield fetched


def _take(response: httpx.Response, spool: IO[bytes]) -> Fetched:
    etag = response.headers.get("etag", "")
    signature = response.headers.get("feed-signature", "")[:400]
    sequence = response.headers.get("feed-sequence", "")[:20]
    if response.status_code == httpx.codes.NOT_MODIFIED:
        return Fetched(None, b"", etag, signature, sequence)
    if response.status_code != httpx.codes.OK:
        raise FetchFailed("status", f"对方服务器返回 {response.status_code}")
    hasher = hashlib.sha256()
    for chunk in response.iter_raw(_CHUNK):
        hasher.update(chunk)
        spool.write(chunk)
    spool.seek(0)
    return Fetched(spool, hasher.digest(), etag if len(etag) <= ETAG_MAX else "", signature, sequence)


def decode_signature(text: str) -> bytes:
    """Base64 or hexadecimal; nothing for what is neither."""
    try:
        return bytes.fromhex(text) if len(text) in {64, 128} else base64.b64decode(text, validate=True)
    except ValueError:
        return b""
