"""Bodies of appraisal over HTTP. Scores are tenths of a point, ratios basis points, amounts fen."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from valuation.appraisal.domain import (
    STEP_NAMES,
    AppraisalState,
    Area,
    Audience,
    Checkpoint,
    Grade,
    PaperKind,
    PhotoSlot,
    Purpose,
    Reference,
    ReportKind,
    Standard,
    Verification,
    step_of,
)
from valuation.appraisal.domain.comparing import FACTORS
from valuation.appraisal.models import Appraisal, AppraisalPaper, AppraisalPhoto

MAX_MINOR = 10_000_000_000_00
Reason = Annotated[str, Field(min_length=2, max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AppraisalRequest(_Body):
    """A holder's order to an institution."""

    vehicle_id: UUID = Field(examples=["0192f0c1-2222-7000-8000-000000000001"])
    institution_id: UUID = Field(examples=["0192f0c1-3333-7000-8000-000000000001"], description="An organization of kind appraiser.")
    purpose: Purpose = Field(default=Purpose.SALE, examples=["sale"])
    note: str = Field(default="", max_length=500, examples=["车在市场3号位"])


class AcceptRequest(_Body):
    base_on: date | None = Field(default=None, examples=["2026-11-24"], description="评估基准日; today when left out, never later.")
    fee_minor: int = Field(default=0, ge=0, le=MAX_MINOR, examples=[60_000], description="Fee, fen; stands in the letter.")


class EndRequest(_Body):
    reason: Reason = Field(examples=["客户取消"])


class RecordLine(_Body):
    """One line of the worksheet: ``8BX`` frame, ``21XS2`` exterior, ``39-4`` tread, ``40B`` choice, ``105`` with a note."""

    code: str = Field(min_length=1, max_length=12, examples=["21XS2"])
    note: str = Field(default="", max_length=500, examples=["轮拱边缘"])


class EvidenceLine(_Body):
    part: str = Field(min_length=1, max_length=80, examples=["地毯"])
    trace: str = Field(min_length=1, max_length=200, examples=["泥沙"])


class InspectionRequest(_Body):
    """The whole worksheet. ``remaining_sound`` says that every item without a line was checked and is sound."""

    records: list[RecordLine] = Field(max_length=300, examples=[[{"code": "21XS2"}, {"code": "14HH1"}, {"code": "44B"}]])
    remaining_sound: bool = Field(examples=[True])
    flood: list[EvidenceLine] = Field(default_factory=list, max_length=50, examples=[[]])
    fire: list[EvidenceLine] = Field(default_factory=list, max_length=50, examples=[[]])
    special_notes: str = Field(default="", max_length=1_000, examples=["随车工具缺千斤顶"], description="特别事项说明.")


class ReplacementCostRequest(_Body):
    """重置成本法. ``alpha_bps`` is the weight of the age ratio."""

    method: Literal["replacement_cost"] = Field(examples=["replacement_cost"])
    new_price_minor: int = Field(gt=0, le=MAX_MINOR, examples=[18_000_000], description="New car's price with VAT, fen.")
    new_price_source: str = Field(min_length=2, max_length=200, examples=["厂商指导价 2026-11"])
    alpha_bps: int = Field(ge=0, le=10_000, examples=[6_000])
    plate_fee_minor: int | None = Field(default=None, ge=0, le=MAX_MINOR, examples=[12_500])


Factor = Annotated[int, Field(ge=5_000, le=20_000)]


