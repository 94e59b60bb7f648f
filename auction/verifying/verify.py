"""The whole check of a proof file: form, chain, signatures, openings, rules, receipts. Pure; every finding says where and what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from auction.bidding.log import GENESIS
from auction.verifying.findings import Finding
from auction.verifying.proof import Line, Opening, Proof, read_proof
from auction.verifying.replay import Replayed, replay
from auction.verifying.statements import Signed, StatementKind, opens


@dataclass(slots=True)
class Verdict:
    """What was found. ``trusted`` tells whether the keys came from the reader rather than from the file itself."""

    proof: Proof
    findings: list[Finding] = field(default_factory=list)
    replayed: Replayed | None = None
    trusted: bool = False
    heads: int = 0
    receipts: int = 0
    openings: int = 0

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def is_over(self) -> bool:
        """Whether the log ends with the lot's close."""
        return bool(self.proof.lines) and self.proof.lines[-1].content.get("kind") == "closed"


def check_proof(
    content: bytes,
    *,
    keys: Mapping[str, bytes] | None = None,
    receipts: Sequence[Signed] = (),
    openings: Sequence[Opening] = (),
) -> Verdict:
    """Check a proof file with the reader's own keys, receipts and openings, as far as he has any."""
    proof = read_proof(content)
    verdict = Verdict(proof, findings=list(proof.findings), trusted=bool(keys))
    known = dict(keys) if keys else proof.keys
    if not proof.lines:
        verdict.findings.append(Finding("文件中没有日志", "The file holds no log"))
        return verdict
    verdict.findings += find_breaks(proof.lines, proof.lot)
    _check_signatures(verdict, known)
    _check_openings(verdict, openings)
    for receipt in receipts:
        _check_receipt(verdict, receipt, known)
    if verdict.is_over and not any(finding.seq is not None for finding in verdict.findings):
        verdict.replayed = replay([line.content for line in proof.lines], proof.openings)
        verdict.findings += verdict.replayed.findings
    return verdict


# --- the chain -----------------------------------------------------------------------------------------------------------------


def find_breaks(lines: Sequence[Line], lot: str) -> list[Finding]:
    """Every entry that does not follow from the one before it, and what is wrong with it."""
    findings = []
    previous, expected, moment = GENESIS, 1, ""
    for position, line in enumerate(lines):
        findings += _faults(line, lines[position + 1] if position + 1 < len(lines) else None, previous, expected, lot)
        at = line.content.get("at")
        if isinstance(at, str) and _before(at, moment):
            findings.append(Finding("时间早于上一条", "it is older than the entry before it", seq=line.seq))
        moment = at if isinstance(at, str) else moment
        previous, expected = line.hash, (expected if line.content.get("seq") == expected else line.seq) + 1
    return findings


def _faults(line: Line, following: Line | None, previous: str, expected: int, lot: str) -> list[Finding]:
    found = []
    if line.true_hash != line.hash:
        if following is not None and following.content.get("previous") == line.true_hash:
            found.append(
                Finding("所记的哈希值被改动,内容未变", "the hash written beside it was changed; its content was not", seq=line.seq)
            )
        else:
            found.append(Finding("内容被改动:与哈希值不符", "its content was changed: it does not have its hash", seq=line.seq))
    if line.seq != expected and line.content.get("seq") == expected:
        found.append(Finding("所标序号被改动", "the number beside it was changed", seq=expected))
    elif line.seq != expected:
        found.append(Finding(f"缺失或乱序,应为第 {expected} 条", f"entries are missing or out of order: {expected} was due", seq=line.seq))
    elif line.content.get("seq") != line.seq:
        found.append(Finding("序号与内容不一致", "its number is not the one inside it", seq=line.seq))
    elif line.content.get("previous") != previous and line.true_hash == line.hash:
        found.append(Finding("未接上一条的哈希值", "it does not name the hash of the entry before it", seq=line.seq))
    if line.content.get("lot") != lot:
        found.append(Finding("属于另一标的", "it belongs to another lot", seq=line.seq))
    return found


def _before(at: str, moment: str) -> bool:
    try:
        return bool(moment) and datetime.fromisoformat(at) < datetime.fromisoformat(moment)
    except (ValueError, TypeError):
        return True


# --- signatures ----------------------------------------------------------------------------------------------------------------


