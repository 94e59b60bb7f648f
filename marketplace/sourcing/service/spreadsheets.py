"""Spreadsheets in and out: read in a bounded child process, written without one formula."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import orjson
import xlsxwriter  # type: ignore[import-untyped]  # it has no stubs

from marketplace.sourcing.domain import FileUnreadable
from marketplace.sourcing.domain.csv_files import neutralize, split_header_off
from marketplace.sourcing.domain.sources import COLUMNS_MAX, FIELD_MAX, FileFormat, Progress, Source, Table, bounded, clean

_CHILD = Path(__file__).with_name("spreadsheet_child.py")
_LINE_MAX = 4_000_000
CELL_MAX = 32_000
"""Characters a spreadsheet's cell holds, nearly."""


class _Child:
    """The reading process. It ends with the reading, whoever stops first."""

    def __init__(self, source: Source, *, memory_mb: int, cpu_s: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD), str(memory_mb), str(cpu_s), str(COLUMNS_MAX)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONIOENCODING": "utf-8"},
        )
        with suppress(BrokenPipeError):
            stdin = _piped(self._process.stdin)
            for chunk in source.chunks():
                stdin.write(chunk)
        with suppress(BrokenPipeError):
            _piped(self._process.stdin).close()

    def lines(self) -> Iterator[bytes]:
        """Its lines; ``FileUnreadable`` when it did not come to its end."""
        stdout = _piped(self._process.stdout)
        while line := stdout.readline(_LINE_MAX):
            if len(line) == _LINE_MAX:
                raise FileUnreadable(reason="a row is too long", reason_zh="有超长的行")
            yield line
        if self._process.wait() != 0:
            raise FileUnreadable(
                reason="it is no spreadsheet, is protected by a password, or unpacks to more than is read here",
                reason_zh="不是有效的电子表格、已加密,或解压后过大",
            )

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdout, self._process.stdin):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()


def _piped(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def open_spreadsheet(
    source: Source, *, rows_max: int, memory_mb: int, cpu_s: int, is_header: Callable[[Sequence[str]], bool] = lambda _row: True
) -> Table:
    """The first visible sheet that holds anything. Raises ``FileUnreadable``, its records too; close it when done."""
    child = _Child(source, memory_mb=memory_mb, cpu_s=cpu_s)
    try:
        lines = child.lines()
        start = orjson.loads(next(lines, b'{"problem": "empty"}'))
        if "problem" in start:
            raise _unreadable(start["problem"])
        progress = Progress(source, total=start["rows"])
        header, records = split_header_off(_rows(lines), is_header)
    except BaseException:
        child.close()
        raise
    return Table(
        format=FileFormat.XLSX,
        encoding=None,
        delimiter=None,
        header=header,
        records=bounded(records, rows_max=rows_max, progress=progress),
        progress=progress,
        close=child.close,
    )


def _unreadable(problem: str) -> FileUnreadable:
    if problem == "columns":
        return FileUnreadable(reason=f"it has more than {COLUMNS_MAX} columns", reason_zh=f"列数超过{COLUMNS_MAX}")
    return FileUnreadable(reason="it is empty", reason_zh="文件为空")


def _rows(lines: Iterator[bytes]) -> Iterator[Sequence[str]]:
    """Rows that are not blank."""
    for line in lines:
        cells = [clean(cell) for cell in orjson.loads(line)]
        if not any(cells):
            continue
        if len(max(cells, key=len)) > FIELD_MAX:
            raise FileUnreadable(reason=f"a cell is longer than {FIELD_MAX} characters", reason_zh=f"有超过{FIELD_MAX}字符的单元格")
        yield cells


# --- writing -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MarkedRow:
    """A row to write; ``marks`` are the positions of cells with what is said about each. ``is_bad``: red, else yellow."""

    cells: Sequence[str]
    marks: dict[int, str]
    is_bad: bool


def write_marked(title: str, header: Sequence[str], rows: Iterable[MarkedRow]) -> bytes:
    """A spreadsheet with coloured, commented cells. Every cell is written as text and cells that begin a formula are neutralized."""
    out = BytesIO()
    with xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    ) as book:
        head = book.add_format({"bold": True, "bg_color": "#DDE6F0", "border": 1, "num_format": "@"})
        plain = book.add_format({"num_format": "@"})
        marked = {
            True: book.add_format({"bg_color": "#F8C9C4", "num_format": "@"}),
            False: book.add_format({"bg_color": "#FFF0B8", "num_format": "@"}),
        }
        sheet = book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(header), 16)
        sheet.set_column(2, 3, 40)
        for column, cell in enumerate(header):
            sheet.write_string(0, column, neutralize(cell)[:CELL_MAX], head)
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row.cells):
                style = marked[row.is_bad] if column in row.marks else plain
                sheet.write_string(number, column, neutralize(cell)[:CELL_MAX], style)
                if row.marks.get(column):
                    sheet.write_comment(number, column, row.marks[column], {"x_scale": 2})
    return out.getvalue()