class ReferenceBody(_Body):
    """A comparable sale. A factor left out is computed from the facts by the market's table; the region's is 10,000."""

    source: str = Field(min_length=2, max_length=200, examples=["本市场成交 2026-10-18 订单尾号 0421"])
    price_minor: int = Field(gt=0, le=MAX_MINOR, examples=[9_600_000])
    sold_on: date = Field(examples=["2026-10-18"])
    city: str = Field(default="", max_length=30, examples=["天津"])
    age_months: int | None = Field(default=None, ge=0, le=600, examples=[44], description="Its age when it was sold.")
    odometer_km: int | None = Field(default=None, ge=0, le=2_000_000, examples=[51_000])
    score_tenths: int | None = Field(default=None, ge=0, le=1_000, examples=[880])
    time_bps: Factor | None = Field(default=None, examples=[9_900])
    region_bps: Factor | None = Field(default=None, examples=[10_000])
    score_bps: Factor | None = Field(default=None, examples=[10_200])
    mileage_bps: Factor | None = Field(default=None, examples=[10_100])

    def reference(self) -> Reference:
        stated = {name: getattr(self, f"{name}_bps") for name in FACTORS}
        return Reference(
            source=self.source,
            price_minor=self.price_minor,
            sold_on=self.sold_on.isoformat(),
            city=self.city,
            age_months=self.age_months,
            odometer_km=self.odometer_km,
            score_tenths=self.score_tenths,
            stated={name: bps for name, bps in stated.items() if bps is not None},
        )


class MarketComparisonRequest(_Body):
    """现行市价法: at least three comparables, each adjusted by its four factors; the value is their mean."""

    method: Literal["market_comparison"] = Field(examples=["market_comparison"])
    comparables: list[ReferenceBody] = Field(min_length=1, max_length=20)


class StatedValueRequest(_Body):
    """A value by another method, with its reason."""

    method: Literal["stated"] = Field(examples=["stated"])
    value_minor: int = Field(gt=0, le=MAX_MINOR, examples=[9_800_000])
    reason: str = Field(min_length=10, max_length=500, examples=["事故车,按三台同款成交价协商调整"])


ValueRequest = Annotated[ReplacementCostRequest | MarketComparisonRequest | StatedValueRequest, Field(discriminator="method")]


class SignRequest(_Body):
    passphrase: str = Field(min_length=1, max_length=200, examples=["一个只有本人知道的口令"], description="One's password again.")


_APPRAISAL: dict[str, Any] = {
    "id": "0192f0c1-5555-7000-8000-000000000001",
    "vehicle_id": "0192f0c1-2222-7000-8000-000000000001",
    "client_id": "0192f0c1-1111-7000-8000-000000000001",
    "institution_id": "0192f0c1-3333-7000-8000-000000000001",
    "purpose": "sale",
    "state": "inspected",
    "step": 6,
    "step_name": "鉴定技术状况 technical scoring",
    "requested_at": "2026-11-24T01:30:00Z",
    "base_on": "2026-11-24",
    "vehicle": {"vin_masked": "LSVCZ2A45MN****01", "brand": "大众", "series": "帕萨特", "model_year": 2021, "odometer_km": 42_000},
    "findings": [],
    "letter": {"kind": "engagement_letter", "purpose": "sale", "base_on": "2026-11-24", "fee_minor": 60_000},
    "letter_hash": "9b0c" * 16,
    "letter_signed_at": "2026-11-24T02:00:00Z",
    "score_tenths": 965,
    "grade": "1",
    "areas_tenths": {"exterior": 185, "engine_bay": 180, "cabin": 100, "start": 200, "road_test": 150, "chassis": 150},
    "is_collision_accident": False,
    "is_flood": False,
    "is_fire": False,
    "description": {"defects": {"exterior": ["21XS2 左后车门 锈蚀 程度2"]}, "accident_codes": [], "statements": []},
    "value_method": None,
    "value_minor": None,
    "valuation": {},
    "report_kind": None,
    "report_hash": None,
    "issued_at": None,
    "valid_until": None,
    "version": 3,
}


