"""Double entry in integer fen. A posting is a list of transfers, each from one account's credit to another's debit.

An unbalanced posting cannot be written down: every transfer debits and credits the same amount of the same currency. What is
left to check is that both accounts have the transfer's currency, that amounts are positive, and that no account leaves its
side: a party's money never goes below zero, nor do we count more at the bank than came in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from marketplace.core.money import CNY


class AccountKind(StrEnum):
    """What an account counts. ``clearing`` and ``holds_at_gateway`` are money at a gateway, the rest is owed or earned."""

    CLEARING = "clearing"  # 监管账户: money that is at the gateway for us
    HOLDS_AT_GATEWAY = "holds_at_gateway"  # frozen there, still the depositor's
    DEPOSIT_HELD = "deposit_held"  # 保证金: what we must give back or take
    DEPOSIT_FORFEITED = "deposit_forfeited"  # 没收的保证金, until it is shared out
    ESCROW = "escrow"  # 监管资金: of one order, until the transfer is done
    PAYOUTS_PAYABLE = "payouts_payable"  # 应付: settled, not yet paid out
    REFUNDS_PAYABLE = "refunds_payable"  # 应退: not yet back with the payer
    MARKET_FEES = "market_fees"  # 服务费收入


class Side(StrEnum):
    DEBIT = "debit"
    CREDIT = "credit"


_DEBIT_KINDS = frozenset({AccountKind.CLEARING, AccountKind.HOLDS_AT_GATEWAY})


def normal_side(kind: AccountKind) -> Side:
    """The side on which an account of this kind grows and which it never leaves."""
    return Side.DEBIT if kind in _DEBIT_KINDS else Side.CREDIT


class LedgerUnbalanced(ValueError):
    """A posting that is no posting: a mistake of ours, never of the caller's."""


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account, named by what it counts: the gateway where the money is, whose it is, and for which order or lot."""

    kind: AccountKind
    gateway: str
    party_id: UUID | None = None
    purpose_id: UUID | None = None
    currency: str = CNY

    @property
    def key(self) -> str:
        """Unique text, also the order in which accounts are locked."""
        return ":".join([self.kind.value, self.gateway, _text(self.party_id), _text(self.purpose_id), self.currency])


def _text(part: UUID | None) -> str:
    return part.hex if part else "-"


@dataclass(frozen=True, slots=True)
class Transfer:
    """``amount_minor`` is debited to one account and credited to another."""

    debit: Account
    credit: Account
    amount_minor: int

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise LedgerUnbalanced("a transfer moves a positive amount")
        if self.debit.currency != self.credit.currency:
            raise LedgerUnbalanced("a transfer stays in one currency")
        if self.debit == self.credit:
            raise LedgerUnbalanced("a transfer has two accounts")


@dataclass(frozen=True, slots=True)
class Posting:
    """What happened, once: ``reference`` is unique in the ledger, so the same fact cannot be posted twice."""

    reference: str
    kind: str
    transfers: tuple[Transfer, ...]

    def __post_init__(self) -> None:
        if not self.transfers:
            raise LedgerUnbalanced("a posting has at least one transfer")

    def entries(self) -> list[tuple[Account, int]]:
        """The same as signed entries, debits positive; they sum to zero per currency."""
        return [(t.debit, t.amount_minor) for t in self.transfers] + [(t.credit, -t.amount_minor) for t in self.transfers]


def compute_balances(postings: Iterable[Posting]) -> dict[Account, int]:
    """Debits less credits of every account, from nothing but the postings."""
    balances: dict[Account, int] = {}
    for posting in postings:
        for account, amount in posting.entries():
            balances[account] = balances.get(account, 0) + amount
    return balances


def allocate(amounts: Sequence[int], pools: Mapping[str, int]) -> list[list[tuple[str, int]]]:
    """Take each amount from the pools (gateway → fen), pools in name order; the totals must be equal.

    An order whose deposit is at one gateway and whose price at another is paid out from both. Raises ``LedgerUnbalanced``.
    """
    left = {name: pools[name] for name in sorted(pools) if pools[name] > 0}
    if sum(amounts) != sum(left.values()) or any(amount < 0 for amount in amounts):
        raise LedgerUnbalanced("what is shared out must be what is there")
    shares: list[list[tuple[str, int]]] = []
    for amount in amounts:
        parts = []
        missing = amount
        for name, there in left.items():
            part = min(there, missing)
            if part:
                parts.append((name, part))
                left[name] = there - part
                missing -= part
        shares.append(parts)
    return shares


# --- reconciliation -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class ReportLine:
    """One movement of the witness account as a statement shows it: what came in is positive."""

    reference: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Difference:
    """``theirs_minor`` from the gateway's report, ``ours_minor`` from the ledger; None where one side knows nothing of it."""

    reference: str
    theirs_minor: int | None
    ours_minor: int | None


def reconcile(theirs: Iterable[ReportLine], ours: Iterable[ReportLine]) -> list[Difference]:
    """Where the gateway's report and the ledger differ, by reference. A reference seen several times counts with its sum."""
    left, right = _sums(theirs), _sums(ours)
    return [
        Difference(reference, left.get(reference), right.get(reference))
        for reference in sorted(left.keys() | right.keys())
        if left.get(reference) != right.get(reference)
    ]


def _sums(lines: Iterable[ReportLine]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.reference] = sums.get(line.reference, 0) + line.amount_minor
    return sums
