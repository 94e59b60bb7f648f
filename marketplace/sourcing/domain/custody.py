"""Rules of custody 保管: the bay register, who has the car, its keys and papers, what storage costs, when they go back.

A receipt is the keeper's own document (民法典 第八百九十一条). A piece changes hands by a movement that the giver and the receiver
each sign. After the contract has ended the agent may keep what he has until he is paid (民法典 第九百五十九条).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from marketplace.core.errors import Malformed, NotFound, Refusal, Rule


class PieceKind(StrEnum):
    """What may be in custody."""

    CAR = "car"
    KEY = "key"
    DOCUMENT = "document"
    OTHER = "other"


class Holder(StrEnum):
    """Who has a piece."""

    AGENT = "agent"
    CONSIGNOR = "consignor"
    BUYER = "buyer"


class MovementState(StrEnum):
    """``given``: the giver has signed, the receiver not yet."""

    GIVEN = "given"
    RECEIVED = "received"
    CALLED_OFF = "called_off"


class ChargeKind(StrEnum):
    STORAGE = "storage"
    WITHDRAWAL_FEE = "withdrawal_fee"


class ChargeState(StrEnum):
    DUE = "due"
    PAID = "paid"


_LIEN = Rule("民法典 第九百五十九条", "Civil Code, art. 959: the commission agent may retain the goods until he is paid")


class BayNotFound(NotFound):
    zh = "车位登记簿中没有该车位"
    en = "There is no such bay in the register."


class BayRegistered(Refusal):
    zh = "该车位编号已登记"
    en = "The register has a bay of this number."


class BayTaken(Refusal):
    zh = "该车位已有车辆"
    en = "Another car stands in this bay."


class BayClosed(Refusal):
    zh = "该车位已停用"
    en = "This bay is out of use."


class CustodyNotFound(NotFound):
    zh = "该合同没有保管记录"
    en = "Nothing of this consignment is or was in custody."


class CustodyTaken(Refusal):
    zh = "该车已入库,保管凭证已开具"
    en = "The car is in custody; its receipt is issued."


class CustodyEnded(Refusal):
    zh = "保管已结束"
    en = "The custody has ended."


class PieceNotYours(Refusal):
    """``piece`` names what somebody else has."""

    zh = "您并未持有:{piece}"
    en = "You do not have it to give: {piece}."


class PieceUnknown(Malformed):
    zh = "保管清单中没有该物品"
    en = "No such piece stands in the receipt."


class PieceOnItsWay(Refusal):
    zh = "该物品正在交接中:{piece}"
    en = "It is being handed over already: {piece}."


class MovementNotFound(NotFound):
    zh = "未找到该交接记录"
    en = "No such movement, or it is not yours."


class MovementClosed(Refusal):
    zh = "该交接已完成或已取消"
    en = "This movement is done or called off."


class NotTheReceiver(Refusal):
    zh = "须由接收方签收"
    en = "The other side has to sign that it received."


class ContractRuns(Refusal):
    zh = "合同期内车辆由受托人保管;请先撤回委托"
    en = "While the contract runs the car stays in custody; end the consignment first."
    rule = Rule("民法典 第九百五十三条", "Civil Code, art. 953")


class DuesUnpaid(Refusal):
    """``due_minor`` in fen is owed to the agent."""

    zh = "尚有费用未付({due_yuan}),付清后交还车辆、钥匙及证件"
    en = "{due_yuan} are still owed; car, keys and papers go back when they are paid."
    rule = _LIEN


class StorageAccrued(Refusal):
    """``accrued_minor``: storage since the last statement, which has to be drawn up anew."""

    zh = "保管费已新增 {accrued_yuan},请先结算"
    en = "Storage of {accrued_yuan} has accrued since the last statement; settle up first."
    rule = _LIEN


# --- storage ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StorageTerms:
    """What the contract says of storage: ``day_minor`` fen for each legal day beyond ``free_days``."""

    free_days: int
    day_minor: int


NO_STORAGE = StorageTerms(0, 0)


@dataclass(frozen=True, slots=True)
class StorageRules:
    """Numbers of ``tables/storage.toml``."""

    terms: StorageTerms
    charged_when_sold: bool
    collect_within_days: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "StorageRules":
        terms = StorageTerms(values["free_days"], values["day_minor"])
        return cls(terms, values["charged_when_sold"], values["collect_within_days"])


def compute_storage_days(taken_on: date, until: date, terms: StorageTerms) -> int:
    """Days that cost: legal days behind the day of intake, the last one counted, less the free ones."""
    return max((until - taken_on).days - terms.free_days, 0)


def compute_storage(taken_on: date, until: date, terms: StorageTerms) -> int:
    """Fen owed for keeping the car through ``until``."""
    return compute_storage_days(taken_on, until, terms) * terms.day_minor


# --- giving back -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Dues:
    """Where the consignor stands. ``accrued_minor``: storage through today that no statement names; ``billed_until`` the last one's day."""

    unpaid_minor: int
    accrued_minor: int
    billed_until: date | None


