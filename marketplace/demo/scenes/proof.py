"""Scene 6: every step stands in the audit trail, and the ledger sums to zero."""

from marketplace.demo.scenes.stage import Stage

BASE = "/marketplace/v1"


def play(stage: Stage) -> None:
    tell, operator = stage.tell, stage.operator
    tell.scene(6, "核对", "the audit trail is whole, the ledger sums to zero")
    acts: set[str] = set()
    entries = 0
    for kind, object_id in stage.seen:
        trail = operator.call.get(f"{BASE}/operations/audit/{kind}/{object_id}")
        tell.check(f"{kind} 的审计链完整", trail["is_whole"] and trail["entries"], object_id)
        acts |= {entry["act"] for entry in trail["entries"]}
        entries += len(trail["entries"])
    tell.step("审计链逐条校验", 对象=len(stage.seen), 记录=entries, 动作=len(acts))
    outsider = stage.cast.person("路人")
    problem = outsider.call.refused("GET", f"{BASE}/operations/audit", status=403, code="capability_missing")
    tell.refusal("无关人员查看审计", problem)
    ledger = operator.call.get(f"{BASE}/ledger/summary")
    tell.check("总账合计为零", ledger["sum_minor"] == 0, ledger["sum_minor"])
    tell.step("复式总账合计", sum_minor=ledger["sum_minor"], 科目=len(ledger["accounts"]))
    letters = operator.call.get(f"{BASE}/operations/dead-letters")["items"]
    tell.check("没有死信", letters == [], letters)
