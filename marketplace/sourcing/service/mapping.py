"""What a file's headers mean: looked at before an import, and said by the dealer where the words do not tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.crypto import mask_plate, mask_vin
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.core.settings import Settings
from marketplace.sourcing.domain import FieldUnknown, ImportRunning, StockFileTooLarge
from marketplace.sourcing.domain.columns import Column, HeaderMap, header_key, map_header
from marketplace.sourcing.domain.sources import Source, Table
from marketplace.sourcing.models.stock import StockMapping
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service.importing import market_bounds
from marketplace.sourcing.service.opening import open_table
from marketplace.sourcing.service.rows import Duplicates, ParsedRow, parse_row

ROWS = 20
SAMPLES = 3
HEADERS_MAX = 200
_MASKS = {Column.VIN: mask_vin, Column.PLATE: mask_plate}


@dataclass(frozen=True, slots=True)
class HeaderPreview:
    """One header: the field it is understood as and how, its unit, its first cells (VIN and plate masked)."""

    header: str
    field: Column | None
    how: str | None
    unit: str | None
    samples: list[str]


@dataclass(frozen=True, slots=True)
class Preview:
    """A file looked at, not kept; ``rows``: how its first ones read."""

    table: Table
    headers: list[HeaderPreview]
    missing: list[Column]
    rows: list[ParsedRow]


def preview(session: Session, *, principal: Principal, content: bytes, settings: Settings) -> Preview:
    """Raises ``FileUnreadable``, ``StockFileTooLarge``."""
    if len(content) > settings.stock_file_limit_bytes:
        raise StockFileTooLarge(limit_bytes=settings.stock_file_limit_bytes)
    saved = get_mapping(session, dealer_id=principal.party_id)
    bounds = market_bounds(session)
    table = open_table(Source.of(content), settings=settings, saved=saved)
    try:
        records = list(islice(table.records, ROWS))
    finally:
        table.close()
    mapped = map_header(table.header, saved=saved)
    seen = Duplicates.of(ROWS)
    rows = []
    if not mapped.missing:
        rows = [parse_row(mapped, cells, n=n, bounds=bounds, seen=seen) for n, cells in enumerate(records, start=1)]
    return Preview(table, _headers(table, mapped, records), list(mapped.missing), rows)


def _headers(table: Table, mapped: HeaderMap, records: Sequence[Sequence[str]]) -> list[HeaderPreview]:
    by_position = {place.position: (column, place) for column, place in mapped.columns.items()}
    found = []
    for position, header in enumerate(table.header):
        column, place = by_position.get(position, (None, None))
        cells = [row[position] for row in records if position < len(row)]
        mask = _MASKS.get(column) if column is not None else None
        samples = [mask(cell) if mask else cell[:60] for cell in cells if cell][:SAMPLES]
        how, unit = (place.how.value, place.unit) if place is not None else (None, None)
        found.append(HeaderPreview(header, column, how, unit, samples))
    return found


def get_mapping(session: Session, *, dealer_id: UUID) -> dict[str, dict[str, str | None]]:
    """The dealer's own meanings by header key; empty when he said nothing."""
    row = queries.find_mapping(session, dealer_id)
    return dict(row.headers) if row is not None else {}


def save_mapping(
    session: Session, *, principal: Principal, headers: Mapping[str, tuple[str | None, str | None]]
) -> dict[str, dict[str, str | None]]:
    """Every import from now on understands these headers so: ``header → (field, unit)``; a field of None leaves it aside.

    Raises ``FieldUnknown``, ``ImportRunning``: a file on its way is read by one meaning.
    """
    if queries.find_running(session, principal.party_id) is not None:
        raise ImportRunning(retry_after_s=2)
    plain: dict[str, dict[str, str | None]] = {}
    for header, (field, unit) in headers.items():
        if field is not None and field not in set(Column):
            raise FieldUnknown(field=field[:40])
        plain[header_key(header)] = {"header": header, "field": field, "unit": unit}
    row = queries.find_mapping(session, principal.party_id)
    at = clock.now(session)
    if row is None:
        row = StockMapping(dealer_id=principal.party_id, changed_at=at)
    row.headers, row.changed_at = plain, at
    session.add(row)
    session.flush()
    facts = {"headers": len(plain)}
    audit.record(
        session, principal=principal, act="stock_mapping.save", object_kind="organization", object_id=principal.party_id, facts=facts
    )
    return plain
