"""The custody receipt on paper."""

from pathlib import Path
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core.clock import SHANGHAI
from marketplace.core.db import Database
from marketplace.core.money import format_yuan
from marketplace.core.printing import print_pdf
from marketplace.core.security import Principal
from marketplace.sourcing.service import custody

_TEMPLATE = Path(__file__).parent.parent / "templates" / "custody_receipt.typ"


def print_receipt(database: Database, *, principal: Principal, consignment_id: UUID) -> bytes:
    """A PDF of the receipt as it was signed; the same bytes every time. Raises ``ConsignmentNotFound``, ``CustodyNotFound``."""
    with database.reading() as session:
        found = custody.show(session, principal=principal, consignment_id=consignment_id)
        values = _values(found)
    return print_pdf(_TEMPLATE, values, created_at=found.custody.taken_at)


def _values(found: custody.CustodyView) -> dict[str, object]:
    document = found.document
    return {
        "title": document["title"],
        "number": document["number"],
        "keeper": document["keeper"]["name"],
        "depositor": document["depositor"]["name"],
        "vehicle": document["vehicle"]["title"],
        "vin": document["vehicle"]["vin"],
        "bay": document["bay"],
        "odometer": f"{document['odometer_km']:,} km",
        "taken_at": f"{found.custody.taken_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
        "storage": f"免费 {document['storage']['free_days']} 天,其后每日 {format_yuan(document['storage']['day_minor'])}",
        "condition": document["condition"] or "无异常记载",
        "pieces": [[str(n), one["label"]] for n, one in enumerate(document["pieces"], start=1)],
        "clauses": document["clauses"],
        "law": document["law"],
        "hash": found.custody.content_hash,
        "signatures": [
            [
                one.signature[:32] + "…",
                f"{one.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
                "有效" if accounts.verify_signature(one) and one.content_hash == found.custody.content_hash else "无效",
            ]
            for one in found.signatures
        ],
    }
