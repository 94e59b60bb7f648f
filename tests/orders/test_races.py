"""What only real connections can race, on PostgreSQL: one car, one payment, one settlement, whoever comes first."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from marketplace.core.db import Database
from marketplace.orders.api import cancel_order, complete_transfer
from marketplace.orders.service import ending
from marketplace.payments.api import balances, ledger_sum
from tests.market import Market
from tests.people import operator, organization, payout_account, sign_up
from tests.purchases import BASE, CONFIRMATIONS, balance, buy, dealer_listing, get, hand_over_and_accept, money, pay, sign_both

ASK = 8_800_000


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Run all at once; the results in order, an exception as itself."""
    barrier = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(position: int, act: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[position] = act()
        except Exception as error:
            results[position] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class World:
    def __init__(self, api: Market) -> None:
        self.api = api
        self.clerk = operator(api)
        self.dealer = organization(api, "dealer", by=self.clerk)
        payout_account(api, self.dealer)
        self.listing = dealer_listing(api, self.dealer, ask_minor=ASK)
        self.buyers = [sign_up(api, name) for name in ("李四", "王五", "赵六", "周八")]
        for buyer in self.buyers:
            money(api, buyer, 10_000_000)

    def order_together(self) -> list[Any]:
        body = {"listing_id": self.listing["id"], "confirmations": CONFIRMATIONS}
        return together(*[lambda buyer=buyer: self.api.post(f"{BASE}/orders", json=body, headers=buyer.headers) for buyer in self.buyers])


@pytest.fixture
def world(postgres: Database) -> Iterator[World]:
    with Market(postgres) as market:
        yield World(market)


def test_four_buyers_one_car(world: World) -> None:
    answers = world.order_together()
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"vehicle_claimed"}


def test_one_reference_paid_from_two_banks_at_once_is_taken_once(world: World) -> None:
    buyer, father = world.buyers[:2]
    order = buy(world.api, buyer, world.listing["id"])
    due = sign_both(world.api, world.dealer, buyer, order["id"])["payment"]
    body = {"reference": due["reference"], "amount_minor": ASK}
    path = f"{BASE}/sandbox-bank/transfers"
    answers = together(*[lambda one=one: world.api.post(path, json=body, headers=one.headers) for one in (buyer, father, buyer, father)])
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    together(world.api.relay, world.api.relay)
    world.api.relay()
    assert get(world.api, f"/orders/{order['id']}", buyer)["state"] == "paid"
    assert sorted([balance(world.api, buyer), balance(world.api, father)]) == [10_000_000 - ASK, 10_000_000]
    with world.api.database.reading() as session:
        assert ledger_sum(session) == 0
        assert balances(session)["escrow"] == balances(session)["clearing"] == ASK


def test_payment_and_deadline_at_once_end_in_one_of_two_ways(world: World) -> None:
    buyer = world.buyers[0]
    order = buy(world.api, buyer, world.listing["id"])
    due = sign_both(world.api, world.dealer, buyer, order["id"])["payment"]
    body = {"reference": due["reference"], "amount_minor": ASK}

    def cancel() -> None:
        with world.api.database.writing() as session:
            cancel_order(session, order_id=UUID(order["id"]), reason="unpaid")

    def transfer() -> None:
        world.api.post(f"{BASE}/sandbox-bank/transfers", json=body, headers=buyer.headers)
        world.api.relay()

    together(cancel, transfer)
    for _round in range(3):
        world.api.relay()
    state = get(world.api, f"/orders/{order['id']}", buyer)["state"]
    assert state == "cancelled"  # paid first, it is refunded; cancelled first, the money goes back
    assert balance(world.api, buyer) == 10_000_000
    with world.api.database.reading() as session:
        assert ledger_sum(session) == 0
        assert balances(session)["escrow"] == balances(session)["clearing"] == 0


def test_two_completions_settle_once(world: World) -> None:
    buyer = world.buyers[0]
    order = buy(world.api, buyer, world.listing["id"])
    sign_both(world.api, world.dealer, buyer, order["id"])
    pay(world.api, buyer, order["id"])
    hand_over_and_accept(world.api, world.dealer, buyer, order["id"])

    def complete() -> None:
        with world.api.database.writing() as session:
            complete_transfer(session, principal=None, order_id=UUID(order["id"]))

    assert together(complete, complete, complete) == [None, None, None]
    together(world.api.relay, world.api.relay)
    world.api.relay()
    assert balance(world.api, world.dealer) == ASK - 88_000
    with world.api.database.reading() as session:
        assert balances(session)["market_fees"] == 88_000


def test_both_sides_sign_at_once_and_one_payment_is_asked_for(world: World) -> None:
    buyer = world.buyers[0]
    order = buy(world.api, buyer, world.listing["id"])
    path = f"{BASE}/orders/{order['id']}/signatures"
    answers = together(
        *[
            lambda one=one: world.api.post(path, json={"passphrase": one.password}, headers=one.headers)
            for one in (buyer, world.dealer, buyer, world.dealer)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert get(world.api, f"/orders/{order['id']}", buyer)["state"] == "awaiting_payment"
    assert len(get(world.api, "/payments", buyer)["items"]) == 1


def test_the_sweep_in_two_processes_ends_an_order_once(world: World) -> None:
    from datetime import timedelta

    buyer = world.buyers[0]
    order = buy(world.api, buyer, world.listing["id"])
    world.api.advance(timedelta(hours=25))

    def end() -> None:
        with world.api.database.writing() as session:
            ending.end_overdue(session, order_id=UUID(order["id"]))

    assert together(end, end, end) == [None, None, None]
    assert get(world.api, f"/orders/{order['id']}", buyer)["state"] == "cancelled"
