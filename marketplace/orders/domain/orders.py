"""An order's life, its fees, and what has to be said and handed over. Amounts in fen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from marketplace.core.errors import NotFound, Refusal, Rule
from marketplace.core.money import share_bps


class OrderState(StrEnum):
    """``completed``: the registration office has transferred the car and the money is settled."""

    AWAITING_SIGNATURES = "awaiting_signatures"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    HANDED_OVER = "handed_over"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DEFAULTED = "defaulted"


_MOVES: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.AWAITING_SIGNATURES: frozenset({OrderState.AWAITING_PAYMENT, OrderState.CANCELLED, OrderState.DEFAULTED}),
    OrderState.AWAITING_PAYMENT: frozenset({OrderState.PAID, OrderState.CANCELLED, OrderState.DEFAULTED}),
    OrderState.PAID: frozenset({OrderState.HANDED_OVER, OrderState.CANCELLED}),
    OrderState.HANDED_OVER: frozenset({OrderState.COMPLETED}),
    OrderState.COMPLETED: frozenset(),
    OrderState.CANCELLED: frozenset(),
    OrderState.DEFAULTED: frozenset(),
}
_DECIDED_MOVES = frozenset({(OrderState.HANDED_OVER, OrderState.CANCELLED)})
"""Only a decision about a disputed order takes it there."""
ENDED = frozenset({OrderState.COMPLETED, OrderState.CANCELLED, OrderState.DEFAULTED})


class PriceKind(StrEnum):
    ASKING = "asking"
    HAMMER = "hammer"
    NEGOTIATED = "negotiated"


class SourceKind(StrEnum):
    """What the order came from."""

    LISTING = "listing"
    LOT = "lot"
    ACQUISITION = "acquisition"


class Side(StrEnum):
    SELLER = "seller"
    BUYER = "buyer"


class Confirmation(StrEnum):
    """What a buyer confirms at checkout, each by itself; nothing is ticked beforehand (电子商务法 第十九条)."""

    SEVEN_DAY_RETURN_EXCLUDED = "seven_day_return_excluded"
    CONDITION_READ = "condition_read"


CONFIRMATION_TEXTS: Mapping[Confirmation, tuple[str, str]] = {
    Confirmation.SEVEN_DAY_RETURN_EXCLUDED: (
        "本人确认:二手车过户后性质与价值即发生变化,不宜退货,本次购买不适用七日无理由退货。",
        "I confirm that a used car, whose nature and value change with registration, is not suitable for return, "
        "and that the seven-day return without reason does not apply to this purchase.",
    ),
    Confirmation.CONDITION_READ: (
        "本人已阅读车辆信息、车辆状况说明及费用公示。",
        "I have read the vehicle information, the statement of its condition and the fees.",
    ),
}


class OrderNotFound(NotFound):
    zh = "未找到该订单"
    en = "No such order, or it is not yours."


class OrderStateRefused(Refusal):
    """``state`` is the order's, ``wanted`` where the act would have taken it."""

    zh = "订单当前状态({state})不允许此操作"
    en = "The order is {state}; this is not possible now."


class BuyerIsSeller(Refusal):
    zh = "买卖双方不能为同一主体"
    en = "The buyer and the seller are the same party."


class ConfirmationMissing(Refusal):
    """``missing`` are the codes, ``texts`` the sentences to be confirmed."""

    status = 422
    zh = "请逐项确认:{missing}"
    en = "Each of these has to be confirmed: {missing}."
    rule = Rule("消费者权益保护法 第二十五条", "Consumer Protection Law, art. 25")


class AlreadySigned(Refusal):
    zh = "该方已签署合同"
    en = "This side has signed already."


class ContractBinding(Refusal):
    zh = "合同已成立,不得单方取消"
    en = "Both sides have signed: one side alone cannot call the contract off."
    rule = Rule("民法典 第四百六十五条", "Civil Code, art. 465")


class PapersMissing(Refusal):
    """``missing`` are the codes of what must be handed over."""

    zh = "交付的单证不全:{missing}"
    en = "Papers that must be handed over are missing: {missing}."
    rule = Rule("二手车流通管理办法 第十九条", "Used-Car Circulation Measures, art. 19")


class HandoverMissing(Refusal):
    zh = "卖方尚未交付"
    en = "The seller has not handed the car over yet."


class LinkedOrderBehind(Refusal):
    """``state`` is the other order's."""

    zh = "置换的另一辆车尚未付清({state}),两车须一并交付"
    en = "The other car of this trade-in is not paid yet ({state}); both go together or neither."


class LinkedOrderDelivered(Refusal):
    zh = "置换的另一辆车已交付,不能单独取消"
    en = "The other car of this trade-in was handed over; this order cannot be undone alone."


class AcceptanceDiffers(Refusal):
    """``differs`` names what the buyer found otherwise; a dispute is the way on."""

    zh = "验收内容与交付记录不一致:{differs}"
    en = "What was accepted is not what was handed over: {differs}."


class OrderDisputed(Refusal):
    """Neither transfer nor payout while a claim about the car is open."""

    zh = "该订单存在未结的争议,处理完毕前不得过户或结算"
    en = "A claim about this order is open: no transfer and no payout before it is decided."


