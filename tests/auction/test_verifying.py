"""The verifier: what is true is proved, what is not is found and named, and what is secret stays so."""

import random
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.bidding import log
from auction.verifying.account import tell
from auction.verifying.command import NOT_PROVED, PROVED, UNREADABLE, verify
from auction.verifying.proof import Opening, opened_seqs
from auction.verifying.verify import Verdict, check_proof, closed_seqs
from marketplace.core.crypto import new_signing_key, public_key_of
from tests.auction.sales import LOT, Sale, signed
from tests.auctions import YUAN, rules


def duel() -> Sale:
    """Opening, four bids (two extend), close: B02 wins at 14,000."""
    sale = Sale(reserve_yuan=12_000)
    for pseudonym, maximum, at_s in (("B01", 11_000, 5), ("B02", 15_000, 9), ("B01", 12_500, 580), ("B03", 13_500, 630)):
        assert sale.bid(pseudonym, maximum, at_s=at_s) is not None
    sale.close()
    return sale


def check(sale: Sale, content: bytes | None = None) -> Verdict:
    return check_proof(sale.file() if content is None else content, keys=sale.keys)


def seqs(verdict: Verdict) -> set[int | None]:
    return {finding.seq for finding in verdict.findings}


class TestProves:
    def test_a_sale_with_its_winner_price_order_and_extensions(self) -> None:
        sale = duel()
        verdict = check(sale)
        assert verdict.findings == []
        assert verdict.replayed is not None
        state = verdict.replayed.state
        assert state is not None
        assert (state.leader_pseudonym, state.price_minor, state.extensions) == ("B02", 14_000 * YUAN, 2)
        assert (verdict.heads, verdict.openings, verdict.trusted) == (2, 3, True)

    def test_the_losing_maxima_are_open_and_the_winners_and_the_reserve_are_not(self) -> None:
        sale = duel()
        verdict = check(sale)
        assert sorted(verdict.proof.openings) == [(2, "commitment"), (4, "commitment"), (5, "commitment")]
        assert closed_seqs(verdict.proof) == [3]
        assert b"1500000" not in sale.file()
        assert b"reserve salt" not in sale.file()

    def test_a_running_lot_opens_nothing_and_its_chain_and_heads_hold(self) -> None:
        sale = Sale()
        sale.bid("B01", 11_000)
        sale.bid("B02", 12_000)
        verdict = check(sale)
        assert (verdict.ok, verdict.is_over, verdict.openings, verdict.replayed) == (True, False, 0, None)

    @pytest.mark.parametrize("reserve", [None, 10_000, 14_000, 20_000])
    @pytest.mark.parametrize("visible", [True, False])
    def test_with_whatever_reserve(self, reserve: int | None, visible: bool) -> None:
        sale = Sale(reserve_yuan=reserve, visible=visible)
        sale.bid("B01", 11_000)
        sale.bid("B01", 12_000)
        sale.bid("B02", 13_000)
        sale.bid("B02", 15_000)
        sale.close()
        assert check(sale).findings == []

    def test_a_lot_without_bids(self) -> None:
        sale = Sale()
        sale.close()
        assert check(sale).findings == []

    @settings(max_examples=150, deadline=None)
    @given(
        bids=st.lists(st.tuples(st.integers(1, 5), st.integers(10_000, 30_000), st.integers(1, 80)), max_size=30),
        reserve=st.one_of(st.none(), st.integers(10_000, 30_000)),
        visible=st.booleans(),
        self_raise=st.booleans(),
    )
    def test_every_sale_the_rules_make(
        self, bids: list[tuple[int, int, int]], reserve: int | None, visible: bool, self_raise: bool
    ) -> None:
        sale = Sale(reserve_yuan=reserve, visible=visible, bid_rules=rules(self_raise=self_raise))
        at_s = 0
        for bidder, maximum, later in bids:
            at_s += later
            sale.bid(f"B{bidder:02d}", maximum, at_s=at_s)
        sale.close()
        assert check(sale).findings == []

    def test_with_the_holders_openings_even_what_stays_closed_is_checked(self) -> None:
        sale = duel()
        more = [sale.secrets[3], Opening(1, 12_000 * YUAN, "reserve salt", "reserve_commitment")]
        verdict = check_proof(sale.file(), keys=sale.keys, openings=more)
        assert (verdict.findings, verdict.openings) == ([], 5)
        wrong = check_proof(sale.file(), keys=sale.keys, openings=[Opening(3, 16_000 * YUAN, sale.secrets[3].salt)])
        assert seqs(wrong) == {3}


