"""The factory of ``httpx`` clients: no other module builds one.

``trusted`` is for counterparts that the deployment configured. ``outbound`` is for URLs that a user gave: each connection's name is
resolved here, every address it has is checked, and the connection goes to the checked address itself, so a name that changes between
check and connection changes nothing; a redirect opens a connection and is therefore checked like the first. TLS still asks for the
name's certificate and ``Host`` names it.

Both bound everything: time to connect, silence, the whole exchange, repeats, the answer's size. Compressed answers are not asked for and
not accepted: a small body that unpacks to a huge one is the sender's weapon.
"""

import ipaddress
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import httpcore
import httpx

from marketplace.core.errors import Malformed
from marketplace.core.settings import Settings

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver: TypeAlias = Callable[[str, int], list[str]]
"""Addresses of a host name, as texts; raises ``OSError``."""

_MORE_FORBIDDEN = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # carrier-grade NAT; some clouds' metadata
        "168.63.129.16/32",  # a cloud's host agent
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "fec0::/10",
        "5f00::/16",
    )
)
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_COME_AGAIN = frozenset({429, 502, 503, 504})
_WAIT_MAX_S = 5.0
_test_allowed: set[tuple[str, int]] = set()


class UrlRefused(Malformed):
    """A user's URL that the market does not call."""

    zh = "该网址不可用:仅接受公网的 http(s) 地址"
    en = "This URL is not called: only http(s) addresses of the public internet are."


class AnswerTooLarge(httpx.TransportError):
    """The other side's answer is over the limit, or compressed though nobody asked."""


class ExchangeTooSlow(httpx.TimeoutException):
    """The whole exchange took too long, however lively it was."""


# --- which addresses --------------------------------------------------------------------------------------------------


