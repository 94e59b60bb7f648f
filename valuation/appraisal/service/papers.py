"""What a paper says, as plain values: one source for the printed PDF and the page, built from the issued text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.settings import get_settings
from marketplace.vehicles import api as vehicles
from valuation.appraisal import queries
from valuation.appraisal.domain import SCORED, Area, Audience, Grade, PaperKind, PhotoSlot, Purpose, ReportKind, Standard
from valuation.appraisal.domain.outline import draw_body, draw_frame, marks_of
from valuation.appraisal.models import Appraisal, IssuedReport
from valuation.appraisal.service import wording
from valuation.appraisal.service.inspection import get_standard
from valuation.appraisal.service.wording import AREA_NAMES, GRADE_NAMES

PAPER_TITLES = {
    PaperKind.REPORT: ("二手车鉴定评估报告", "Used-car appraisal report"),
    PaperKind.STATUS_TABLE: ("二手车技术状况表", "Used-car technical status table"),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """What only the client's copy says."""

    client: str
    vin: str
    plate: str


def page_address(report_hash: str) -> str:
    """Where anybody checks the report; the QR code leads there."""
    return f"{get_settings().public_url.rstrip('/')}/valuation/v1/reports/{report_hash}/page"


def kinds_of(issued: IssuedReport) -> tuple[PaperKind, ...]:
    """The papers of a report: with a value both, without one the table alone."""
    with_value = issued.report["kind"] == ReportKind.APPRAISAL_REPORT.value
    return (PaperKind.REPORT, PaperKind.STATUS_TABLE) if with_value else (PaperKind.STATUS_TABLE,)


def identity_of(session: Session, appraisal: Appraisal) -> Identity:
    """Full names and numbers. Whoever calls has logged the reveal."""
    facts = vehicles.get_facts(session, vehicle_id=appraisal.vehicle_id)
    return Identity(
        client=accounts.legal_name(session, party_id=appraisal.client_id),
        vin=facts.vin,
        plate=facts.plate or "未上牌",
    )


def compose(session: Session, *, issued: IssuedReport, kind: PaperKind, audience: Audience, identity: Identity | None) -> dict[str, Any]:
    """Everything a paper or page shows. ``identity`` for the client's copy only."""
    report = issued.report
    appraisal = queries.get_appraisal(session, appraisal_id=issued.appraisal_id)
    standard, _ = get_standard(date.fromisoformat(report["base_on"]))
    title, subtitle = PAPER_TITLES[kind]
    marks = marks_of((one["item"], one["code"], wording.degree_of(one["code"])) for one in report["records"] if one["item"] <= 39)
    return {
        "title": title,
        "subtitle": subtitle,
        "kind": kind.value,
        "audience": audience.value,
        "number": issued.number,
        "issuer": report["institution"],
        "report_hash": issued.report_hash,
        "address": page_address(issued.report_hash),
        "base_on": wording.day(date.fromisoformat(report["base_on"])),
        "valid_to": wording.last_day(issued.valid_until),
        "issued_on": wording.day(clock.shanghai_day(issued.issued_at)),
        "kept_until": wording.day(issued.keep_until),
        "market": get_settings().market_name,
        "purpose": wording.PURPOSE_NAMES[Purpose(report["purpose"])],
        "client": _client(report, identity),
        "vehicle": _vehicle(report["vehicle"], identity),
        "configuration": _configuration(report["vehicle"]),
        "findings": [f"{one['zh']} {one['en']}" for one in report["tradability_findings"]],
        **_result(standard, report),
        "value": wording.value(report["value"]) if report["value"] else None,
        "signers": _signers(session, appraisal, audience),
        "seal": _seal(session, issued),
        "photos": _photos(report["photos"]) if audience is Audience.CLIENT else [],
        "body_svg": draw_body(marks),
        "frame_svg": draw_frame(marks),
    }


def _client(report: Mapping[str, Any], identity: Identity | None) -> list[list[str]]:
    return [
        ["委托方", identity.client if identity else "已隐去 masked"],
        ["鉴定评估目的", wording.PURPOSE_NAMES[Purpose(report["purpose"])]],
        ["鉴定评估机构", report["institution"]],
        ["委托书", f"{(report['engagement_letter'] or '')[:16]}…(委托方已电子签名)"],
    ]


def _vehicle(facts: Mapping[str, Any], identity: Identity | None) -> list[list[str]]:
    return [
        ["厂牌型号", f"{facts['brand']} {facts['series']} {facts['model']}".strip()],
        ["号牌号码", identity.plate if identity else f"{facts.get('plate_region') or '—'}****"],
        ["车架号 VIN", identity.vin if identity else facts["vin_masked"]],
        ["车身颜色", _term(vehicles.Colour, facts["colour"])],
        ["表征里程", f"{facts['odometer_km']:,} km"],
        ["初次登记日期", _day(facts["first_registration_on"])],
        ["使用性质", _term(vehicles.UseType, facts["use_type"])],
        ["过户次数", f"{facts['transfer_count']} 次"],
        ["检验有效期至", _day(facts.get("inspection_valid_until"))],
        ["交强险有效期至", _day(facts.get("insurance_valid_until"))],
    ]


