"""How a bought car gets from contract to payout; scenes 3 and 4 share it."""

from marketplace.demo.caller import Body, wait_until
from marketplace.demo.cast import Actor
from marketplace.demo.scenes.stage import Stage

BASE = "/marketplace/v1"
HANDED_OVER = (
    "registration_certificate",
    "driving_licence",
    "inspection_mark",
    "insurance_policy",
    "purchase_tax_proof",
    "vehicle_tax_proof",
)
CONFIRMATIONS = ["seven_day_return_excluded", "condition_read"]
JOBS_WITHIN_S = 30


def sign(stage: Stage, order_id: str, seller: Actor, buyer: Actor) -> Body:
    """Both sides sign with their own keys after re-entering their passwords; the order as the buyer sees it."""
    path = f"{BASE}/orders/{order_id}"
    for side in (seller, buyer):
        side.call.post(f"{path}/signatures", {"passphrase": side.passphrase})
    contract = buyer.call.get(f"{path}/contract")
    good = len(contract["signatures"]) == 2 and all(one["is_valid"] for one in contract["signatures"])
    stage.tell.check("两份签名可验证", good)
    order: Body = buyer.call.get(path)
    stage.tell.step("双方电子签约(Ed25519)", 合同哈希=order["contract_hash"][:12], 状态=order["state"])
    return order


def pay(stage: Stage, order_id: str, buyer: Actor) -> Body:
    """The buyer transfers what is due to the witness account; the order when the bank's message came."""
    path = f"{BASE}/orders/{order_id}"
    due = buyer.call.get(path)["payment"]
    short = {"reference": due["reference"][:-1] + ("2" if due["reference"][-1] != "2" else "3"), "amount_minor": due["amount_minor"]}
    problem = buyer.call.raw("POST", f"{BASE}/sandbox-bank/transfers", json=short).json()
    stage.tell.check("附言写错的汇款被退回", problem.get("code") == "reference_unknown", problem)
    stage.tell.refusal("附言写错一位", problem)
    buyer.call.post(f"{BASE}/sandbox-bank/transfers", {"reference": due["reference"], "amount_minor": due["amount_minor"]})
    paid, seconds = wait_until("到账通知", lambda: _in_state(buyer, path, "paid"), within_s=JOBS_WITHIN_S)
    stage.tell.step("买方付款进入资金监管账户(沙箱银行)", amount_minor=due["amount_minor"], 到账=f"{seconds:.1f}s")
    return paid


def hand_over(stage: Stage, order_id: str, seller: Actor, buyer: Actor, *, odometer_km: int) -> None:
    """The seller hands car, keys and papers over; the buyer accepts the same."""
    path = f"{BASE}/orders/{order_id}"
    body = {"odometer_km": odometer_km, "keys": 2, "documents": list(HANDED_OVER)}
    seller.call.post(f"{path}/handover", body)
    buyer.call.post(f"{path}/acceptance", body)
    stage.tell.step("交车与验收", 里程=f"{odometer_km:,} km", 钥匙=2, 手续=f"{len(HANDED_OVER)} 件")


def transfer(stage: Stage, order_id: str, buyer: Actor, *, issuer: Actor) -> Body:
    """The transfer of registration; the finished order. ``issuer`` issues the unified invoice."""
    clerk = stage.operator
    case_id, _ = wait_until("过户业务", lambda: _case_of(buyer, order_id), within_s=JOBS_WITHIN_S)
    path = f"{BASE}/transfers/{case_id}"
    case = buyer.call.get(path)
    problem = clerk.call.refused("POST", f"{path}/submit", {}, status=409, code="papers_not_checked")
    stage.tell.refusal("材料未齐即提交过户", problem)
    kinds = [paper["kind"] for paper in case["papers"]]
    documents = [{"kind": kind, "number": f"120000{place:06d}"} for place, kind in enumerate(kinds)]
    buyer.call.post(f"{path}/documents", {"documents": documents})
    clerk.call.post(f"{path}/checks", {"approved": kinds})
    issuer.call.post(f"{path}/invoice", {})
    clerk.call.post(f"{path}/submit", {})
    wait_until("登记机关(沙箱)答复", lambda: _in_state(buyer, path, "completed"), within_s=JOBS_WITHIN_S)
    order: Body = buyer.call.get(f"{BASE}/orders/{order_id}")
    stage.tell.check("过户完成即订单完成", order["state"] == "completed", order["state"])
    stage.tell.step("过户完成", 材料=f"{len(kinds)} 件", 订单=order["state"])
    stage.note("order", order_id)
    return order


def paid_out(stage: Stage, seller: Actor, expected_minor: int) -> None:
    """The seller's money arrives, to the fen."""
    payout, _ = wait_until("打款", lambda: _paid_payout(seller), within_s=JOBS_WITHIN_S)
    stage.tell.check("打款金额一分不差", payout["amount_minor"] == expected_minor, (payout["amount_minor"], expected_minor))
    stage.tell.step("卖方收到车款", amount_minor=payout["amount_minor"])


def _in_state(caller: Actor, path: str, state: str) -> Body | None:
    found: Body = caller.call.get(path)
    return found if found["state"] == state else None


def _case_of(buyer: Actor, order_id: str) -> str | None:
    items = buyer.call.get(f"{BASE}/transfers", order_id=order_id)["items"]
    return items[0]["id"] if items else None


def _paid_payout(seller: Actor) -> Body | None:
    items = seller.call.get(f"{BASE}/payouts")["items"]
    return next((one for one in items if one["state"] == "paid"), None)
