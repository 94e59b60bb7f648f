"""Reads a spreadsheet in a process of its own, whose memory and processor time are bounded: what a hostile file costs, it costs this child.

Standard input: the file. Standard output: one JSON line with the number of rows, then one JSON array of texts a row.
"""

import json
import resource
import sys
from datetime import date, datetime, time, timedelta
from io import BytesIO


def limit(memory_mb: int, cpu_s: int) -> None:
    """Beyond these the kernel ends it."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 1_048_576,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def text(cell: object) -> str:
    """A cell as a dealer would have typed it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time.min else cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return "" if cell is None else str(cell if not isinstance(cell, timedelta) else cell.total_seconds())


def main(memory_mb: int, cpu_s: int, columns_max: int) -> int:
    limit(memory_mb, cpu_s)
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum  # noqa: PLC0415  # behind the limits

    book = CalamineWorkbook.from_filelike(BytesIO(sys.stdin.buffer.read()))
    names = [
        sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
    ]
    out = sys.stdout
    for name in names:
        sheet = book.get_sheet_by_name(name)
        if not sheet.height:
            continue
        if sheet.width > columns_max:
            out.write('{"problem": "columns"}\n')
            return 0
        out.write(json.dumps({"rows": sheet.height}) + "\n")
        for row in sheet.iter_rows():
            out.write(json.dumps([text(cell) for cell in row]) + "\n")
        return 0
    out.write('{"problem": "empty"}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
