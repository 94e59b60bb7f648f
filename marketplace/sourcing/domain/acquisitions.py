"""Rules of acquisition 收购: an owner asks, dealers offer with a period, the car is looked at again when it is handed over.

An offer with a stated period binds the dealer until then (民法典 第四百七十六条); without an answer it lapses (第四百七十八条), so an
owner's silence is no. A price found otherwise at the re-inspection is a new offer: it needs the owner's consent (第四百八十八条).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from marketplace.core.errors import Malformed, NotFound, Refusal, Rule


class AcquisitionState(StrEnum):
    """``open``: offers come in. ``accepted``: the car is taken, the re-inspection is ahead. ``price_change``: the dealer found the car
    otherwise and the owner has to answer. ``ordered``: the purchase contract is drawn up; the order goes on from there.
    ``completed``: the car is the dealer's stock. The others are ends without a sale."""

    OPEN = "open"
    ACCEPTED = "accepted"
    PRICE_CHANGE = "price_change"
    ORDERED = "ordered"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    WALKED_AWAY = "walked_away"
    BACKED_OUT = "backed_out"
    FALLEN_THROUGH = "fallen_through"


RUNNING_STATES = frozenset({AcquisitionState.OPEN, AcquisitionState.ACCEPTED, AcquisitionState.PRICE_CHANGE, AcquisitionState.ORDERED})
INSPECTABLE = frozenset({AcquisitionState.ACCEPTED, AcquisitionState.PRICE_CHANGE})


class OfferState(StrEnum):
    """``raised``: the dealer's next one stands in its place. ``lost``: the owner took another, or asks no longer."""

    OPEN = "open"
    RAISED = "raised"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    LOST = "lost"


class ChangeReason(StrEnum):
    """What a re-inspection may find. The market's own movement is no reason: the offer was binding."""

    ACCIDENT = "accident"
    FLOOD = "flood"
    FIRE = "fire"
    ODOMETER = "odometer"
    BODY_REPAIR = "body_repair"
    MECHANICAL = "mechanical"
    BATTERY = "battery"
    TYRES = "tyres"
    INTERIOR = "interior"
    KEYS = "keys"
    PAPERS = "papers"
    VIOLATIONS = "violations"
    EQUIPMENT = "equipment"
    BETTER_THAN_TOLD = "better_than_told"


REASON_NAMES: Mapping[ChangeReason, str] = {
    ChangeReason.ACCIDENT: "事故痕迹",
    ChangeReason.FLOOD: "泡水痕迹",
    ChangeReason.FIRE: "火烧痕迹",
    ChangeReason.ODOMETER: "里程与陈述不符",
    ChangeReason.BODY_REPAIR: "外观修复",
    ChangeReason.MECHANICAL: "机械故障",
    ChangeReason.BATTERY: "动力电池状况",
    ChangeReason.TYRES: "轮胎",
    ChangeReason.INTERIOR: "内饰",
    ChangeReason.KEYS: "钥匙缺失",
    ChangeReason.PAPERS: "手续缺失",
    ChangeReason.VIOLATIONS: "违法未处理",
    ChangeReason.EQUIPMENT: "配置不符",
    ChangeReason.BETTER_THAN_TOLD: "车况优于陈述",
}

# --- refusals ----------------------------------------------------------------------------------------------------------


class AcquisitionNotFound(NotFound):
    zh = "未找到该收购业务"
    en = "No such acquisition, or it is not yours."


class OfferNotFound(NotFound):
    zh = "未找到该报价"
    en = "No such offer, or it is not yours."


class AcquisitionStateRefused(Refusal):
    zh = "收购业务当前状态不允许此操作({state})"
    en = "The acquisition is {state}; this is not possible now."


class AlreadyAsked(Refusal):
    zh = "该车已有进行中的收购询价"
    en = "Offers for this car are being asked for already."


class NotAnAcquirer(Refusal):
    status = 403
    zh = "该主体不能收购车辆"
    en = "Only a dealer with a checked filing, or the market with one, acquires cars."
    rule = Rule("二手车流通管理办法 第四条", "Used-Car Circulation Measures, art. 4: dealers buy and sell; brokers may not")


class OwnAcquisition(Refusal):
    zh = "不能收购自己的车辆"
    en = "Nobody acquires his own car."


class OfferBinding(Refusal):
    """``least_minor`` and ``least_until`` are what the standing offer promises."""

    zh = "要约已确定承诺期限,不得撤销或降低;可提高价格并延长期限"
    en = "An offer with a stated period is binding: it may be raised, not lowered, shortened or withdrawn."
    rule = Rule("民法典 第四百七十六条", "Civil Code, art. 476")


class OfferLapsed(Refusal):
    zh = "报价已过有效期或不再有效({state})"
    en = "The offer is {state}; it binds nobody."
    rule = Rule("民法典 第四百七十八条", "Civil Code, art. 478")


class TooManyOffers(Refusal):
    zh = "对该车的报价次数已达上限"
    en = "No more offers for this car: {maximum} were made."


class PeriodOutOfBounds(Malformed):
    zh = "期限超出范围:{field}"
    en = "A period is out of bounds: {field} must be from {minimum_hours} to {maximum_hours} hours from now."


