"""Rules of consignment 寄售: terms, who may change the price, how it ends, what the agent earns.

Physical consignment is 行纪 (民法典 第九百五十一至九百六十条): the car stands in the agent's custody. Virtual consignment is 中介
(第九百六十一至九百六十六条): it stays with its owner, and without a sale there is no fee but agreed necessary costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from marketplace.core.errors import Malformed, NotFound, Refusal, Rule
from marketplace.core.money import share_bps
from marketplace.sourcing.domain.custody import NO_STORAGE, StorageTerms
from marketplace.sourcing.domain.price_drops import PriceStep, check_steps


class ConsignmentKind(StrEnum):
    """``physical``: the car stands in a numbered bay of the agent. ``virtual``: it stays with its owner."""

    PHYSICAL = "physical"
    VIRTUAL = "virtual"


class ConsignmentState(StrEnum):
    """``offered`` until both sides have signed, then ``active``; the others are ends."""

    OFFERED = "offered"
    ACTIVE = "active"
    SOLD = "sold"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({ConsignmentState.OFFERED, ConsignmentState.ACTIVE})


class Side(StrEnum):
    """委托人 or 受托人."""

    CONSIGNOR = "consignor"
    AGENT = "agent"


# --- refusals ----------------------------------------------------------------------------------------------------------


class ConsignmentNotFound(NotFound):
    zh = "未找到该寄售合同"
    en = "No such consignment, or it is not yours."


class ConsignmentStateRefused(Refusal):
    zh = "合同当前状态不允许此操作({state})"
    en = "The consignment is {state}; this is not possible now."


class AlreadyConsigned(Refusal):
    zh = "该车已有未结束的寄售合同"
    en = "The car has an open consignment."


class TermsOutOfBounds(Malformed):
    """``field`` names the term, ``minimum`` and ``maximum`` its bounds."""

    zh = "合同条款超出范围:{field}"
    en = "A term is out of bounds: {field} must be from {minimum} to {maximum}."


class FloorAboveAsk(Malformed):
    zh = "委托底价不得高于标价"
    en = "The floor is above the asking price."


class NotAnAgent(Refusal):
    zh = "该主体不能受托寄售"
    en = "Only a broker with a checked filing or the market itself takes cars on consignment."
    rule = Rule("二手车流通管理办法", "Used-Car Circulation Measures: brokers act for others")


class AlreadySigned(Refusal):
    zh = "您已签署"
    en = "Your side has signed already."


class DocumentChanged(Refusal):
    """The hash the signer saw is not the contract's."""

    zh = "合同内容已变更,请重新阅读后签署"
    en = "The contract is not the one you read; read it again."


class CustodyMissing(Refusal):
    zh = "实物寄售须先办理车辆入库保管"
    en = "A physical consignment needs the car taken into custody first."
    rule = Rule("民法典 第九百五十三条", "Civil Code, art. 953")


class NoCustody(Refusal):
    zh = "虚拟寄售不涉及车辆保管"
    en = "A virtual consignment has no custody: the car stays with its owner."


class ConsentMissing(Refusal):
    """The agent may move the price only between floor and the price the consignor set."""

    zh = "未经委托人同意不得加价"
    en = "The agent may not mark the price up without the consignor's consent."
    rule = Rule("二手车交易规范 第二十三条", "Used-Car Trading Code, art. 23")


# --- terms -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConsignmentRules:
    """Numbers of ``tables/consignment.toml``."""

    commission_bps: int
    commission_max_bps: int
    term_min_days: int
    term_max_days: int
    withdrawal_fee_max_bps: int
    price_steps_max: int
    price_step_gap_days: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "ConsignmentRules":
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the two agree on. Amounts in fen; ``withdrawal_fee_minor`` is owed when the consignor ends it early.

    In a virtual consignment that fee stands for agreed necessary costs (民法典 第九百六十四条).
    """

    kind: ConsignmentKind
    floor_minor: int
    ask_minor: int
    term_days: int
    commission_bps: int
    withdrawal_fee_minor: int = 0
    price_steps: tuple[PriceStep, ...] = ()
    storage: StorageTerms = NO_STORAGE


def check_terms(terms: Terms, rules: ConsignmentRules) -> None:
    """Raises ``FloorAboveAsk``, ``TermsOutOfBounds`` or ``BadPriceStep``."""
    if terms.floor_minor > terms.ask_minor:
        raise FloorAboveAsk
    fee_max = share_bps(terms.floor_minor, rules.withdrawal_fee_max_bps)
    for field, value, minimum, maximum in (
        ("floor_minor", terms.floor_minor, 1, terms.ask_minor),
        ("term_days", terms.term_days, rules.term_min_days, rules.term_max_days),
        ("commission_bps", terms.commission_bps, 0, rules.commission_max_bps),
        ("withdrawal_fee_minor", terms.withdrawal_fee_minor, 0, fee_max),
    ):
        if not minimum <= value <= maximum:
            raise TermsOutOfBounds(field=field, minimum=minimum, maximum=maximum)
    check_steps(
        terms.price_steps,
        ask_minor=terms.ask_minor,
        floor_minor=terms.floor_minor,
        term_days=terms.term_days,
        gap_days=rules.price_step_gap_days,
        steps_max=rules.price_steps_max,
    )


def compute_last_day(signed_on: date, term_days: int) -> date:
    """Last legal day of the term; the day of signing is not counted (民法典 第二百零一条)."""
    return signed_on + timedelta(days=term_days)


def check_price_change(side: Side, *, ask_minor: int, agreed_ask_minor: int) -> None:
    """The consignor may set any price; the agent none above the one the consignor agreed to. The floor is the listing's to guard."""
    if side is Side.AGENT and ask_minor > agreed_ask_minor:
        raise ConsentMissing


