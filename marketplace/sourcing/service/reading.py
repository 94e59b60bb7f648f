"""Consignments for their two parties."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from marketplace.accounts import api as accounts
from marketplace.core.crypto import sha256_hex
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.sourcing import queries
from marketplace.sourcing.domain import ConsignmentNotFound, ConsignmentState
from marketplace.sourcing.models import Consignment
from marketplace.sourcing.service.offering import side_of
from marketplace.sourcing.service.records import DOCUMENT_KIND, ConsignmentView, view


def get_consignment(session: Session, *, principal: Principal, consignment_id: UUID) -> ConsignmentView:
    """Raises ``ConsignmentNotFound``, also for what is not the caller's."""
    return view(session, _get_own(session, principal, consignment_id))


def _get_own(session: Session, principal: Principal, consignment_id: UUID) -> Consignment:
    found = queries.find_consignment(session, consignment_id)
    if found is None:
        raise ConsignmentNotFound
    side_of(found, principal)
    return found


def list_consignments(
    session: Session, *, principal: Principal, state: ConsignmentState | None, paging: PageQuery
) -> list[ConsignmentView]:
    """The caller's, as consignor or as agent, newest first; up to ``limit + 1``."""
    as_agent = principal.can("consignments.manage")
    rows = queries.list_of_party(session, party_id=principal.party_id, as_agent=as_agent, state=state, paging=paging)
    return [view(session, row) for row in rows]


@dataclass(frozen=True, slots=True)
class ContractView:
    """The document with its signatures and whether each verifies."""

    content_hash: str
    document: dict[str, Any]
    is_intact: bool
    signatures: list[tuple[accounts.SignatureView, bool]]


def get_contract(session: Session, *, principal: Principal, consignment_id: UUID) -> ContractView:
    """Raises ``ConsignmentNotFound``, also for what is not the caller's."""
    found = _get_own(session, principal, consignment_id)
    signatures = accounts.list_signatures(session, document_kind=DOCUMENT_KIND, document_id=found.id)
    return ContractView(
        content_hash=found.content_hash,
        document=orjson.loads(found.document),
        is_intact=sha256_hex(found.document.encode()) == found.content_hash,
        signatures=[(one, accounts.verify_signature(one) and one.content_hash == found.content_hash) for one in signatures],
    )
