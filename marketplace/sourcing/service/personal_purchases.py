"""A person's data in acquisitions and trade-ins: exported, and erased but for what the law keeps."""

from typing import Any
from uuid import UUID

import orjson

from marketplace.accounts.api import ErasureReport, PersonalData, PrivacyHold
from marketplace.core.db import Session
from marketplace.sourcing.domain.acquisitions import RUNNING_STATES
from marketplace.sourcing.domain.trade_ins import OPEN_TRADE_INS
from marketplace.sourcing.models.acquisitions import Acquisition
from marketplace.sourcing.models.trade_ins import TradeIn
from marketplace.sourcing.queries import acquisitions as queries
from marketplace.sourcing.queries import trade_ins as trade_in_queries

_INVOICES = "反向开具的发票(会计凭证):会计档案管理办法,三十年;交易档案:二手车交易规范第十一条,三年"
_CONTRACTS = "收购及置换的成交记录(交易档案):二手车交易规范第十一条、电子商务法第三十一条,不少于三年"


def export_person(session: Session, party_id: UUID) -> dict[str, Any]:
    """What he asked, the offers he had, what was found at the re-inspection, his trade-ins with their proofs, his invoices."""
    return {
        "acquisitions": [_acquisition(session, row) for row in queries.list_all_of_owner(session, party_id)],
        "trade_ins": [_trade_in(session, row) for row in trade_in_queries.list_all_of_owner(session, party_id)],
        "reverse_invoices": [
            {"id": str(row.id), "issued_at": row.issued_at.isoformat(), "content": orjson.loads(row.content)}
            for row in queries.list_reverse_invoices_of(session, party_id)
        ],
    }


def _acquisition(session: Session, row: Acquisition) -> dict[str, Any]:
    """Offers without who made them: those are the dealers' own."""
    return {
        "id": str(row.id),
        "vehicle_id": str(row.vehicle_id),
        "state": row.state.value,
        "expected_minor": row.expected_minor,
        "description": row.description,
        "disclosures": row.disclosures,
        "price_minor": row.price_minor,
        "end_note": row.end_note,
        "offers": [
            {"price_minor": one.price_minor, "valid_until": one.valid_until.isoformat(), "state": one.state.value}
            for one in queries.list_offers(session, row.id)
        ],
        "inspections": [
            {"number": one.number, "price_minor": one.price_minor, "changes": one.changes}
            for one in queries.list_inspections(session, row.id)
        ],
    }


def _trade_in(session: Session, row: TradeIn) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "vehicle_id": str(row.vehicle_id),
        "state": row.state.value,
        "description": row.description,
        "old_price_minor": row.old_price_minor,
        "new_price_minor": row.new_price_minor,
        "end_note": row.end_note,
        "proofs": [{"kind": one.kind.value, "number": one.number} for one in trade_in_queries.list_proofs(session, row.id)],
    }


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """Texts, wishes and proofs go; deals and invoices stay for their terms. Raises ``PrivacyHold`` while one runs."""
    asked = queries.list_all_of_owner(session, party_id)
    traded = trade_in_queries.list_all_of_owner(session, party_id)
    running = [one for one in asked if one.state in RUNNING_STATES]
    open_trades = [one for one in traded if one.state in OPEN_TRADE_INS]
    if running or open_trades:
        reasons = ["未结束的收购询价"] * bool(running) + ["未结束的置换"] * bool(open_trades)
        raise PrivacyHold(reasons=reasons)
    erased = sum(_forget_acquisition(session, row) for row in asked) + sum(_forget_trade_in(session, row) for row in traded)
    kept = []
    if any(one.order_id for one in asked) or any(one.old_order_id for one in traded):
        kept.append(_CONTRACTS)
    if queries.list_reverse_invoices_of(session, party_id):
        kept.append(_INVOICES)
    session.flush()
    return ErasureReport(erased=erased, kept=kept)


def _forget_acquisition(session: Session, row: Acquisition) -> bool:
    """What the owner wrote; the disclosures of a deal are in its contract."""
    had = bool(row.description or row.end_note or row.disclosures or row.expected_minor)
    row.description, row.end_note, row.disclosures, row.expected_minor = "", "", [], None
    session.add(row)
    return had


def _forget_trade_in(session: Session, row: TradeIn) -> bool:
    proofs = trade_in_queries.list_proofs(session, row.id)
    had = bool(row.description or row.end_note or row.disclosures or proofs)
    row.description, row.end_note, row.disclosures = "", "", []
    for proof in proofs:
        session.delete(proof)
    session.add(row)
    return had


PURCHASES_DATA = PersonalData(feature="acquisitions", export=export_person, erase=erase_person)