def compute_commission(price_minor: int, commission_bps: int) -> int:
    """Fen the agent earns by a sale; nothing beyond it may be charged (二手车交易规范 第二十八条)."""
    return share_bps(price_minor, commission_bps)


# --- the contract document -----------------------------------------------------------------------------------------------

DOCUMENT_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the document names besides its terms. ``vin`` is the masked one; the vehicle id names the car for good."""

    id: UUID
    consignor_id: UUID
    consignor_name: str
    agent_id: UUID
    agent_name: str
    vehicle_id: UUID
    vehicle_title: str
    vin: str
    odometer_km: int
    offered_at: str
    terms: Terms
    title_proof: str = ""
    disclosures: Sequence[str] = ()


def build_document(contract: Contract) -> dict[str, Any]:
    """The contract as plain values for canonical JSON: its hash is what both sides sign."""
    terms = contract.terms
    is_physical = terms.kind is ConsignmentKind.PHYSICAL
    return {
        "document": "consignment",
        "version": DOCUMENT_VERSION,
        "title": "委托出售合同(实物寄售)" if is_physical else "委托出售合同(虚拟寄售)",
        "law": "民法典 第九百五十一条至第九百六十条" if is_physical else "民法典 第九百六十一条至第九百六十六条",
        "id": str(contract.id),
        "offered_at": contract.offered_at,
        "consignor": {"id": str(contract.consignor_id), "name": contract.consignor_name, "title_proof": contract.title_proof},
        "agent": {"id": str(contract.agent_id), "name": contract.agent_name},
        "vehicle": {
            "id": str(contract.vehicle_id),
            "title": contract.vehicle_title,
            "vin": contract.vin,
            "odometer_km": contract.odometer_km,
        },
        "terms": {
            "kind": terms.kind.value,
            "currency": "CNY",
            "floor_minor": terms.floor_minor,
            "ask_minor": terms.ask_minor,
            "term_days": terms.term_days,
            "commission_bps": terms.commission_bps,
            "commission_payer": "consignor",
            "withdrawal_fee_minor": terms.withdrawal_fee_minor,
            "ask_changed_by": "consignor freely; agent between floor and the price the consignor agreed to",
            "price_steps": [{"after_days": step.after_days, "ask_minor": step.ask_minor} for step in terms.price_steps],
            "custody": "agent" if is_physical else "consignor",
            "storage": {"free_days": terms.storage.free_days, "day_minor": terms.storage.day_minor} if is_physical else None,
            "settlement": "转让登记完成后由监管账户支付",
        },
        "clauses": list(_PHYSICAL if is_physical else _VIRTUAL) + list(_COMMON),
        "disclosures": list(contract.disclosures),
    }


_COMMON = (
    "受托人不得低于委托底价出售;低于底价出售的,须经委托人签署同意,否则差额由受托人补足(民法典第九百五十五条)。",
    "未经委托人同意,受托人不得加价;除本合同约定的佣金、保管费及撤回费用外不得收取其他费用(二手车交易规范第二十三条、第二十八条)。",
    "约定了降价计划的,到期自动调整标价,任何时候不低于委托底价。",
    "委托人保证车辆权属清晰,如实告知使用、维修、事故、检验、抵押、缴纳税费及报废期等情况(二手车流通管理办法)。",
    "委托人在合同期内提前撤回的,支付约定的撤回费用;车辆已被订购或正在竞价的除外。",
    "成交后,车款经监管账户在过户完成后支付给委托人,并扣除约定佣金。",
)
_PHYSICAL = (
    "车辆由受托人在编号车位保管,出具保管凭证,受托人应当妥善保管委托物,不得另作他用(民法典第九百五十三条)。",
    "车辆、钥匙及证件的每次交接由双方签署;保管期间毁损、灭失的,受托人依法赔偿(民法典第八百九十七条)。",
    "看车由受托人陪同;试驾须投保并由受托人陪同,不得驶离约定路线。",
    "免费保管期满后按日计收保管费;合同终止时结清应付费用后交还,未结清的受托人可以留置(民法典第九百五十九条)。",
)
_VIRTUAL = (
    "车辆由委托人自行保管;未促成合同成立的,受托人不收取报酬,仅可请求约定的必要费用(民法典第九百六十四条)。",
    "看车按预约时段进行,由委托人接待;委托人绕开受托人直接成交的,仍应支付约定佣金(民法典第九百六十五条)。",
    "受托人故意隐瞒重要事实或者提供虚假情况的,不得请求报酬并赔偿损失(民法典第九百六十二条)。",
)
