"""Calls to others, against real local servers and a resolver that lies: bounded, repeated with care, never to a private address."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from marketplace.core import http
from marketplace.core.http import AnswerTooLarge, UrlRefused, allow_in_test, check_url, is_public
from marketplace.core.settings import Settings


@dataclass
class Server:
    """A real server; ``plan`` is what it answers, one after the other, the last one for ever."""

    port: int = 0
    plan: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


def answer(status: int = 200, body: bytes = b"ok", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return write


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(
    *plan: Callable[[BaseHTTPRequestHandler], None], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    server = Server(plan=list(plan))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            length = int(self.headers.get("content-length", "0"))
            self.rfile.read(length)
            server.seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
            (server.plan.pop(0) if len(server.plan) > 1 else server.plan[0])(self)

        do_POST = do_GET  # noqa: N815  # the library's name

        def log_message(self, *_: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    listener = Listener((host, 0), Handler)
    if tls is not None:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    server.port = listener.server_port
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    listener.shutdown()
    listener.server_close()


class Names:
    """A resolver: each name's answers, one a question, the last one for ever."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self.names.get(host)
        if answers is None:
            raise socket.gaierror(host)
        return answers.pop(0) if len(answers) > 1 else answers[0]


def quick(**changes: object) -> Settings:
    return Settings.model_validate({"http_backoff_ms": 1, "http_read_timeout_s": 2, "http_total_timeout_s": 5, **changes})


