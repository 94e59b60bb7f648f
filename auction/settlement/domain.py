"""What an ended lot is: its result, and the fees of a sale. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from auction.bidding.domain import LotState
from marketplace.core.errors import Refusal, Rule
from marketplace.core.money import share_bps


class ResultKind(StrEnum):
    """How a lot ended. Below its reserve there is no sale (拍卖法 50). ``on_approval``: the highest bid
    stands as its bidder's offer until the consignor answers; silence is no.
    """

    SOLD = "sold"
    PASSED_NO_BID = "passed_no_bid"
    PASSED_BELOW_RESERVE = "passed_below_reserve"
    ON_APPROVAL = "on_approval"


class RegistrationClosed(Refusal):
    zh = "该标的已不接受竞买登记"
    en = "The lot takes no more registrations."


class AlreadyRegistered(Refusal):
    """With a deposit of the lot's own: a portfolio's budget would not bound those bids."""

    zh = "您已单独登记该标的,不能再纳入组合竞买"
    en = "You are registered for this lot by itself; it cannot join a portfolio."


class BidderKindMismatch(Refusal):
    status = 403
    zh = "该场次仅限{wanted}竞买"
    en = "Only {wanted_en} may bid in this session."
    rule = Rule("拍卖法 第三十三条", "Auction Law, art. 33")


class RegistrationUnknown(Refusal):
    status = 404
    zh = "您尚未登记该标的"
    en = "You are not registered for this lot."


class ResultUnknown(Refusal):
    status = 404
    zh = "该标的尚无结果"
    en = "The lot has no result yet."


class ConfirmationChanged(Refusal):
    """The signer saw another text than the one that stands."""

    zh = "成交确认书内容与所见不符,请重新阅读"
    en = "This is not the hash of the confirmation; read it again."


@dataclass(frozen=True, slots=True)
class FeeBands:
    """Rates by hammer price: ``bps[i]`` holds from ``floors_minor[i]`` up. Nothing agreed: never above ``cap_bps`` (拍卖法 56)."""

    floors_minor: Sequence[int]
    buyer_bps: Sequence[int]
    seller_bps: Sequence[int]
    cap_bps: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any], legal_mode: str, mode: str | None = None) -> "FeeBands":
        """The legal mode's bands, with what the mode has otherwise."""
        bands = values[legal_mode] | values.get("by_mode", {}).get(legal_mode, {}).get(mode, {})
        return cls(**bands, cap_bps=values["cap_bps"])

    def rate(self, rates: Sequence[int], price_minor: int) -> int:
        return min(rates[bisect_right(self.floors_minor, price_minor) - 1], self.cap_bps)


@dataclass(frozen=True, slots=True)
class SaleFees:
    """Fen each side pays to the house."""

    buyer_minor: int
    seller_minor: int


def compute_fees(price_minor: int, bands: FeeBands, *, buyer_bps: int | None, seller_bps: int | None) -> SaleFees:
    """Agreed rates hold as agreed; where none was, the table's band."""
    buyer = buyer_bps if buyer_bps is not None else bands.rate(bands.buyer_bps, price_minor)
    seller = seller_bps if seller_bps is not None else bands.rate(bands.seller_bps, price_minor)
    return SaleFees(share_bps(price_minor, buyer), share_bps(price_minor, seller))


def decide_result(state: LotState) -> ResultKind:
    """Of a lot whose time is over."""
    if state.price_minor is None:
        return ResultKind.PASSED_NO_BID
    if not state.reserve_met:
        return ResultKind.PASSED_BELOW_RESERVE
    return ResultKind.ON_APPROVAL if state.on_approval else ResultKind.SOLD