class AppraisalBody(BaseModel):
    """An appraisal as its client and its institution see it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_APPRAISAL]})

    id: UUID
    vehicle_id: UUID
    client_id: UUID
    institution_id: UUID
    purpose: Purpose
    state: AppraisalState
    step: int = Field(examples=[6], description="Last completed of the nine steps.")
    step_name: str | None = Field(examples=["鉴定技术状况 technical scoring"])
    requested_at: datetime
    base_on: date | None
    vehicle: dict[str, Any]
    findings: list[dict[str, Any]] = Field(description="Tradability check; severity `bars` ends the appraisal.")
    letter: dict[str, Any] = Field(description="委托书: what the client signs; its hash is `letter_hash`.")
    letter_hash: str | None
    letter_signed_at: datetime | None
    score_tenths: int | None = Field(examples=[825])
    grade: Grade | None = Field(examples=["2"])
    areas_tenths: dict[str, int]
    is_collision_accident: bool | None
    is_flood: bool | None
    is_fire: bool | None
    description: dict[str, Any]
    value_method: str | None
    value_minor: int | None
    valuation: dict[str, Any]
    report_kind: ReportKind | None
    report_hash: str | None
    issued_at: datetime | None
    valid_until: date | None
    version: int


def appraisal_body(appraisal: Appraisal) -> AppraisalBody:
    step = step_of(appraisal.state)
    return AppraisalBody(
        id=appraisal.id,
        vehicle_id=appraisal.vehicle_id,
        client_id=appraisal.client_id,
        institution_id=appraisal.institution_id,
        purpose=appraisal.purpose,
        state=appraisal.state,
        step=step,
        step_name=STEP_NAMES[step - 1] if step else None,
        requested_at=appraisal.requested_at,
        base_on=appraisal.base_on,
        vehicle=appraisal.facts,
        findings=appraisal.findings,
        letter=appraisal.letter,
        letter_hash=appraisal.letter_hash,
        letter_signed_at=appraisal.letter_signed_at,
        score_tenths=appraisal.score_tenths,
        grade=appraisal.grade,
        areas_tenths=appraisal.areas,
        is_collision_accident=appraisal.is_collision_accident,
        is_flood=appraisal.is_flood,
        is_fire=appraisal.is_fire,
        description=appraisal.description,
        value_method=appraisal.value_method,
        value_minor=appraisal.value_minor,
        valuation=appraisal.valuation,
        report_kind=appraisal.report_kind,
        report_hash=appraisal.report_hash,
        issued_at=appraisal.issued_at,
        valid_until=appraisal.valid_until,
        version=appraisal.version,
    )


class SignerBody(BaseModel):
    seq: int = Field(examples=[1])
    certificate_number: str = Field(examples=["JDPG-2024-0117"])
    public_key: str = Field(examples=["3d40" * 16])
    signature: str = Field(examples=["92a0" * 32])
    signed_at: datetime
    is_valid: bool


class PaperBody(BaseModel):
    """A sealed PDF. ``sha256`` is of the file as handed out."""

    kind: PaperKind
    audience: Audience
    sha256: str = Field(examples=["9b0c" * 16])
    size_bytes: int = Field(examples=[181_204])
    printed_at: datetime


def paper_body(paper: AppraisalPaper) -> PaperBody:
    return PaperBody(
        kind=paper.kind, audience=paper.audience, sha256=paper.sha256, size_bytes=paper.size_bytes, printed_at=paper.printed_at
    )


class PhotoBody(BaseModel):
    id: UUID
    slot: PhotoSlot
    item: int | None = Field(examples=[21], description="The standard's item a defect photo shows.")
    caption: str = Field(examples=["左后车门锈蚀"])
    sha256: str = Field(examples=["9b0c" * 16])
    width_px: int
    height_px: int


def photo_body(photo: AppraisalPhoto) -> PhotoBody:
    return PhotoBody(
        id=photo.id,
        slot=photo.slot,
        item=photo.item,
        caption=photo.caption,
        sha256=photo.sha256,
        width_px=photo.width_px,
        height_px=photo.height_px,
    )


class RevealPaperRequest(_Body):
    """The client's copy with full numbers; the reason stands in the trail."""

    kind: PaperKind = Field(examples=["report"])
    reason: str = Field(min_length=2, max_length=200, examples=["交付委托方"])