def check_return(kinds: Sequence[PieceKind], *, contract_runs: bool, dues: Dues, today: date, collect_within_days: int) -> None:
    """May the agent give these pieces to the consignor now. Raises ``ContractRuns``, ``DuesUnpaid``, ``StorageAccrued``.

    While the contract runs keys and papers may be lent, never the car; afterwards nothing leaves before it is paid for.
    """
    if contract_runs:
        if PieceKind.CAR in kinds:
            raise ContractRuns
        return
    if dues.unpaid_minor:
        raise DuesUnpaid(due_minor=dues.unpaid_minor)
    may_fetch = dues.billed_until is not None and today <= dues.billed_until + timedelta(days=collect_within_days)
    if dues.accrued_minor and not may_fetch:
        raise StorageAccrued(accrued_minor=dues.accrued_minor)


# --- documents ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    id: str
    kind: PieceKind
    label: str


def build_receipt(
    *,
    number: str,
    consignment_id: str,
    contract_hash: str,
    keeper: Mapping[str, str],
    depositor: Mapping[str, str],
    vehicle: Mapping[str, str],
    bay_number: str,
    odometer_km: int,
    pieces: Sequence[Piece],
    note: str,
    storage: StorageTerms,
    taken_at: str,
) -> dict[str, Any]:
    """The custody receipt as plain values for canonical JSON: its hash is what the keeper signs."""
    return {
        "document": "custody_receipt",
        "version": 1,
        "title": "车辆保管凭证",
        "law": "民法典 第八百九十一条、第九百五十三条",
        "number": number,
        "consignment": consignment_id,
        "contract_hash": contract_hash,
        "keeper": dict(keeper),
        "depositor": dict(depositor),
        "vehicle": dict(vehicle),
        "bay": bay_number,
        "odometer_km": odometer_km,
        "pieces": [{"id": one.id, "kind": one.kind.value, "label": one.label} for one in pieces],
        "condition": note,
        "storage": {"free_days": storage.free_days, "day_minor": storage.day_minor, "currency": "CNY"},
        "taken_at": taken_at,
        "clauses": [
            "保管人应当妥善保管车辆、钥匙及证件,不得使用或者许可第三人使用(民法典第八百九十五条)。",
            "因保管不善造成毁损、灭失的,保管人承担赔偿责任(民法典第八百九十七条)。",
            "凭本凭证及双方签名交还;应付费用未付清的,保管人可以留置(民法典第九百五十九条)。",
        ],
    }


def build_movement(
    *, movement_id: str, receipt_hash: str, giver: Holder, receiver: Holder, pieces: Sequence[Piece], purpose: str, given_at: str
) -> dict[str, Any]:
    """What both sides of a handing over sign."""
    return {
        "document": "custody_movement",
        "version": 1,
        "id": movement_id,
        "receipt_hash": receipt_hash,
        "from": giver.value,
        "to": receiver.value,
        "pieces": [{"id": one.id, "kind": one.kind.value, "label": one.label} for one in pieces],
        "purpose": purpose,
        "given_at": given_at,
    }
