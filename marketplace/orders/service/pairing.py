"""Two orders at once, old car against new 置换: both are made, or neither; only the difference is paid."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.orders.domain import Confirmation, Fees, PriceKind, SourceKind
from marketplace.orders.service.opening import Terms, agree_on_listing, registration_city, write_order
from marketplace.orders.service.records import OrderView
from marketplace.vehicles import api as vehicles


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCar:
    """What the buyer of the new car gives in part payment, in fen."""

    vehicle_id: UUID
    price_minor: int
    channel: str
    source_id: UUID
    annex: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OrderPair:
    """``new``: the caller buys. ``old``: he sells."""

    new: OrderView
    old: OrderView


def open_pair(
    session: Session,
    *,
    principal: Principal,
    listing_id: UUID,
    buyer_city: str | None,
    confirmations: Collection[Confirmation],
    old: OldCar,
) -> OrderPair:
    """Order a listed car and sell an old one to the same seller. Both claims are taken in the order of the cars' ids.

    The lower price is set off in full; the market's fee for the new car is taken from the dealer with the old one, so that whoever owes
    the difference owes just that. Raises what ``place_order`` raises; nothing of it stands then.
    """
    buyer = accounts.require_active(session, party_id=principal.party_id)
    accounts.require_real_name(session, party_id=principal.party_id)
    new_order_id, old_order_id = new_id(), new_id()
    seen = listings.get_listing(session, listing_id=listing_id)
    holders = {seen.vehicle_id: new_order_id, old.vehicle_id: old_order_id}
    for vehicle_id in sorted(holders):
        listings.take_claim(session, vehicle_id=vehicle_id, kind=listings.ClaimKind.ORDER, holder_id=holders[vehicle_id])
    agreed, required = agree_on_listing(
        session, principal=principal, buyer=buyer, listing_id=listing_id, buyer_city=buyer_city, confirmations=confirmations
    )
    offset = min(agreed.price_minor, old.price_minor)
    dealer_fee = agreed.fees.seller_fee_minor
    annex = {
        "kind": "trade_in",
        "id": str(old.source_id),
        "new_price_minor": agreed.price_minor,
        "old_price_minor": old.price_minor,
        "set_off_minor": offset,
        "difference_minor": agreed.price_minor - old.price_minor,
    }
    new_terms = replace(
        agreed,
        fees=Fees(agreed.fees.buyer_fee_minor, 0, agreed.fees.commission_minor),
        linked_order_id=old_order_id,
        offset_minor=offset,
        annex=annex,
    )
    old_terms = _old_terms(session, new_terms, old=old, dealer_fee=dealer_fee, linked=new_order_id, annex=annex | dict(old.annex or {}))
    new_order = write_order(session, principal=principal, order_id=new_order_id, agreed=new_terms, confirmed=required)
    old_order = write_order(session, principal=principal, order_id=old_order_id, agreed=old_terms)
    return OrderPair(new=new_order, old=old_order)


def _old_terms(session: Session, new: Terms, *, old: OldCar, dealer_fee: int, linked: UUID, annex: Mapping[str, Any]) -> Terms:
    dealer = accounts.get_party(session, party_id=new.seller_id)
    return Terms(
        vehicle_id=old.vehicle_id,
        seller_id=new.buyer_id,
        buyer_id=new.seller_id,
        agent_id=None,
        channel=old.channel,
        source_kind=SourceKind.ACQUISITION,
        source_id=old.source_id,
        price_minor=old.price_minor,
        price_kind=PriceKind.NEGOTIATED,
        fees=Fees(dealer_fee, 0, 0),
        buyer_city=registration_city(dealer, None),
        sign_by=new.sign_by,
        pay_by=new.pay_by,
        mode=vehicles.TradeMode.ACQUISITION,
        linked_order_id=linked,
        offset_minor=new.offset_minor,
        annex=annex,
    )
