"""An owner offers his car for consignment; both sides sign; the car goes into the window."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.sourcing import queries
from marketplace.sourcing.domain import (
    AlreadyConsigned,
    AlreadySigned,
    ConsignmentKind,
    ConsignmentNotFound,
    ConsignmentRules,
    ConsignmentState,
    ConsignmentStateRefused,
    Contract,
    CustodyMissing,
    DocumentChanged,
    NotAnAgent,
    Side,
    Terms,
    build_document,
    check_terms,
    compute_last_day,
)
from marketplace.sourcing.domain.custody import DuesUnpaid, StorageRules
from marketplace.sourcing.domain.price_drops import PriceStep
from marketplace.sourcing.events import ConsignmentOffered, ConsignmentSigned
from marketplace.sourcing.models import Consignment, ConsignmentSignature
from marketplace.sourcing.queries import custody as custody_queries
from marketplace.sourcing.service.price_drops import keep_plan, start_plan
from marketplace.sourcing.service.records import DOCUMENT_KIND, ConsignmentView, announce, event_fields, record, view
from marketplace.sourcing.service.tables import rule_table
from marketplace.vehicles import api as vehicles

CHANNELS = {
    ConsignmentKind.PHYSICAL: (listings.Channel.C2C_CONSIGNMENT, vehicles.TradeMode.C2C_CONSIGNMENT),
    ConsignmentKind.VIRTUAL: (listings.Channel.C2C_VIRTUAL, vehicles.TradeMode.C2C_VIRTUAL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What an owner asks for. ``agent_id`` None is the market itself, ``commission_bps`` None its usual rate."""

    vehicle_id: UUID
    kind: ConsignmentKind
    floor_minor: int
    ask_minor: int
    term_days: int
    agent_id: UUID | None = None
    commission_bps: int | None = None
    withdrawal_fee_minor: int = 0
    price_steps: tuple[PriceStep, ...] = ()
    description: str = ""
    disclosures: tuple[str, ...] = ()


def offer(session: Session, *, principal: Principal, wanted: Offer) -> ConsignmentView:
    """Draw up the contract an owner offers. Nothing is listed before both sides have signed.

    Raises ``VehicleNotFound``, ``NotEligible``, ``AlreadyConsigned``, ``NotAnAgent``, ``LicenceMissing``, ``FloorAboveAsk``,
    ``TermsOutOfBounds``, ``BadPriceStep``, ``DuesUnpaid`` of an earlier one, ``RealNameMissing``, ``PartySuspended``.
    """
    at = clock.now(session)
    accounts.require_active(session, party_id=principal.party_id)
    proof = _require_owner(session, vehicle_id=wanted.vehicle_id, party_id=principal.party_id)
    _, mode = CHANNELS[wanted.kind]
    vehicles.require_eligible(session, vehicle_id=wanted.vehicle_id, mode=mode, seller_id=principal.party_id)
    agent_id = _require_agent(session, wanted.agent_id, at=at)
    if queries.find_open_of_vehicle(session, wanted.vehicle_id) is not None:
        raise AlreadyConsigned
    owed = custody_queries.find_unpaid(session, consignor_id=principal.party_id, agent_id=agent_id)
    if owed is not None:
        raise DuesUnpaid(due_minor=owed.amount_minor)
    today = clock.shanghai_day(at)
    table = rule_table("consignment", on=today)
    rules = ConsignmentRules.from_values(table.values)
    terms = Terms(
        kind=wanted.kind,
        floor_minor=wanted.floor_minor,
        ask_minor=wanted.ask_minor,
        term_days=wanted.term_days,
        commission_bps=rules.commission_bps if wanted.commission_bps is None else wanted.commission_bps,
        withdrawal_fee_minor=wanted.withdrawal_fee_minor,
        price_steps=wanted.price_steps,
        storage=StorageRules.from_values(rule_table("storage", on=today).values).terms,
    )
    check_terms(terms, rules)
    consignment = _draw_up(
        session, principal=principal, agent_id=agent_id, wanted=wanted, terms=terms, at=at, rules_version=table.number, title_proof=proof
    )
    announce(session, consignment, ConsignmentOffered(**event_fields(consignment)))
    record(session, consignment, act="consignment.offer", principal=principal, facts={"content_hash": consignment.content_hash})
    return view(session, consignment)