def _check_signatures(verdict: Verdict, keys: Mapping[str, bytes]) -> None:
    by_seq = {line.seq: line for line in verdict.proof.lines}
    for head in verdict.proof.heads:
        finding = _signature_finding(head, StatementKind.HEAD, verdict.proof.lot, keys) or _head_finding(head, by_seq)
        if finding is not None:
            verdict.findings.append(finding)
        else:
            verdict.heads += 1
    _check_seal(verdict, keys)
    if verdict.is_over and verdict.proof.lines[-1].seq not in {head.statement.get("seq") for head in verdict.proof.heads}:
        verdict.findings.append(Finding("结束时的日志头没有签名", "the head at the close is not signed", seq=verdict.proof.lines[-1].seq))


def _check_seal(verdict: Verdict, keys: Mapping[str, bytes]) -> None:
    proof = verdict.proof
    if proof.seal is None:
        verdict.findings.append(Finding("文件没有封签", "The file has no seal"))
        return
    finding = _signature_finding(proof.seal, StatementKind.SEAL, proof.lot, keys)
    if finding is None and proof.seal.statement.get("sha256") != proof.sealed_sha256:
        finding = Finding("文件内容与封签不符", "The file is not as it was sealed")
    if finding is not None:
        verdict.findings.append(finding)


def _signature_finding(signed: Signed, kind: StatementKind, lot: str, keys: Mapping[str, bytes]) -> Finding | None:
    seq = signed.statement.get("seq")
    seq = seq if isinstance(seq, int) else None
    if signed.statement.get("kind") != kind.value or signed.statement.get("lot") != lot:
        return Finding(f"不是本标的的 {kind.value}", f"this is no {kind.value} of this lot", seq=seq)
    key = keys.get(signed.key)
    if key is None:
        return Finding(f"{kind.value} 的签名密钥 {signed.key} 未知", f"the key {signed.key} of this {kind.value} is not known", seq=seq)
    if not signed.is_signed_by(key):
        return Finding(f"{kind.value} 的签名无效", f"the signature of this {kind.value} is not good", seq=seq)
    return None


def _head_finding(head: Signed, by_seq: Mapping[int, Line]) -> Finding | None:
    seq = int(head.statement["seq"])
    line = by_seq.get(seq)
    if line is None:
        return Finding("已签名的日志头不在日志中", "a head the market signed is not in the log", seq=seq)
    if head.statement["hash"] != line.hash:
        return Finding("日志与市场签名的日志头不一致", "the log differs from the head the market signed", seq=seq)
    return None


def _check_receipt(verdict: Verdict, receipt: Signed, keys: Mapping[str, bytes]) -> None:
    finding = _signature_finding(receipt, StatementKind.RECEIPT, verdict.proof.lot, keys) or _receipt_finding(verdict, receipt)
    if finding is not None:
        verdict.findings.append(finding)
    else:
        verdict.receipts += 1


def _receipt_finding(verdict: Verdict, receipt: Signed) -> Finding | None:
    says = receipt.statement
    line = next((line for line in verdict.proof.lines if line.seq == says["seq"]), None)
    if line is None or line.hash != says["hash"]:
        return Finding("回执所载出价不在日志中", "the bid of the receipt is not in the log", seq=says["seq"])
    content = line.content
    if content.get("bidder") != says["bidder"] or content.get("at") != says["at"]:
        return Finding("回执与日志不一致", "the receipt and the log differ", seq=says["seq"])
    if not opens(content, amount_minor=says["maximum_minor"], salt=says["salt"]):
        return Finding("回执所载最高限价与日志承诺不符", "the receipt's maximum is not the one the log is bound to", seq=says["seq"])
    return None


# --- openings --------------------------------------------------------------------------------------------------------------------


def _check_openings(verdict: Verdict, more: Sequence[Opening]) -> None:
    """Those of the file and those the reader was given; each must be what its entry is bound to."""
    proof = verdict.proof
    proof.openings |= {(opening.seq, opening.field): opening for opening in more}
    by_seq = {line.seq: line.content for line in proof.lines}
    for opening in proof.openings.values():
        content = by_seq.get(opening.seq, {})
        try:
            good = opens(content, amount_minor=opening.amount_minor, salt=opening.salt, field=opening.field)
        except (KeyError, TypeError, ValueError):
            good = False
        if good:
            verdict.openings += 1
        else:
            verdict.findings.append(Finding("公开的金额与承诺不符", "the amount opened is not the one it is bound to", seq=opening.seq))


def closed_seqs(proof: Proof) -> list[int]:
    """Bids whose maxima stay closed in this file."""
    bids = [line.seq for line in proof.lines if line.content.get("kind") == "bid"]
    return [seq for seq in bids if (seq, "commitment") not in proof.openings]
