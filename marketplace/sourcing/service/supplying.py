"""A batch of cars comes in under an agreement: stored at once, taken in car by car, each with its own result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Database, Session
from marketplace.core.errors import Refusal
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal, PrincipalKind
from marketplace.sourcing.domain import ConsignmentKind
from marketplace.sourcing.domain.agreements import (
    AgreementNotFound,
    AgreementTermsOutOfBounds,
    BatchNotFound,
    BatchState,
    CarOutcome,
    ChannelNotAgreed,
    PriceMissing,
    ProofKind,
    SourceChannel,
    SourceOrigin,
    check_in_force,
    check_proofs,
)
from marketplace.sourcing.events import BatchReceived, agreement_key
from marketplace.sourcing.models.agreements import SupplyAgreement, SupplyBatch, SupplyCar
from marketplace.sourcing.queries import agreements as queries
from marketplace.sourcing.service import acquiring, agreements, offering
from marketplace.sourcing.service.staging import Pace
from marketplace.sourcing.service.tables import rule_table
from marketplace.vehicles import api as vehicles


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppliedCar:
    """One car as the source states it. ``documents``: kinds of the car's papers at hand; ``proofs``: number by kind."""

    facts: vehicles.VehicleFacts
    origin: SourceOrigin
    channel: SourceChannel
    proofs: Mapping[ProofKind, str]
    documents: Sequence[vehicles.DocumentKind] = ()
    reference: str | None = None
    floor_minor: int | None = None
    ask_minor: int | None = None
    expected_minor: int | None = None
    term_days: int = 60
    description: str = ""


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch with how its cars fared so far."""

    row: SupplyBatch
    cars: list[SupplyCar]


def bring_in(session: Session, *, principal: Principal, agreement_id: UUID, cars: Sequence[SuppliedCar]) -> SupplyBatch:
    """Store a batch; its cars are taken in behind the answer.

    Raises ``AgreementNotFound``, ``AgreementStateRefused``, ``AgreementNotInForce``, ``AgreementTermsOutOfBounds``, ``PartySuspended``.
    """
    row = agreements.lock(session, principal=principal, agreement_id=agreement_id)
    if principal.party_id != row.source_id:
        raise AgreementNotFound
    accounts.require_active(session, party_id=principal.party_id)
    at = clock.now(session)
    today = clock.shanghai_day(at)
    check_in_force(row.state, valid_from=row.valid_from, valid_to=row.valid_to, on=today)
    most = rule_table("agreement", on=today).values["cars_a_batch_max"]
    if not 1 <= len(cars) <= most:
        raise AgreementTermsOutOfBounds(field="cars", minimum=1, maximum=most)
    batch = SupplyBatch(agreement_id=row.id, number=queries.count_batches(session, row.id) + 1, brought_by=principal.id, received_at=at)
    session.add(batch)
    session.flush()
    session.add_all(_row(batch.id, n, car) for n, car in enumerate(cars, start=1))
    session.flush()
    event = BatchReceived(batch_id=batch.id, agreement_id=row.id, source_id=row.source_id, cars=len(cars))
    outbox.append(session, event, key=agreement_key(row.id))
    audit.record(
        session,
        principal=principal,
        act="agreement.bring_in",
        object_kind="supply_agreement",
        object_id=row.id,
        facts={"batch": batch.number, "cars": len(cars)},
    )
    return batch


def _row(batch_id: UUID, n: int, car: SuppliedCar) -> SupplyCar:
    payload = {
        "facts": {one.name: getattr(car.facts, one.name) for one in fields(car.facts) if one.name != "battery"},
        "documents": [one.value for one in car.documents],
        "floor_minor": car.floor_minor,
        "ask_minor": car.ask_minor,
        "expected_minor": car.expected_minor,
        "term_days": car.term_days,
        "description": car.description,
    }
    return SupplyCar(
        batch_id=batch_id,
        n=n,
        reference=car.reference,
        origin=car.origin,
        channel=car.channel,
        proofs=orjson.dumps({kind.value: number for kind, number in car.proofs.items()}).decode(),
        payload=orjson.dumps(payload).decode(),
    )


# --- taking them in ------------------------------------------------------------------------------------------------------


def take_in(database: Database, *, batch_id: UUID, aim_ms: int) -> None:
    """The cars of a batch, a few in a transaction; one that is refused keeps the reason and stops nobody. Twice is once."""
    pace = Pace(aim_ms)
    while True:
        with pace.measured(pace.size), database.writing() as session:
            batch = queries.find_batch(session, batch_id)
            if batch is None or batch.state is BatchState.DONE:
                return
            cars = queries.lock_waiting_cars(session, batch_id, limit=pace.size)
            agreement = queries.find_agreement(session, batch.agreement_id)
            assert agreement is not None
            principal = Principal(
                id=batch.brought_by, kind=PrincipalKind.PERSON, party_id=agreement.source_id, organization_id=agreement.source_id
            )
            for car in cars:
                _take_one(session, principal, agreement, car)
            if not cars:
                batch.state, batch.finished_at = BatchState.DONE, clock.now(session)
                session.add(batch)
                return


def _take_one(session: Session, principal: Principal, agreement: SupplyAgreement, car: SupplyCar) -> None:
    try:
        with session.begin_nested():
            _place(session, principal, agreement, car)
    except Refusal as refusal:
        session.refresh(car)
        car.outcome, car.problem_code = CarOutcome.REFUSED, refusal.code
        car.problem = {"zh": refusal.title("zh"), "en": refusal.title("en"), "rule": refusal.rule.article if refusal.rule else None}
        if isinstance(refusal, vehicles.NotEligible):
            car.problem |= {"findings": refusal.fields["findings"]}
    car.payload = None
    session.add(car)
    session.flush()


def _place(session: Session, principal: Principal, agreement: SupplyAgreement, car: SupplyCar) -> None:
    """Register one car and send it into its channel. Raises whatever refuses it."""
    assert car.payload is not None
    stated = orjson.loads(car.payload)
    if car.channel.value not in agreement.channels or car.origin.value not in agreement.origins:
        raise ChannelNotAgreed(channel=f"{car.origin.value}/{car.channel.value}")
    today = clock.shanghai_day(clock.now(session))
    given = {ProofKind(kind) for kind in orjson.loads(car.proofs)}
    check_proofs(given, rule_table("agreement", on=today).values["proofs"][car.origin.value])
    source = accounts.get_party(session, party_id=agreement.source_id)
    is_dealer = source.organization_kind is accounts.OrganizationKind.DEALER
    found = vehicles.register_vehicle(
        session,
        principal=principal,
        party_id=agreement.source_id,
        facts=facts_from(stated["facts"]),
        capacity=vehicles.Capacity.DEALER_STOCK if is_dealer else vehicles.Capacity.OWNER,
        proof=f"contract:{agreement.number}",
    )
    for kind in stated["documents"]:
        vehicles.record_document(session, principal=principal, vehicle_id=found.id, kind=vehicles.DocumentKind(kind))
    car.vehicle_id, car.outcome = found.id, CarOutcome.READY
    _send(session, principal, agreement, car, stated)
    session.add(car)
    session.flush()


def _send(session: Session, principal: Principal, agreement: SupplyAgreement, car: SupplyCar, stated: Mapping[str, Any]) -> None:
    assert car.vehicle_id is not None
    if car.channel is SourceChannel.ACQUISITION:
        days = rule_table("agreement", on=clock.shanghai_day(clock.now(session))).values["ask_days"]
        wanted = acquiring.Ask(
            vehicle_id=car.vehicle_id,
            days=days,
            expected_minor=stated["expected_minor"],
            description=stated["description"],
            agreement_id=agreement.id,
        )
        car.acquisition_id = acquiring.open_request(session, principal=principal, wanted=wanted).id
        car.outcome = CarOutcome.ASKED
    elif car.channel is SourceChannel.CONSIGNMENT:
        if stated["floor_minor"] is None or stated["ask_minor"] is None:
            raise PriceMissing
        offer = offering.Offer(
            vehicle_id=car.vehicle_id,
            kind=ConsignmentKind.VIRTUAL,
            floor_minor=stated["floor_minor"],
            ask_minor=stated["ask_minor"],
            term_days=stated["term_days"],
            commission_bps=agreement.commission_bps,
            description=stated["description"],
        )
        car.consignment_id = offering.offer(session, principal=principal, wanted=offer).id
        car.outcome = CarOutcome.CONSIGNED
    else:
        mode = vehicles.TradeMode.C2B_AUCTION
        vehicles.require_eligible(session, vehicle_id=car.vehicle_id, mode=mode, seller_id=agreement.source_id)


_HINTS = get_type_hints(vehicles.VehicleFacts)


def facts_from(stated: Mapping[str, Any]) -> vehicles.VehicleFacts:
    """Facts back from their stored form."""
    return vehicles.VehicleFacts(**{name: _back(_HINTS[name], value) for name, value in stated.items()})


def _back(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    kinds = [one for one in get_args(hint) if one is not type(None)] if get_origin(hint) is UnionType else [hint]
    kind = kinds[0]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    return date.fromisoformat(value) if kind is date else value


# --- looking -----------------------------------------------------------------------------------------------------------


def list_batches(session: Session, *, principal: Principal, agreement_id: UUID, paging: PageQuery) -> list[BatchView]:
    agreements.get_own(session, principal=principal, agreement_id=agreement_id)
    return [BatchView(one, []) for one in queries.list_batches(session, agreement_id=agreement_id, paging=paging)]


def get_batch(session: Session, *, principal: Principal, agreement_id: UUID, batch_id: UUID, after: int = 0, limit: int = 200) -> BatchView:
    """Each car's result, in the order they were given. Raises ``AgreementNotFound``, ``BatchNotFound``."""
    agreements.get_own(session, principal=principal, agreement_id=agreement_id)
    batch = queries.find_batch(session, batch_id)
    if batch is None or batch.agreement_id != agreement_id:
        raise BatchNotFound
    return BatchView(batch, queries.list_cars(session, batch_id=batch_id, after=after, limit=limit))
