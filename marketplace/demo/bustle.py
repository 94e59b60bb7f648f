"""Keeps the demo market alive: a session every few minutes, and demo bidders who bid in it. Over HTTP, as anybody would.

They are people of the demo market named 演示竞买人; settings refuse a demo beside a real gateway, so no real money ever meets them.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import httpx

from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.demo.caller import Body, Caller
from marketplace.demo.cars import PATTERNS, demo_car
from marketplace.demo.cast import Actor
from marketplace.demo.narrator import BrokenPromise
from marketplace.demo.people import PASSWORD, PEOPLE, DemoPerson
from marketplace.demo.scenes.source import add_photo, body_of

logger = logging.getLogger(__name__)

BASE = "/marketplace/v1"
AUCTION = "/auction/v1"
TURN_S = 5
SESSION_EVERY_S = 240
OPENS_IN_S = 75
LOTS = 3
LOT_GAP_S = 80
LOT_RUN_S = 240
HOUSE, DEALER, BIDDERS = 5, 3, (13, 14)
FORMATS = (("open_ascending", "快拍"), ("sealed_second_price", "密封报价"), ("buy_now", "一口价"), ("dutch", "降价竞价"))
"""The sessions take turns."""


class Bustle:
    """``start`` after the server listens; one thread, stopped with the process."""

    def __init__(self, database: Database, address: str) -> None:
        self._database = database
        self._address = address
        self._random = Random()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bustle", daemon=True)
        self._serial = 0
        self._sessions = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        with httpx.Client(base_url=self._address, timeout=15) as client:
            while not self._stopping.wait(TURN_S):
                try:
                    self._live(client)
                except (httpx.HTTPError, BrokenPromise, KeyError) as error:
                    logger.info("the demo's bustle begins again", extra={"error_kind": type(error).__name__})
                    self._stopping.wait(TURN_S * 4)

    def _live(self, client: httpx.Client) -> None:
        house, dealer, *bidders = (self._enter(client, serial) for serial in (HOUSE, DEALER, *BIDDERS))
        for bidder in bidders:
            bidder.call.raw("POST", f"{BASE}/sandbox-bank/accounts", json={"opening_minor": 1_000_000_000})
        next_session = next_renewal = 0.0
        elapsed = 0.0
        while not self._stopping.is_set():
            if elapsed >= next_renewal:
                next_renewal = elapsed + 240
                for actor in (house, dealer, *bidders):
                    actor.renew()
            if elapsed >= next_session:
                next_session = elapsed + SESSION_EVERY_S
                self._announce(house, dealer)
            self._bid(bidders)
            elapsed += TURN_S
            self._stopping.wait(TURN_S)

    def _enter(self, client: httpx.Client, serial: int) -> Actor:
        person: DemoPerson = next(one for one in PEOPLE if one.serial == serial)
        actor = Actor(Caller(client, name=person.name), UUID(int=0), person.name, "", organization=person.organization)
        body = {"grant_type": "password", "username": person.phone, "password": PASSWORD}
        answer = actor.call.raw("POST", f"{BASE}/sign-ins/token", json=body)
        if answer.status_code != 200:
            raise BrokenPromise(f"{person.role_en} cannot sign in: {answer.status_code}")
        tokens = answer.json()
        actor.person_id = UUID(tokens["person_id"])
        if tokens["memberships"]:
            actor.organization_id = UUID(tokens["memberships"][0]["organization_id"])
        actor.take(tokens)
        return actor

    def _announce(self, house: Actor, dealer: Actor) -> None:
        """A session of the dealer's cars for consumers, opening in a minute."""
        with self._database.reading() as session:
            now = clock.now(session)
        opens_at = now + timedelta(seconds=OPENS_IN_S)
        sale_format, name = FORMATS[self._sessions % len(FORMATS)]
        self._sessions += 1
        session_id = house.call.post(f"{AUCTION}/sessions", _session_body(now, opens_at, sale_format, name))["id"]
        for _ in range(LOTS):
            self._catalogue(house, dealer, session_id, now, sale_format)
        house.call.post(f"{AUCTION}/sessions/{session_id}/publish", {})

    def _catalogue(self, house: Actor, dealer: Actor, session_id: str, now: datetime, sale_format: str) -> None:
        self._serial += 1
        serial = 70_000 + (int(now.timestamp()) // 60 * 7 + self._serial) % 29_000
        car = demo_car(serial, self._random.choice(PATTERNS), self._random, today=clock.shanghai_day(now))
        made = dealer.call.post(f"{BASE}/vehicles", body_of(car))
        paper = {"kind": "registration_certificate", "number": f"12{serial:08d}", "holder_name": dealer.organization}
        dealer.call.post(f"{BASE}/vehicles/{made['id']}/documents", paper)
        add_photo(dealer, made["id"])
        start_minor = car.ask_minor * 7 // 10 // 100_000 * 100_000
        terms = {"vehicle_id": made["id"], "consignor_id": str(dealer.party_id), "start_minor": start_minor, "flaws": "演示车辆"}
        if sale_format == "buy_now":
            terms["buy_now_minor"] = start_minor * 5 // 4
        elif sale_format == "dutch":
            terms |= {"start_minor": start_minor * 5 // 4, "floor_minor": start_minor}
        lot = house.call.post(f"{AUCTION}/sessions/{session_id}/lots", terms)
        mandate = dealer.call.get(f"{AUCTION}/lots/{lot['id']}/mandate")
        signature = {"passphrase": PASSWORD, "content_hash": mandate["content_hash"]}
        dealer.call.post(f"{AUCTION}/lots/{lot['id']}/mandate/signature", signature)

    def _bid(self, bidders: Sequence[Actor]) -> None:
        """Now and then one of them bids, up to a third above the start price."""
        lots: list[Body] = bidders[0].call.get(f"{AUCTION}/lots")["items"]
        for lot in lots:
            if lot["state"] == "open" and self._random.random() < 0.25:
                bidder = self._random.choice(bidders)
                maximum = lot["next_minimum_minor"] + self._random.randrange(0, 4) * 50_000
                if maximum < lot["start_minor"] * 4 // 3:
                    bidder.call.raw("POST", f"{AUCTION}/lots/{lot['id']}/bids", json={"maximum_minor": maximum})
            elif lot["state"] == "announced":
                for bidder in bidders:
                    if bidder.call.raw("GET", f"{AUCTION}/lots/{lot['id']}/registration").status_code == 404:
                        bidder.call.raw("POST", f"{AUCTION}/lots/{lot['id']}/registrations", json={})


def _session_body(now: datetime, opens_at: datetime, sale_format: str, name: str) -> Body:
    return {
        "format": sale_format,
        "title": f"河南路{name} {opens_at.astimezone(clock.SHANGHAI):%H:%M}",
        "legal_mode": "agreed_bidding",
        "mode": "b2c_auction",
        "city": "天津",
        "place": "线上",
        "viewing_place": "河南路二手车市场 A 区",
        "viewing_from_at": now.isoformat(),
        "viewing_to_at": opens_at.isoformat(),
        "opens_at": opens_at.isoformat(),
        "lot_run_s": LOT_RUN_S,
        "lot_gap_s": LOT_GAP_S,
    }
