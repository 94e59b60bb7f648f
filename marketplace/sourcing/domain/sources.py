"""A stock file as bytes that can be read again, and as a table of texts; read piece by piece, so its size costs no memory."""

import codecs
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from marketplace.sourcing.domain.stock import FileUnreadable

FIELD_MAX = 10_000
COLUMNS_MAX = 200
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class FileFormat(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


@dataclass(slots=True)
class Source:
    """``pieces`` begins anew each time; ``taken`` counts the bytes of the running pass."""

    pieces: Callable[[], Iterator[bytes]]
    size: int
    taken: int = 0

    def chunks(self) -> Iterator[bytes]:
        self.taken = 0
        for piece in self.pieces():
            self.taken += len(piece)
            yield piece

    def head(self, length: int) -> bytes:
        """The first bytes."""
        start = b""
        for piece in self.pieces():
            start += piece
            if len(start) >= length:
                break
        return start[:length]

    @classmethod
    def of(cls, content: bytes) -> "Source":
        return cls(lambda: iter([content] if content else []), len(content))


@dataclass(slots=True)
class Progress:
    """How far a reading is; ``total`` records when it is known before the end."""

    source: Source
    total: int | None = None
    done: int = 0

    def permille(self) -> int:
        if self.total:
            return min(1000, self.done * 1000 // self.total)
        return min(1000, self.source.taken * 1000 // self.source.size) if self.source.size else 1000


@dataclass(slots=True)
class Table:
    """A file as it is read. The n-th of ``records`` is record n, cells stripped; blank lines are no records. Read it once."""

    format: FileFormat
    encoding: str | None
    delimiter: str | None
    header: tuple[str, ...]
    records: Iterator[Sequence[str]]
    progress: Progress = field(default_factory=lambda: Progress(Source.of(b"")))
    close: Callable[[], None] = lambda: None


def checked_header(header: Sequence[str]) -> tuple[str, ...]:
    """Raises ``FileUnreadable`` for more columns than anybody has."""
    if len(header) > COLUMNS_MAX:
        raise FileUnreadable(reason=f"it has more than {COLUMNS_MAX} columns", reason_zh=f"列数超过{COLUMNS_MAX}")
    return tuple(header)


def bounded(records: Iterator[Sequence[str]], *, rows_max: int, progress: Progress) -> Iterator[Sequence[str]]:
    """The records, counted; raises ``FileUnreadable`` behind the last one allowed."""
    for record in records:
        progress.done += 1
        if progress.done > rows_max:
            raise FileUnreadable(reason=f"it has more than {rows_max} records", reason_zh=f"数据行超过{rows_max}行")
        yield record


def no_record() -> FileUnreadable:
    return FileUnreadable(reason="it has a header but no record", reason_zh="只有表头,没有数据行")


def clean(text: str) -> str:
    """A text that every database and encoding takes: no NUL, no half characters; stripped."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8", "replace")
    return text.replace("\0", "").strip()


# --- encodings ---------------------------------------------------------------------------------------------------------------


def find_encoding(source: Source) -> str:
    """By its mark, else UTF-8, else GB18030 (which holds GBK and GB2312). Reads the whole file once. Raises ``FileUnreadable``."""
    start = source.head(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            if not _decodes(source, encoding):
                raise FileUnreadable(reason=f"it is not valid {encoding}", reason_zh=f"不是有效的{encoding}编码")
            return encoding
    for encoding in ("utf-8", "gb18030"):
        if _decodes(source, encoding):
            return encoding
    raise FileUnreadable(reason="its encoding is neither UTF-8 nor GBK/GB18030", reason_zh="编码既不是UTF-8也不是GBK/GB18030")


def _decodes(source: Source, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in source.chunks():
            if "\0" in decoder.decode(chunk):
                raise FileUnreadable(reason="it holds NUL characters", reason_zh="含有空字符,不是文本文件")
        decoder.decode(b"", True)
    except UnicodeError:
        return False
    return True


class _Stream(io.RawIOBase):
    """A source as the standard library's readers want it."""

    def __init__(self, source: Source) -> None:
        self._chunks = source.chunks()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # Any: a Buffer, which Python names from 3.12
        view = memoryview(buffer)
        while not self._rest:
            piece = next(self._chunks, None)
            if piece is None:
                return 0
            self._rest = piece
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def text_of(source: Source, encoding: str) -> io.TextIOWrapper:
    """The decoded text, line ends as they are."""
    return io.TextIOWrapper(io.BufferedReader(_Stream(source), 65_536), encoding=encoding, newline="")
