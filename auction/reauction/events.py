"""What coming again tells others. Key: ``lot:<id>`` of the new lot, ``debt:<id>``."""

from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event


class LotRelisted(Event):
    """A lot comes again as another."""

    name: ClassVar[str] = "auction.lot_relisted"

    lot_id: UUID
    from_lot_id: UUID
    session_id: UUID
    after_default: bool


class DebtComputed(Event):
    """The re-auction closed: what the defaulter owes is known."""

    name: ClassVar[str] = "auction.debt_computed"

    debt_id: UUID
    lot_id: UUID
    debtor_id: UUID
    due_minor: int