def _configuration(facts: Mapping[str, Any]) -> list[list[str]]:
    displacement, power = facts["displacement_ml"], facts.get("power_kw")
    found = [
        ["燃料", _term(vehicles.Fuel, facts["fuel"])],
        ["排量", f"{displacement / 1000:.1f} L ({displacement} mL)" if displacement else "—"],
        ["变速器", _term(vehicles.Gearbox, facts["gearbox"])],
        ["驱动方式", _term(vehicles.Drivetrain, facts.get("drivetrain"))],
        ["排放标准", _term(vehicles.EmissionStage, facts["emission_stage"])],
        ["功率", f"{power} kW" if power else "—"],
        ["座位", str(facts.get("seats") or "—")],
        ["钥匙", f"{facts['key_count']} 把" if facts.get("key_count") is not None else "—"],
    ]
    battery = facts.get("battery")
    return found + (_battery(battery) if battery else [])


def _battery(battery: Mapping[str, Any]) -> list[list[str]]:
    soh = battery["soh_permille"]
    return [
        ["动力电池", _term(vehicles.BatteryChemistry, battery["chemistry"])],
        ["电池健康度", f"{soh / 10:.1f}%({battery['soh_method'] or '方法未注明'})" if soh else "—"],
    ]


def _term(kind: type[StrEnum], value: str | None) -> str:
    return vehicles.term(kind(value)).zh if value else "—"


def _day(text: str | None) -> str:
    return wording.day(date.fromisoformat(text)) if text else "—"


def _result(standard: Standard, report: Mapping[str, Any]) -> dict[str, Any]:
    description = report["description"]
    grade = Grade(report["grade"])
    return {
        "grade": GRADE_NAMES[grade][0],
        "grade_meaning": GRADE_NAMES[grade][1],
        "score": wording.points(report["score_tenths"]),
        "areas": [
            {
                "name": AREA_NAMES[area][0],
                "english": AREA_NAMES[area][1],
                "points": wording.points(report["areas_tenths"][area.value]),
                "most": wording.points(standard.area_caps[area]),
                "share": report["areas_tenths"][area.value] * 100 // standard.area_caps[area],
            }
            for area in SCORED
        ],
        "is_accident": report["is_collision_accident"],
        "is_flood": report["is_flood"],
        "is_fire": report["is_fire"],
        "accident_lines": description["defects"].get(Area.FRAME.value, []),
        "flood_lines": _evidence(description["flood_evidence"]),
        "fire_lines": _evidence(description["fire_evidence"]),
        "defects": [
            {"area": AREA_NAMES[Area(area)][0], "lines": description["defects"][area]}
            for area in (one.value for one in Area)
            if description["defects"].get(area)
        ],
        "deductions": list(_deductions(standard, report["records"])),
        "statements": [f"{one['zh']} {one['en']}" for one in description["statements"]],
        "special_notes": description.get("special_notes") or "",
        "remaining_sound": description["remaining_sound"],
        "standard": report["standard"],
    }


def _evidence(lines: Iterable[Mapping[str, str]]) -> list[str]:
    return [f"{one['part']}:{one['trace']}" for one in lines]


def _deductions(standard: Standard, records: Iterable[Mapping[str, Any]]) -> Iterable[list[str]]:
    """Code, item, points taken, note: what the score is made of, line by line."""
    for one in records:
        if one["deduction_tenths"]:
            item = standard.items[one["item"]]
            yield [one["code"], item.zh, AREA_NAMES[item.area][0], f"−{wording.points(one['deduction_tenths'])}", one["note"]]


def _signers(session: Session, appraisal: Appraisal, audience: Audience) -> list[dict[str, str]]:
    signed = queries.list_signatures(session, appraisal_id=appraisal.id)
    masked = accounts.display_names(session, party_ids=[one.person_id for one in signed])
    kept = {view.id: view for view in accounts.list_signatures(session, document_kind="appraisal_report", document_id=appraisal.id)}
    return [
        {
            "role": "鉴定评估师 appraiser" if one.seq == 1 else "复核评估师 reviewer",
            "name": accounts.legal_name(session, party_id=one.person_id) if audience is Audience.CLIENT else masked[one.person_id],
            "certificate": one.certificate_number,
            "at": wording.moment(one.signed_at),
            "signature": kept[one.signature_id].signature[:24] + "…",
        }
        for one in signed
    ]


def _seal(session: Session, issued: IssuedReport) -> dict[str, str]:
    seal = accounts.check_seal(session, seal_id=issued.seal_id, content_hash=issued.report_hash)
    return {
        "authority": "沙箱印章机构(演示,无法律效力)sandbox" if seal.is_sandbox else seal.authority,
        "mark": "沙箱印章 SANDBOX" if seal.is_sandbox else "电子印章 electronic seal",
        "serial": seal.serial[:20],
        "at": wording.moment(seal.at),
    }


def _photos(photos: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "file": f"photo-{index}.jpg",
            "sha256": one["sha256"],
            "caption": " ".join(
                part for part in (wording.SLOT_NAMES[PhotoSlot(one["slot"])], str(one["item"] or ""), one["caption"]) if part
            ),
        }
        for index, one in enumerate(photos, 1)
    ]


def printed_at(issued: IssuedReport) -> datetime:
    """The papers' own time is the report's: printed again they are the same."""
    return issued.issued_at
