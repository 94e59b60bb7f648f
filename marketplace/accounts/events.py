"""What accounts announce. Never personal data: ids, kinds and states only."""

from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event


class PersonSignedUp(Event):
    name: ClassVar[str] = "accounts.person_signed_up"
    person_id: UUID


class OrganizationRegistered(Event):
    name: ClassVar[str] = "accounts.organization_registered"
    organization_id: UUID
    kind: str
    owner_id: UUID


class OrganizationDecided(Event):
    """An operator verified or rejected it."""

    name: ClassVar[str] = "accounts.organization_decided"
    organization_id: UUID
    kind: str
    verification: str


class MemberJoined(Event):
    name: ClassVar[str] = "accounts.member_joined"
    organization_id: UUID
    person_id: UUID
    roles: list[str]


class MemberEnded(Event):
    """Left by himself, or removed."""

    name: ClassVar[str] = "accounts.member_ended"
    organization_id: UUID
    person_id: UUID
    state: str


class LicenceDecided(Event):
    """Checked, rejected or revoked."""

    name: ClassVar[str] = "accounts.licence_decided"
    licence_id: UUID
    party_id: UUID
    kind: str
    state: str


class PayoutAccountChanged(Event):
    """The holder is told at once: the cooling-off period is his time to object."""

    name: ClassVar[str] = "accounts.payout_account_changed"
    party_id: UUID
    payout_account_id: UUID
    changed_by: UUID
    usable_from: str


class PartyWasSuspended(Event):
    name: ClassVar[str] = "accounts.party_suspended"
    party_id: UUID


class PartyReinstated(Event):
    name: ClassVar[str] = "accounts.party_reinstated"
    party_id: UUID


class PartyClosed(Event):
    name: ClassVar[str] = "accounts.party_closed"
    party_id: UUID


class RefreshTokenReused(Event):
    """A copy of a refresh token is abroad; its sign-in was ended and the person is told."""

    name: ClassVar[str] = "accounts.refresh_token_reused"
    person_id: UUID
    sign_in_id: UUID


class PersonalDataRevealed(Event):
    """An operator looked at personal data, for a reason that stands in the audit trail."""

    name: ClassVar[str] = "accounts.personal_data_revealed"
    party_id: UUID
    revealed_by: UUID
    fields: list[str]
