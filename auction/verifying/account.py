"""A verification told to a person: Chinese and English, with a small chart of the price."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from auction.verifying.verify import Verdict, closed_seqs
from marketplace.core.money import format_yuan

BEIJING = timezone(timedelta(hours=8), "CST")
ROWS_SHOWN = 24
CHART_WIDTH = 60
CHART_HEIGHT = 8
_RESULTS = {
    "sold": ("成交", "sold"),
    "passed_no_bid": ("流拍(无人出价)", "passed: no bid"),
    "on_approval": ("待委托人确认", "awaiting the consignor's approval"),
    "passed_below_reserve": ("流拍(未达保留价)", "passed: reserve not met"),
}


def tell(verdict: Verdict) -> str:
    """The whole account, lines joined."""
    parts = [_head(verdict), _chart(verdict), _bids(verdict), _outcome(verdict), _limits(verdict)]
    return "\n".join([line for part in parts for line in part])


def yuan(minor: int | None) -> str:
    """¥91,500.00; fen in."""
    return "-" if minor is None else format_yuan(minor)


def _head(verdict: Verdict) -> Iterator[str]:
    proof = verdict.proof
    header = proof.header
    yield f"{header.get('market', '')}  标的 lot {header.get('number', '?')}  {header.get('title', '')}"
    yield f"  {proof.lot}"
    opened = _first(verdict, "opened")
    if opened is not None:
        rules = opened.get("rules", {})
        yield f"  起拍 start {yuan(opened.get('start_minor'))}   保留价 reserve {_reserve(opened)}"
        window, extension, on = rules.get("window_s"), rules.get("extension_s"), rules.get("extend_on")
        yield f"  延时规则 soft close: 最后 last {window} s 内 by {on} → 延 extended {extension} s"
    yield ""


def _reserve(opened: Mapping[str, Any]) -> str:
    if opened.get("reserve_kind") == "none":
        return "无 none"
    return yuan(opened["reserve_minor"]) if opened.get("reserve_minor") is not None else "保密(已承诺) secret, committed to"


def _first(verdict: Verdict, kind: str) -> Mapping[str, Any] | None:
    return next((line.content for line in verdict.proof.lines if line.content.get("kind") == kind), None)


def _priced(verdict: Verdict) -> list[Mapping[str, Any]]:
    found = [line.content for line in verdict.proof.lines if line.content.get("kind") == "bid"]
    return [content for content in found if isinstance(content.get("price_minor"), int)]


def _chart(verdict: Verdict) -> Iterator[str]:
    prices = [content["price_minor"] for content in _priced(verdict)]
    if len(prices) < 2:
        return
    low, high = min(prices), max(prices)
    width = min(len(prices), CHART_WIDTH)
    columns = [prices[(position + 1) * len(prices) // width - 1] for position in range(width)]
    span = max(high - low, 1)
    heights = [1 + (price - low) * (CHART_HEIGHT - 1) // span for price in columns]
    yield "  价格走势 price by bid"
    for level in range(CHART_HEIGHT, 0, -1):
        label = yuan(high) if level == CHART_HEIGHT else yuan(low) if level == 1 else ""
        yield f"  {label:>18} │" + "".join("█" if height >= level else " " for height in heights)
    yield f"  {'':>18} └" + "─" * width + f"  {len(prices)} 次 bids"
    yield ""


def _bids(verdict: Verdict) -> Iterator[str]:
    bids = _priced(verdict)
    if not bids:
        return
    yield "  seq   时间 time (CST)      出价人 领先 leader      价格 price   最高限价 maximum"
    half = ROWS_SHOWN // 2
    shown = bids if len(bids) <= ROWS_SHOWN else [*bids[:half], None, *bids[-half:]]
    extensions = 0
    for content in shown:
        if content is None:
            yield f"  …     {len(bids) - 2 * half} 条略 more"
            continue
        yield _row(verdict, content, extensions)
        extensions = content.get("extensions", 0)
    yield ""


def _row(verdict: Verdict, content: Mapping[str, Any], extensions: int) -> str:
    opening = verdict.proof.openings.get((content["seq"], "commitment"))
    maximum = yuan(opening.amount_minor) if opening is not None else "保密 closed"
    longer = "  延时 extended" if content.get("extensions", 0) > extensions else ""
    bidder, leader = content.get("bidder") or "-", content.get("leader") or "-"
    price = yuan(content["price_minor"])
    return f"  {content['seq']:<5} {_clock(content.get('at')):<20} {bidder:<6} {leader:<6} {price:>18} {maximum:>18}{longer}"


def _clock(text: object) -> str:
    try:
        return datetime.fromisoformat(str(text)).astimezone(BEIJING).strftime("%m-%d %H:%M:%S.%f")[:-3]
    except ValueError:
        return "?"


def _outcome(verdict: Verdict) -> Iterator[str]:
    if verdict.findings:
        yield f"✗ 验证失败 NOT PROVED: {len(verdict.findings)} 处不符 findings"
        yield from (f"  ✗ {finding}" for finding in verdict.findings[:20])
        return
    lines = verdict.proof.lines
    yield f"✓ 哈希链完整 the chain of {len(lines)} entries is whole, in order; {verdict.heads} 个签名日志头 signed heads agree"
    if verdict.openings:
        yield f"✓ {verdict.openings} 个公开的金额与承诺相符 opened amounts are what the log was bound to"
    if verdict.receipts:
        yield f"✓ {verdict.receipts} 份回执在日志中 receipts stand in the log, with their maxima"
    if verdict.replayed is None or verdict.replayed.state is None:
        yield "… 尚未结束,价格与领先者待结束后验证 not over yet: price and leader are proved after the close"
        return
    yield from _result(verdict)


def _result(verdict: Verdict) -> Iterator[str]:
    closed = verdict.proof.lines[-1].content
    zh, en = _RESULTS.get(str(closed.get("result")), (str(closed.get("result")), str(closed.get("result"))))
    yield "✓ 按同一规则重放,逐条一致 replayed by the market's own rules: every entry follows"
    winner = closed.get("winner")
    yield f"  结果 result: {zh} {en}" + (f"   买受人 winner: {winner}   成交价 price: {yuan(closed.get('price_minor'))}" if winner else "")
    bids = _priced(verdict)
    bidders = {content.get("bidder") for content in bids}
    extended = max((content.get("extensions", 0) for content in bids), default=0)
    ended = _clock(closed.get("ended_at"))
    yield f"  出价 bids: {closed.get('bids')}   竞买人 bidders: {len(bidders)}   延时 extensions: {extended}   结束 ended: {ended}"


def _limits(verdict: Verdict) -> Iterator[str]:
    if not verdict.trusted:
        yield "! 公钥取自文件本身;请用 --key 指定您信任的公钥 the keys are the file's own: name the market's published key with --key"
    if verdict.findings or verdict.replayed is None:
        return
    if closed := closed_seqs(verdict.proof):
        shown = ", ".join(str(seq) for seq in closed[:8]) + (" …" if len(closed) > 8 else "")
        yield f"  未公开 closed: 第 {shown} 条的最高限价 the maxima of these bids; 仅证明与公开价格相容 shown only to agree with the prices"
    if _is_secret(verdict.proof.lines[0].content) and (1, "reserve_commitment") not in verdict.proof.openings:
        yield "  未公开 closed: 保留价 the reserve; 委托人及审计人可公开 its consignor and an auditor can open it"


def _is_secret(opened: Mapping[str, Any]) -> bool:
    return opened.get("reserve_commitment") is not None


def complain(problems: Sequence[str]) -> str:
    """What could not even be read."""
    return "\n".join(f"✗ {problem}" for problem in problems)