class OrderNotDisputable(Refusal):
    """``state`` is the order's: only a car that was handed over can be complained of, one claim at a time."""

    zh = "订单当前状态({state})不能提出瑕疵争议,或已有未结争议"
    en = "The order is {state}: no claim about the car is possible now, or one is open already."


class AdjustmentAboveProceeds(Refusal):
    """``proceeds_minor`` is what is left for the seller, in fen."""

    status = 422
    zh = "减价金额超过卖方应得价款({proceeds_minor} 分)"
    en = "The price cannot be lowered by more than the seller's proceeds ({proceeds_minor} fen)."


def check_move(state: OrderState, to: OrderState, *, is_decided: bool = False) -> None:
    """Raises ``OrderStateRefused`` unless the order may go there. ``is_decided``: the operator decided a dispute so."""
    if to not in _MOVES[state] and not (is_decided and (state, to) in _DECIDED_MOVES):
        raise OrderStateRefused(state=state.value, wanted=to.value)


# --- what is confirmed ------------------------------------------------------------------------------------------------------


def required_confirmations(*, buyer_is_consumer: bool, seller_is_business: bool) -> frozenset[Confirmation]:
    """A consumer who buys online from a business must exclude the seven-day return himself; all must have read the condition."""
    required = {Confirmation.CONDITION_READ}
    if buyer_is_consumer and seller_is_business:
        required.add(Confirmation.SEVEN_DAY_RETURN_EXCLUDED)
    return frozenset(required)


def check_confirmations(given: Collection[Confirmation], required: Collection[Confirmation]) -> None:
    """Raises ``ConfirmationMissing``."""
    missing = sorted(set(required) - set(given))
    if missing:
        raise ConfirmationMissing(missing=[one.value for one in missing], texts=[CONFIRMATION_TEXTS[one][0] for one in missing])


# --- fees and shares --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FeeTable:
    """One channel's line of ``tables/fees.toml``."""

    buyer_fixed_minor: int
    seller_bps: int
    seller_min_minor: int
    seller_max_minor: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "FeeTable":
        return cls(values["buyer_fixed_minor"], values["seller_bps"], values["seller_min_minor"], values["seller_max_minor"])


@dataclass(frozen=True, slots=True)
class Fees:
    """``commission_minor`` goes to the consignee, ``seller_fee_minor`` to the market; both leave the seller's proceeds."""

    buyer_fee_minor: int
    seller_fee_minor: int
    commission_minor: int


def compute_fees(price_minor: int, table: FeeTable, *, commission_bps: int) -> Fees:
    """The market's fee by the table, the agreed commission by its rate; together never above the price."""
    commission = min(share_bps(price_minor, commission_bps), price_minor)
    fee = min(max(share_bps(price_minor, table.seller_bps), table.seller_min_minor), table.seller_max_minor)
    return Fees(table.buyer_fixed_minor, min(fee, price_minor - commission), commission)


class ShareKind(StrEnum):
    PROCEEDS = "proceeds"
    COMMISSION = "commission"
    SELLER_FEE = "seller_fee"
    BUYER_FEE = "buyer_fee"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class Share:
    """One part of what the buyer paid."""

    kind: ShareKind
    amount_minor: int


def compute_shares(*, price_minor: int, fees: Fees, offset_minor: int = 0, adjustment_minor: int = 0) -> list[Share]:
    """Everything the buyer pays (price and his fee, less what is set off), shared out to the last fen; empty shares are left out.

    ``adjustment_minor`` of the seller's proceeds goes back to the buyer.
    """
    proceeds = price_minor - offset_minor - fees.seller_fee_minor - fees.commission_minor - adjustment_minor
    if proceeds < 0:
        raise ValueError("fees above the price")
    shares = [
        Share(ShareKind.PROCEEDS, proceeds),
        Share(ShareKind.COMMISSION, fees.commission_minor),
        Share(ShareKind.SELLER_FEE, fees.seller_fee_minor),
        Share(ShareKind.BUYER_FEE, fees.buyer_fee_minor),
        Share(ShareKind.ADJUSTMENT, adjustment_minor),
    ]
    return [share for share in shares if share.amount_minor]


def earnest_part(deposit_minor: int, *, price_minor: int, max_bps: int) -> int:
    """How much of a deposit has the effect of earnest money 定金; what is above the limit only counts to the price."""
    return min(deposit_minor, price_minor * max_bps // 10_000)


# --- handing over -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Handover:
    """What one side says changed hands."""

    odometer_km: int
    keys: int
    documents: frozenset[str]


def check_handover(handover: Handover, *, required: Collection[str]) -> None:
    """Raises ``PapersMissing``."""
    missing = sorted(set(required) - handover.documents)
    if missing:
        raise PapersMissing(missing=missing)


def check_acceptance(acceptance: Handover, handover: Handover | None) -> None:
    """The buyer found what the seller recorded. Raises ``HandoverMissing``, ``AcceptanceDiffers``."""
    if handover is None:
        raise HandoverMissing
    differs = [
        name
        for name, given, found in (
            ("odometer_km", handover.odometer_km, acceptance.odometer_km),
            ("keys", handover.keys, acceptance.keys),
            ("documents", handover.documents, acceptance.documents),
        )
        if given != found
    ]
    if differs:
        raise AcceptanceDiffers(differs=differs)