class TestAChangedByte:
    def test_is_found_wherever_it_is_and_the_entry_is_named(self) -> None:
        sale = duel()
        lines = sale.file().split(b"\n")
        for number, line in enumerate(lines[:-1]):
            is_entry = line.startswith(b'{"entry"')
            seq = orjson.loads(line)["seq"] if is_entry else None
            for position in range(0, len(line), 1 if is_entry else 3):
                changed = bytearray(line)
                changed[position] ^= 1
                content = b"\n".join([*lines[:number], bytes(changed), *lines[number + 1 :]])
                verdict = check(sale, content)
                assert not verdict.ok, (number, position)
                if is_entry:
                    assert seq in seqs(verdict), (number, position, verdict.findings)

    @pytest.mark.parametrize("cut", [1, 2, 3, 5])
    def test_lines_cut_off_or_left_out_are_missed(self, cut: int) -> None:
        sale = duel()
        lines = sale.file().split(b"\n")
        assert not check(sale, b"\n".join(lines[:-cut])).ok
        assert not check(sale, b"\n".join([*lines[: cut + 1], *lines[cut + 2 :]])).ok

    def test_two_entries_in_the_wrong_order_are_named(self) -> None:
        sale = duel()
        lines = sale.lines()
        first, second = (
            position for position, line in enumerate(lines) if line.endswith((b'"kind":"entry","seq":2}', b'"kind":"entry","seq":3}'))
        )
        lines[first], lines[second] = lines[second], lines[first]
        assert {2, 3} <= seqs(check(sale, sale.seal(lines)))

    @settings(max_examples=200, deadline=None)
    @given(content=st.binary(max_size=300))
    def test_rubbish_is_refused_and_breaks_nothing(self, content: bytes) -> None:
        assert not check_proof(content).ok

    def test_any_line_of_json_is_refused_and_breaks_nothing(self) -> None:
        chance = random.Random(7)
        kinds = ["header", "key", "entry", "opening", "head", "seal"]
        for _ in range(300):
            fields: dict[str, object] = {
                name: chance.choice([None, 1, "x", [], {}, -1]) for name in chance.sample(["entry", "hash", "seq", "key"], 3)
            }
            line = orjson.dumps(fields | {"kind": chance.choice(kinds), "statement": {}, "signature": "AA=="}, option=orjson.OPT_SORT_KEYS)
            assert not check_proof(duel().lines()[0] + b"\n" + line + b"\n").ok


FORGERIES: list[tuple[str, Callable[[Sale], None], int]] = [
    ("price", lambda sale: sale.forge(5, price_minor=13_900 * YUAN), 5),
    ("winner", lambda sale: sale.forge(6, winner="B01"), 6),
    ("hammer price", lambda sale: sale.forge(6, price_minor=14_500 * YUAN), 6),
    ("result", lambda sale: sale.forge(6, result="passed_below_reserve"), 6),
    ("leader", lambda sale: sale.forge(3, leader="B01"), 2),
    ("no extension", lambda sale: sale.forge(4, extensions=0), 4),
    ("another end", lambda sale: sale.forge(4, ends_at=log.instant(sale.state.ends_at)), 4),
    ("time goes back", lambda sale: sale.forge(4, at="2026-11-25T02:00:01.000000Z"), 4),
    ("late bid", lambda sale: sale.forge(5, at="2026-11-25T02:10:50.000000Z"), 5),
    ("count", lambda sale: sale.forge(6, bids=3), 6),
    ("reserve met", lambda sale: sale.forge(2, reserve_met=True), 3),
    ("kind", lambda sale: sale.forge(4, kind="gift"), 4),
    ("a field too many", lambda sale: sale.forge(4, note="-"), 4),
    ("truth for one", lambda sale: sale.forge(4, extensions=True), 4),
]


class TestALyingMarket:
    """It signs everything anew: the chain is whole and every signature good, and still it is found by the rules."""

    @pytest.mark.parametrize(("forge", "seq"), [case[1:] for case in FORGERIES], ids=[case[0] for case in FORGERIES])
    def test_is_found_by_the_rules(self, forge: Callable[[Sale], None], seq: int) -> None:
        sale = duel()
        forge(sale)
        assert seq in seqs(check(sale))

    def test_cannot_open_another_maximum(self) -> None:
        sale = duel()
        sale.secrets[4] = Opening(4, 12_400 * YUAN, sale.secrets[4].salt)
        assert seqs(check(sale)) == {4}

    def test_cannot_keep_a_price_setting_maximum_closed(self) -> None:
        sale = duel()
        lines = [line for line in sale.lines() if b'"kind":"opening"' not in line or b'"seq":4' not in line]
        assert seqs(check(sale, sale.seal(lines))) == {4}

    def test_cannot_add_anything_behind_the_close(self) -> None:
        sale = duel()
        sale.entries.append(log.seal(LOT, sale.entries[3].content() | {"seq": 7, "previous": sale.entries[-1].hash}))
        sale.heads = []
        assert not check(sale).ok

    def test_cannot_leave_a_bid_out_before_a_bidder_who_has_his_receipt(self) -> None:
        sale = duel()
        receipt = sale.receipt(4)
        other = Sale(reserve_yuan=12_000, key=sale.key)
        other.bid("B01", 11_000, at_s=5)
        other.bid("B02", 15_000, at_s=9)
        other.bid("B03", 13_000, at_s=590)
        other.close()
        assert check(other).ok
        verdict = check_proof(other.file(), keys=sale.keys, receipts=[receipt])
        assert seqs(verdict) == {4}

    def test_cannot_use_another_key_than_the_one_the_reader_trusts(self) -> None:
        sale = duel()
        assert check_proof(sale.file()).ok
        other = public_key_of(new_signing_key())
        assert not check_proof(sale.file(), keys={"0" * 16: other}).ok

    def test_cannot_pass_one_statement_off_as_another(self) -> None:
        sale = duel()
        head = sale.heads[0]
        assert not check_proof(sale.file(), keys=sale.keys, receipts=[head]).ok
        sale.heads.append(signed(sale.key, head.statement | {"kind": "bid_receipt"}))
        assert not check(sale).ok