def _require_owner(session: Session, *, vehicle_id: UUID, party_id: UUID) -> str:
    """A consignor holds the car as its owner; a dealer's stock is sold in the store. His proof of title."""
    holding = vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=party_id)
    if holding.capacity is not vehicles.Capacity.OWNER:
        raise listings.WrongHolding(needed=vehicles.Capacity.OWNER)
    return holding.proof or ""


def _require_agent(session: Session, agent_id: UUID | None, *, at: datetime) -> UUID:
    """The market itself, or a broker with a checked filing."""
    chosen = agent_id or accounts.market_operator_id(session)
    if chosen is None:
        raise NotAnAgent
    party = accounts.require_active(session, party_id=chosen)
    if party.organization_kind is accounts.OrganizationKind.BROKER:
        accounts.require_licence(session, party_id=chosen, kind=accounts.LicenceKind.BROKER_FILING, on=clock.shanghai_day(at))
    elif party.organization_kind is not accounts.OrganizationKind.MARKET_OPERATOR:
        raise NotAnAgent
    return chosen


def _draw_up(
    session: Session,
    *,
    principal: Principal,
    agent_id: UUID,
    wanted: Offer,
    terms: Terms,
    at: datetime,
    rules_version: int,
    title_proof: str,
) -> Consignment:
    car = vehicles.get_vehicle(session, vehicle_id=wanted.vehicle_id)
    contract = Contract(
        id=new_id(),
        consignor_id=principal.party_id,
        consignor_name=accounts.legal_name(session, party_id=principal.party_id),
        agent_id=agent_id,
        agent_name=accounts.legal_name(session, party_id=agent_id),
        vehicle_id=car.id,
        vehicle_title=car.title,
        vin=car.vin_masked,
        odometer_km=car.odometer_km,
        offered_at=at.isoformat(timespec="seconds"),
        terms=terms,
        title_proof=title_proof,
        disclosures=wanted.disclosures,
    )
    text = canonical_json(build_document(contract))
    consignment = Consignment(
        id=contract.id,
        vehicle_id=car.id,
        consignor_id=contract.consignor_id,
        agent_id=agent_id,
        kind=terms.kind,
        floor_minor=terms.floor_minor,
        ask_minor=terms.ask_minor,
        agreed_ask_minor=terms.ask_minor,
        term_days=terms.term_days,
        commission_bps=terms.commission_bps,
        withdrawal_fee_minor=terms.withdrawal_fee_minor,
        storage_free_days=terms.storage.free_days,
        storage_day_minor=terms.storage.day_minor,
        description=wanted.description,
        document=text.decode(),
        content_hash=sha256_hex(text),
        rules_version=rules_version,
        offered_at=at,
    )
    session.add(consignment)
    session.flush()
    keep_plan(session, consignment, terms.price_steps)
    return consignment


# --- signing ---------------------------------------------------------------------------------------------------------------


def sign(
    session: Session, *, principal: Principal, consignment_id: UUID, passphrase: str, content_hash: str | None = None
) -> ConsignmentView:
    """Sign for the caller's side; with the second signature the car is listed.

    Raises ``ConsignmentNotFound``, ``ConsignmentStateRefused``, ``AlreadySigned``, ``DocumentChanged``, ``CustodyMissing``,
    ``WrongPassphrase`` and, with the second signature, what publishing raises.
    """
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id)
    side = side_of(consignment, principal)
    signed = queries.list_signed_sides(session, consignment.id)
    if side in signed:
        raise AlreadySigned
    if consignment.state is not ConsignmentState.OFFERED:
        raise ConsignmentStateRefused(state=consignment.state)
    if content_hash is not None and content_hash != consignment.content_hash:
        raise DocumentChanged
    if side is Side.AGENT and consignment.kind is ConsignmentKind.PHYSICAL and not _is_in_custody(session, consignment):
        raise CustodyMissing
    signature = accounts.sign(
        session,
        principal=principal,
        passphrase=passphrase,
        document_kind=DOCUMENT_KIND,
        document_id=consignment.id,
        content_hash=consignment.content_hash,
    )
    session.add(
        ConsignmentSignature(
            consignment_id=consignment.id, side=side, signature_id=signature.id, person_id=signature.person_id, at=signature.at
        )
    )
    session.flush()
    record(session, consignment, act="consignment.sign", principal=principal, facts={"side": side.value})
    if len(signed) + 1 == len(Side):
        _activate(session, consignment, principal=principal)
    return view(session, consignment)


