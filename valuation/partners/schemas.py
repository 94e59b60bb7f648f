"""Bodies of the pricing API. Amounts fen, ratios basis points."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from valuation.partners.models import Estimate, EstimateUsage
from valuation.pricing.api import CarFacts, Confidence, Level, PricePurpose


class CarFactsBody(BaseModel):
    """A car by its facts. The more is stated, the narrower the interval."""

    model_config = ConfigDict(extra="forbid")

    brand: str = Field(min_length=1, max_length=40, examples=["宝马"], description="Chinese, English or pinyin.")
    series: str = Field(default="", max_length=60, examples=["3系"])
    model: str = Field(default="", max_length=120, examples=["325Li M运动套装"])
    model_year: int | None = Field(default=None, ge=1990, le=2100, examples=[2021])
    first_registration_on: date = Field(examples=["2021-05-18"])
    mileage_km: int = Field(ge=0, le=2_000_000, examples=[46_000])
    city: str = Field(default="", max_length=20, examples=["天津"])
    fuel: str = Field(default="", max_length=20, examples=["petrol"])
    gearbox: str = Field(default="", max_length=20, examples=["at"])
    displacement_ml: int | None = Field(default=None, gt=0, le=20_000, examples=[1_998])
    emission_stage: str = Field(default="", max_length=20, examples=["cn6b"])
    transfer_count: int | None = Field(default=None, ge=0, le=50, examples=[1])
    guide_price_minor: int | None = Field(default=None, gt=0, le=10_000_000_000, examples=[34_990_000], description="厂商指导价, fen.")
    use_type: str = Field(default="", max_length=40, examples=["non_commercial"])

    def facts(self) -> CarFacts:
        return CarFacts(**self.model_dump())


class EstimateRequest(BaseModel):
    """Either ``vehicle_id`` (a car one holds, or that is listed) or ``facts``. The purpose must be said: one car has many prices."""

    model_config = ConfigDict(extra="forbid")

    purpose: PricePurpose = Field(examples=["retail_ask"])
    vehicle_id: UUID | None = Field(default=None, examples=[None])
    facts: CarFactsBody | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.vehicle_id is None) == (self.facts is None):
            raise ValueError("give either vehicle_id or facts")
        return self


class BatchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    estimates: list[EstimateRequest] = Field(min_length=1, max_length=100)


class FactorBody(BaseModel):
    """One factor; they multiply from the new car's price to the estimate. Association, not cause."""

    name: str = Field(examples=["age"])
    factor_bps: int = Field(examples=[6_200])


class EstimateBody(BaseModel):
    """A price with its interval. ``confidence`` D asks for an appraisal."""

    id: UUID
    purpose: PricePurpose
    vehicle_id: UUID | None = Field(examples=[None])
    price_minor: int = Field(examples=[16_250_000])
    low_minor: int = Field(examples=[14_900_000])
    high_minor: int = Field(examples=[17_700_000])
    currency: str = Field(default="CNY", examples=["CNY"])
    coverage_bps: int | None = Field(examples=[8_000], description="Share of cars the interval is made to hold; null where unmeasured.")
    measured_coverage_bps: int | None = Field(examples=[7_980], description="Share it held on unseen cars known as well as this one.")
    confidence: Confidence
    level: Level = Field(description="How closely the data know the car.")
    model_version: str = Field(examples=["retail-ask-cn-1-4b436940ea40"])
    as_of: date = Field(examples=["2026-04-30"], description="Price level of the answer: later movements are not in it.")
    index_bps: int = Field(examples=[9_556], description="Market index from the training month to as_of.")
    index_measured: bool = Field(description="False where too few cars of this energy were seen at both dates.")
    new_price_minor: int = Field(examples=[38_000_000], description="New car with tax; from the data unless stated.")
    new_price_known: bool
    factors: list[FactorBody]
    basis: str = Field(examples=["the model's own interval, conformal on unseen cars"], description="Where the purpose's ratio comes from.")
    inputs_hash: str = Field(examples=["5f1d" * 16])
    estimated_at: datetime


def estimate_body(estimate: Estimate) -> EstimateBody:
    answer: dict[str, Any] = estimate.answer
    return EstimateBody(
        id=estimate.id,
        purpose=estimate.purpose,
        vehicle_id=estimate.vehicle_id,
        price_minor=estimate.price_minor,
        low_minor=estimate.low_minor,
        high_minor=estimate.high_minor,
        coverage_bps=estimate.coverage_bps,
        measured_coverage_bps=answer["measured_coverage_bps"],
        confidence=estimate.confidence,
        level=answer["level"],
        model_version=estimate.model_version,
        as_of=estimate.as_of,
        index_bps=answer["index_bps"],
        index_measured=answer["index_measured"],
        new_price_minor=answer["new_price_minor"],
        new_price_known=answer["new_price_known"],
        factors=[FactorBody(name=name, factor_bps=bps) for name, bps in answer["factors"]],
        basis=answer["basis"],
        inputs_hash=estimate.inputs_hash,
        estimated_at=estimate.estimated_at,
    )


class BatchAnswer(BaseModel):
    """One line of a batch: the estimate, or the problem with the same content as a single call's."""

    estimate: EstimateBody | None = None
    problem: dict[str, Any] | None = None


class BatchBody(BaseModel):
    answers: list[BatchAnswer]


class UsageBody(BaseModel):
    caller_id: UUID
    used_on: date
    used: int = Field(examples=[12])


def usage_body(usage: EstimateUsage) -> UsageBody:
    return UsageBody(caller_id=usage.caller_id, used_on=usage.used_on, used=usage.used)


class ModelBody(BaseModel):
    """The model card: data, index, figures on unseen cars."""

    version: str = Field(examples=["retail-ask-cn-1-4b436940ea40"])
    target: str = Field(examples=["asking price of Chinese used-car listings, yuan, tax included"])
    level_as_of: str = Field(examples=["2024-06"])
    index: dict[str, Any]
    training_rows: dict[str, int]
    target_coverage_bps: int = Field(examples=[8_000])
    validation: dict[str, Any]
