"""Full VINs: only to a partner's key, only of sellers who consented, each reveal on record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.accounts import api as accounts
from marketplace.accounts.api import ErasureReport, PersonalData
from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal, PrincipalKind
from marketplace.feeds import queries
from marketplace.feeds.domain import ConsentEnded, ConsentNotFound, ConsentStands, FeedName, PartnerKeyOnly, PartnerUnfit
from marketplace.feeds.models import VinConsent
from marketplace.vehicles import api as vehicles

PARTNERS = frozenset({accounts.OrganizationKind.VALUATION_PARTNER, accounts.OrganizationKind.INSURER, accounts.OrganizationKind.LENDER})
"""Kinds of organizations with a use for full VINs: they price, insure or finance the very car."""


def grant(session: Session, *, principal: Principal, partner_id: UUID, purpose: str, ends_at: datetime | None) -> VinConsent:
    """The seller's separate consent for one partner and one purpose. Raises ``PartnerUnfit``, ``ConsentStands``."""
    try:
        partner = accounts.require_active(session, party_id=partner_id)
    except NotFound as error:
        raise PartnerUnfit from error
    at = clock.now(session)
    if partner.organization_kind not in PARTNERS or (ends_at is not None and ends_at <= at):
        raise PartnerUnfit
    row = VinConsent(
        seller_id=principal.party_id, partner_id=partner_id, purpose=purpose, granted_by=principal.id, granted_at=at, ends_at=ends_at
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise ConsentStands from error
    _audit(session, principal, row, "vin_consent.grant", reason=purpose)
    return row


def revoke(session: Session, *, principal: Principal, consent_id: UUID) -> VinConsent:
    """As easily as it was given (PIPL 15); from now on nothing goes out. Raises ``ConsentNotFound``, ``ConsentEnded``."""
    row = queries.lock_consent(session, consent_id)
    if row.seller_id != principal.party_id:
        raise ConsentNotFound
    if row.revoked_at is not None:
        raise ConsentEnded
    _revoke(session, row, principal)
    return row


def _revoke(session: Session, row: VinConsent, principal: Principal | None) -> None:
    row.revoked_at = clock.now(session)
    row.revoked_by = principal.id if principal else None
    session.add(row)
    session.flush()
    _audit(session, principal, row, "vin_consent.revoke")


def _audit(session: Session, principal: Principal | None, row: VinConsent, act: str, reason: str | None = None) -> None:
    facts = {"seller_id": str(row.seller_id), "partner_id": str(row.partner_id)}
    audit.record(session, principal=principal, act=act, object_kind="vin_consent", object_id=row.id, facts=facts, reason=reason)


@dataclass(frozen=True, slots=True)
class Revealed:
    object_id: UUID
    vehicle_id: UUID
    feed_no: int
    vin: str
    consent_id: UUID


@dataclass(frozen=True, slots=True)
class Revelation:
    """``withheld``: cars looked at whose sellers gave no consent."""

    cars: tuple[Revealed, ...]
    withheld: int
    cursor: int
    has_more: bool


def reveal(session: Session, *, principal: Principal, feed: FeedName, since: int, limit: int, reason: str) -> Revelation:
    """The full VINs behind a feed's cursor that this partner may have; each stands in the car's audit trail with the reason.

    Raises ``PartnerKeyOnly``.
    """
    if principal.kind is not PrincipalKind.MACHINE:
        raise PartnerKeyOnly
    accounts.require_active(session, party_id=principal.party_id)
    at = clock.now(session)
    found = queries.list_consented(session, feed, partner_id=principal.party_id, at=at, since=since, limit=limit + 1)
    page, has_more = found[:limit], len(found) > limit
    cars = tuple(
        Revealed(
            entry.object_id,
            entry.vehicle_id,
            entry.feed_no,
            vehicles.reveal_vin(
                session, principal=principal, vehicle_id=entry.vehicle_id, reason=f"feed {feed.value}, consent {consent_id}: {reason}"
            ),
            consent_id,
        )
        for entry, consent_id in page
        if consent_id is not None
    )
    cursor = page[-1][0].feed_no if page else since
    return Revelation(cars, withheld=len(page) - len(cars), cursor=cursor, has_more=has_more)


# --- a person's own records -----------------------------------------------------------------------------------------------


def export_person(session: Session, party_id: UUID) -> dict[str, Any]:
    """The consents he gave."""
    return {
        "vin_consents": [
            {
                "partner_id": str(row.partner_id),
                "purpose": row.purpose,
                "granted_at": row.granted_at.isoformat(),
                "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
            }
            for row in queries.list_all_consents(session, seller_id=party_id)
        ]
    }


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """Who leaves consents to nothing more; that he once did is kept as a record of sharing (网络数据安全管理条例 第十二条)."""
    standing = [row for row in queries.list_all_consents(session, seller_id=party_id) if row.revoked_at is None]
    for row in standing:
        _revoke(session, row, None)
    return ErasureReport(erased=len(standing), kept=[])


PERSONAL_DATA = PersonalData(feature="feeds", export=export_person, erase=erase_person)
