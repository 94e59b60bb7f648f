"""What each paper shows, as plain values. No personal data: bidders by pseudonym, people by their masked names."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from auction.lots import queries as lots
from auction.lots.domain import LotPhase, ReserveKind
from auction.lots.models import AuctionSession, Lot
from auction.papers.domain import PaperKind
from auction.sessions.domain import LegalMode
from auction.settlement.models import Confirmation
from auction.settlement.service import confirmations
from marketplace.api import accounts, vehicles
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.money import format_yuan, share_bps
from marketplace.core.settings import get_settings

EVENTS_IN_ALL, EVENTS_A_LOT = 3_000, 40
"""So many log entries are printed at most; the rest stands in the public log, whose head the minutes name."""

_TITLES = {
    PaperKind.NOTICE: ("公告", "Notice of sale"),
    PaperKind.CATALOGUE: ("标的目录", "Catalogue"),
    PaperKind.CONFIRMATION: ("成交确认书", "Confirmation of sale"),
    PaperKind.MINUTES: ("笔录", "Minutes of the sale"),
}
_MODES = {LegalMode.STATUTORY_AUCTION: ("拍卖", "auction"), LegalMode.AGREED_BIDDING: ("竞价", "agreed bidding")}
_STATES = {
    LotPhase.ANNOUNCED: "已公告", LotPhase.OPEN: "进行中", LotPhase.SUSPENDED: "暂停", LotPhase.SOLD: "成交", LotPhase.PASSED: "未成交",
    LotPhase.WITHDRAWN: "撤回", LotPhase.DRAFT: "草稿", LotPhase.MANDATED: "已委托",
}  # fmt: skip
_RESERVES = {
    ReserveKind.NONE: "无保留价", ReserveKind.HIDDEN: "有保留价(保密)", ReserveKind.VISIBLE: "保留价公开",
    ReserveKind.ON_APPROVAL: "卖家确认",
}  # fmt: skip
_ENTRIES = {
    "opened": "开始", "bid": "出价", "fair_warning": "示警", "hammer": "落槌", "pass": "流拍", "suspended": "暂停", "resumed": "恢复",
    "revealed": "揭示", "closed": "结束",
}  # fmt: skip


def moment(at: datetime | str | None) -> str:
    """Shanghai time, to the second."""
    if at is None:
        return "—"
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{found.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}"


def _yuan(amount_minor: int | None) -> str:
    return "—" if amount_minor is None else format_yuan(amount_minor)


def title_of(row: AuctionSession, kind: PaperKind) -> str:
    return _MODES[row.legal_mode][0] + _TITLES[kind][0]


def _frame(session: Session, row: AuctionSession, kind: PaperKind, number: str, address: str) -> dict[str, Any]:
    house = accounts.get_party(session, party_id=row.house_id)
    return {
        "kind": kind.value,
        "title": title_of(row, kind),
        "subtitle": f"{_TITLES[kind][1]} · {_MODES[row.legal_mode][1]}",
        "number": number,
        "issuer": house.display_name,
        "market": get_settings().market_name,
        "address": get_settings().public_url.rstrip("/") + address,
        "statutory": row.legal_mode is LegalMode.STATUTORY_AUCTION,
        "session": row.title,
    }


def _number(row: AuctionSession) -> str:
    return f"{row.opens_at.astimezone(clock.SHANGHAI):%Y%m%d}-{row.id.hex[-8:].upper()}"


def _auctioneer(session: Session, row: AuctionSession) -> str:
    if row.auctioneer_id is None:
        return "—"
    return accounts.display_names(session, party_ids={row.auctioneer_id}).get(row.auctioneer_id, "—")


def _of_session(session: Session, row: AuctionSession) -> list[list[str]]:
    return [
        ["场次", row.title],
        ["主办", accounts.get_party(session, party_id=row.house_id).display_name],
        ["拍卖师" if row.legal_mode is LegalMode.STATUTORY_AUCTION else "主持", _auctioneer(session, row)],
        ["地点", f"{row.city} {row.place}"],
        ["开始时间", moment(row.opens_at)],
        ["公告时间", moment(row.announced_at)],
    ]


def compose_notice(session: Session, row: AuctionSession) -> dict[str, Any]:
    """拍卖法 46: time and place, the goods, their viewing, what to do to take part."""
    found = [one for one in lots.list_of_session(session, session_id=row.id) if one.state is not LotPhase.WITHDRAWN]
    share = f"{row.deposit_bps / 100:g}%"
    return {
        **_frame(session, row, PaperKind.NOTICE, _number(row), f"/auction/v1/sessions/{row.id}"),
        "facts": _of_session(session, row),
        "viewing": [
            ["展示时间", f"{moment(row.viewing_from_at)} 至 {moment(row.viewing_to_at)}"],
            ["展示地点", row.viewing_place],
        ],
        "terms": [
            f"竞买人须在本平台实名登记并缴纳保证金:各标的起拍价的 {share};未竞得的自动全额退还,竞得的抵作价款。",
            f"买受人佣金:{_rate(row.buyer_fee_bps)};付款期限:成交之日起 {row.payment_days} 日内。",
            "出价一经接受不得撤回,有更高出价时失效。加价幅度、延时规则于开始时冻结,见场次页面。",
        ],
        "lots": [[str(one.number), one.title, _yuan(one.start_minor), _RESERVES[one.reserve_kind]] for one in found],
    }


def _rate(bps: int | None) -> str:
    return "按佣金档位表,不超过成交价的 5%" if bps is None else f"成交价的 {bps / 100:g}%"


def compose_catalogue(session: Session, row: AuctionSession) -> dict[str, Any]:
    """Every lot with what is known of its car and its flaws (拍卖法 18)."""
    return {
        **_frame(session, row, PaperKind.CATALOGUE, _number(row), f"/auction/v1/sessions/{row.id}/lots"),
        "facts": _of_session(session, row),
        "lots": [_catalogued(session, row, lot) for lot in lots.list_of_session(session, session_id=row.id)],
    }


def _catalogued(session: Session, row: AuctionSession, lot: Lot) -> dict[str, Any]:
    car = vehicles.get_vehicle(session, vehicle_id=lot.vehicle_id)
    registered = f"{car.first_registration_on:%Y-%m-%d}" if car.first_registration_on else "—"
    return {
        "number": str(lot.number),
        "title": lot.title,
        "withdrawn": lot.state is LotPhase.WITHDRAWN,
        "start": _yuan(lot.start_minor),
        "facts": [
            ["车架号", car.vin_masked],
            ["初次登记", registered],
            ["表显里程", f"{car.odometer_km:,} km"],
            ["过户次数", f"{car.transfer_count} 次"],
            ["燃料", vehicles.term(car.fuel).zh],
            ["颜色", vehicles.term(car.colour).zh],
            ["使用性质", vehicles.term(car.use_type).zh],
            ["排放标准", vehicles.term(car.emission_stage).zh if car.emission_stage else "—"],
            ["保留价", _reserve(lot)],
            ["保证金", _yuan(share_bps(lot.start_minor, row.deposit_bps))],
            ["开始", moment(lot.opens_at)],
            ["预计结束", moment(lot.ends_at) if lot.lane is None else "落槌为止"],
        ],
        "flaws": lot.flaws or "委托人未说明瑕疵",
    }


def _reserve(lot: Lot) -> str:
    shown = lot.reserve_kind is ReserveKind.VISIBLE
    return f"{_RESERVES[lot.reserve_kind]} {_yuan(lot.reserve_minor)}" if shown else _RESERVES[lot.reserve_kind]


def compose_confirmation(session: Session, row: AuctionSession, lot: Lot, found: Confirmation) -> dict[str, Any]:
    """成交确认书 as winner and auctioneer signed it (拍卖法 52)."""
    said = orjson.loads(found.document)
    winner, auctioneer = UUID(said["winner_id"]), UUID(said["auctioneer_id"])
    names = accounts.display_names(session, party_ids={winner, auctioneer})
    kept = accounts.list_signatures(session, document_kind=said["kind"], document_id=lot.id)
    signed: dict[UUID | None, accounts.SignatureView] = {one.id: one for one in kept}
    car = vehicles.get_vehicle(session, vehicle_id=lot.vehicle_id)
    total = said["price_minor"] + said["buyer_fee_minor"]
    return {
        **_frame(session, row, PaperKind.CONFIRMATION, f"{_number(row)}-{lot.number}", f"/auction/v1/lots/{lot.id}/log"),
        "facts": [
            ["拍卖标的", f"第 {lot.number} 号 {said['title']}"],
            ["车架号", car.vin_masked],
            ["买受人", f"{names.get(winner, '—')}(竞买号 {said['bidder']})"],
            ["拍卖师", names.get(auctioneer, "—")],
            ["场次", row.title],
            ["成交时间", moment(said["ended_at"])],
            ["付款期限", f"{moment(said['pay_by'])} 前"],
            ["订单", said["order_id"] or "—"],
        ],
        "amounts": [
            ["成交价", _yuan(said["price_minor"])],
            ["买受人佣金", _yuan(said["buyer_fee_minor"])],
            ["应付合计", _yuan(total)],
        ],
        "words": said["price_in_words"],
        "content_hash": found.content_hash,
        "head_hash": said["head_hash"],
        "signers": [
            _signer("买受人 winner", names.get(winner, "—"), found.winner_signed_at, signed.get(found.winner_signature_id)),
            _signer("拍卖师 auctioneer", names.get(auctioneer, "—"), found.auctioneer_signed_at, signed.get(found.auctioneer_signature_id)),
        ],
    }


def _signer(role: str, name: str, at: datetime | None, view: accounts.SignatureView | None) -> list[str]:
    return [role, name, moment(at), f"{view.signature[:24]}…" if view is not None else "—"]


def compose_minutes(session: Session, row: AuctionSession) -> dict[str, Any]:
    """拍卖笔录: every lot's course, from its log."""
    minutes = confirmations.minutes_of(session, row=row)
    told = minutes.content["lots"]
    most = min(EVENTS_A_LOT, max(EVENTS_IN_ALL // max(len(told), 1), 3))
    titles = {str(lot.id): lot for lot in lots.list_of_session(session, session_id=row.id)}
    return {
        **_frame(session, row, PaperKind.MINUTES, _number(row), f"/auction/v1/sessions/{row.id}"),
        "facts": [*_of_session(session, row), ["结束时间", moment(row.closed_at)], ["标的数", str(len(told))]],
        "content_hash": minutes.content_hash,
        "lots": [_course(titles[one["lot_id"]], one, most) for one in told],
    }


def _course(lot: Lot, told: dict[str, Any], most: int) -> dict[str, Any]:
    entries = told["log"]
    bids = sum(one["kind"] == "bid" for one in entries)
    shown = entries if len(entries) <= most else [*entries[:1], *entries[-(most - 1) :]]
    return {
        "number": str(lot.number),
        "title": lot.title,
        "state": _STATES[lot.state],
        "result": [
            ["起拍价", _yuan(lot.start_minor)],
            ["结果", f"{_STATES[lot.state]} {_yuan(told['price_minor'])}" if lot.state is LotPhase.SOLD else _STATES[lot.state]],
            ["出价次数", str(bids)],
            ["买受人", (lot.leader_pseudonym or "—") if lot.state is LotPhase.SOLD else "—"],
        ],
        "head_hash": told["head_hash"],
        "left_out": len(entries) - len(shown),
        "events": [
            [
                str(one["seq"]),
                moment(one["at"]),
                _ENTRIES.get(one["kind"], one["kind"]),
                one.get("bidder") or "—",
                _yuan(one.get("price_minor")),
            ]
            for one in shown
        ],
    }