def _is_in_custody(session: Session, consignment: Consignment) -> bool:
    custody = custody_queries.find_custody(session, consignment.id)
    return custody is not None and custody.returned_at is None


def _activate(session: Session, consignment: Consignment, *, principal: Principal) -> None:
    """The contract is made: the agent may act on the car, which goes into the window."""
    at = clock.now(session)
    vehicles.grant_consignee(
        session,
        principal=principal,
        vehicle_id=consignment.vehicle_id,
        party_id=consignment.agent_id,
        proof=f"consignment:{consignment.id}",
    )
    consignment.signed_at = at
    consignment.ends_at = clock.end_of_day(compute_last_day(clock.shanghai_day(at), consignment.term_days))
    consignment.state = ConsignmentState.ACTIVE
    consignment.version += 1
    start_plan(session, consignment, signed_at=at)
    list_car(session, consignment, principal=principal)
    assert consignment.listing_id is not None
    event = ConsignmentSigned(
        **event_fields(consignment),
        listing_id=consignment.listing_id,
        content_hash=consignment.content_hash,
        ends_at=consignment.ends_at,
    )
    announce(session, consignment, event)
    record(session, consignment, act="consignment.activate", principal=principal, facts={"listing_id": str(consignment.listing_id)})


def list_car(session: Session, consignment: Consignment, *, principal: Principal | None) -> None:
    """Publish the car under its contract. Raises what ``listings.publish`` raises."""
    channel, _mode = CHANNELS[consignment.kind]
    listing = listings.publish(
        session,
        principal=principal,
        vehicle_id=consignment.vehicle_id,
        seller_id=consignment.consignor_id,
        channel=channel,
        ask_minor=consignment.ask_minor,
        description=consignment.description,
        source_kind=DOCUMENT_KIND,
        source_id=consignment.id,
        floor_minor=consignment.floor_minor,
        seller_fee_bps=consignment.commission_bps,
        agent_id=consignment.agent_id,
    )
    consignment.listing_id = listing.id
    session.add(consignment)
    session.flush()


# --- who acts --------------------------------------------------------------------------------------------------------------


def side_of(consignment: Consignment, principal: Principal) -> Side:
    """Which side the caller acts for. Raises ``ConsignmentNotFound`` for anybody else."""
    if principal.party_id == consignment.consignor_id:
        return Side.CONSIGNOR
    if principal.party_id == consignment.agent_id and principal.can("consignments.manage"):
        return Side.AGENT
    raise ConsignmentNotFound


def lock_as(session: Session, *, principal: Principal, consignment_id: UUID, side: Side | None = None) -> Consignment:
    """The caller's consignment under lock. Raises ``ConsignmentNotFound``, also when he stands on the other ``side``."""
    consignment = queries.lock_consignment(session, consignment_id)
    if consignment is None or (side_of(consignment, principal) is not side and side is not None):
        raise ConsignmentNotFound
    side_of(consignment, principal)
    return consignment


def relist(session: Session, *, principal: Principal, consignment_id: UUID) -> ConsignmentView:
    """Publish again a car whose listing was pulled, once what barred it is cleared. Raises what ``listings.publish`` raises."""
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id)
    if consignment.state is not ConsignmentState.ACTIVE:
        raise ConsignmentStateRefused(state=consignment.state)
    list_car(session, consignment, principal=principal)
    record(session, consignment, act="consignment.relist", principal=principal, facts={"listing_id": str(consignment.listing_id)})
    return view(session, consignment)
