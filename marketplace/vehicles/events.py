"""What vehicles announces. Key of all of them: ``vehicle:<id>``."""

from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event
from marketplace.vehicles.domain import Capacity


class VehicleRegistered(Event):
    """A VIN came to the market for the first time, or came back to a new holder."""

    name: ClassVar[str] = "vehicles.vehicle_registered"
    vehicle_id: UUID
    party_id: UUID
    capacity: Capacity
    facts_version: int


class VehiclesRegistered(Event):
    """An import brought VINs to the market that it had not known, up to some hundreds at once. Key: ``registrations:<party>``."""

    name: ClassVar[str] = "vehicles.vehicles_registered"
    vehicle_ids: list[UUID]
    party_id: UUID
    capacity: Capacity


class FactsChanged(Event):
    """A fact that may bear on eligibility or on what is shown changed; ``fields`` names which."""

    name: ClassVar[str] = "vehicles.facts_changed"
    vehicle_id: UUID
    facts_version: int
    fields: list[str]


class HoldingMoved(Event):
    """The car's title went to another party."""

    name: ClassVar[str] = "vehicles.holding_moved"
    vehicle_id: UUID
    from_party_id: UUID | None
    to_party_id: UUID
    capacity: Capacity
    facts_version: int


class PhotoRemoved(Event):
    """A photo is off the car; its files may go."""

    name: ClassVar[str] = "vehicles.photo_removed"
    vehicle_id: UUID
    photo_id: UUID
    file_keys: list[str]


def vehicle_key(vehicle_id: UUID) -> str:
    """The outbox key of a car's events."""
    return f"vehicle:{vehicle_id}"