@pytest.mark.parametrize(
    "text",
    """127.0.0.1 127.8.9.1 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200
    168.63.129.16 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.88.99.1
    :: ::1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 fec0::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1
    64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1 2002:7f00:1:: 2002:a00:1:: 2001:0:0:0:0:0:80ff:fffe 100::1""".split(),
)
def test_what_is_not_the_public_internet(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "114.114.114.114", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_what_is_the_public_internet(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


class TestCheckUrl:
    @pytest.mark.parametrize(
        "url",
        """ftp://dealer.example/x file:///etc/passwd gopher://dealer.example javascript:alert(1) //dealer.example dealer.example http://
        http://user:secret@dealer.example/ http://127.0.0.1/ http://[::1]:8000/ http://[::ffff:127.0.0.1]/ http://2130706433/ http://0x7f.1/
        http://017700000001/ http://localhost/ http://169.254.169.254/latest/meta-data""".split(),
    )
    def test_refuses(self, url: str) -> None:
        with pytest.raises(UrlRefused):
            check_url(url)

    def test_refuses_a_name_with_one_private_address_among_public_ones(self) -> None:
        with pytest.raises(UrlRefused):
            check_url("https://dealer.example/hook", resolver=Names(dealer_example=[["8.8.8.8", "10.0.0.1"]]))

    def test_takes_a_public_name_and_one_that_does_not_resolve_yet(self) -> None:
        check_url("https://dealer.example/hook", resolver=Names(dealer_example=[["8.8.8.8", "2606:4700::1111"]]))
        check_url("https://later.example/hook", resolver=Names())


class TestOutbound:
    def test_connects_to_the_checked_address_and_keeps_the_host(self) -> None:
        names = Names(dealer_example=[["127.0.0.1"]])
        with serving(answer(body=b"feed")) as server, allow_in_test("127.0.0.1", server.port):
            with http.outbound(quick(), resolver=names) as client:
                response = client.get(f"http://dealer.example:{server.port}/feed")
            assert response.content == b"feed"
            method, path, headers = server.seen[0]
        assert (method, path, headers["host"]) == ("GET", "/feed", f"dealer.example:{server.port}")
        assert names.asked == ["dealer.example"]

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "169.254.169.254"])
    def test_never_reaches_a_private_address(self, address: str) -> None:
        with serving(answer()) as server:
            with http.outbound(quick(), resolver=Names(dealer_example=[[address]])) as client, pytest.raises(UrlRefused):
                client.get(f"http://dealer.example:{server.port}/")
            assert server.seen == []

    def test_the_allow_list_is_for_one_port_of_loopback(self) -> None:
        with serving(answer()) as allowed, serving(answer()) as other, allow_in_test("127.0.0.1", allowed.port):
            with http.outbound(quick()) as client:
                assert client.get(f"http://127.0.0.1:{allowed.port}/").status_code == 200
                with pytest.raises(UrlRefused):
                    client.get(f"http://127.0.0.1:{other.port}/")
        with pytest.raises(ValueError, match="loopback"), allow_in_test("10.0.0.1", 80):
            pass

    def test_ipv6_literal(self) -> None:
        with serving(answer(), host="::1") as server, http.outbound(quick()) as client:
            with pytest.raises(UrlRefused):
                client.get(f"http://[::1]:{server.port}/")
            with allow_in_test("::1", server.port):
                assert client.get(f"http://[::1]:{server.port}/").status_code == 200

    def test_a_redirect_to_a_private_address_is_refused(self) -> None:
        with serving(answer(body=b"secret")) as inside, serving(answer(302, Location=f"http://127.0.0.1:{inside.port}/")) as server:
            with allow_in_test("127.0.0.1", server.port), http.outbound(quick()) as client, pytest.raises(UrlRefused):
                client.get(f"http://127.0.0.1:{server.port}/")
            assert inside.seen == []

    def test_a_redirect_to_another_scheme_is_refused(self) -> None:
        with serving(answer(302, Location="file:///etc/passwd")) as server, allow_in_test("127.0.0.1", server.port):
            with http.outbound(quick()) as client, pytest.raises((UrlRefused, httpx.UnsupportedProtocol)):
                client.get(f"http://127.0.0.1:{server.port}/")

    def test_redirects_are_bounded(self) -> None:
        with serving(answer(302, Location="/again")) as server, allow_in_test("127.0.0.1", server.port):
            with http.outbound(quick(http_redirects=3)) as client, pytest.raises(httpx.TooManyRedirects):
                client.get(f"http://127.0.0.1:{server.port}/")
            assert len(server.seen) == 4

    def test_a_name_that_turns_private_after_the_check_is_refused(self) -> None:
        names = Names(dealer_example=[["8.8.8.8"], ["127.0.0.1"]])
        with serving(answer()) as server:
            check_url(f"http://dealer.example:{server.port}/", resolver=names)
            with http.outbound(quick(), resolver=names) as client, pytest.raises(UrlRefused):
                client.get(f"http://dealer.example:{server.port}/")
            assert server.seen == []

    def test_a_name_that_changes_between_check_and_connection_changes_nothing(self) -> None:
        """One question a connection: a second answer, here a private one, is never asked for."""
        names = Names(dealer_example=[["127.0.0.1"], ["10.0.0.1"]])
        with serving(answer()) as server, allow_in_test("127.0.0.1", server.port), http.outbound(quick(), resolver=names) as client:
            assert client.get(f"http://dealer.example:{server.port}/").status_code == 200
            with pytest.raises(UrlRefused):  # the next call is a new connection with a new check
                client.get(f"http://dealer.example:{server.port}/")

    def test_an_unknown_name_is_an_http_error(self) -> None:
        with http.outbound(quick(http_retries=0), resolver=Names()) as client, pytest.raises(httpx.ConnectError):
            client.get("http://nowhere.example/")

    def test_the_environments_proxy_is_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(answer(body=b"proxy")) as proxy, serving(answer(body=b"direct")) as server, allow_in_test("127.0.0.1", server.port):
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            with http.outbound(quick()) as client:
                assert client.get(f"http://127.0.0.1:{server.port}/").content == b"direct"

    def test_tls_asks_for_the_name_not_the_address(self, tmp_path: Path) -> None:
        server_side, client_side = _authority(tmp_path, "dealer.example")
        asked: list[str | None] = []
        server_side.sni_callback = lambda _socket, name, _context: asked.append(name)
        names = Names(dealer_example=[["127.0.0.1"]], rival_example=[["127.0.0.1"]])
        with serving(answer(), tls=server_side) as server, allow_in_test("127.0.0.1", server.port):
            with http.outbound(quick(http_retries=0), resolver=names, verify=client_side) as client:
                assert client.get(f"https://dealer.example:{server.port}/").status_code == 200
                with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
                    client.get(f"https://rival.example:{server.port}/")
        assert asked == ["dealer.example", "rival.example"]


