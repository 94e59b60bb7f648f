"""Bodies of dealer stock and its imports."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from marketplace.listings.api import Availability
from marketplace.sourcing.domain import ImportMode, ImportState, RowOutcome, StockState

AMOUNT_MAX = 10**12
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
    """Record ``n`` of the file, counted from 1 behind the header."""

    n: int
    outcome: RowOutcome
    stock_no: str | None
    vehicle_id: UUID | None
    findings: list[FindingBody]


class ImportBody(BaseModel):
    """An import. While ``state`` is received or running its counts are not there yet: ask again."""

    id: UUID
    state: ImportState
    mode: ImportMode
    dry_run: bool
    file_name: str
    content_hash: str
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
