"""The file store on a folder and on an S3-compatible service: keys, limits, sealing, expiry."""

import hashlib
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.crypto import CannotDecrypt
from marketplace.core.files import FileKeyMalformed, FileMissing, FileStore, FileTooLarge
from marketplace.core.settings import Settings

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class _Bucket(BaseHTTPRequestHandler):
    """As much of S3 as the store uses: PUT, GET, HEAD, DELETE, ListObjectsV2; every request must be signed."""

    objects: dict[str, bytes] = {}
    protocol_version = "HTTP/1.1"

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _key(self) -> str | None:
        assert "AWS4-HMAC-SHA256" in self.headers["authorization"]
        bucket, _, key = urlsplit(self.path).path.lstrip("/").partition("/")
        assert bucket == "cars"
        return key or None

    def do_PUT(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["content-length"]))
        self.objects[self._key() or ""] = body
        self._answer(200, ETag='"1"')

    def do_GET(self) -> None:  # the library's name
        key = self._key()
        if key is None:
            prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
            found = "".join(
                f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>{len(body)}</Size></Contents>"
                for name, body in self.objects.items()
                if name.startswith(prefix)
            )
            self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode())
        elif key in self.objects:
            self._answer(200, self.objects[key], ETag='"1"', Last_Modified="Tue, 24 Nov 2026 00:00:00 GMT")
        else:
            self._answer(404)

    def do_HEAD(self) -> None:  # the library's name
        self.do_GET()

    def do_DELETE(self) -> None:  # the library's name
        self.objects.pop(self._key() or "", None)
        self._answer(204)

    def do_POST(self) -> None:  # the library's name
        raw = self.rfile.read(int(self.headers["content-length"])).decode()
        named = re.findall("<Key>(.*?)</Key>", raw)
        for name in named:
            self.objects.pop(name, None)
        gone = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in named)
        self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucket() -> Iterator[str]:
    _Bucket.objects = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "folder":
        return FileStore.from_settings(Settings(files_path=str(tmp_path / "files")))
    endpoint = request.getfixturevalue("bucket")
    return FileStore.from_settings(Settings(s3_bucket="cars", s3_endpoint=endpoint, s3_access_key="k", s3_secret_key="s"))


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 1_000):
        yield b"x" * 1_000


class TestPlainFiles:
    def test_what_was_put_comes_back_with_its_hash(self, store: FileStore) -> None:
        stored = store.put("photos/a1/front.jpg", b"picture")
        assert (stored.key, stored.size) == ("photos/a1/front.jpg", 7)
        assert stored.sha256 == hashlib.sha256(b"picture").hexdigest()
        assert store.get(stored.key) == b"picture"
        assert store.exists(stored.key)

    def test_a_second_put_replaces(self, store: FileStore) -> None:
        store.put("a", b"1")
        store.put("a", b"22")
        assert store.get("a") == b"22"

    def test_streams_in_and_out(self, store: FileStore) -> None:
        stored = store.put("big", chunks(3_000_000))
        assert stored.size == 3_000_000
        assert sum(len(chunk) for chunk in store.open("big")) == 3_000_000

    def test_deleting_twice_is_no_error(self, store: FileStore) -> None:
        store.put("a/b", b"1")
        store.delete("a/b")
        store.delete("a/b")
        assert not store.exists("a/b")
        with pytest.raises(FileMissing):
            store.get("a/b")

    def test_too_large_a_file_leaves_nothing(self, store: FileStore) -> None:
        with pytest.raises(FileTooLarge) as refused:
            store.put("a", chunks(5_000), limit_bytes=4_999)
        assert refused.value.fields == {"limit_bytes": 4_999}
        assert not store.exists("a")
        assert store.put("a", chunks(5_000), limit_bytes=5_000).size == 5_000


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "a\\b",
        "a%2e",
        "a\0b",
        "名",
        "C:/x",
        "a" * 201,
        "a\n",
    ],
)
def test_a_key_cannot_leave_the_store(tmp_path: Path, key: str) -> None:
    store = FileStore.from_settings(Settings(files_path=str(tmp_path / "files")))
    for act in (lambda: store.put(key, b"1"), lambda: store.get(key), lambda: store.delete(key), lambda: store.exists(key)):
        with pytest.raises(FileKeyMalformed):
            act()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class TestSealedFiles:
    def test_opens_until_it_expires_and_is_unreadable_at_rest(self, store: FileStore, tmp_path: Path) -> None:
        stored = store.put_sealed("imports", b"LSVAA1234567890AB,13800000000", expires_at=NOW)
        assert stored.key.startswith("sealed/20261124/imports/")
        assert store.get(stored.key, now=NOW - timedelta(seconds=1)) == b"LSVAA1234567890AB,13800000000"
        for now in (NOW, None):
            with pytest.raises(FileMissing):
                store.get(stored.key, now=now)
        at_rest = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] + list(_Bucket.objects.values())
        assert at_rest
        assert all(b"LSVAA" not in raw for raw in at_rest)

    def test_the_sweep_deletes_what_is_past(self, store: FileStore) -> None:
        old = store.put_sealed("imports", b"1", expires_at=NOW)
        young = store.put_sealed("imports", b"2", expires_at=NOW + timedelta(days=2))
        plain = store.put("photos/x", b"3")
        assert store.delete_expired(now=NOW) == 0
        assert store.delete_expired(now=NOW + timedelta(days=1)) == 1
        assert [store.exists(one.key) for one in (old, young, plain)] == [False, True, True]

    @pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
    def test_frame_borders(self, tmp_path: Path, size: int) -> None:
        store = FileStore.from_settings(Settings(files_path=str(tmp_path)))
        stored = store.put_sealed("i", b"y" * size, expires_at=NOW)
        assert store.get(stored.key, now=NOW - timedelta(days=1)) == b"y" * size
        assert stored.size == size

    @given(st.data())
    def test_no_changed_byte_goes_unnoticed(self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
        folder = tmp_path_factory.mktemp("sealed")
        store = FileStore.from_settings(Settings(files_path=str(folder)))
        stored = store.put_sealed("i", b"z" * 70_000, expires_at=NOW)
        path = folder / stored.key
        raw = bytearray(path.read_bytes())
        kind = data.draw(st.sampled_from(["flip", "cut", "grow"]))
        place = data.draw(st.integers(0, len(raw) - 1))
        if kind == "flip":
            raw[place] ^= 1
        elif kind == "cut":
            raw = raw[:place]
        else:
            raw += b"\0"
        path.write_bytes(raw)
        with pytest.raises((CannotDecrypt, FileMissing)):
            store.get(stored.key, now=NOW - timedelta(days=300))

    def test_a_file_moved_to_another_key_does_not_open(self, tmp_path: Path) -> None:
        store = FileStore.from_settings(Settings(files_path=str(tmp_path)))
        one, two = (store.put_sealed("i", text, expires_at=NOW) for text in (b"1", b"2"))
        (tmp_path / one.key).rename(tmp_path / two.key)
        with pytest.raises(CannotDecrypt):
            store.get(two.key, now=NOW - timedelta(days=1))
