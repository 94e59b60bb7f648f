"""One car of an inbound feed: the same members in JSON, CSV and XML."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from marketplace.parallel_import.domain import ImportState, ImportVersion, PaperKind
from marketplace.parallel_import.schemas.cars import ImportedCar, Shown


class FeedPaper(BaseModel):
    """A paper of the dossier."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    kind: PaperKind
    number: str = Field(min_length=1, max_length=60)
    issuer: str = Field(default="", max_length=120)
    issued_on: date | None = None


class FeedCar(ImportedCar, Shown):
    """``ref`` is the pilot's own number of the car, ``state`` where it stands now, ``ask_minor`` (fen) its price on sale."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    ref: str = Field(min_length=1, max_length=60)
    import_version: ImportVersion
    is_new: bool = True
    state: ImportState = ImportState.ORDERED
    arrived_on: date | None = None
    cleared_on: date | None = None
    ask_minor: int | None = Field(default=None, gt=0, le=100_000_000_000)
    description: str = Field(default="", max_length=4_000)
    papers: list[FeedPaper] = Field(default=[], max_length=40)

    @field_validator("papers")
    @classmethod
    def _one_of_a_kind(cls, papers: list[FeedPaper]) -> list[FeedPaper]:
        """The last one of a kind counts."""
        return list({paper.kind: paper for paper in papers}.values())

    @model_validator(mode="after")
    def _days_in_order(self) -> "FeedCar":
        if self.arrived_on and self.cleared_on and self.cleared_on < self.arrived_on:
            raise ValueError("cleared before it arrived")
        return self
