"""Bodies of what is on record of a car: eligibility, papers, restrictions, history, words."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.vehicles.domain import (
    CheckState,
    DocumentKind,
    HistoryKind,
    OdometerSource,
    RestrictionKind,
    RestrictionState,
    Segment,
    ServiceRecord,
    Severity,
    TradeMode,
)
from marketplace.vehicles.schemas.facts import Fen, Km

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"


class FindingBody(BaseModel):
    """One answer of the rules."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["lien_open"])
    severity: Severity
    article: str = Field(examples=["二手车流通管理办法 第二十条(二)"])
    zh: str = Field(examples=["车辆处于抵押期间"])
    en: str = Field(examples=["The car is under a lien."])
    clears: str = Field(examples=["lien_release_or_consent"], description="What would clear it, a code.")
    clears_zh: str = Field(examples=["解除抵押登记证明,或卖方、买方、抵押权人三方共同申请"])
    clears_en: str = Field(examples=["A lien release record, or the joint application of seller, buyer and creditor"])


class QuestionBody(BaseModel):
    """One line of the tradability table 可交易车辆判别表. ``is_bad``: a car with one bad answer may not be traded."""

    model_config = ConfigDict(from_attributes=True)

    number: int = Field(examples=[2])
    zh: str = Field(examples=["是否为抵押期间或海关监管期间的车辆"])
    en: str = Field(examples=["Is it under a lien or customs supervision?"])
    is_bad: bool = Field(examples=[False])
    codes: list[str] = Field(examples=[["lien_open"]])


class EligibilityBody(BaseModel):
    """``tradable``: nothing bars; ``is_complete``: no paper is missing for the transfer either."""

    vehicle_id: UUID = Field(examples=[_ID])
    mode: TradeMode
    tradable: bool = Field(examples=[True])
    is_complete: bool = Field(examples=[False])
    questions: list[QuestionBody]
    findings: list[FindingBody]


class NoteIn(BaseModel):
    """What only the holder sees."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(default="", max_length=2_000, examples=["底价可再谈"])
    buy_price_minor: Fen | None = None
    floor_price_minor: Fen | None = None


class ReadingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    odometer_km: Km
    read_on: date | None = Field(default=None, description="Left out: today.")


class ReadingBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    odometer_km: int = Field(examples=[42_000])
    read_on: date = Field(examples=["2026-11-24"])
    source: OdometerSource
    recorded_at: datetime = Field(examples=["2026-11-24T02:00:00Z"])


class OdometerBody(BaseModel):
    """The history, oldest first. ``rolled_back``: a later reading is lower than an earlier one."""

    readings: list[ReadingBody]
    rolled_back: bool = Field(examples=[False])


class DocumentIn(BaseModel):
    """A paper to put on file; ``holder_name`` is the name on it. Neither number nor name is shown in public."""

    model_config = ConfigDict(extra="forbid")

    kind: DocumentKind
    number: str | None = Field(default=None, max_length=60, examples=["120012345678"])
    holder_name: str | None = Field(default=None, max_length=80, examples=["张三"])
    issued_on: date | None = None
    valid_until: date | None = None
    restriction_id: UUID | None = Field(
        default=None, description="Which restriction the paper ends or opens: wanted for releases, consents and clearances."
    )


class DocumentCheck(BaseModel):
    """An operator saw the paper. Accepted, a release ends its restriction; a three-party application or an approval opens it."""

    model_config = ConfigDict(extra="forbid")

    accepted: bool = Field(examples=[True])
    note: str = Field(default="", max_length=300, examples=["与车管所登记一致"])


class DocumentBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    kind: DocumentKind
    issued_on: date | None = Field(examples=["2026-11-20"])
    valid_until: date | None = Field(examples=["2031-03-18"])
    restriction_id: UUID | None = Field(examples=[None])
    check_state: CheckState
    checked_at: datetime | None = Field(examples=["2026-11-24T02:00:00Z"])
    check_note: str | None = Field(examples=["与车管所登记一致"])
    recorded_at: datetime = Field(examples=["2026-11-24T02:00:00Z"])


class RestrictionIn(BaseModel):
    """A lien, seal or other restriction. A holder may disclose lien, pledge and recall; the rest is the operators'."""

    model_config = ConfigDict(extra="forbid")

    kind: RestrictionKind
    authority: str = Field(default="", max_length=120, examples=["某某银行天津分行"])
    reference: str = Field(default="", max_length=120, examples=["抵押登记 2024-0031"])
    amount_minor: Fen | None = None