class TestBounds:
    @contextmanager
    def _client(self, server: Server, **changes: object) -> Iterator[httpx.Client]:
        with http.trusted(quick(**changes), base_url=f"http://127.0.0.1:{server.port}") as client:
            yield client

    def test_repeats_a_get_after_a_503_and_a_broken_connection(self) -> None:
        with serving(answer(503), hang_up, answer(body=b"third")) as server, self._client(server) as client:
            assert client.get("/").content == b"third"
            assert len(server.seen) == 3

    def test_the_last_answer_counts_when_all_fail(self) -> None:
        with serving(answer(503)) as server, self._client(server, http_retries=2) as client:
            assert client.get("/").status_code == 503
            assert len(server.seen) == 3

    def test_a_post_is_repeated_only_with_a_key(self) -> None:
        with serving(answer(503), answer()) as server, self._client(server) as client:
            assert client.post("/", json={}).status_code == 503
        with serving(answer(503), answer()) as server, self._client(server) as client:
            assert client.post("/", json={"a": 1}, headers={"Idempotency-Key": "k"}).status_code == 200
            assert [seen[2]["content-length"] for seen in server.seen] == ["7", "7"]

    def test_waits_as_told_but_not_for_ever(self) -> None:
        with serving(answer(429, Retry_After="1"), answer()) as server, self._client(server) as client:
            started = time.monotonic()
            assert client.get("/").status_code == 200
            assert time.monotonic() - started >= 1
        with serving(answer(503, Retry_After="3600"), answer()) as server, self._client(server) as client:
            assert client.get("/").status_code == 503
            assert len(server.seen) == 1

    def test_too_large_an_answer_is_cut_off_declared_or_not(self) -> None:
        def endless(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            while True:
                handler.wfile.write(b"x" * 65_536)

        for plan in (answer(body=b"x" * 2_000_000), endless):
            with serving(plan) as server, self._client(server, http_response_limit_bytes=1_000_000) as client:
                with pytest.raises(AnswerTooLarge):
                    client.get("/")
                with pytest.raises(AnswerTooLarge), client.stream("GET", "/") as response:
                    for _chunk in response.iter_bytes():
                        pass

    def test_a_compressed_answer_is_refused(self) -> None:
        with serving(answer(body=b"\x1f\x8b", Content_Encoding="gzip")) as server, self._client(server) as client:
            with pytest.raises(AnswerTooLarge):
                client.get("/")
            assert server.seen[0][2]["accept-encoding"] == "identity"

    @pytest.mark.parametrize("part", ["head", "body"])
    def test_an_answer_that_drips_ends_with_the_exchange(self, part: str) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"x-a: " if part == "head" else b"\r\n"))
            for _ in range(200):
                handler.wfile.write(b"x")
                time.sleep(0.05)

        with serving(drip) as server, allow_in_test("127.0.0.1", server.port):
            started = time.monotonic()
            settings = quick(http_total_timeout_s=1, http_retries=0)
            with http.outbound(settings) as client, pytest.raises(httpx.TimeoutException):
                client.get(f"http://127.0.0.1:{server.port}/")
            assert time.monotonic() - started < 3

    def test_silence_is_bounded(self) -> None:
        with serving(lambda _handler: time.sleep(3)) as server, self._client(server, http_read_timeout_s=0.2, http_retries=0) as client:
            with pytest.raises(httpx.ReadTimeout):
                client.get("/")


def _authority(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Server and client contexts of a throw-away authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(pem)
    client_side = ssl.create_default_context(cadata=certificate.public_bytes(serialization.Encoding.PEM).decode())
    return server_side, client_side