class ChangeOutOfBounds(Malformed):
    zh = "复检调价无效:调价后价格须大于零,每项须说明原因,优于陈述只能加价,其余只能减价"
    en = "The price after the changes must be above zero; each reason lowers it, only 'better than told' raises it."


class TooManyProposals(Refusal):
    zh = "调价次数已达上限,请按原价成交或说明原因后放弃"
    en = "No more changes of price: confirm the agreed price or back out with a reason."


class ConsentNeeded(Refusal):
    zh = "调价须经车主同意"
    en = "The change of price waits for the owner's consent."
    rule = Rule("民法典 第四百八十八条", "Civil Code, art. 488: a changed price is a new offer")


class ProposalChanged(Refusal):
    zh = "调价内容已变更,请重新阅读"
    en = "This is not the proposal that stands; read it again."


# --- rules -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AcquisitionRules:
    """Numbers of ``tables/acquisition.toml``."""

    ask_min_days: int
    ask_max_days: int
    offer_min_hours: int
    offer_max_days: int
    offers_a_dealer_max: int
    inspect_within_days: int
    answer_within_hours: int
    proposals_max: int
    sign_within_hours: int
    pay_within_hours: int
    buyer_fee_minor: int
    record_days: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "AcquisitionRules":
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})


def check_ask_days(days: int, rules: AcquisitionRules) -> None:
    """Raises ``PeriodOutOfBounds``."""
    if not rules.ask_min_days <= days <= rules.ask_max_days:
        raise PeriodOutOfBounds(field="days", minimum_hours=rules.ask_min_days * 24, maximum_hours=rules.ask_max_days * 24)


def check_offer_period(valid_until: datetime, *, now: datetime, rules: AcquisitionRules) -> None:
    """Raises ``PeriodOutOfBounds``."""
    low, high = timedelta(hours=rules.offer_min_hours), timedelta(days=rules.offer_max_days)
    if not low <= valid_until - now <= high:
        raise PeriodOutOfBounds(field="valid_until", minimum_hours=rules.offer_min_hours, maximum_hours=rules.offer_max_days * 24)


@dataclass(frozen=True, slots=True)
class Standing:
    """A dealer's offer that still binds him."""

    price_minor: int
    valid_until: datetime


def check_raise(standing: Standing | None, *, price_minor: int, valid_until: datetime) -> None:
    """A next offer may not take back what the standing one promises. Raises ``OfferBinding``."""
    if standing is not None and (price_minor < standing.price_minor or valid_until < standing.valid_until):
        raise OfferBinding(least_minor=standing.price_minor, least_until=standing.valid_until.isoformat())


def check_acceptable(state: OfferState, *, valid_until: datetime, now: datetime) -> None:
    """Whether an offer may still be accepted; at its last instant it may no more. Raises ``OfferLapsed``."""
    if state is not OfferState.OPEN:
        raise OfferLapsed(state=state.value)
    if now >= valid_until:
        raise OfferLapsed(state=OfferState.LAPSED.value)


