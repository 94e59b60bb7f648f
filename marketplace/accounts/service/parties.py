"""Who a party is and whether it may act: what every other feature asks first."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import (
    LicenceKind,
    LicenceLapsed,
    LicenceMissing,
    MembershipState,
    OrganizationUnverified,
    PartyKind,
    PartyState,
    PartySuspended,
    RealNameMissing,
    VerificationState,
)
from marketplace.accounts.domain.views import LicenceView, PartyView
from marketplace.accounts.models import Licence, Party
from marketplace.core.db import Session


def view_party(session: Session, party: Party) -> PartyView:
    organization = queries.find_organization(session, party.id) if party.kind is PartyKind.ORGANIZATION else None
    return PartyView(
        id=party.id,
        kind=party.kind,
        organization_kind=organization.kind if organization else None,
        display_name=party.display_name,
        state=party.state,
    )


def get_party(session: Session, *, party_id: UUID) -> PartyView:
    """Raises ``NotFound``."""
    return view_party(session, queries.get_party(session, party_id))


def require_active(session: Session, *, party_id: UUID) -> PartyView:
    """The party, when it may act now. Raises ``PartySuspended`` (closed ones too) and ``OrganizationUnverified``."""
    party = queries.get_party(session, party_id)
    if party.state is not PartyState.ACTIVE:
        raise PartySuspended
    if party.kind is PartyKind.ORGANIZATION:
        organization = queries.get_organization(session, party_id)
        if organization.verification is not VerificationState.VERIFIED:
            raise OrganizationUnverified
    return view_party(session, party)


def require_licence(session: Session, *, party_id: UUID, kind: LicenceKind, on: date) -> LicenceView:
    """The checked licence valid on a legal day. Raises ``LicenceMissing``, or ``LicenceLapsed`` when there only was (or will be) one."""
    found = queries.list_checked_licences(session, party_id, kind)
    for licence in found:
        if is_valid(licence, on):
            return view_licence(licence)
    if not found:
        raise LicenceMissing(kind=kind)
    last_day = found[0].valid_to
    raise LicenceLapsed(kind=kind, valid_to=last_day.isoformat() if last_day else "", valid_from=found[0].valid_from.isoformat())


def is_valid(licence: Licence, on: date) -> bool:
    """On a day between the printed ones, both included (有效期至 is the last good day)."""
    return licence.valid_from <= on and (licence.valid_to is None or on <= licence.valid_to)


def view_licence(licence: Licence) -> LicenceView:
    return LicenceView(
        id=licence.id,
        kind=licence.kind,
        number=licence.number,
        valid_from=licence.valid_from,
        valid_to=licence.valid_to,
        scope=licence.scope,
    )


def require_real_name(session: Session, *, party_id: UUID) -> None:
    """A person must have stated name and resident id (电子商务法 27); an organization is known by its verification.

    Raises ``RealNameMissing``.
    """
    party = queries.get_party(session, party_id)
    if party.kind is PartyKind.PERSON and queries.get_person(session, party_id).real_name_at is None:
        raise RealNameMissing


def linked_parties(session: Session, *, party_id: UUID) -> frozenset[UUID]:
    """Everybody who is the same interest for "may not bid on one's own lot".

    Itself; a person's other accounts (same resident id) and the organizations any of them works for; an organization's staff and
    their other accounts.
    """
    party = queries.get_party(session, party_id)
    people = {party_id} if party.kind is PartyKind.PERSON else set(queries.list_staff_ids(session, [party_id]))
    people |= set(queries.list_people_with_resident_ids(session, queries.list_resident_ids(session, people)))
    employers = set(queries.list_employer_ids(session, people)) if party.kind is PartyKind.PERSON else set()
    return frozenset({party_id} | people | employers)


def display_names(session: Session, *, party_ids: Collection[UUID]) -> dict[UUID, str]:
    """Masked for people; an unknown id is left out."""
    return {party.id: party.display_name for party in queries.list_parties_by_id(session, set(party_ids))}


def is_member(session: Session, *, organization_id: UUID, person_id: UUID) -> bool:
    """Whether somebody works for an organization now."""
    found = queries.find_open_membership(session, organization_id, person_id)
    return found is not None and found.state is MembershipState.ACTIVE


def legal_name(session: Session, *, party_id: UUID) -> str:
    """The full name for contracts, never public. Raises ``RealNameMissing`` for a person who has not stated it."""
    party = queries.get_party(session, party_id)
    if party.kind is PartyKind.ORGANIZATION:
        return queries.get_organization(session, party_id).legal_name
    person = queries.get_person(session, party_id)
    if person.name is None:
        raise RealNameMissing
    return person.name


def market_operator_id(session: Session) -> UUID | None:
    """The organization that runs this market; None before its founding."""
    found = queries.find_market_operator(session)
    return found.id if found else None
