"""What parties might share, as opaque keyed hashes for whoever looks for collusion. Raw data never leaves accounts."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import PartyKind
from marketplace.core.crypto import keyed_hash
from marketplace.core.db import Session

PURPOSE = "screening"


def sharing_marks(session: Session, *, party_ids: Collection[UUID], since: datetime) -> dict[UUID, frozenset[str]]:
    """By party: ``device:…`` and ``address:…`` of its people's sign-ins since then, ``payout:…`` of the accounts it is paid to."""
    found: dict[UUID, set[str]] = defaultdict(set)
    parties_of = _people(session, party_ids)
    for person_id, browser in queries.list_browsers(session, person_ids=parties_of, since=since):
        _put(found, parties_of[person_id], "device", str(browser))
    for person_id, address in queries.list_address_hashes(session, person_ids=parties_of, since=since):
        _put(found, parties_of[person_id], "address", address)
    for party_id, number in queries.list_payout_numbers(session, party_ids=party_ids):
        _put(found, {party_id}, "payout", number)
    return {party_id: frozenset(marks) for party_id, marks in found.items()}


def _people(session: Session, party_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """The parties each person acts for."""
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for party in queries.list_parties_by_id(session, set(party_ids)):
        people = [party.id] if party.kind is PartyKind.PERSON else queries.list_staff_ids(session, [party.id])
        for person_id in people:
            found[person_id].add(party.id)
    return found


def _put(found: dict[UUID, set[str]], parties: set[UUID], kind: str, value: str) -> None:
    mark = f"{kind}:{keyed_hash(PURPOSE, f'{kind}:{value}')[-24:]}"
    for party_id in parties:
        found[party_id].add(mark)
