"""The marked-up spreadsheet of an import: the dealer's own bad and doubtful rows, each wrong cell coloured, what to do about it beside."""

from collections.abc import Sequence

from marketplace.sourcing.domain import RowOutcome
from marketplace.sourcing.domain.columns import Column, HeaderMap
from marketplace.sourcing.domain.findings import RowFinding
from marketplace.sourcing.service.deciding import Decided
from marketplace.sourcing.service.spreadsheets import MarkedRow, write_marked

TOLD = ("行号", "结果", "问题", "处理建议")


class Marking:
    """Keeps the first ``rows_max`` rows worth marking, bad ones before doubtful ones."""

    def __init__(self, header: Sequence[str], mapped: HeaderMap, *, rows_max: int) -> None:
        self._header = header
        self._positions = {column.value: place.position for column, place in mapped.columns.items()}
        self._rows_max = rows_max
        self._bad: list[Decided] = []
        self._doubtful: list[Decided] = []
        self._left_out = 0

    def take(self, decided: Sequence[Decided]) -> None:
        for one in decided:
            if not one.findings:
                continue
            if one.outcome is RowOutcome.BAD:
                self._bad.append(one)
            else:
                self._doubtful.append(one)
            if len(self._bad) + len(self._doubtful) > self._rows_max:
                (self._doubtful or self._bad).pop()
                self._left_out += 1

    def write(self) -> bytes | None:
        """None when all is well."""
        if not self._bad and not self._doubtful:
            return None
        rows = [self._row(one) for one in sorted([*self._bad, *self._doubtful], key=lambda one: one.n)]
        if self._left_out:
            text = f"另有 {self._left_out} 行,见逐行结果"
            rows.append(MarkedRow(cells=["", "", text], marks={2: ""}, is_bad=False))
        return write_marked("导入结果", [*TOLD, *self._header], rows)

    def _row(self, one: Decided) -> MarkedRow:
        is_bad = one.outcome is RowOutcome.BAD
        problems = ";".join(f"{finding.column or finding.field}:{finding.zh}" for finding in one.findings)
        hints = ";".join(dict.fromkeys(finding.hint for finding in one.findings))
        marks = {1: ""}
        for finding in one.findings:
            position = self._position(finding)
            if position is not None:
                marks[position] = "\n".join(part for part in (marks.get(position), f"{finding.zh}:{finding.hint}") if part)
        outcome = "未导入" if is_bad else "已导入,请核对"
        return MarkedRow(cells=[str(one.n), outcome, problems, hints, *one.cells], marks=marks, is_bad=is_bad)

    def _position(self, finding: RowFinding) -> int | None:
        """Where the cell stands in the marked table."""
        if finding.field not in set(Column):
            return None
        position = self._positions.get(finding.field)
        return None if position is None else position + len(TOLD)
