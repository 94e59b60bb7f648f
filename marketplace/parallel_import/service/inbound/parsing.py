"""From a feed's bytes to records, one by one: JSON, CSV or XML, whatever its size, in the memory of one record.

Any bytes give records or ``FeedUnreadable``; nothing else is raised. A record is a plain mapping of texts, numbers, booleans, lists;
a value that is no mapping is handed on as it is, for its row to be named.
"""

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from marketplace.parallel_import.domain.inbound import FeedUnreadable, SourceForm

RECORD_BYTES = 262_144
DEPTH_MAX = 8
LIST_NAMES = ("cars", "vehicles")
_BLANK = " \t\r\n"


def records(pieces: Iterable[bytes], form: SourceForm) -> Iterator[Any]:
    """Raises ``FeedUnreadable`` where the feed breaks; records before that place were given already."""
    if form is SourceForm.JSON:
        return _json_records(_text(pieces))
    return _csv_records(_text(pieces)) if form is SourceForm.CSV else _xml_records(pieces)


def _unreadable(reason: str, reason_zh: str) -> FeedUnreadable:
    return FeedUnreadable(reason=reason, reason_zh=reason_zh)


def _text(pieces: Iterable[bytes]) -> Iterator[str]:
    """UTF-8 (with or without a byte order mark), else GB18030; which one the first piece says."""
    decoder: codecs.IncrementalDecoder | None = None
    try:
        for piece in pieces:
            decoder = decoder or codecs.getincrementaldecoder(_encoding(piece))()
            yield decoder.decode(piece)
        if decoder is not None:
            yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _unreadable("it is neither UTF-8 nor GB18030", "编码既不是 UTF-8 也不是 GB18030") from error


