"""A party's identity number for papers that must bear it: an invoice, an application. Each reveal stands in the trail."""

from uuid import UUID

from marketplace.accounts import queries
from marketplace.core import audit
from marketplace.core.db import Session
from marketplace.core.security import Principal


def reveal_identity_number(session: Session, *, principal: Principal, party_id: UUID, reason: str) -> str | None:
    """A person's resident identity number or an organization's 统一社会信用代码; None for a person who stated none. Raises ``NotFound``."""
    party = queries.get_party(session, party_id)
    audit.record(
        session, principal=principal, act="identity_number.reveal", object_kind="party", object_id=party.id, reason=reason, facts={}
    )
    organization = queries.find_organization(session, party_id)
    if organization is not None:
        return organization.credit_code
    person = queries.find_person(session, party_id)
    return person.resident_id if person else None


def has_resident_id(session: Session, *, party_id: UUID) -> bool:
    """Whether a person stated a resident identity; reveals nothing."""
    person = queries.find_person(session, party_id)
    return person is not None and person.resident_id is not None