class ReportBody(BaseModel):
    """What anybody may check. ``report`` names no person and masks the VIN."""

    report_hash: str = Field(examples=["9b0c" * 16])
    number: str = Field(examples=["JDPG-20261125-1a2b3c4d"])
    is_intact: bool = Field(description="Text, both signatures and seal verify.")
    is_current: bool = Field(description="Neither superseded nor past its validity.")
    superseded_by: UUID | None = Field(examples=[None])
    institution: str = Field(examples=["天津河南路鉴定评估有限公司"])
    seal_authority: str = Field(examples=["sandbox_seal_authority"])
    seal_is_sandbox: bool = Field(description="A stand-in of the market, not a licensed authority.")
    seal_serial: str = Field(examples=["5f3a9c"])
    seal_signature: str = Field(examples=["3045"], description="ECDSA over the seal's statement, hexadecimal DER.")
    seal_certificate: str = Field(examples=["-----BEGIN CERTIFICATE-----"])
    issued_at: datetime
    valid_until: date
    kept_until: date = Field(description="资产评估法 第二十九条: nobody can delete it before.")
    papers: list[PaperBody] = Field(description="Printed and sealed PDFs that anybody may fetch.")
    report: dict[str, Any]
    signers: list[SignerBody]


def report_body(found: Verification, papers: Sequence[AppraisalPaper]) -> ReportBody:
    return ReportBody(
        report_hash=found.report_hash,
        is_intact=found.is_intact,
        is_current=found.is_current,
        superseded_by=found.superseded_by,
        institution=found.institution,
        number=found.number,
        seal_authority=found.seal_authority,
        seal_is_sandbox=found.seal_is_sandbox,
        seal_serial=found.seal_serial,
        seal_signature=found.seal_signature,
        seal_certificate=found.seal_certificate,
        issued_at=found.issued_at,
        valid_until=found.valid_until,
        kept_until=found.kept_until,
        papers=[paper_body(one) for one in papers if one.audience is Audience.PUBLIC],
        report=dict(found.report),
        signers=[SignerBody(**asdict(one)) for one in found.signers],
    )


class CheckpointBody(BaseModel):
    number: int = Field(examples=[40])
    area: Area
    zh: str = Field(examples=["机油有无冷却液混入"])
    en: str = Field(examples=["coolant in the engine oil"])
    deductions_tenths: dict[str, int] = Field(examples=[{"B": 150, "C": 150}])
    triggers_accident: bool
    certainty: str = Field(examples=["found"])
    source: str = Field(examples=["deduction table of a published inspection application of the standard"])


class StandardBody(BaseModel):
    """The table in use: items 1-113 with their deductions, caps and grades."""

    version: int = Field(examples=[1])
    source: str = Field(examples=["GB/T 30323-2013 二手车鉴定评估技术规范 (2014-06-01 施行)"])
    frame_codes: dict[str, str]
    exterior_codes: dict[str, str]
    degrees_tenths: dict[int, int]
    area_caps_tenths: dict[str, int]
    grade_floors_tenths: dict[str, int]
    items: list[CheckpointBody]
    sources: dict[str, str] = Field(description="Where each part of the table is from.")


def standard_body(standard: Standard) -> StandardBody:
    return StandardBody(
        version=standard.number,
        source=standard.source,
        frame_codes=dict(standard.frame_codes),
        exterior_codes=dict(standard.exterior_codes),
        degrees_tenths=dict(standard.degrees),
        area_caps_tenths={area.value: points for area, points in standard.area_caps.items()},
        grade_floors_tenths={grade.value: floor for grade, floor in standard.grade_floors},
        items=[_checkpoint_body(item) for _, item in sorted(standard.items.items())],
        sources=dict(standard.sources),
    )


def _checkpoint_body(item: Checkpoint) -> CheckpointBody:
    return CheckpointBody(
        number=item.number,
        area=item.area,
        zh=item.zh,
        en=item.en,
        deductions_tenths=dict(item.deductions),
        triggers_accident=item.triggers_accident,
        certainty=item.certainty,
        source=item.source,
    )
