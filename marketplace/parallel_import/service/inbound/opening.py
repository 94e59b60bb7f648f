"""From the bytes that came to the bytes of the feed: packed ones are unpacked piece by piece, never beyond the limit."""

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from marketplace.parallel_import.domain.inbound import FeedTooLarge, FeedUnreadable

_CHUNK = 65_536
_GZIP = b"\x1f\x8b"
_ZIP = b"PK"
_RATIO = 200
"""A feed's text packs by ten or twenty; what packs by more is a bomb."""


def unpacked(body: IO[bytes], *, limit_bytes: int) -> Iterator[bytes]:
    """The feed itself: as it is, out of gzip, or the one file of a zip.

    Raises ``FeedTooLarge`` as soon as it goes beyond the limit, ``FeedUnreadable`` for what does not unpack.
    """
    head = body.read(2)
    body.seek(0)
    if head == _GZIP:
        return _bounded(_gunzip(body), limit_bytes)
    if head == _ZIP:
        return _bounded(_unzip(body, limit_bytes), limit_bytes)
    return _bounded(iter(lambda: body.read(_CHUNK), b""), limit_bytes)


def _bounded(pieces: Iterator[bytes], limit_bytes: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit_bytes:
            raise FeedTooLarge(limit_bytes=limit_bytes)
        yield piece


def _gunzip(body: IO[bytes]) -> Iterator[bytes]:
    machine = zlib.decompressobj(wbits=31)
    taken = given = 0
    try:
        while packed := machine.unconsumed_tail or body.read(_CHUNK):
            taken += 0 if machine.unconsumed_tail else len(packed)
            piece = machine.decompress(packed, _CHUNK)
            given += len(piece)
            if given > 1_048_576 and given > taken * _RATIO:
                raise _bomb()
            yield piece
            if machine.eof:
                break
    except zlib.error as error:
        raise _broken("gzip") from error
    if not machine.eof or machine.unused_data or body.read(1):
        raise _broken("gzip")


def _unzip(body: IO[bytes], limit_bytes: int) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(body) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            if len(members) != 1:
                raise FeedUnreadable(reason="a zip holds exactly one file", reason_zh="压缩包内应只有一个文件")
            [member] = members
            if member.file_size > limit_bytes:
                raise FeedTooLarge(limit_bytes=limit_bytes)
            if member.file_size > 1_048_576 and member.file_size > member.compress_size * _RATIO:
                raise _bomb()
            with archive.open(member) as source:
                while piece := source.read(_CHUNK):
                    yield piece
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError, OverflowError) as error:
        raise _broken("zip") from error


def _broken(kind: str) -> FeedUnreadable:
    return FeedUnreadable(reason=f"the {kind} is broken", reason_zh=f"{kind} 压缩数据已损坏")


def _bomb() -> FeedUnreadable:
    return FeedUnreadable(reason="it unpacks to far more than a feed would", reason_zh="压缩比异常,疑似压缩炸弹")
