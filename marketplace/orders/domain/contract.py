"""The contract as a document: contents of the model used-car contract, as canonical JSON with one hash that both sides sign.

Contents after 二手车交易规范 第七条 (kinds) and 二手车买卖合同示范文本 (fields): parties, car, price and who bears the transfer's
cost, payment and delivery, who handles the transfer and by when, list of papers, statement of condition as annex, cut-off of
violations and accidents, breach, disputes.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from marketplace.core.money import in_words

TEMPLATE = "henanroad-2026-1"

HANDED_OVER_DOCUMENTS: Mapping[str, str] = {
    "registration_certificate": "机动车登记证书",
    "driving_licence": "机动车行驶证",
    "inspection_mark": "机动车安全技术检验合格标志",
    "purchase_tax_proof": "车辆购置税完税证明",
    "vehicle_tax_proof": "车船税缴付凭证",
    "insurance_policy": "车辆保险单",
}
"""Papers the seller hands to the buyer (二手车流通管理办法 第十九条). The road-maintenance proof ended in 2009."""


class ContractKind(StrEnum):
    """二手车交易规范 第七条: 销售合同 by a dealer, 收购合同 to a dealer, 买卖合同 between others."""

    SALE = "sale"
    PURCHASE = "purchase"
    TRADE = "trade"


CONTRACT_TITLES: Mapping[ContractKind, str] = {
    ContractKind.SALE: "二手车销售合同",
    ContractKind.PURCHASE: "二手车收购合同",
    ContractKind.TRADE: "二手车买卖合同",
}


def contract_kind_of(*, seller_is_dealer: bool, buyer_is_dealer: bool) -> ContractKind:
    """By who sells and who buys; between two dealers it is the seller's sale."""
    if seller_is_dealer:
        return ContractKind.SALE
    return ContractKind.PURCHASE if buyer_is_dealer else ContractKind.TRADE


@dataclass(frozen=True, slots=True)
class ContractParty:
    """A side with its legal name. ``agent_name`` is who acts for it, e.g. the consignee."""

    party_id: str
    name: str
    kind: str
    agent_name: str | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything the document says."""

    number: str
    kind: ContractKind
    channel: str
    market: str
    city: str
    at: datetime
    seller: ContractParty
    buyer: ContractParty
    vehicle: Mapping[str, Any]
    price_minor: int
    price_kind: str
    buyer_fee_minor: int
    deposit_minor: int
    earnest_minor: int
    pay_by: datetime
    hand_over_within_days: int
    transfer_within_days: int
    findings: Sequence[Mapping[str, str]]
    confirmations: Sequence[Mapping[str, str]]
    appraisal: Mapping[str, Any] | None = None
    warranty: Mapping[str, Any] | None = None
    offset_minor: int = 0
    annex: Mapping[str, Any] | None = None


def build_contract(contract: Contract) -> dict[str, Any]:
    """The document: plain strings, integers and lists, fit for ``canonical_json``. ``annex`` is there only when there is one."""
    document = _document(contract)
    if contract.annex is not None:
        document["annex"] = _plain(contract.annex)
    if contract.offset_minor:
        document["payment"]["set_off_minor"] = contract.offset_minor
        document["payment"]["balance_minor"] -= contract.offset_minor
        document["clauses"] = [*_CLAUSES, _SET_OFF]
    return document


def _document(contract: Contract) -> dict[str, Any]:
    return {
        "template": TEMPLATE,
        "title": CONTRACT_TITLES[contract.kind],
        "kind": contract.kind.value,
        "number": contract.number,
        "market": contract.market,
        "city": contract.city,
        "made_at": contract.at.isoformat(timespec="seconds"),
        "channel": contract.channel,
        "seller": _party(contract.seller),
        "buyer": _party(contract.buyer),
        "vehicle": {name: _plain(value) for name, value in contract.vehicle.items()},
        "price": {
            "currency": "CNY",
            "kind": contract.price_kind,
            "amount_minor": contract.price_minor,
            "amount_in_words": in_words(contract.price_minor),
            "buyer_fee_minor": contract.buyer_fee_minor,
            "transfer_cost_borne_by": "buyer" if contract.buyer_fee_minor else "seller",
        },
        "payment": {
            "into": "资金监管账户",
            "deposit_minor": contract.deposit_minor,
            "earnest_money_minor": contract.earnest_minor,
            "balance_minor": contract.price_minor + contract.buyer_fee_minor - contract.deposit_minor,
            "pay_by": contract.pay_by.isoformat(timespec="seconds"),
            "released": "转让登记完成后支付给卖方",
        },
        "delivery": {"within_days_of_payment": contract.hand_over_within_days},
        "transfer": {"handled_by": contract.market, "within_days_of_delivery": contract.transfer_within_days},
        "documents": [{"code": code, "name": name} for code, name in HANDED_OVER_DOCUMENTS.items()],
        "condition": {
            "findings": [dict(finding) for finding in contract.findings],
            "appraisal": _plain(contract.appraisal),
        },
        "warranty": _plain(contract.warranty),
        "confirmations": [dict(confirmation) for confirmation in contract.confirmations],
        "clauses": _CLAUSES,
    }


_SET_OFF = "双方互负的车款在等额范围内抵销(民法典第五百六十八条),仅支付差额;两份合同同时成立、同时解除。"
_CLAUSES = [
    "风险与违法、事故责任自车辆交付时起由买方承担,此前由卖方承担。",
    "卖方保证对车辆享有处分权,并已如实告知使用、修理、事故、检验、抵押及报废期限;隐瞒或欺诈致不能办理转让登记的,卖方收回车辆并退还价款。",
    "定金适用民法典第五百八十六条、第五百八十七条;超过合同价款百分之二十的部分不产生定金效力。",
    "争议由双方协商或由市场调解,协商、调解不成的,向车辆所在地人民法院起诉。",
]


def _party(party: ContractParty) -> dict[str, Any]:
    return {"party_id": party.party_id, "name": party.name, "kind": party.kind, "agent": party.agent_name}


def _plain(value: Any) -> Any:
    """Dates as texts, mappings as dictionaries; floats have no place in a contract."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, (str, int)):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a contract")


def add_months(start: date, months: int) -> date:
    """The same day some months later, the month's last one where it has no such day (民法典 第二百零二条)."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
