"""What the state's subsidy comes to for a trade-in, and what is still missing."""

from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.rules import RuleTable
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.sourcing.domain.subsidies import Programme, Subsidy, SubsidyCase, evaluate_subsidy
from marketplace.sourcing.domain.trade_ins import TradeInNotFound
from marketplace.sourcing.queries import trade_ins as queries
from marketplace.sourcing.service import trade_ins
from marketplace.sourcing.service.tables import rule_table
from marketplace.vehicles import api as vehicles


def evaluate(session: Session, *, principal: Principal, trade_in_id: UUID) -> tuple[Subsidy, RuleTable]:
    """Findings, amount and proofs by the table of the day the trade-in was asked for. Raises ``TradeInNotFound``."""
    shown = trade_ins.get_trade_in(session, principal=principal, trade_in_id=trade_in_id)
    row, old = shown.row, shown.old_car
    if principal.party_id not in {row.owner_id, row.dealer_id}:
        raise TradeInNotFound
    on = clock.shanghai_day(clock.now(session))
    table = rule_table("subsidy", on=clock.shanghai_day(row.asked_at))
    first, last = table.values["period_from"], table.values["period_to"]
    kind, is_new, fuel, displacement = _new_car(session, row.listing_id, row.new_car)
    case = SubsidyCase(
        on=on,
        programme=Programme.REPLACE,
        applicant_is_person=accounts.get_party(session, party_id=row.owner_id).kind is accounts.PartyKind.PERSON,
        old_owner_is_applicant=True,  # only who holds it as its owner may trade it in
        old_kind=old.kind.value,
        old_is_new_energy=old.fuel in vehicles.NEW_ENERGY,
        old_is_petrol=old.fuel is vehicles.Fuel.PETROL,
        old_registered_on=old.first_registration_on,
        old_gone_on=row.old_gone_on,
        new_buyer_is_applicant=True,
        new_is_new=is_new,
        new_kind=kind,
        new_is_new_energy=fuel in vehicles.NEW_ENERGY,
        new_displacement_ml=displacement,
        new_bought_on=row.new_bought_on,
        price_minor=shown.new_price_minor or 0,
        already_subsidized=queries.count_other_completed(session, owner_id=row.owner_id, but=row.id, first=first, last=last) > 0,
        proofs=[one.kind for one in shown.proofs],
    )
    return evaluate_subsidy(case, table.values), table


def _new_car(session: Session, listing_id: UUID | None, stated: dict[str, object] | None) -> tuple[str, bool, vehicles.Fuel, int | None]:
    """Class, newness, fuel and displacement of what is bought."""
    if listing_id is not None:
        car = vehicles.get_vehicle(session, vehicle_id=listings.get_listing(session, listing_id=listing_id).vehicle_id)
        return car.kind.value, car.first_registration_on is None, car.fuel, car.displacement_ml
    facts = stated or {}
    displacement = facts.get("displacement_ml")
    return str(facts["kind"]), True, vehicles.Fuel(str(facts["fuel"])), displacement if isinstance(displacement, int) else None
