"""Bodies of dealer stock and its imports."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from marketplace.listings.api import Availability
from marketplace.sourcing.domain import ImageState, ImportMode, ImportState, RowOutcome, StockState
from marketplace.sourcing.domain.columns import Column, How
from marketplace.sourcing.domain.sources import FileFormat

AMOUNT_MAX = 10**12
Unit = Annotated[str, StringConstraints(min_length=1, max_length=10)]
HeaderText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
StockNo = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class StockRequest(BaseModel):
    """A car the dealer holds as stock. ``cost_minor`` is seen by nobody else."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ask_minor": 8_880_000, "cost_minor": 7_900_000, "stock_no": "JB-0017"}]}
    )

    ask_minor: int = Field(gt=0, le=AMOUNT_MAX)
    cost_minor: int | None = Field(default=None, ge=0, le=AMOUNT_MAX)
    stock_no: StockNo | None = None
    description: str = Field(default="", max_length=2_000)


class StockBody(BaseModel):
    """A stock car as its dealer sees it."""

    vehicle_id: UUID
    stock_no: str | None = Field(examples=["JB-0017"])
    state: StockState
    title: str
    vin_masked: str
    model_year: int
    first_registration_on: date | None
    odometer_km: int
    city: str
    ask_minor: int | None
    cost_minor: int | None
    description: str
    days_in_stock: int
    import_id: UUID | None
    listing_id: UUID | None
    availability: Availability | None
    list_problem: str | None = Field(description="Why the car could not be listed, the refusal's code.")


class ListRequest(BaseModel):
    """Which cars: named ones, those of one import, or with neither the whole standing stock."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"import_id": "0192f5d0-0000-7000-8000-000000000001"}]})

    vehicle_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=500)
    import_id: UUID | None = None


class ListedCarBody(BaseModel):
    vehicle_id: UUID
    listing_id: UUID | None
    problem: str | None = Field(examples=["not_eligible"])


class ListOutcomeBody(BaseModel):
    """``waiting`` cars follow at once, after this answer; the stock list shows how each fared."""

    request_id: UUID
    asked: int
    listed: int
    refused: int
    waiting: int
    cars: list[ListedCarBody]


class FindingBody(BaseModel):
    """One place of a row. ``column`` is the file's own header."""

    field: str = Field(examples=["vin"])
    column: str | None = Field(examples=["车架号"])
    code: str = Field(examples=["vin_check_digit"])
    severity: str = Field(examples=["error"])
    zh: str = Field(examples=["车架号校验位不符(GB 16735)"])
    hint: str = Field(examples=["对照行驶证逐位核对,常见于抄错一位"])


class RowBody(BaseModel):
    """Record ``n`` of the file, counted from 1 behind the header; a removed car's ``n`` is behind the last record.

    ``changes``: each field's value before and after; amounts in fen, a plate masked.
    """

    n: int
    outcome: RowOutcome
    stock_no: str | None
    vehicle_id: UUID | None
    findings: list[FindingBody]
    changes: dict[str, Any] = Field(examples=[{"ask_minor": [12_980_000, 11_980_000]}])


class ImportBody(BaseModel):
    """An import. While ``state`` is received or running its counts are not there yet: ask again."""

    id: UUID
    state: ImportState
    mode: ImportMode
    dry_run: bool
    version: int | None = Field(description="Which version of the stock it made; null unless applied.", examples=[7])
    restores_id: UUID | None = Field(description="The import whose stock this one brought back.")
    progress_permille: int = Field(description="How much of the file is read.", examples=[420])
    is_settled: bool = Field(description="Whether listings and facts have followed.")
    file_name: str
    content_hash: str
    format: FileFormat | None
    encoding: str | None
    delimiter: str | None
    mapped: dict[str, str] = Field(description="The file's headers and the fields they were understood as.")
    ignored: list[str] = Field(description="Headers that were not understood.")
    problem_code: str | None = Field(examples=["stock_breaker"])
    problem: str | None
    rows_total: int
    rows_good: int
    rows_bad: int
    rows_added: int
    rows_changed: int
    rows_unchanged: int
    rows_removed: int
    rows_warned: int
    bad_rows: list[RowBody] = Field(description="The first twenty; all of them under `rows?outcome=bad`.")
    has_error_table: bool
    received_at: datetime
    finished_at: datetime | None


class RollbackRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"confirm_removals": False}]})

    confirm_removals: bool = Field(default=False, description="Yes, also when many cars leave the stock by it.")


class HeaderMeaning(BaseModel):
    """What one header means: a field, or null to leave it aside; ``unit`` as a header would name it."""

    model_config = ConfigDict(extra="forbid")

    field: Column | None = Field(examples=["ask"])
    unit: Unit | None = None


class MappingRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"headers": {"我的底价": {"field": "ask", "unit": "万元"}}}]})

    headers: Annotated[dict[HeaderText, HeaderMeaning], Field(max_length=200)]


class MappingBody(BaseModel):
    """The dealer's own meanings, by header."""

    headers: dict[str, HeaderMeaning]


class HeaderBody(BaseModel):
    header: str = Field(examples=["表显里程(万公里)"])
    field: Column | None = Field(examples=["odometer"])
    how: How | None
    unit: str | None = Field(examples=["万公里"])
    samples: list[str] = Field(description="Its first cells; VIN and plate masked.", examples=[["4.2", "3.1"]])


class PreviewRowBody(BaseModel):
    n: int
    findings: list[FindingBody]


class PreviewBody(BaseModel):
    """A file looked at, nothing kept: how its headers are understood, which required fields are missing, what its first rows say."""

    format: FileFormat
    encoding: str | None
    delimiter: str | None
    headers: list[HeaderBody]
    missing: list[Column]
    rows: list[PreviewRowBody]


class ImageBody(BaseModel):
    """A picture the file named. ``problem``: why it is not there."""

    id: UUID
    vehicle_id: UUID
    position: int
    state: ImageState
    attempts: int
    problem: str | None = Field(examples=["http_404"])
