"""Cars that stand in the market, for tests of orders, auctions and search: a dealer's listed car, a signed consignment.

``listed = listed_car(api)`` → ``listed.seller``, ``listed.car_id``, ``listed.listing_id``. Everything over HTTP.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from marketplace.core import clock
from tests.cars import register_car, vin
from tests.market import Market
from tests.people import Person, operator, organization, sign_up

BASE = "/marketplace/v1"
_bays = count(1)


@dataclass
class Listed:
    """A car in a window, who sells it and, for a consignment, who stands between."""

    seller: Person
    car: dict[str, Any]
    listing: dict[str, Any]
    agent: Person | None = None
    consignment: dict[str, Any] | None = None

    @property
    def car_id(self) -> UUID:
        return UUID(self.car["id"])

    @property
    def listing_id(self) -> UUID:
        return UUID(self.listing["id"])


def dealer(api: Market, **options: Any) -> Person:
    """The owner of a verified dealer with checked papers, acting for it."""
    return organization(api, "dealer", **options)


def list_car(api: Market, seller: Person, car_id: str | UUID, *, ask_minor: int = 8_880_000, description: str = "") -> Any:
    """The answer to listing a stock car in the store."""
    body = {"vehicle_id": str(car_id), "ask_minor": ask_minor, "description": description}
    return api.post(f"{BASE}/listings", json=body, headers=seller.headers)


def listed_car(api: Market, seller: Person | None = None, *, ask_minor: int = 8_880_000, **facts: Any) -> Listed:
    """A dealer's stock car, live in the B2C store."""
    seller = seller or dealer(api)
    car = register_car(api, seller, **facts)
    answer = list_car(api, seller, car["id"], ask_minor=ask_minor)
    assert answer.status_code == 201, answer.text
    return Listed(seller, car, answer.json())


def broker(api: Market, **options: Any) -> Person:
    """The owner of a verified broker with checked papers, acting for it."""
    return organization(api, "broker", **options)


def offer_consignment(api: Market, owner: Person, car_id: str | UUID, **terms: Any) -> Any:
    """The answer to an owner's offer of his car."""
    body = {
        "vehicle_id": str(car_id),
        "kind": "virtual",
        "floor_minor": 8_000_000,
        "ask_minor": 8_880_000,
        "term_days": 60,
    } | terms
    return api.post(f"{BASE}/consignments", json=body, headers=owner.headers)


def sign_consignment(api: Market, signer: Person, consignment_id: str | UUID) -> Any:
    """The answer to one side's signature."""
    shown = api.get(f"{BASE}/consignments/{consignment_id}", headers=signer.headers)
    assert shown.status_code == 200, shown.text
    body = {"passphrase": signer.password, "content_hash": shown.json()["content_hash"]}
    return api.post(f"{BASE}/consignments/{consignment_id}/signatures", json=body, headers=signer.headers)


def register_bay(api: Market, agent: Person, *, number: str | None = None) -> str:
    """The number of a free bay of the agent's register."""
    number = number or f"A-{next(_bays):03d}"
    answer = api.post(f"{BASE}/custody-bays", json={"number": number}, headers=agent.headers)
    assert answer.status_code == 201, answer.text
    return number


def custody_request(agent: Person, bay: str, **changes: Any) -> dict[str, Any]:
    """What an agent says when he takes a car into custody."""
    return {
        "bay_number": bay,
        "key_count": 2,
        "odometer_km": 42_013,
        "papers": ["registration_certificate"],
        "passphrase": agent.password,
    } | changes


def take_custody(api: Market, agent: Person, consignment_id: str | UUID, *, bay: str | None = None) -> None:
    """The agent takes the car of a physical consignment into a new bay and signs the receipt."""
    body = custody_request(agent, register_bay(api, agent, number=bay))
    answer = api.post(f"{BASE}/consignments/{consignment_id}/custody", json=body, headers=agent.headers)
    assert answer.status_code == 200, answer.text


def given_key(api: Market, agent: Person, consignment_id: str) -> dict[str, str]:
    """The agent gives the first key back; its movement, not received yet."""
    path = f"{BASE}/consignments/{consignment_id}/custody"
    found = api.get(path, headers=agent.headers).json()
    key = next(one["id"] for one in found["pieces"] if one["kind"] == "key")
    answer = api.post(f"{path}/movements", json={"piece_ids": [key], "passphrase": agent.password}, headers=agent.headers)
    assert answer.status_code == 201, answer.text
    return {"movement_id": answer.json()["id"]}


