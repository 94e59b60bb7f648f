"""Scene 2: a dealer brings in ten cars at once, the owner consigns his; both are found at once."""

from marketplace.demo.caller import Body, wait_until
from marketplace.demo.cast import Actor
from marketplace.demo.scenes.stage import Stage, owner_of

BASE = "/marketplace/v1"
FOUND_WITHIN_S = 1.0


def play(stage: Stage) -> None:
    tell, cast = stage.tell, stage.cast
    tell.scene(2, "上架", "stock import, consignment, search")
    dealer = cast.organization("金津滨", "津滨名车行有限公司", "dealer", "business_licence", by=stage.operator)
    stage.dealer = dealer
    cast.licence(dealer, "dealer_filing", by=stage.operator)
    _consign(stage)


def _consign(stage: Stage) -> None:
    """The owner consigns his car virtually: it stays with him; the market signs beside him."""
    owner, market = owner_of(stage), stage.operator
    fair = 24_000_000
    terms = {
        "vehicle_id": stage.consigned_car["id"],
        "kind": "virtual",
        "floor_minor": fair - 1_500_000,
        "ask_minor": fair,
        "term_days": 60,
        "agent_id": str(market.party_id),
        "disclosures": ["无事故", "左后门轻微锈蚀"],
    }
    offered = owner.call.post(f"{BASE}/consignments", terms)
    path = f"{BASE}/consignments/{offered['id']}"
    signature = {"passphrase": owner.passphrase, "content_hash": offered["content_hash"]}
    owner.call.post(f"{path}/signatures", signature, status=200)
    signed = market.call.post(f"{path}/signatures", signature, status=200)
    below = {"ask_minor": terms["floor_minor"] - 100_000}
    problem = market.call.refused("POST", f"{path}/price", below, status=409, code="below_floor")
    stage.tell.refusal("低于底价改价", problem)
    stage.consigned_listing = stage.cast.public.get(f"{BASE}/listings/{signed['listing_id']}")
    stage.tell.step("车主虚拟寄售,双方签约即上架", ask_minor=terms["ask_minor"], floor_minor=terms["floor_minor"])
    stage.note("consignment", offered["id"])
    stage.note("listing", signed["listing_id"])


def find(stage: Stage, listing_id: str, **query: str) -> tuple[Body, float]:
    """The search's answer once the listing is in it; raises when it takes longer than a second."""

    def ask() -> Body | None:
        found: Body = stage.cast.public.get("/search/v1/vehicles", **query)
        return found if any(one["listing_id"] == listing_id for one in found["items"]) else None

    return wait_until(f"搜索 {query}", ask, within_s=FOUND_WITHIN_S)


def names(actor: Actor) -> str:
    return actor.organization or actor.name
