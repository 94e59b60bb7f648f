"""File store: photos, reports, uploads. A local folder or an S3-compatible bucket, one behaviour.

``put`` keeps what may be read as it is; ``put_sealed`` encrypts what holds personal data (uploads, error spreadsheets) and gives it an
expiry, after which it does not open and a sweep deletes it. Both stream: no file is held in memory as a whole.

A sealed file is one header line, ``HR1 <key id> <expiry, epoch seconds> <nonce prefix>``, then frames of up to 64 KiB, each under
AES-256-GCM. A frame's nonce holds its number and whether it is the last, and the header and the key of the store are bound in: frames
cannot be moved, dropped, or another expiry written over them.
"""

import base64
import hashlib
import os
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeAlias

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends, Request
from obstore.store import LocalStore, MemoryStore, S3Store

from marketplace.core.crypto import CannotDecrypt, key_ring
from marketplace.core.errors import Malformed, NotFound, TooLarge
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings, get_settings

if TYPE_CHECKING:
    from obstore.store import S3Config

KEY_MAX = 200
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_SEALED = "sealed"
_FRAME = 65_536
_TAG = 16
_IN_MEMORY = 1_048_576
_CHUNK = 65_536

Store: TypeAlias = LocalStore | S3Store | MemoryStore


class FileTooLarge(TooLarge):
    zh = "文件过大(上限 {limit_bytes} 字节)"
    en = "The file is larger than {limit_bytes} bytes."


class FileKeyMalformed(Malformed):
    zh = "文件键无效"
    en = "The file key is malformed."


class FileMissing(NotFound):
    """There is no such file, or it has expired."""

    zh = "文件不存在或已过期"
    en = "There is no such file, or it has expired."


@dataclass(frozen=True, slots=True)
class StoredFile:
    """``sha256`` and ``size`` are of the content, also when it is stored sealed."""

    key: str
    sha256: str
    size: int


class FileStore:
    """Keys are ``part/part/…`` of letters, digits, ``. _ -``; no part begins with a dot. Writing a key again replaces it."""

    def __init__(self, store: Store, *, limit_bytes: int) -> None:
        self._store = store
        self._limit_bytes = limit_bytes

    @classmethod
    def from_settings(cls, settings: Settings) -> "FileStore":
        return cls(_store(settings), limit_bytes=settings.file_limit_bytes)

    def put(self, key: str, content: bytes | Iterable[bytes], *, limit_bytes: int | None = None) -> StoredFile:
        """Store ``content`` whole or not at all. Raises ``FileTooLarge``, ``FileKeyMalformed``."""
        return self._write(_checked(key), content, limit_bytes, None)

    def put_sealed(
        self, folder: str, content: bytes | Iterable[bytes], *, expires_at: datetime, limit_bytes: int | None = None
    ) -> StoredFile:
        """Store encrypted under a key of its own, ``sealed/<day of expiry>/<folder>/<id>``."""
        key = _checked(f"{_SEALED}/{expires_at.astimezone(UTC):%Y%m%d}/{folder}/{new_id().hex}")
        return self._write(key, content, limit_bytes, expires_at)

    def open(self, key: str, *, now: datetime | None = None) -> Iterator[bytes]:
        """The content in chunks. ``now`` is needed for sealed files. Raises ``FileMissing``, ``CannotDecrypt``."""
        try:
            stream = obstore.get(self._store, _checked(key)).stream(min_chunk_size=_CHUNK)
        except FileNotFoundError as error:
            raise FileMissing from error
        chunks = (bytes(chunk) for chunk in stream)
        return _unseal(key, chunks, now) if key.startswith(f"{_SEALED}/") else chunks

    def get(self, key: str, *, now: datetime | None = None) -> bytes:
        """The whole content; as ``open``."""
        return b"".join(self.open(key, now=now))

    def exists(self, key: str) -> bool:
        try:
            obstore.head(self._store, _checked(key))
        except FileNotFoundError:
            return False
        return True

    def delete(self, key: str) -> None:
        """Remove a file; none there is no error."""
        try:
            obstore.delete(self._store, _checked(key))
        except FileNotFoundError:
            return

    def delete_expired(self, *, now: datetime) -> int:
        """Delete the sealed files whose day of expiry is over; returns how many."""
        today = f"{now.astimezone(UTC):%Y%m%d}"
        past = [
            entry["path"]
            for batch in obstore.list(self._store, prefix=_SEALED)
            for entry in batch
            if str(entry["path"]).split("/")[1] < today
        ]
        for key in past:
            self.delete(key)
        return len(past)

    def _write(self, key: str, content: bytes | Iterable[bytes], limit_bytes: int | None, expires_at: datetime | None) -> StoredFile:
        limit = min(limit_bytes or self._limit_bytes, self._limit_bytes)
        digest, size = hashlib.sha256(), 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in [content] if isinstance(content, bytes) else content:
                size += len(chunk)
                if size > limit:
                    raise FileTooLarge(limit_bytes=limit)
                digest.update(chunk)
                yield chunk

        with SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            for piece in counted() if expires_at is None else _seal(key, counted(), expires_at):
                spool.write(piece)
            spool.seek(0)
            obstore.put(self._store, key, spool)
        return StoredFile(key=key, sha256=digest.hexdigest(), size=size)