class TestReceipts:
    def test_a_receipt_stands_in_the_log_with_its_maximum(self) -> None:
        sale = duel()
        verdict = check_proof(sale.file(), keys=sale.keys, receipts=[sale.receipt(seq) for seq in (2, 3, 4, 5)])
        assert (verdict.findings, verdict.receipts) == ([], 4)

    def test_a_receipt_somebody_else_signed_is_none(self) -> None:
        sale, key = duel(), new_signing_key()
        forged = signed(key, sale.receipt(3).statement)
        assert seqs(check_proof(sale.file(), keys=sale.keys, receipts=[forged])) == {3}
        renamed = type(forged)(forged.statement, sale.heads[0].key, forged.signature)
        assert seqs(check_proof(sale.file(), keys=sale.keys, receipts=[renamed])) == {3}

    def test_a_receipt_with_another_maximum_is_found(self) -> None:
        sale = duel()
        other = signed(sale.key, sale.receipt(3).statement | {"maximum_minor": 1})
        assert seqs(check_proof(sale.file(), keys=sale.keys, receipts=[other])) == {3}


class TestWhatIsOpened:
    def test_the_overtaken_and_those_that_did_not_lead(self) -> None:
        sale = Sale()
        for pseudonym, maximum in (("B01", 11_000), ("B01", 12_000), ("B02", 11_500), ("B02", 14_000), ("B02", 16_000), ("B03", 15_000)):
            sale.bid(pseudonym, maximum)
        assert list(opened_seqs(entry.content() for entry in sale.entries)) == [4, 3, 7]


class TestAccount:
    def test_tells_both_languages_the_winner_the_price_and_a_chart(self) -> None:
        text = tell(check(duel()))
        for part in (
            "测试市场",
            "买受人 winner: B02",
            "成交价 price: ¥14,000.00",
            "延时 extensions: 2",
            "█",
            "成交 sold",
            "✓ 按同一规则重放",
        ):
            assert part in text
        assert "15,000" not in text
        assert "--key" not in text

    def test_says_that_the_keys_are_the_files_own(self) -> None:
        assert "--key" in tell(check_proof(duel().file()))

    def test_names_what_was_changed(self) -> None:
        sale = duel()
        text = tell(check(sale, sale.file().replace(b'"price_minor":1300000', b'"price_minor":1300001')))
        assert "✗ 验证失败 NOT PROVED" in text
        assert "第 4 条 (seq 4) 内容被改动" in text
        assert "winner:" not in text

    def test_shows_a_long_sale_briefly(self) -> None:
        sale = Sale(run_s=100_000)
        for position in range(400):
            sale.bid(f"B{position % 3}", 10_000 + 500 * position, at_s=position)
        sale.close()
        text = tell(check(sale))
        assert len(text.splitlines()) < 60
        assert "400 次 bids" in text


class TestCommand:
    def test_a_true_file_ends_with_zero(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        sale = duel()
        file, receipt, key = tmp_path / "lot.jsonl", tmp_path / "receipt.json", public_key_of(sale.key).hex()
        file.write_bytes(sale.file())
        receipt.write_bytes(orjson.dumps(sale.receipt(4).to_json()))
        assert verify(str(file), key=key, receipts=[receipt]) == PROVED
        assert "1 份回执在日志中" in capsys.readouterr().out

    def test_a_changed_one_does_not(self, tmp_path: Path) -> None:
        file = tmp_path / "lot.jsonl"
        file.write_bytes(duel().file().replace(b"B02", b"B03", 1))
        assert verify(str(file)) == NOT_PROVED

    @pytest.mark.parametrize("key", ["zz", "0" * 63, "{}"])
    def test_what_cannot_be_read_is_said(self, tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert verify(str(tmp_path / "none")) == UNREADABLE
        file = tmp_path / "lot.jsonl"
        file.write_bytes(duel().file())
        assert verify(str(file), key=key) == UNREADABLE
        assert "无法读取 cannot be read" in capsys.readouterr().out
