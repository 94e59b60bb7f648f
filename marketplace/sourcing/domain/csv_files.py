"""From bytes to records: encoding, delimiter, quoting. Whatever the bytes are, the answer is a table or ``FileUnreadable``."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from marketplace.sourcing.domain.stock import FileUnreadable

DELIMITERS = (",", "\t", ";", "|", "，")
FIELD_MAX = 10_000
COLUMNS_MAX = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was read. ``records[n - 1]`` is record n, cells stripped; blank lines are no records."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    records: tuple[tuple[str, ...], ...]


def decode(content: bytes) -> tuple[str, str]:
    """Text and the name of its encoding: by its mark, else UTF-8, else GB18030 (which holds GBK and GB2312)."""
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise FileUnreadable(reason="it is a spreadsheet; save it as CSV", reason_zh="这是电子表格,请另存为CSV")
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _decoded(content, encoding), encoding
    for encoding in ("utf-8", "gb18030"):
        try:
            return _decoded(content, encoding), encoding
        except FileUnreadable:
            continue
    raise FileUnreadable(reason="its encoding is neither UTF-8 nor GBK/GB18030", reason_zh="编码既不是UTF-8也不是GBK/GB18030")


def _decoded(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        raise FileUnreadable(reason=f"it is not valid {encoding}", reason_zh=f"不是有效的{encoding}编码") from error
    if "\0" in text:
        raise FileUnreadable(reason="it holds NUL characters", reason_zh="含有空字符,不是文本文件")
    return text


def sniff_delimiter(text: str) -> str:
    """The one that splits the header most; a comma when none does. Quoted ones do not count."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    unquoted = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=lambda delimiter: (unquoted.count(delimiter), -DELIMITERS.index(delimiter)))


def read_table(content: bytes, *, rows_max: int) -> Table:
    """Raises ``FileUnreadable``: unknown encoding, no header, no record, too many of them, broken quoting."""
    text, encoding = decode(content)
    delimiter = sniff_delimiter(text)
    rows = _rows(text, delimiter)
    if not rows:
        raise FileUnreadable(reason="it is empty", reason_zh="文件为空")
    header, records = rows[0], rows[1:]
    if len(header) > COLUMNS_MAX:
        raise FileUnreadable(reason=f"it has more than {COLUMNS_MAX} columns", reason_zh=f"列数超过{COLUMNS_MAX}")
    if not records:
        raise FileUnreadable(reason="it has a header but no record", reason_zh="只有表头,没有数据行")
    if len(records) > rows_max:
        raise FileUnreadable(reason=f"it has more than {rows_max} records", reason_zh=f"数据行超过{rows_max}行")
    return Table(encoding=encoding, delimiter=delimiter, header=header, records=tuple(records))


def _rows(text: str, delimiter: str) -> list[tuple[str, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[str, ...]] = []
    try:
        for row in reader:
            if not row:
                continue
            if any(len(cell) > FIELD_MAX for cell in row):
                raise FileUnreadable(
                    reason=f"a cell near line {reader.line_num} is longer than {FIELD_MAX} characters: a quote may be missing",
                    reason_zh=f"第{reader.line_num}行附近有超长单元格,可能缺少引号",
                )
            rows.append(tuple(cell.strip() for cell in row))
    except csv.Error as error:
        raise FileUnreadable(
            reason=f"line {reader.line_num} is broken: a quote may be missing", reason_zh=f"第{reader.line_num}行格式有误,可能缺少引号"
        ) from error
    return rows


def neutralize(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def write_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """CSV for spreadsheets: UTF-8 with its mark, formulas neutralized."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([neutralize(cell) for cell in header])
    writer.writerows([neutralize(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()
