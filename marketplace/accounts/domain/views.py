"""What other features see of a party: frozen, masked where it is about a person."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from marketplace.accounts.domain.parties import LicenceKind, OrganizationKind, PartyKind, PartyState


@dataclass(frozen=True, slots=True)
class PartyView:
    """``display_name`` is masked for people, full for organizations."""

    id: UUID
    kind: PartyKind
    organization_kind: OrganizationKind | None
    display_name: str
    state: PartyState


@dataclass(frozen=True, slots=True)
class LicenceView:
    """A checked licence. ``valid_to`` is its last day, None without end."""

    id: UUID
    kind: LicenceKind
    number: str
    valid_from: date
    valid_to: date | None
    scope: str


@dataclass(frozen=True, slots=True)
class PayoutAccountView:
    id: UUID
    bank: str
    number_masked: str


@dataclass(frozen=True, slots=True)
class SignatureView:
    """A signature with everything needed to verify it. Keys and signature are hexadecimal."""

    id: UUID
    person_id: UUID
    party_id: UUID
    document_kind: str
    document_id: UUID
    content_hash: str
    public_key: str
    signature: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """Rows erased, and what is kept: one sentence each, with the retention rule that keeps it."""

    erased: int
    kept: list[str]
