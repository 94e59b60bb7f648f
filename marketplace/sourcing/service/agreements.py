"""Framework agreements: the market draws one up, both sign, cars come in under it until it ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.sourcing.domain.agreements import (
    AgreementChanged,
    AgreementNotFound,
    AgreementSide,
    AgreementSigned,
    AgreementState,
    AgreementStateRefused,
    AgreementTerms,
    NotASource,
    agreement_number,
    build_agreement,
    check_agreement,
)
from marketplace.sourcing.models.agreements import SupplyAgreement, SupplySignature
from marketplace.sourcing.queries import agreements as queries
from marketplace.sourcing.service.tables import rule_table

DOCUMENT_KIND = "supply_agreement"
SOURCES = frozenset({accounts.OrganizationKind.FLEET, accounts.OrganizationKind.LENDER, accounts.OrganizationKind.DEALER})


@dataclass(frozen=True, slots=True)
class AgreementView:
    """An agreement with who has signed it."""

    row: SupplyAgreement
    source_name: str
    signed_sides: tuple[AgreementSide, ...]


def view(session: Session, row: SupplyAgreement) -> AgreementView:
    names = accounts.display_names(session, party_ids=[row.source_id])
    return AgreementView(row, names.get(row.source_id, ""), tuple(sorted(queries.list_sides(session, row.id))))


def offer(session: Session, *, principal: Principal, source_id: UUID, terms: AgreementTerms) -> AgreementView:
    """The market's people draw an agreement up with an organization.

    Raises ``NotASource``, ``PartySuspended``, ``OrganizationUnverified``, ``AgreementTermsOutOfBounds``.
    """
    source = accounts.require_active(session, party_id=source_id)
    if source.organization_kind not in SOURCES:
        raise NotASource
    at = clock.now(session)
    check_agreement(terms, rule_table("agreement", on=clock.shanghai_day(at)).values)
    agreement_id = new_id()
    number = agreement_number(clock.shanghai_day(at), agreement_id.int % 10**8)
    text = canonical_json(
        build_agreement(
            number=number,
            source={"id": str(source_id), "name": accounts.legal_name(session, party_id=source_id)},
            market={"id": str(principal.party_id), "name": accounts.legal_name(session, party_id=principal.party_id)},
            terms=terms,
            offered_at=at.isoformat(timespec="seconds"),
        )
    )
    row = SupplyAgreement(
        id=agreement_id,
        number=number,
        source_id=source_id,
        market_id=principal.party_id,
        origins=[one.value for one in terms.origins],
        channels=[one.value for one in terms.channels],
        valid_from=terms.valid_from,
        valid_to=terms.valid_to,
        commission_bps=terms.commission_bps,
        car_fee_minor=terms.car_fee_minor,
        document=text.decode(),
        content_hash=sha256_hex(text),
        offered_at=at,
    )
    session.add(row)
    session.flush()
    _record(session, principal, row, "agreement.offer")
    return view(session, row)


def side_of(row: SupplyAgreement, principal: Principal) -> AgreementSide:
    """Raises ``AgreementNotFound`` for anybody else."""
    if principal.party_id == row.source_id and principal.can("agreements.supply"):
        return AgreementSide.SOURCE
    if principal.party_id == row.market_id and principal.can("agreements.manage"):
        return AgreementSide.MARKET
    raise AgreementNotFound


def lock(session: Session, *, principal: Principal, agreement_id: UUID) -> SupplyAgreement:
    row = queries.lock_agreement(session, agreement_id)
    if row is None:
        raise AgreementNotFound
    side_of(row, principal)
    return row


def sign(session: Session, *, principal: Principal, agreement_id: UUID, passphrase: str, content_hash: str | None) -> AgreementView:
    """With the second signature the agreement stands.

    Raises ``AgreementNotFound``, ``AgreementStateRefused``, ``AgreementSigned``, ``AgreementChanged``, ``WrongPassphrase``.
    """
    row = lock(session, principal=principal, agreement_id=agreement_id)
    side = side_of(row, principal)
    signed = queries.list_sides(session, row.id)
    if side in signed:
        raise AgreementSigned
    if row.state is not AgreementState.OFFERED:
        raise AgreementStateRefused(state=row.state.value)
    if content_hash is not None and content_hash != row.content_hash:
        raise AgreementChanged
    signature = accounts.sign(
        session,
        principal=principal,
        passphrase=passphrase,
        document_kind=DOCUMENT_KIND,
        document_id=row.id,
        content_hash=row.content_hash,
    )
    session.add(SupplySignature(agreement_id=row.id, side=side, signature_id=signature.id, person_id=signature.person_id, at=signature.at))
    if len(signed) + 1 == len(AgreementSide):
        row.state, row.signed_at = AgreementState.ACTIVE, clock.now(session)
    session.add(row)
    session.flush()
    _record(session, principal, row, "agreement.sign", side=side.value)
    return view(session, row)


def end(session: Session, *, principal: Principal, agreement_id: UUID, reason: str) -> AgreementView:
    """Either side ends it: no more cars come in; those in a channel go on. Raises ``AgreementNotFound``, ``AgreementStateRefused``."""
    row = lock(session, principal=principal, agreement_id=agreement_id)
    if row.state not in {AgreementState.OFFERED, AgreementState.ACTIVE}:
        raise AgreementStateRefused(state=row.state.value)
    row.state = AgreementState.CANCELLED if row.state is AgreementState.OFFERED else AgreementState.TERMINATED
    row.ended_at, row.end_reason = clock.now(session), reason
    session.add(row)
    session.flush()
    _record(session, principal, row, "agreement.end")
    return view(session, row)


def _record(session: Session, principal: Principal, row: SupplyAgreement, act: str, **facts: object) -> None:
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind="supply_agreement",
        object_id=row.id,
        facts={"state": row.state.value, "number": row.number, "content_hash": row.content_hash} | facts,
    )


# --- looking -----------------------------------------------------------------------------------------------------------


def get_own(session: Session, *, principal: Principal, agreement_id: UUID) -> SupplyAgreement:
    """Raises ``AgreementNotFound``."""
    row = queries.find_agreement(session, agreement_id)
    if row is None:
        raise AgreementNotFound
    side_of(row, principal)
    return row


def list_agreements(session: Session, *, principal: Principal, paging: PageQuery) -> Sequence[AgreementView]:
    """The caller's organization's; the market's people see all."""
    source_id = None if principal.can("agreements.manage") else principal.party_id
    return [view(session, row) for row in queries.list_agreements(session, source_id=source_id, paging=paging)]


@dataclass(frozen=True, slots=True)
class AgreementText:
    content_hash: str
    document: dict[str, Any]
    is_intact: bool
    signatures: list[tuple[accounts.SignatureView, bool]]


def get_text(session: Session, *, principal: Principal, agreement_id: UUID) -> AgreementText:
    """The document and whether each signature verifies. Raises ``AgreementNotFound``."""
    row = get_own(session, principal=principal, agreement_id=agreement_id)
    signatures = accounts.list_signatures(session, document_kind=DOCUMENT_KIND, document_id=row.id)
    return AgreementText(
        content_hash=row.content_hash,
        document=orjson.loads(row.document),
        is_intact=sha256_hex(row.document.encode()) == row.content_hash,
        signatures=[(one, accounts.verify_signature(one) and one.content_hash == row.content_hash) for one in signatures],
    )
