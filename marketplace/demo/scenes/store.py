"""Scene 2: a dealer brings in ten cars at once, the owner consigns his; both are found at once."""

from marketplace.demo.caller import Body, wait_until
from marketplace.demo.cast import Actor
from marketplace.demo.scenes.stage import Stage, owner_of

BASE = "/marketplace/v1"
FOUND_WITHIN_S = 1.0
SERIES = (
    ("大众", "朗逸"),
    ("丰田", "卡罗拉"),
    ("本田", "思域"),
    ("日产", "轩逸"),
    ("别克", "君威"),
    ("奥迪", "A4L"),
    ("比亚迪", "汉"),
    ("吉利", "博越"),
    ("哈弗", "H6"),
    ("特斯拉", "Model 3"),
)


def play(stage: Stage) -> None:
    tell, cast = stage.tell, stage.cast
    tell.scene(2, "上架", "stock import, consignment, search")
    dealer = cast.organization("金津滨", "津滨名车行有限公司", "dealer", "business_licence", by=stage.operator)
    stage.dealer = dealer
    cast.licence(dealer, "dealer_filing", by=stage.operator)
    _import(stage, dealer)
    _consign(stage)
    _search(stage)


def _import(stage: Stage, dealer: Actor) -> None:
    """Ten rows, two of them bad and named; the rest become stock and stand in the store by one call."""
    tell = stage.tell
    rows = [["库存编号", "车架号", "品牌", "车系", "车型名称", "年款", "上牌时间", "表显里程(万公里)", "报价(万元)", "所在城市"]]
    rows += [_row(stage, number, series) for number, series in enumerate(SERIES, start=1)]
    last = rows[4][1][-1]
    rows[4][1] = rows[4][1][:-1] + ("2" if last != "2" else "3")
    rows[8][8] = "面议"
    table = "\n".join(",".join(row) for row in rows).encode("gb18030")
    name = {"file_name": "库存.csv"}
    imported = dealer.call.post(f"{BASE}/stock-imports", params=name, content=table, headers={"Content-Type": "text/csv"})
    imported, _ = wait_until("导入完成", lambda: _finished(dealer, imported), within_s=30)
    bad = [(row["n"], row["findings"][0]["code"]) for row in imported["bad_rows"]]
    tell.check("十行中两行有误并指名", [n for n, _ in bad] == [4, 8] and imported["rows_good"] == 8, bad)
    for row in imported["bad_rows"]:
        finding = row["findings"][0]
        tell.step(f"第 {row['n']} 行有误:{finding['zh']}", 提示=finding["hint"])
    tell.step("经销商上传 GB18030 表格", 行数=imported["rows_total"], 入库=imported["rows_added"])
    listed = dealer.call.post(f"{BASE}/stock/list", {"import_id": imported["id"]}, status=200)
    tell.check("其余全部上架", (listed["listed"], listed["refused"]) == (8, 0), listed)
    stage.stock_listing = next(car["listing_id"] for car in listed["cars"] if car["listing_id"])
    tell.step("一次上架其余车辆", 上架=listed["listed"])
    _make_ready(stage, dealer)


def _make_ready(stage: Stage, dealer: Actor) -> None:
    """What a car cost to make ready is the dealer's own; the public sees the price, the warranty and the lines the law wants."""
    tell = stage.tell
    line = dealer.call.get(f"{BASE}/store-board")["items"][0]
    dealer.call.post(f"{BASE}/stock/{line['vehicle_id']}/reconditioning", {"kind": "tyres", "cost_minor": 160_000, "state": "done"})
    board = dealer.call.get(f"{BASE}/store-board/summary")
    tell.step("卖场看板", 在库=board["cars"], 在售=board["listed"], asked_minor=board["asked_minor"])
    window = stage.cast.public.get(f"{BASE}/listings/{stage.stock_listing}")
    tell.check("公开页面有价格记录与法定提示,不见整备成本", bool(window["prices"] and window["notices"]) and "160000" not in str(window))


def _row(stage: Stage, number: int, series: tuple[str, str]) -> list[str]:
    car = stage.car(*series)
    facts = car.facts
    assert facts.first_registration_on is not None
    registered = facts.first_registration_on.isoformat()
    price, mileage = f"{car.ask_minor / 1_000_000:.2f}", f"{facts.odometer_km / 10_000:.2f}"
    year = str(facts.model_year)
    return [f"JB-{number:03d}", facts.vin, facts.brand, facts.series, facts.model, year, registered, mileage, price, facts.city]


def _finished(dealer: Actor, imported: Body) -> Body | None:
    found: Body = dealer.call.get(f"{BASE}/stock-imports/{imported['id']}")
    return found if found["state"] in {"applied", "refused", "failed"} else None


def _search(stage: Stage) -> None:
    """Chinese text, filter and facet; both cars within a second of being listed."""
    tell, listing = stage.tell, stage.consigned_listing
    found, seconds = find(stage, listing["id"], q="宝马3系 30万以下 天津")
    tell.step("搜索「宝马3系 30万以下 天津」", 结果=found["total"], 用时=f"{seconds:.2f}s", 理解=len(found["understood"]["parts"]))
    found, _ = find(stage, listing["id"], q="bmw", channel="c2c_virtual")
    brands = {one["value"] for one in found["facets"].get("brand", [])}
    tell.check("别名与筛选、分面计数", "宝马" in brands, found["facets"])
    found, seconds = find(stage, stage.stock_listing, channel="b2c_store", limit="50")
    tell.step("经销商车辆同样可搜", 结果=found["total"], 分面=len(found["facets"]), 用时=f"{seconds:.2f}s")


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
        "price_steps": [{"after_days": 14, "ask_minor": fair - 600_000}, {"after_days": 30, "ask_minor": fair - 1_200_000}],
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
    stage.tell.step(
        "车主虚拟寄售,双方签约即上架", ask_minor=terms["ask_minor"], floor_minor=terms["floor_minor"], 降价计划=len(signed["price_steps"])
    )
    stage.note("consignment", offered["id"])
    stage.note("listing", signed["listing_id"])


def find(stage: Stage, listing_id: str, **query: str) -> tuple[Body, float]:
    """The search's answer once the listing is in it; raises when it takes longer than a second."""

    def ask() -> Body | None:
        found: Body = stage.cast.public.get("/search/v1/vehicles", **query)
        return found if any(one["listing_id"] == listing_id for one in found["items"]) else None

    return wait_until(f"搜索 {query}", ask, within_s=FOUND_WITHIN_S)
