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


class BayTaken(Refusal):
    zh = "该车位已有车辆"
    en = "Another car stands in this bay."


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

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "ConsignmentRules":
        return cls(
            values["commission_bps"],
            values["commission_max_bps"],
            values["term_min_days"],
            values["term_max_days"],
            values["withdrawal_fee_max_bps"],
        )


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


def check_terms(terms: Terms, rules: ConsignmentRules) -> None:
    """Raises ``FloorAboveAsk`` or ``TermsOutOfBounds``."""
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

DOCUMENT_VERSION = 1


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
        "consignor": {"id": str(contract.consignor_id), "name": contract.consignor_name},
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
            "custody": "agent" if is_physical else "consignor",
        },
        "clauses": list(_PHYSICAL if is_physical else _VIRTUAL) + list(_COMMON),
        "disclosures": list(contract.disclosures),
    }


_COMMON = (
    "受托人不得低于委托底价出售;低于底价出售的,须经委托人同意,否则差额由受托人补足(民法典第九百五十五条)。",
    "未经委托人同意,受托人不得加价;除约定佣金外不得收取其他费用(二手车交易规范第二十三条、第二十八条)。",
    "委托人保证车辆权属清晰,如实告知使用、维修、事故、检验、抵押、缴纳税费及报废期等情况(二手车流通管理办法)。",
    "委托人在合同期内提前撤回的,支付约定的撤回费用;车辆已被订购或正在竞价的除外。",
    "成交后,车款经监管账户在过户完成后支付给委托人,并扣除约定佣金。",
)
_PHYSICAL = ("车辆由受托人在编号车位保管,受托人应当妥善保管委托物,不得另作他用(民法典第九百五十三条)。",)
_VIRTUAL = ("车辆由委托人自行保管;未促成合同成立的,受托人不收取报酬,仅可请求约定的必要费用(民法典第九百六十四条)。",)
