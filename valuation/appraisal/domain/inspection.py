"""What an appraiser writes down: records such as ``21XS2``, ``8BX``, ``40B``, parsed against the standard."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from marketplace.core.errors import Malformed
from valuation.appraisal.domain.procedure import BadRecord, CauseMissing, InspectionIncomplete
from valuation.appraisal.domain.standard import Area, Checkpoint, Standard

_CODE = re.compile(r"(?P<number>[1-9]\d{0,2})(?:(?P<state>[A-Z]{2})(?P<degree>[1-3])?|(?P<choice>[ABC])|-(?P<tyre>4))?")


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the worksheet. ``state`` is a defect code, ``choice`` A/B/C, ``degree`` 1-4."""

    number: int
    state: str | None = None
    degree: int | None = None
    choice: str | None = None
    note: str = ""

    @property
    def code(self) -> str:
        """The written form, e.g. ``21XS2``."""
        if self.choice is not None:
            return f"{self.number}{self.choice}"
        if self.state is None:
            return f"{self.number}-{self.degree}" if self.degree else str(self.number)
        return f"{self.number}{self.state}{self.degree or ''}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A trace of water or fire: where, and what was seen."""

    part: str
    trace: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """A whole inspection. ``remaining_sound`` is the appraiser's word that every item not recorded was checked and is sound."""

    records: tuple[Record, ...] = ()
    remaining_sound: bool = False
    flood: tuple[Evidence, ...] = ()
    fire: tuple[Evidence, ...] = field(default=())


def parse_record(standard: Standard, code: str, note: str = "") -> Record:
    """One record. Raises ``ValueError`` with the reason, a short English phrase.

    Frame ``8BX``; exterior ``21XS2``; tread below 1.6 mm ``39-4``; choices ``40B``; description only ``105`` with a note.
    """
    found = _CODE.fullmatch(code.strip().upper())
    if found is None:
        raise ValueError("not of the form 8BX, 21XS2, 40B, 39-4 or 105")
    item = standard.items.get(int(found["number"]))
    if item is None:
        raise ValueError("no such item")
    degree = found["degree"] or found["tyre"]
    record = Record(item.number, found["state"], int(degree) if degree else None, found["choice"], note.strip())
    reason = _fault(standard, item, record)
    if reason:
        raise ValueError(reason)
    return record


def _fault(standard: Standard, item: Checkpoint, record: Record) -> str | None:
    if item.area is Area.FRAME:
        return None if record.state in standard.frame_codes and record.degree is None else "frame parts take BX NQ GH SH ZZ"
    if item.area is Area.EXTERIOR:
        return _exterior_fault(standard, item, record)
    if item.is_choice:
        return None if record.choice == "A" or record.choice in item.deductions else "answer A, " + " or ".join(item.deductions)
    if record.state or record.choice or record.degree:
        return "describe only: the number and a note"
    return None if record.note else "a note is needed"


def _exterior_fault(standard: Standard, item: Checkpoint, record: Record) -> str | None:
    if record.degree == 4 and record.state is None:
        return None if item.tyre else "degree 4 is for tyres"
    if record.state not in standard.exterior_codes:
        return "exterior parts take HH BX XS LW AX XF"
    return None if record.degree else "a degree 1-3 is needed"


def parse_inspection(
    standard: Standard,
    lines: Iterable[tuple[str, str]],
    *,
    remaining_sound: bool,
    flood: tuple[Evidence, ...] = (),
    fire: tuple[Evidence, ...] = (),
) -> Inspection:
    """A checked inspection from ``(code, note)`` lines. Raises ``BadRecord``, ``InspectionIncomplete`` or ``CauseMissing``."""
    records, faults = [], []
    for code, note in lines:
        try:
            records.append(parse_record(standard, code, note))
        except ValueError as error:
            faults.append({"code": code[:20], "reason": str(error)})
    if faults:
        raise BadRecord(records=faults)
    for refusal in _find_gaps(standard, records, remaining_sound):
        raise refusal
    ordered = tuple(sorted(records, key=lambda record: record.number))
    return Inspection(records=ordered, remaining_sound=remaining_sound, flood=flood, fire=fire)


def _find_gaps(standard: Standard, records: list[Record], remaining_sound: bool) -> Iterable[Malformed]:
    """The refusals of a set of well-formed records, the first first."""
    answered = Counter(record.number for record in records if standard.items[record.number].is_choice)
    twice = [number for number, times in sorted(answered.items()) if times > 1]
    if twice:
        yield BadRecord(records=[{"code": str(number), "reason": "answered twice"} for number in twice])
    missing = [number for number in standard.choice_items() if number not in answered]
    if missing and not remaining_sound:
        yield InspectionIncomplete(items=missing)
    silent = [
        record.number
        for record in records
        if standard.items[record.number].needs_note and record.choice not in {None, "A"} and not record.note
    ]
    if silent:
        yield CauseMissing(items=silent)