def _store(settings: Settings) -> Store:
    if not settings.s3_bucket:
        folder = Path(settings.files_path).absolute()
        return LocalStore(prefix=folder, mkdir=True)
    config: S3Config = {
        "bucket": settings.s3_bucket,
        "region": settings.s3_region,
        "access_key_id": settings.s3_access_key,
        "secret_access_key": settings.s3_secret_key.get_secret_value(),
    }
    if settings.s3_endpoint:
        config["endpoint"] = settings.s3_endpoint
    plain = settings.s3_endpoint.startswith("http://")
    return S3Store(config=config, client_options={"allow_http": plain, "timeout": timedelta(seconds=30)})


def _checked(key: str) -> str:
    if len(key) > KEY_MAX or not _KEY.fullmatch(key):
        raise FileKeyMalformed
    return key


# --- sealing ----------------------------------------------------------------------------------------------------------


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + struct.pack(">I", number) + bytes([last])


def _frames(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Regroup into full frames and one last, which may be empty."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) > _FRAME:
            yield bytes(buffer[:_FRAME]), False
            del buffer[:_FRAME]
    yield bytes(buffer), True


def _seal(key: str, content: Iterable[bytes], expires_at: datetime) -> Iterator[bytes]:
    key_id, cipher = key_ring().file_cipher()
    prefix = os.urandom(7)
    header = f"HR1 {key_id} {int(expires_at.timestamp())} {base64.urlsafe_b64encode(prefix).decode()}\n".encode()
    yield header
    for number, (frame, last) in enumerate(_frames(content)):
        yield cipher.encrypt(_nonce(prefix, number, last), frame, header + key.encode())


def _unseal(key: str, chunks: Iterator[bytes], now: datetime | None) -> Iterator[bytes]:
    buffer = bytearray()
    while b"\n" not in buffer:
        buffer += next(chunks, b"") or _fail(key)
    header, _, rest = bytes(buffer).partition(b"\n")
    key_id, expiry_s, prefix = _parse_header(key, header)
    if now is None or now.timestamp() >= expiry_s:
        raise FileMissing
    cipher = key_ring().file_cipher(key_id)[1]
    bound = header + b"\n" + key.encode()
    return _open_frames(key, cipher, prefix, bound, _sealed_frames(rest, chunks))


def _open_frames(key: str, cipher: AESGCM, prefix: bytes, bound: bytes, frames: Iterator[tuple[bytes, bool]]) -> Iterator[bytes]:
    for number, (frame, last) in enumerate(frames):
        try:
            yield cipher.decrypt(_nonce(prefix, number, last), frame, bound)
        except InvalidTag as error:
            raise CannotDecrypt(f"{key} does not open") from error


def _sealed_frames(rest: bytes, chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    buffer = bytearray(rest)
    size = _FRAME + _TAG
    for chunk in chunks:
        buffer += chunk
        while len(buffer) > size:
            yield bytes(buffer[:size]), False
            del buffer[:size]
    while len(buffer) > size:
        yield bytes(buffer[:size]), False
        del buffer[:size]
    yield bytes(buffer), True


def _parse_header(key: str, header: bytes) -> tuple[str, int, bytes]:
    try:
        mark, key_id, expiry_s, prefix = header.decode().split(" ")
        if mark != "HR1":
            _fail(key)
        return key_id, int(expiry_s), base64.urlsafe_b64decode(prefix)
    except ValueError:
        _fail(key)


def _fail(key: str) -> NoReturn:
    raise CannotDecrypt(f"{key} is not a sealed file")


# --- reaching it ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def file_store() -> FileStore:
    """The process's store, for tasks and commands."""
    return FileStore.from_settings(get_settings())


def _of_request(request: Request) -> FileStore:
    found = request.app.state.files
    assert isinstance(found, FileStore)
    return found


Files = Annotated[FileStore, Depends(_of_request)]
"""A handler's file store."""