# --- re-inspection -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One thing found otherwise. ``change_minor`` below zero lowers the price; ``was_disclosed``: the owner had told of it before."""

    reason: ChangeReason
    text: str
    change_minor: int
    was_disclosed: bool = False


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a re-inspection comes to."""

    price_minor: int
    changes: tuple[PriceChange, ...]

    @property
    def is_lower(self) -> bool:
        return any(change.change_minor < 0 for change in self.changes) and sum(one.change_minor for one in self.changes) < 0


def compute_inspected(agreed_minor: int, changes: Sequence[PriceChange], disclosed: frozenset[str]) -> Inspected:
    """The price after the changes, each marked whether the owner had disclosed its reason. Raises ``ChangeOutOfBounds``."""
    for change in changes:
        raises = change.reason is ChangeReason.BETTER_THAN_TOLD
        if change.change_minor == 0 or (change.change_minor > 0) is not raises:
            raise ChangeOutOfBounds
    price = agreed_minor + sum(change.change_minor for change in changes)
    if price <= 0:
        raise ChangeOutOfBounds
    marked = tuple(PriceChange(one.reason, one.text, one.change_minor, one.reason.value in disclosed) for one in changes)
    return Inspected(price, marked)


def consent_document(*, acquisition_id: str, number: int, agreed_minor: int, inspected: Inspected, offered_hash: str) -> dict[str, Any]:
    """What the owner signs when he consents to another price."""
    return {
        "document": "acquisition_price_change",
        "acquisition": acquisition_id,
        "number": number,
        "offer_hash": offered_hash,
        "agreed_minor": agreed_minor,
        "price_minor": inspected.price_minor,
        "changes": changes_document(inspected.changes),
    }


def changes_document(changes: Sequence[PriceChange]) -> list[dict[str, Any]]:
    return [
        {
            "reason": one.reason.value,
            "name": REASON_NAMES[one.reason],
            "text": one.text,
            "change_minor": one.change_minor,
            "was_disclosed": one.was_disclosed,
        }
        for one in changes
    ]


# --- a dealer's record ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deal:
    """One accepted offer of a dealer, as his record counts it. ``lowest_minor``: the lowest price he ever proposed for it."""

    state: AcquisitionState
    agreed_minor: int
    inspections: int
    lowest_minor: int | None
    disclosed_reasons: int
    end_reason: str | None


@dataclass(frozen=True, slots=True)
class DealerRecord:
    """How a dealer keeps his offers. Rates are ten-thousandths; None while nothing was inspected."""

    accepted: int
    inspected: int
    reduced: int
    reduction_rate_bps: int | None
    mean_reduction_bps: int | None
    reduced_for_disclosed: int
    completed: int
    backed_out: int
    not_inspected: int
    unpaid: int


def compute_record(deals: Sequence[Deal]) -> DealerRecord:
    """Counted over accepted offers; a reduction the owner refused counts as much as one he took."""
    inspected = [one for one in deals if one.inspections]
    reduced = [one for one in inspected if one.lowest_minor is not None and one.lowest_minor < one.agreed_minor]
    cuts = [(one.agreed_minor - (one.lowest_minor or 0)) * 10_000 // one.agreed_minor for one in reduced]
    return DealerRecord(
        accepted=len(deals),
        inspected=len(inspected),
        reduced=len(reduced),
        reduction_rate_bps=len(reduced) * 10_000 // len(inspected) if inspected else None,
        mean_reduction_bps=sum(cuts) // len(cuts) if cuts else None,
        reduced_for_disclosed=sum(1 for one in reduced if one.disclosed_reasons),
        completed=sum(1 for one in deals if one.state is AcquisitionState.COMPLETED),
        backed_out=sum(1 for one in deals if one.state is AcquisitionState.BACKED_OUT),
        not_inspected=sum(1 for one in deals if one.end_reason == "not_inspected"),
        unpaid=sum(1 for one in deals if one.end_reason == "unpaid"),
    )


# --- reverse invoice -----------------------------------------------------------------------------------------------------


class ReverseInvoiceBarred(Refusal):
    """``findings`` say why; the market operator issues the invoice instead."""

    zh = "不符合反向开具发票的条件,应由二手车交易市场开具:{codes}"
    en = "The dealer may not issue this invoice in reverse; the market operator issues it."
    rule = Rule(
        "商务部等17部门关于搞活汽车流通扩大汽车消费若干措施的通知 (2022)",
        "Notice of 17 ministries on car circulation (2022), reverse invoice",
    )


class ReverseInvoiceNotFound(NotFound):
    zh = "未找到反向开票数据"
    en = "No reverse invoice of this acquisition."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseCase:
    """What decides whether the buyer invoices. ``seller_total_minor``: what this seller was invoiced in reverse in the term, this car
    not counted."""

    buyer_is_dealer: bool
    buyer_is_filed: bool
    seller_is_person: bool
    seller_has_resident_id: bool
    car_is_passenger: bool
    price_minor: int
    seller_total_minor: int


def find_reverse_bars(case: ReverseCase, *, total_max_minor: int) -> list[str]:
    """Codes of what forbids a reverse invoice, empty when the dealer may issue it."""
    found = []
    if not case.buyer_is_dealer:
        found.append("buyer_no_dealer")
    if not case.buyer_is_filed:
        found.append("buyer_not_filed")
    if not case.seller_is_person:
        found.append("seller_no_natural_person")
    elif not case.seller_has_resident_id:
        found.append("seller_not_resident")
    if not case.car_is_passenger:
        found.append("not_a_passenger_car")
    if total_max_minor and case.seller_total_minor + case.price_minor > total_max_minor:
        found.append("seller_total_exceeded")
    return found


BAR_TEXTS: Mapping[str, tuple[str, str]] = {
    "buyer_no_dealer": ("购买方不是二手车经销企业", "The buyer is no dealer."),
    "buyer_not_filed": ("经销企业未备案或备案已失效", "The dealer's filing is not checked or has lapsed."),
    "seller_no_natural_person": ("出售方不是自然人", "The seller is no natural person."),
    "seller_not_resident": ("出售方未登记居民身份", "The seller stated no resident identity."),
    "not_a_passenger_car": ("不属于小型、微型非营运载客汽车", "Not a small non-commercial passenger car."),
    "seller_total_exceeded": (
        "该出售人十二个月内反向开票累计超过上限",
        "The seller's reverse invoices of twelve months exceed the ceiling.",
    ),
}

# --- dealer stock annotation ---------------------------------------------------------------------------------------------


class AnnotationMissing(Refusal):
    zh = "该车没有“二手车待销售”签注,不能领用临时号牌"
    en = "The car bears no stock annotation; there are no temporary plates for it."


class TooManyTemporaryPlates(Refusal):
    zh = "库存期间临时号牌最多 {maximum} 次"
    en = "At most {maximum} temporary plates while a car is in stock."
    rule = Rule("二手车经销企业购进车辆单独签注规定", "Rules on cars bought for stock: at most three temporary plates")


class TemporaryPlateDays(Malformed):
    zh = "临时号牌有效期须在 1 至 {maximum} 天之间"
    en = "A temporary plate is valid from 1 to {maximum} days."
