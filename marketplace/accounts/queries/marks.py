"""SELECTs of what parties might share."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.accounts.models import Device, PayoutAccount, SignIn
from marketplace.core.db import Session


def list_browsers(session: Session, *, person_ids: Collection[UUID], since: datetime) -> list[tuple[UUID, UUID]]:
    """People and the browsers they were seen in."""
    browser = sa.func.coalesce(col(Device.browser), col(Device.id), type_=sa.Uuid)
    statement = select(Device.person_id, browser).where(col(Device.person_id).in_(person_ids), Device.last_seen_at >= since)
    return list(session.exec(statement.distinct()))


def list_address_hashes(session: Session, *, person_ids: Collection[UUID], since: datetime) -> list[tuple[UUID, str]]:
    """People and where they signed in from, as keyed hashes."""
    statement = (
        select(SignIn.person_id, SignIn.address_hash)
        .where(col(SignIn.person_id).in_(person_ids), SignIn.created_at >= since, col(SignIn.address_hash).is_not(None))
        .distinct()
    )
    return [(person_id, address) for person_id, address in session.exec(statement) if address is not None]


def list_payout_numbers(session: Session, *, party_ids: Collection[UUID]) -> list[tuple[UUID, str]]:
    """Parties and the account numbers they are paid to, withdrawn ones too."""
    statement = select(PayoutAccount.party_id, PayoutAccount.number).where(col(PayoutAccount.party_id).in_(party_ids))
    return [(party_id, number) for party_id, number in session.exec(statement) if number is not None]
