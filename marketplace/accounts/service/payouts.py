"""Where a party is paid. A change is a thief's first wish, so it needs the second factor, the password, and time."""

import re
from datetime import timedelta
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import CardInvalid, PayoutAccountMissing, PayoutNameMismatch
from marketplace.accounts.domain.views import PayoutAccountView
from marketplace.accounts.events import PayoutAccountChanged
from marketplace.accounts.models import PayoutAccount
from marketplace.accounts.service.organizations import require_own
from marketplace.accounts.service.parties import legal_name
from marketplace.accounts.service.passphrases import check_passphrase
from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import mask_card
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings


def payout_account(session: Session, *, party_id: UUID) -> PayoutAccountView:
    """The account money goes to now: the newest whose cooling-off period is over. Raises ``PayoutAccountMissing``."""
    now = clock.now(session)
    for account in queries.list_payout_accounts(session, party_id):
        if account.usable_from <= now:
            return PayoutAccountView(id=account.id, bank=account.bank, number_masked=account.number_masked)
    raise PayoutAccountMissing


def change_payout_account(session: Session, *, principal: Principal, passphrase: str, bank: str, holder: str, number: str) -> PayoutAccount:
    """Register another account for ``principal.party_id``; the old one is used until the new one's cooling-off period is over.

    The first account serves at once: there is nothing to divert yet, and the bank holds it to the party's own name anyway.
    Raises ``WrongPassphrase``, ``PayoutNameMismatch``, ``CardInvalid``, ``RealNameMissing``.
    """
    check_passphrase(session, principal=principal, passphrase=passphrase)
    queries.lock_party(session, principal.party_id)
    require_own(session, principal=principal)
    digits = re.sub(r"[\s-]", "", number)
    if not re.fullmatch(r"\d{8,30}", digits):
        raise CardInvalid
    if holder.strip() != legal_name(session, party_id=principal.party_id):
        raise PayoutNameMismatch
    now = clock.now(session)
    first = not queries.list_payout_accounts(session, principal.party_id)
    account = PayoutAccount(
        party_id=principal.party_id,
        bank=bank,
        holder=holder.strip(),
        number=digits,
        number_masked=mask_card(digits),
        created_by=principal.id,
        created_at=now,
        usable_from=now if first else now + timedelta(hours=get_settings().payout_cooling_off_hours),
    )
    session.add(account)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="payout_account.change",
        object_kind="party",
        object_id=principal.party_id,
        facts={"payout_account_id": str(account.id), "usable_from": account.usable_from.isoformat()},
    )
    outbox.append(
        session,
        PayoutAccountChanged(
            party_id=principal.party_id,
            payout_account_id=account.id,
            changed_by=principal.id,
            usable_from=account.usable_from.isoformat(),
        ),
        key=f"party:{principal.party_id}",
    )
    return account


def withdraw_payout_account(session: Session, *, principal: Principal, payout_account_id: UUID) -> PayoutAccount:
    """Take an account out of use at once; this is how its holder objects within the cooling-off period. Raises ``NotFound``."""
    queries.lock_party(session, principal.party_id)
    require_own(session, principal=principal)
    account = queries.get_payout_account(session, principal.party_id, payout_account_id)
    account.withdrawn_at = clock.now(session)
    audit.record(
        session,
        principal=principal,
        act="payout_account.withdraw",
        object_kind="party",
        object_id=principal.party_id,
        facts={"payout_account_id": str(account.id)},
    )
    return account