def is_public(address: IPAddress) -> bool:
    """Whether an address belongs to the public internet; IPv4 inside IPv6 (mapped, 6to4, Teredo, NAT64) counts as itself."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    if any(address in network for network in _MORE_FORBIDDEN if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


def _inner(address: IPAddress) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    for network in _NAT64:
        if address in network:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if int(address) >> 32 == 0 and int(address) > 1:  # ::a.b.c.d, deprecated
        return ipaddress.IPv4Address(int(address))
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def resolve(host: str, port: int) -> list[str]:
    """The operating system's addresses of a name; also unfolds ``0x7f.1`` and other spellings of an address."""
    return list(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def checked_addresses(host: str, port: int, *, resolver: Resolver = resolve) -> list[str]:
    """Every address of the host. Raises ``UrlRefused`` when one of them is not public, ``httpcore.ConnectError`` when there is none."""
    try:
        found = resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError("the name does not resolve") from error
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not is_public(address) and (str(address), port) not in _test_allowed:
            raise UrlRefused
    if not found:
        raise httpcore.ConnectError("the name has no address")
    return found


def check_url(url: str, *, resolver: Resolver = resolve) -> None:
    """Refuse a URL a user registers, before it is kept. A name that does not resolve yet passes: calling it checks again."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UrlRefused from error
    _check_form(parsed)
    with suppress(httpcore.ConnectError):
        checked_addresses(parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80), resolver=resolver)


def _check_form(url: httpx.URL) -> None:
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise UrlRefused


@contextmanager
def allow_in_test(address: str, port: int) -> Iterator[None]:
    """Let ``outbound`` reach one loopback port while a test runs. Raises ``ValueError`` for any other address."""
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError("only loopback can be allowed")
    _test_allowed.add((address, port))
    try:
        yield
    finally:
        _test_allowed.discard((address, port))


# --- connections ------------------------------------------------------------------------------------------------------


class _Stream(httpcore.NetworkStream):
    """A connection that ends when its exchange may last no longer."""

    def __init__(self, stream: httpcore.NetworkStream, ends_at: float) -> None:
        self._stream = stream
        self._ends_at = ends_at

    def _left(self, timeout: float | None) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the exchange took too long")
        return min(left, timeout) if timeout is not None else left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._left(timeout)), self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _PinnedBackend(httpcore.NetworkBackend):
    """Resolves, checks, and connects to the address it has checked."""

    def __init__(self, *, resolver: Resolver, total_s: float) -> None:
        self._resolver = resolver
        self._total_s = total_s
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        ends_at = time.monotonic() + self._total_s
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in checked_addresses(host, port, resolver=self._resolver)[:4]:
            try:
                return _Stream(self._sockets.connect_tcp(address, port, timeout, local_address, socket_options), ends_at)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        raise UrlRefused


class _PinnedTransport(httpx.HTTPTransport):
    def __init__(self, *, resolver: Resolver, total_s: float, verify: ssl.SSLContext | bool) -> None:
        super().__init__(verify=verify, trust_env=False)
        # httpx has no parameter for the backend of its pool; a connection serves one exchange, so its end is the exchange's
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(verify=verify, trust_env=False),
            max_connections=20,
            max_keepalive_connections=0,
            network_backend=_PinnedBackend(resolver=resolver, total_s=total_s),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _check_form(request.url)
        return super().handle_request(request)


class _BoundedStream(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, *, limit_bytes: int, ends_at: float) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._ends_at = ends_at

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > self._limit_bytes:
                raise AnswerTooLarge(f"the answer is over {self._limit_bytes} bytes")
            if time.monotonic() > self._ends_at:
                raise ExchangeTooSlow("the exchange took too long")
            yield chunk

    def close(self) -> None:
        self._stream.close()


class BoundedTransport(httpx.BaseTransport):
    """Repeats what may be repeated, bounds what comes back."""

    def __init__(self, inner: httpx.BaseTransport, settings: Settings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._inner = inner
        self._settings = settings
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        ends_at = time.monotonic() + self._settings.http_total_timeout_s
        request.headers["accept-encoding"] = "identity"
        for attempt in range(self._settings.http_retries + 1):
            last = attempt == self._settings.http_retries or not _may_repeat(request)
            try:
                response = self._inner.handle_request(request)
            except (httpx.ConnectError, httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ReadError):
                if last or not self._pause(attempt, None, ends_at):
                    raise
                continue
            if response.status_code in _COME_AGAIN and not last and self._pause(attempt, response, ends_at):
                response.close()
                continue
            return self._bounded(response, ends_at)
        raise AssertionError  # pragma: no cover  # the last attempt returns or raises

    def _bounded(self, response: httpx.Response, ends_at: float) -> httpx.Response:
        limit = self._settings.http_response_limit_bytes
        declared = response.headers.get("content-length", "0")
        if response.headers.get("content-encoding", "identity") != "identity" or (declared.isdigit() and int(declared) > limit):
            response.close()
            raise AnswerTooLarge(f"the answer is compressed or over {limit} bytes")
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _BoundedStream(response.stream, limit_bytes=limit, ends_at=ends_at)
        return response

    def _pause(self, attempt: int, response: httpx.Response | None, ends_at: float) -> bool:
        """Wait before the next attempt; False when it would come too late."""
        mean_s = self._settings.http_backoff_ms / 1_000 * 2**attempt
        wait_s = max(random.uniform(0.5, 1.5) * mean_s, _retry_after_s(response))
        if wait_s > _WAIT_MAX_S or time.monotonic() + wait_s >= ends_at:
            return False
        self._sleep(wait_s)
        return True

    def close(self) -> None:
        self._inner.close()


def _may_repeat(request: httpx.Request) -> bool:
    """Idempotent by its method or by a key, with a body that can be sent again."""
    return (request.method in _IDEMPOTENT or "idempotency-key" in request.headers) and isinstance(request.stream, httpx.ByteStream)


def _retry_after_s(response: httpx.Response | None) -> float:
    text = response.headers.get("retry-after", "") if response is not None else ""
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0.0


# --- the clients ------------------------------------------------------------------------------------------------------


def trusted(settings: Settings, *, base_url: str = "", headers: dict[str, str] | None = None, ca_path: str | None = None) -> httpx.Client:
    """A client for a counterpart that the deployment configured; follows no redirects."""
    verify = ssl.create_default_context(cafile=ca_path) if ca_path else True
    inner = httpx.HTTPTransport(verify=verify, trust_env=False)
    return _client(settings, inner, base_url=base_url, headers=headers)


def outbound(
    settings: Settings,
    *,
    headers: dict[str, str] | None = None,
    resolver: Resolver = resolve,
    verify: ssl.SSLContext | bool = True,
) -> httpx.Client:
    """A client for URLs a user gave. Raises ``UrlRefused`` for what is not public, at any hop; everything else is ``httpx.HTTPError``.

    ``verify`` and ``resolver`` are for tests with an authority or a name of their own.
    """
    inner = _PinnedTransport(resolver=resolver, total_s=settings.http_total_timeout_s, verify=verify)
    client = _client(settings, inner, headers=headers)
    client.follow_redirects = settings.http_redirects > 0
    client.max_redirects = settings.http_redirects
    return client


def _client(settings: Settings, inner: httpx.BaseTransport, *, base_url: str = "", headers: dict[str, str] | None = None) -> httpx.Client:
    return httpx.Client(
        base_url=base_url,
        transport=BoundedTransport(inner, settings),
        timeout=httpx.Timeout(settings.http_read_timeout_s, connect=settings.http_connect_timeout_s),
        headers={"user-agent": "henanroad/1", **(headers or {})},
        trust_env=False,
    )