def _encoding(piece: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(piece)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig" if piece.startswith(codecs.BOM_UTF8) else "utf-8"


# --- JSON --------------------------------------------------------------------------------------------------------------


def _no_constant(name: str) -> Any:
    raise ValueError(name)


class _Json:
    """A buffer over the text with one value's look-ahead."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._decoder = json.JSONDecoder(parse_constant=_no_constant)
        self.buffer = ""
        self.at = 0
        self.is_over = False

    def more(self) -> bool:
        """Read on; False at the end."""
        piece = next(self._text, None)
        if piece is None:
            self.is_over = True
            return False
        self.buffer = self.buffer[self.at :] + piece
        self.at = 0
        return True

    def peek(self) -> str:
        """The next character that is no blank, empty at the end."""
        while True:
            while self.at < len(self.buffer) and self.buffer[self.at] in _BLANK:
                self.at += 1
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more():
                return ""

    def expect(self, *wanted: str) -> str:
        found = self.peek()
        if found not in wanted or not found:
            raise _unreadable("the JSON is broken", "JSON 结构已损坏")
        self.at += 1
        return found

    def value(self) -> Any:
        """The next value, whole; read on as long as it may only be cut off."""
        self.peek()
        while True:
            try:
                found, end = self._decoder.raw_decode(self.buffer, self.at)
            except (ValueError, RecursionError) as error:
                if len(self.buffer) - self.at > RECORD_BYTES:
                    raise _unreadable("a record is broken or too large", "某条记录已损坏或过大") from error
                if not self.more():
                    raise _unreadable("the JSON is broken", "JSON 结构已损坏") from error
                continue
            if end == len(self.buffer) and not self.is_over and self.more():
                continue  # a number may go on
            self.at = end
            return found


def _json_records(text: Iterator[str]) -> Iterator[Any]:
    """A list of cars, or an object that has it under ``cars``."""
    source = _Json(text)
    if source.expect("[", "{") == "[":
        yield from _json_list(source)
    else:
        yield from _json_members(source)
    if source.peek():
        raise _unreadable("something follows the JSON", "JSON 之后还有多余内容")


def _json_members(source: _Json) -> Iterator[Any]:
    found = False
    if source.peek() == "}":
        source.expect("}")
        raise _unreadable("there is no list of cars", "缺少车辆列表 cars")
    while True:
        name = source.value() if source.peek() == '"' else None
        source.expect(":")
        if name in LIST_NAMES and not found:
            found = True
            source.expect("[")
            yield from _json_list(source)
        else:
            source.value()
        if source.expect(",", "}") == "}":
            break
    if not found:
        raise _unreadable("there is no list of cars", "缺少车辆列表 cars")


def _json_list(source: _Json) -> Iterator[Any]:
    if source.peek() == "]":
        source.expect("]")
        return
    while True:
        yield source.value()
        if source.expect(",", "]") == "]":
            return


# --- CSV ---------------------------------------------------------------------------------------------------------------


def _lines(text: Iterator[str]) -> Iterator[str]:
    """Lines with their ends; one longer than a record may be is refused."""
    rest = ""
    for piece in text:
        lines = (rest + piece).splitlines(keepends=True)
        rest = lines.pop() if lines else ""
        yield from lines
        if len(rest) > RECORD_BYTES:
            raise _unreadable("a line is too long", "某一行过长")
    if rest:
        yield rest


def _csv_records(text: Iterator[str]) -> Iterator[Any]:
    """Columns named in the first line, with commas, semicolons or tabs."""
    lines = _lines(text)
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(_whole(first, lines), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not any(header):
            raise _unreadable("there is no header line", "缺少表头")
        if len(set(header)) != len(header) or len(header) > 200:
            raise _unreadable("columns have the same name, or are too many", "表头有重名列或列数过多")
        for row in reader:
            if any(cell.strip() for cell in row):
                yield dict(zip(header, row, strict=False)) if len(row) <= len(header) else row
    except csv.Error as error:
        raise _unreadable("the table is broken", "表格已损坏(引号不成对或字段过长)") from error


def _whole(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


# --- XML ---------------------------------------------------------------------------------------------------------------


class _Depth:
    """A parser's target that builds one element below the root at a time and lets go of it when it is given on."""

    def __init__(self) -> None:
        self._open: list[Element] = []
        self.ready: list[Element] = []
        self.size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEPTH_MAX:
            raise _unreadable("it is nested too deep", "嵌套过深")
        element = Element(tag, attributes)
        if len(self._open) > 1:
            self._open[-1].append(element)
        self._open.append(element)

    def end(self, _tag: str) -> None:
        element = self._open.pop()
        if len(self._open) == 1:
            self.ready.append(element)
            self.size = 0

    def data(self, text: str) -> None:
        if len(self._open) < 2:
            return
        self.size += len(text)
        if self.size > RECORD_BYTES:
            raise _unreadable("a record is too large", "某条记录过大")
        self._open[-1].text = (self._open[-1].text or "") + text

    def comment(self, _text: str) -> None:
        """Nothing."""

    def pi(self, _target: str, _text: str | None = None) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing to give back."""


def _xml_records(pieces: Iterable[bytes]) -> Iterator[Any]:
    """Each ``<car>`` (or ``<vehicle>``) below the root; entities and document types are refused before they cost anything."""
    target = _Depth()
    parser = DefusedXMLParser(target=target, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    since_record = 0
    try:
        for piece in pieces:
            parser.feed(piece)
            since_record = 0 if target.ready else since_record + len(piece)
            if since_record > 4 * RECORD_BYTES:
                raise _unreadable("a record is too large", "某条记录过大")
            yield from _taken(target)
        parser.close()
    except DefusedXmlException as error:
        raise _unreadable("document types and entities are not taken", "不接受文档类型或实体声明") from error
    except (ParseError, LookupError, ValueError) as error:
        raise _unreadable("the XML is broken", "XML 已损坏") from error
    yield from _taken(target)


def _taken(target: _Depth) -> Iterator[Any]:
    for element in target.ready:
        if element.tag in {"car", "vehicle"}:
            yield _mapping(element)
    target.ready.clear()


def _mapping(element: Element) -> Any:
    """Children by name; papers as a list; a child with children as a mapping."""
    found: dict[str, Any] = dict(element.attrib)
    for child in element:
        value = _mapping(child) if len(child) or child.attrib else (child.text or "")
        if child.tag == "papers":
            papers = found.setdefault("papers", [])
            papers.extend(_papers(child) if isinstance(value, dict) and not value.get("kind") else [value])
        else:
            found[child.tag] = value
    return found


def _papers(element: Element) -> list[Any]:
    """``<papers><paper kind="…" number="…"/></papers>``."""
    return [_mapping(child) for child in element]
