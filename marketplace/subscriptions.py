"""Which task hears which event, and which sweep runs how often. The one place where features meet upwards."""

from collections.abc import Sequence

from marketplace.core.outbox import Subscriber, Sweep
from marketplace.payments import tasks as payments

SUBSCRIBERS: dict[str, Sequence[Subscriber]] = {
    "payments.operation_requested": [payments.run_operation],
    "payments.bank_transfer_booked": [payments.hear_bank],
}
SWEEPS: tuple[Sweep, ...] = (
    Sweep("lapsed holds", payments.sweep_lapsed_holds, every_s=60),
    Sweep("waiting payouts", payments.sweep_waiting_payouts, every_s=30),
    Sweep("stuck gateway operations", payments.sweep_stuck_operations, every_s=600),
    Sweep("reconciliation", payments.sweep_reconciliation, every_s=3_600),
)