class RestrictionDecision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: RestrictionState = Field(description="released, or consented (lien, pledge, customs).", examples=["released"])
    reference: str = Field(min_length=1, max_length=120, examples=["解除抵押证明 2026-0117"])


class RestrictionBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    kind: RestrictionKind
    state: RestrictionState
    authority: str = Field(examples=["某某银行天津分行"])
    reference: str = Field(examples=["抵押登记 2024-0031"])
    amount_minor: int | None = Field(examples=[8_000_000])
    recorded_at: datetime = Field(examples=["2026-11-24T02:00:00Z"])
    decided_at: datetime | None = Field(examples=["2026-11-24T02:00:00Z"])
    decision_reference: str | None = Field(examples=["解除抵押证明 2026-0117"])


class HistoryIn(BaseModel):
    """A workshop visit or an insurance claim. Kilometres given count as an odometer reading of that day."""

    model_config = ConfigDict(extra="forbid")

    kind: HistoryKind
    happened_on: date = Field(examples=["2026-06-01"])
    odometer_km: int | None = Field(default=None, ge=0, le=3_000_000, examples=[40_000])
    place: str = Field(default="", max_length=80, examples=["天津某某4S店"])
    is_authorised: bool | None = Field(default=None, description="Whether it was the maker's own workshop.")
    description: str = Field(default="", max_length=500, examples=["常规保养,更换机油机滤"])
    amount_minor: int | None = Field(default=None, ge=0, le=100_000_000_000, examples=[86_000])


class HistoryEntryBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    kind: HistoryKind
    happened_on: date = Field(examples=["2026-06-01"])
    odometer_km: int | None = Field(examples=[40_000])
    place: str = Field(examples=["天津某某4S店"])
    is_authorised: bool | None = Field(examples=[True])
    description: str = Field(examples=["常规保养,更换机油机滤"])
    amount_minor: int | None = Field(examples=[86_000])
    recorded_at: datetime = Field(examples=["2026-11-24T02:00:00Z"])


class HistoryBody(BaseModel):
    """Oldest first, with what the entries come to; the holder's own summary stands among the car's facts."""

    model_config = ConfigDict(from_attributes=True)

    entries: list[HistoryEntryBody]
    services: int = Field(examples=[3])
    service_record: ServiceRecord
    service_last_on: date | None = Field(examples=["2026-06-01"])
    service_last_km: int | None = Field(examples=[40_000])
    claims: int = Field(examples=[0])
    claims_max_minor: int | None = Field(examples=[None])


class TitleCaseBody(BaseModel):
    """Another party holds the car. A case is open and the market will decide; neither party is kept from anything by it."""

    case_id: UUID = Field(examples=[_ID])
    status: str = Field(default="title_case", examples=["title_case"])
    zh: str = Field(default="该车已由他人登记持有,已为您提交权属核查", examples=["该车已由他人登记持有,已为您提交权属核查"])
    en: str = Field(
        default="Another party holds this car; a title case has been opened for you.",
        examples=["Another party holds this car; a title case has been opened for you."],
    )


class RevealIn(BaseModel):
    """Every reveal of a full VIN is logged with its reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=4, max_length=200, examples=["办理转让登记"])


class RevealBody(BaseModel):
    vin: str = Field(examples=["LSVCZ2A45MN054321"])


class TermBody(BaseModel):
    """One value of an enumeration."""

    value: str = Field(examples=["petrol"])
    zh: str = Field(examples=["汽油"])
    en: str = Field(examples=["petrol"])


class SeriesBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["帕萨特"])
    en: str = Field(examples=["Passat"])
    segment: Segment


class ModelBody(BaseModel):
    """A model of a series. ``cars``: how many the market has seen."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["2021款 330TSI 豪华版"])
    model_year: int = Field(examples=[2021])
    cars: int = Field(examples=[3])


class SeriesModelsBody(BaseModel):
    """Brand and series by their catalogue names, whatever text was asked with."""

    brand: str = Field(examples=["大众"])
    series: str = Field(examples=["帕萨特"])
    models: list[ModelBody]


class BrandBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["大众"])
    en: str = Field(examples=["Volkswagen"])
    pinyin: str = Field(examples=["dazhong"])
    series: list[SeriesBody]


class VocabularyBody(BaseModel):
    """Every enumeration with its names, and the catalogue of brands and series."""

    terms: dict[str, list[TermBody]]
    brands: list[BrandBody]
