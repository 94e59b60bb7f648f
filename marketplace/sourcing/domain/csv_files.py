"""A dealer's CSV file as a table, whatever his spreadsheet made of it."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from marketplace.sourcing.domain.sources import (
    FIELD_MAX,
    FileFormat,
    Progress,
    Source,
    Table,
    bounded,
    checked_header,
    find_encoding,
    no_record,
    text_of,
)
from marketplace.sourcing.domain.stock import FileUnreadable

DELIMITERS = (",", "\t", ";", "|", "，")
LINE_MAX = 1_000_000
TITLE_ROWS = 5
"""So many rows may stand above the header: a title, a date."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def sniff_delimiter(text: str) -> str:
    """The one that splits the header most; a comma when none does. Quoted ones do not count."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    unquoted = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=lambda delimiter: (unquoted.count(delimiter), -DELIMITERS.index(delimiter)))


def open_csv(source: Source, *, rows_max: int, is_header: Callable[[Sequence[str]], bool] = lambda _row: True) -> Table:
    """Raises ``FileUnreadable``: unknown encoding, no header, no record; its records raise it for too many, or broken quoting."""
    encoding = find_encoding(source)
    with text_of(source, encoding) as start:
        delimiter = sniff_delimiter(start.read(65_536))
    progress = Progress(source)
    header, records = split_header_off(_rows(text_of(source, encoding), delimiter), is_header)
    return Table(
        format=FileFormat.CSV,
        encoding=encoding,
        delimiter=delimiter,
        header=header,
        records=bounded(records, rows_max=rows_max, progress=progress),
        progress=progress,
    )


def split_header_off(
    rows: Iterator[Sequence[str]], is_header: Callable[[Sequence[str]], bool]
) -> tuple[tuple[str, ...], Iterator[Sequence[str]]]:
    """The header and the records behind it: the first of the first rows that looks like one, else the very first."""
    above: list[Sequence[str]] = []
    for row in rows:
        above.append(row)
        if is_header(row) or len(above) == TITLE_ROWS:
            break
    if not above:
        raise FileUnreadable(reason="it is empty", reason_zh="文件为空")
    position = next((number for number, row in enumerate(above) if is_header(row)), 0)
    records = chain(above[position + 1 :], rows)
    first = next(records, None)
    header = checked_header(above[position])
    if first is None:
        raise no_record()
    return header, chain([first], records)


def _rows(text: io.TextIOWrapper, delimiter: str) -> Iterator[Sequence[str]]:
    reader = csv.reader(_lines(text), delimiter=delimiter)
    try:
        for row in reader:
            if not row:
                continue
            cells = [cell.strip() for cell in row]
            if len(max(cells, key=len)) > FIELD_MAX:
                raise FileUnreadable(
                    reason=f"a cell near line {reader.line_num} is longer than {FIELD_MAX} characters: a quote may be missing",
                    reason_zh=f"第{reader.line_num}行附近有超长单元格,可能缺少引号",
                )
            yield cells
    except csv.Error as error:
        raise FileUnreadable(
            reason=f"line {reader.line_num} is broken: a quote may be missing", reason_zh=f"第{reader.line_num}行格式有误,可能缺少引号"
        ) from error


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    with text:
        while line := text.readline(LINE_MAX):
            if len(line) == LINE_MAX:
                raise FileUnreadable(reason="a line is longer than any record", reason_zh="有超长的行,不是表格文件")
            yield line


def neutralize(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{cell}" if cell.lstrip(" \u00a0\u3000").startswith(_FORMULA) or cell.startswith(_FORMULA) else cell
