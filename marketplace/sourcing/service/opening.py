"""Which kind of file it is, and its table."""

from collections.abc import Sequence

from marketplace.core.settings import Settings
from marketplace.sourcing.domain import FileUnreadable
from marketplace.sourcing.domain.columns import map_header
from marketplace.sourcing.domain.csv_files import open_csv
from marketplace.sourcing.domain.json_files import open_json
from marketplace.sourcing.domain.sources import FileFormat, Source, Table
from marketplace.sourcing.service.spreadsheets import open_spreadsheet

HEADER_FIELDS = 3
"""A row with so many known headers is the header."""


def open_table(source: Source, *, settings: Settings, saved: dict[str, dict[str, str | None]] | None = None) -> Table:
    """Told by its content, never by its name. Raises ``FileUnreadable``; close the table when done."""

    def is_header(row: Sequence[str]) -> bool:
        return len(map_header(row, saved=saved).columns) >= HEADER_FIELDS

    rows_max = settings.stock_rows_max
    kind = find_format(source)
    if kind is FileFormat.JSON:
        return open_json(source, rows_max=rows_max)
    if kind is FileFormat.XLSX:
        return open_spreadsheet(
            source,
            rows_max=rows_max,
            memory_mb=settings.stock_spreadsheet_memory_mb,
            cpu_s=settings.stock_spreadsheet_cpu_s,
            is_header=is_header,
        )
    return open_csv(source, rows_max=rows_max, is_header=is_header)


def find_format(source: Source) -> FileFormat:
    """By its first bytes. Raises ``FileUnreadable`` for known kinds that hold no table."""
    start = source.head(512)
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return FileFormat.XLSX
    if start.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"\x1f\x8b", b"7z\xbc\xaf")):
        raise FileUnreadable(reason="it is no CSV, XLSX or JSON", reason_zh="不是CSV、XLSX或JSON文件")
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return FileFormat.JSON if plain[:1] in (b"[", b"{") else FileFormat.CSV
