"""Bodies of searches."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field


class CarHit(BaseModel):
    """A live listing as everybody may see it. ``availability`` says when another channel holds the car."""

    listing_id: UUID
    vehicle_id: UUID
    channel: str = Field(examples=["b2c_store"])
    availability: str = Field(examples=["available"])
    title: str = Field(examples=["宝马 3系 2020款 325Li M运动套装"])
    brand: str = Field(examples=["宝马"])
    series: str = Field(examples=["3系"])
    model: str = Field(examples=["2020款 325Li M运动套装"])
    model_year: int = Field(examples=[2020])
    body_style: str | None = Field(examples=["sedan"])
    fuel: str = Field(examples=["petrol"])
    gearbox: str | None = Field(examples=["at"])
    emission: str | None = Field(examples=["cn6b"])
    colour: str = Field(examples=["white"])
    city: str = Field(examples=["天津"])
    mileage_km: int = Field(examples=[42_000])
    first_registration_on: date | None = Field(examples=["2020-06-18"])
    transfer_count: int = Field(examples=[1])
    ask_minor: int = Field(description="Asking price, fen.", examples=[19_800_000])
    vin_masked: str = Field(examples=["LBVAA49J132****71"])
    photo_id: UUID | None
    photo_count: int = Field(examples=[8])
    published_at: datetime


class FacetValue(BaseModel):
    """One value of a facet and how many cars would be left with it."""

    value: str = Field(examples=["宝马"])
    label: str = Field(examples=["宝马"])
    count: int = Field(examples=[12])


class PartBody(BaseModel):
    """One recognised part of the text: ``text`` stands at ``q[start:end]``."""

    kind: str = Field(examples=["price"])
    text: str = Field(examples=["10万以下"])
    start: int = Field(examples=[3])
    end: int = Field(examples=[8])
    meaning: str = Field(examples=["价格 ≤ 10万"])


class UnderstoodBody(BaseModel):
    """Why these cars: the parts that became filters, and the words a car must have."""

    parts: list[PartBody]
    words: str = Field(description="What is left of the text.", examples=["真皮座椅"])


class RankingBody(BaseModel):
    """How the list is ordered. No place in it can be bought."""

    sort: str = Field(examples=["relevance"])
    applied: str = Field(description="The order in effect: without words relevance is newest.", examples=["newest"])
    paid_places: int = Field(default=0, examples=[0])
    rule: str = Field(default="电子商务法 第四十条", examples=["电子商务法 第四十条"])


class SearchBody(BaseModel):
    """One page of a search. A facet's counts ignore its own filter."""

    items: list[CarHit]
    next: str | None = Field(default=None, description="Cursor of the next page, valid for the same sort.")
    total: int = Field(examples=[37])
    facets: dict[str, list[FacetValue]]
    understood: UnderstoodBody
    ranking: RankingBody


class SuggestionBody(BaseModel):
    """``text`` is what to search for."""

    text: str = Field(examples=["宝马 3系"])
    kind: str = Field(examples=["series"])
    brand: str = Field(examples=["宝马"])
    series: str | None = Field(examples=["3系"])


class SuggestionsBody(BaseModel):
    """Brands and series that begin with what was typed."""

    items: list[SuggestionBody]