def viewing_slots(api: Market, listing_id: str | UUID, host: Person, *, n: int = 3, place: str = "河南路 1 号") -> list[dict[str, Any]]:
    """Half-hour slots from ten o'clock the day after tomorrow."""
    with api.database.reading() as session:
        day = clock.start_of_day(clock.shanghai_day(clock.now(session)) + timedelta(days=2))
    starts = [(day + timedelta(hours=10, minutes=30 * k)).isoformat() for k in range(n)]
    answer = api.post(f"{BASE}/listings/{listing_id}/viewing-slots", json={"starts_at": starts, "place": place}, headers=host.headers)
    assert answer.status_code == 201, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def consigned_car(
    api: Market, owner: Person | None = None, *, agent: Person | None = None, facts: dict[str, Any] | None = None, **terms: Any
) -> Listed:
    """An owner's car, consigned, signed by both sides and live; ``agent`` is the market's operator unless given."""
    owner = owner or sign_up(api, "李四")
    agent = agent or operator(api)
    car = register_car(api, owner, **(facts or {}))
    offered = offer_consignment(api, owner, car["id"], agent_id=str(agent.party_id), **terms)
    assert offered.status_code == 201, offered.text
    consignment_id = offered.json()["id"]
    if terms.get("kind") == "physical":
        take_custody(api, agent, consignment_id)
    for signer in (owner, agent):
        signed = sign_consignment(api, signer, consignment_id)
        assert signed.status_code == 200, signed.text
    consignment = signed.json()
    listing = api.get(f"{BASE}/listings/{consignment['listing_id']}")
    assert listing.status_code == 200, listing.text
    return Listed(owner, car, listing.json(), agent, consignment)


# --- stock files -----------------------------------------------------------------------------------------------------------

HEADER = (
    "库存编号",
    "车架号",
    "品牌",
    "车型名称",
    "年款",
    "上牌时间",
    "表显里程(万公里)",
    "报价(万元)",
    "新车指导价(万元)",
    "所在城市",
    "颜色",
    "变速箱",
    "排放标准",
)


def stock_row(n: int, **changes: str) -> dict[str, str]:
    """One good record of a dealer's file; ``changes`` by Chinese header, without its unit."""
    row = {
        "库存编号": f"KC{n:05d}",
        "车架号": vin(),
        "品牌": "上汽大众",
        "车型名称": "帕萨特 2021款 330TSI 豪华版",
        "年款": "2021",
        "上牌时间": "2021-03",
        "表显里程(万公里)": "4.2",
        "报价(万元)": "12.98",
        "新车指导价(万元)": "23.99",
        "所在城市": "天津",
        "颜色": "黑色",
        "变速箱": "湿式双离合变速箱(DCT)",
        "排放标准": "国VI",
    }
    for name, value in changes.items():
        row[next(header for header in HEADER if header.startswith(name))] = value
    return row


def stock_file(rows: list[dict[str, str]], *, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """A CSV file of such records."""
    lines = [delimiter.join(HEADER), *(delimiter.join(row[name] for name in HEADER) for row in rows)]
    return ("\n".join(lines) + "\n").encode(encoding)


def upload_stock(api: Market, seller: Person, content: bytes, **options: Any) -> Any:
    """The answer to uploading a stock file."""
    headers = seller.headers | {"Content-Type": "text/csv"}
    return api.post(f"{BASE}/stock-imports", content=content, params=options, headers=headers)


def stock_of(api: Market, seller: Person, **params: Any) -> list[dict[str, Any]]:
    """A dealer's stock, its first hundred cars."""
    answer = api.get(f"{BASE}/stock", params={"limit": 100} | params, headers=seller.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def imported_stock(api: Market, seller: Person, *, cars: int = 3) -> dict[str, Any]:
    """A dealer's stock brought in by a file; the import's answer."""
    answer = upload_stock(api, seller, stock_file([stock_row(n) for n in range(1, cars + 1)]))
    assert answer.status_code == 201, answer.text
    api.relay()
    found = api.get(f"{BASE}/stock-imports/{answer.json()['id']}", headers=seller.headers)
    assert found.json()["state"] == "applied", found.text
    body: dict[str, Any] = found.json()
    return body
