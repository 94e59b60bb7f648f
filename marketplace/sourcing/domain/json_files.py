"""A dealer's JSON file as a table: an array of objects, or one object a line; the keys are the header."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marketplace.sourcing.domain.sources import (
    COLUMNS_MAX,
    FIELD_MAX,
    FileFormat,
    Progress,
    Source,
    Table,
    bounded,
    clean,
    find_encoding,
    no_record,
    text_of,
)
from marketplace.sourcing.domain.stock import FileUnreadable

OBJECT_MAX = 100_000
"""Characters of one car."""
_PIECE = 65_536
_GAP = re.compile(r"[\s,\ufeff]*")
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
"""Numbers stay the texts they are: no rounding, and no cost of huge ones."""


def open_json(source: Source, *, rows_max: int) -> Table:
    """Read twice: the keys of all objects, then their values. Raises ``FileUnreadable``, its records too."""
    encoding = find_encoding(source)
    keys: dict[str, None] = {}
    total = 0
    for one in _objects(source, encoding):
        total += 1
        keys |= dict.fromkeys(one)
        if len(keys) > COLUMNS_MAX:
            raise FileUnreadable(reason=f"it has more than {COLUMNS_MAX} columns", reason_zh=f"列数超过{COLUMNS_MAX}")
        if total > rows_max:
            raise FileUnreadable(reason=f"it has more than {rows_max} records", reason_zh=f"数据行超过{rows_max}行")
    if not total:
        raise no_record()
    progress = Progress(source, total=total)
    names = list(keys)
    records = (_cells(one, names) for one in _objects(source, encoding))
    return Table(
        format=FileFormat.JSON,
        encoding=encoding,
        delimiter=None,
        header=tuple(clean(name)[:200] for name in names),
        records=bounded(records, rows_max=rows_max, progress=progress),
        progress=progress,
    )


def _objects(source: Source, encoding: str) -> Iterator[Mapping[str, Any]]:
    """One object after the other, as their text comes in."""
    scanner = _Scanner()
    with text_of(source, encoding) as text:
        while piece := text.read(_PIECE):
            scanner.feed(piece)
            yield from scanner.objects(is_last=False)
        yield from scanner.objects(is_last=True)
    scanner.end()


class _Scanner:
    """Where the reading of one text stands; it holds one object's text and a piece, never more."""

    def __init__(self) -> None:
        self._buffer = ""
        self._position = 0
        self._count = 0
        self._begun = self._in_array = self._ended = False

    def feed(self, piece: str) -> None:
        self._buffer, self._position = self._buffer[self._position :] + piece, 0

    def objects(self, *, is_last: bool) -> Iterator[Mapping[str, Any]]:
        """Those that are there in full."""
        while self._skip():
            character = self._buffer[self._position]
            if self._is_bracket(character):
                self._position += 1
                continue
            if character != "{" or self._ended:
                raise _broken(self._count + 1)
            value = self._decode(is_last=is_last)
            if value is None:
                return
            self._count += 1
            yield value

    def _skip(self) -> bool:
        """Over what stands between objects; whether anything follows."""
        found = _GAP.match(self._buffer, self._position)
        self._position = found.end() if found else self._position
        return self._position < len(self._buffer)

    def _is_bracket(self, character: str) -> bool:
        """The array's own beginning or end."""
        if not self._begun:
            self._begun, self._in_array = True, character == "["
            return self._in_array
        if character == "]" and self._in_array and not self._ended:
            self._ended = True
            return True
        return False

    def _decode(self, *, is_last: bool) -> Mapping[str, Any] | None:
        """The object that begins here, None when its end is still to come."""
        try:
            value, self._position = _DECODER.raw_decode(self._buffer, self._position)
        except RecursionError as error:
            raise FileUnreadable(reason="it is nested too deep", reason_zh="嵌套过深") from error
        except ValueError as error:
            if is_last or len(self._buffer) - self._position > OBJECT_MAX:
                raise _broken(self._count + 1) from error
            return None
        found: Mapping[str, Any] = value
        return found

    def end(self) -> None:
        """Raises ``FileUnreadable`` when the text ended before it should."""
        if not self._begun:
            raise FileUnreadable(reason="it is empty", reason_zh="文件为空")
        if self._in_array and not self._ended:
            raise FileUnreadable(reason="it ends before its array does", reason_zh="文件不完整:数组没有结束")


def _broken(n: int) -> FileUnreadable:
    return FileUnreadable(
        reason=f"an array of objects is wanted; near object {n} it is something else", reason_zh=f"应为对象数组,第{n}个对象附近格式有误"
    )


def _cells(one: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [_cell(one.get(name)) for name in names]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = clean(value)
    elif isinstance(value, bool):
        text = "是" if value else "否"
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        text = "|".join(clean(one) for one in value)
    else:
        text = clean(_plain(value))
    if len(text) > FIELD_MAX:
        raise FileUnreadable(reason=f"a value is longer than {FIELD_MAX} characters", reason_zh=f"有超过{FIELD_MAX}字符的值")
    return text


def _plain(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise FileUnreadable(reason="it is nested too deep", reason_zh="嵌套过深") from error
