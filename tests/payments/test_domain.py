"""Pure rules of money: the ledger's arithmetic, deposits, references."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.money import CNY
from marketplace.payments.domain import (
    Account,
    AccountKind,
    AmountAboveGateway,
    Capabilities,
    Difference,
    ForfeitClaims,
    GatewayCannotHold,
    HoldNotHeld,
    HoldState,
    LedgerUnbalanced,
    Posting,
    ReportLine,
    Transfer,
    allocate,
    check_hold,
    compute_balances,
    decide_capture,
    decide_forfeit,
    decide_release,
    make_reference,
    reconcile,
    reference_is_valid,
    split_forfeit,
)
from marketplace.payments.domain.holds import CaptureAboveHold
from marketplace.payments.domain.payments import CurrencyNotTaken, check_payment

ESCROW = Account(AccountKind.ESCROW, "sandbox_bank", purpose_id=UUID(int=1))
CLEARING = Account(AccountKind.CLEARING, "sandbox_bank")
AMOUNTS = st.integers(min_value=1, max_value=10**13)


class TestPosting:
    @given(st.lists(AMOUNTS, min_size=1, max_size=8))
    def test_entries_sum_to_zero(self, amounts: list[int]) -> None:
        posting = Posting("r", "k", tuple(Transfer(CLEARING, ESCROW, amount) for amount in amounts))
        assert sum(amount for _account, amount in posting.entries()) == 0
        assert compute_balances([posting]) == {CLEARING: sum(amounts), ESCROW: -sum(amounts)}

    @pytest.mark.parametrize("amount", [0, -1])
    def test_refuses_what_moves_nothing(self, amount: int) -> None:
        with pytest.raises(LedgerUnbalanced, match=r"^a transfer moves a positive amount$"):
            Transfer(CLEARING, ESCROW, amount)

    def test_refuses_two_currencies(self) -> None:
        with pytest.raises(LedgerUnbalanced, match=r"^a transfer stays in one currency$"):
            Transfer(CLEARING, Account(AccountKind.ESCROW, "sandbox_bank", currency="HKD"), 1)

    def test_refuses_one_account_on_both_sides(self) -> None:
        with pytest.raises(LedgerUnbalanced, match=r"^a transfer has two accounts$"):
            Transfer(ESCROW, ESCROW, 1)

    def test_refuses_an_empty_posting(self) -> None:
        with pytest.raises(LedgerUnbalanced, match=r"^a posting has at least one transfer$"):
            Posting("r", "k", ())

    def test_an_account_is_named_by_all_that_tells_it_apart(self) -> None:
        party = uuid4()
        keys = {
            Account(AccountKind.ESCROW, "a", party).key,
            Account(AccountKind.ESCROW, "a", None, party).key,
            Account(AccountKind.ESCROW, "b", party).key,
            Account(AccountKind.PAYOUTS_PAYABLE, "a", party).key,
            Account(AccountKind.ESCROW, "a", party, currency="HKD").key,
        }
        assert len(keys) == 5

    @pytest.mark.parametrize(
        ("account", "key"),
        [
            (CLEARING, "clearing:sandbox_bank:-:-:CNY"),
            (ESCROW, "escrow:sandbox_bank:-:00000000000000000000000000000001:CNY"),
            (
                Account(AccountKind.DEPOSIT_HELD, "stripe", UUID(int=2), UUID(int=3), "HKD"),
                "deposit_held:stripe:00000000000000000000000000000002:00000000000000000000000000000003:HKD",
            ),
        ],
        ids=["nobody's", "an order's", "a party's"],
    )
    def test_its_key_is_stored_and_may_not_change(self, account: Account, key: str) -> None:
        assert account.key == key


class TestAllocate:
    @given(st.lists(st.integers(0, 10**9), max_size=6), st.lists(st.integers(0, 10**9), min_size=1, max_size=4))
    def test_takes_all_from_all_or_refuses(self, amounts: list[int], pools: list[int]) -> None:
        named = {f"g{n}": amount for n, amount in enumerate(pools)}
        if sum(amounts) != sum(pools):
            with pytest.raises(LedgerUnbalanced, match=r"^what is shared out must be what is there$"):
                allocate(amounts, named)
            return
        shares = allocate(amounts, named)
        assert [sum(part for _name, part in parts) for parts in shares] == amounts
        for name, amount in named.items():
            assert sum(part for parts in shares for found, part in parts if found == name) == amount

    @pytest.mark.parametrize("amounts", [[9], [11], [], [-1, 11]], ids=["less", "more", "nothing", "a negative share"])
    def test_refuses_what_is_not_what_is_there(self, amounts: list[int]) -> None:
        with pytest.raises(LedgerUnbalanced, match=r"^what is shared out must be what is there$"):
            allocate(amounts, {"a": 10})

    def test_draws_on_the_second_gateway_when_the_first_is_empty(self) -> None:
        assert allocate([70, 50], {"b": 20, "a": 100}) == [[("a", 70)], [("a", 30), ("b", 20)]]

    def test_draws_the_last_fen_and_passes_an_empty_gateway(self) -> None:
        assert allocate([0, 1, 2], {"c": 2, "b": 1, "a": 0}) == [[], [("b", 1)], [("c", 2)]]


class TestReconcile:
    def test_names_what_differs(self) -> None:
        theirs = [ReportLine("a", 5), ReportLine("b", 7), ReportLine("c", 1), ReportLine("c", 2)]
        ours = [ReportLine("a", 5), ReportLine("b", 8), ReportLine("c", 3), ReportLine("d", -4)]
        assert reconcile(theirs, ours) == [Difference("b", 7, 8), Difference("d", None, -4)]

    @given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-9, 9).filter(bool))))
    def test_a_copy_in_any_order_agrees(self, lines: list[tuple[str, int]]) -> None:
        mine = [ReportLine(*line) for line in lines]
        assert reconcile(mine, mine[::-1]) == []


class TestHold:
    @pytest.mark.parametrize(
        ("state", "after"),
        [
            (HoldState.REQUESTED, HoldState.RELEASING),
            (HoldState.HELD, HoldState.RELEASING),
            (HoldState.RELEASING, None),
            (HoldState.RELEASED, None),
            (HoldState.FAILED, None),
            (HoldState.LAPSED, None),
        ],
    )
    def test_release(self, state: HoldState, after: HoldState | None) -> None:
        assert decide_release(state) is after

    @pytest.mark.parametrize("state", [HoldState.CAPTURING, HoldState.CAPTURED, HoldState.FORFEITING, HoldState.FORFEITED])
    def test_what_is_taken_is_not_released(self, state: HoldState) -> None:
        with pytest.raises(HoldNotHeld) as refused:
            decide_release(state)
        assert refused.value.fields == {"state": state.value}

    @pytest.mark.parametrize(
        "state", [state for state in HoldState if state not in {HoldState.HELD, HoldState.CAPTURING, HoldState.CAPTURED}]
    )
    def test_only_what_is_held_is_captured(self, state: HoldState) -> None:
        with pytest.raises(HoldNotHeld) as refused:
            decide_capture(state, held_minor=10, amount_minor=10)
        assert refused.value.fields == {"state": state.value}

    @pytest.mark.parametrize(
        "state", [state for state in HoldState if state not in {HoldState.HELD, HoldState.FORFEITING, HoldState.FORFEITED}]
    )
    def test_only_what_is_held_is_forfeited(self, state: HoldState) -> None:
        with pytest.raises(HoldNotHeld) as refused:
            decide_forfeit(state)
        assert refused.value.fields == {"state": state.value}

    @pytest.mark.parametrize("amount", [0, -1, 11])
    def test_never_above_the_amount(self, amount: int) -> None:
        with pytest.raises(CaptureAboveHold) as refused:
            decide_capture(HoldState.HELD, held_minor=10, amount_minor=amount)
        assert refused.value.fields == {"held_minor": 10, "amount_minor": amount}

    @pytest.mark.parametrize("amount", [1, 9, 10], ids=["one fen", "all but one fen", "all"])
    def test_captures_any_part_of_it(self, amount: int) -> None:
        assert decide_capture(HoldState.HELD, held_minor=10, amount_minor=amount) is HoldState.CAPTURING

    def test_capture_and_forfeit_happen_once(self) -> None:
        for captured in (HoldState.CAPTURING, HoldState.CAPTURED):
            assert decide_capture(captured, held_minor=10, amount_minor=10) is None
        assert decide_forfeit(HoldState.HELD) is HoldState.FORFEITING
        for forfeited in (HoldState.FORFEITING, HoldState.FORFEITED):
            assert decide_forfeit(forfeited) is None


class TestSplitForfeit:
    @pytest.mark.parametrize(
        ("amount", "claims", "shares"),
        [
            (100, (0, 0, 0), (0, 0, 0, 100)),
            (100, (30, 50, 40), (30, 50, 20, 0)),
            (100, (130, 50, 40), (100, 0, 0, 0)),
            (100, (10, 20, 30), (10, 20, 30, 40)),
        ],
    )
    def test_costs_then_shortfall_then_debts(self, amount: int, claims: tuple[int, int, int], shares: tuple[int, ...]) -> None:
        found = split_forfeit(amount, ForfeitClaims(*claims))
        assert (found.costs_minor, found.shortfall_minor, found.debts_minor, found.rest_minor) == shares

    @given(AMOUNTS, st.integers(0, 10**13), st.integers(0, 10**13), st.integers(0, 10**13))
    def test_shares_sum_to_the_amount(self, amount: int, costs: int, shortfall: int, debts: int) -> None:
        found = split_forfeit(amount, ForfeitClaims(costs, shortfall, debts))
        parts = (found.costs_minor, found.shortfall_minor, found.debts_minor, found.rest_minor)
        assert sum(parts) == amount
        assert min(parts) >= 0


class TestReference:
    @given(st.uuids())
    def test_its_check_digits_fit(self, payment_id: UUID) -> None:
        assert reference_is_valid(make_reference(payment_id))

    @given(st.uuids(), st.integers(2, 19), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
    def test_one_wrong_character_is_noticed(self, payment_id: UUID, place: int, character: str) -> None:
        reference = make_reference(payment_id)
        wrong = reference[:place] + character + reference[place + 1 :]
        assert reference_is_valid(wrong) == (wrong == reference)

    @given(st.uuids(), st.integers(4, 18))
    def test_two_swapped_characters_are_noticed(self, payment_id: UUID, place: int) -> None:
        reference = make_reference(payment_id)
        swapped = reference[:place] + reference[place + 1] + reference[place] + reference[place + 2 :]
        assert reference_is_valid(swapped) == (swapped == reference)

    @given(st.text(max_size=24))
    def test_no_text_breaks_it(self, text: str) -> None:
        assert reference_is_valid(text) in {True, False}

    @pytest.mark.parametrize(
        ("payment_id", "reference"),
        [
            ("00000000-0000-0000-0000-000000000001", "HR010000000000000001"),
            ("00000000-0000-0000-0000-000000000061", "HR000000000000000031"),
            ("0190a1b2-c3d4-7e5f-8a9b-0123456789ab", "HR62FSFRN6R14D2PF2DB"),
            ("ffffffff-ffff-ffff-ffff-ffffffffffff", "HR34ZZZZZZZZZZZZZZZZ"),
        ],
    )
    def test_a_payment_keeps_its_reference(self, payment_id: str, reference: str) -> None:
        assert make_reference(UUID(payment_id)) == reference
        assert reference_is_valid(reference)

    @pytest.mark.parametrize(
        ("text", "valid"),
        [
            ("HR010000000000000001", True),
            ("HR110000000000000001", False),
            ("XX010000000000000001", False),
            ("hr010000000000000001", False),
            ("HR01000000000000001", False),
            ("HR0100000000000000001", False),
            ("HR0100000000000000O1", False),
            ("HR٠١0000000000000001", False),
            ("", False),
        ],
        ids=[
            "as made",
            "another check digit",
            "another prefix",
            "small prefix",
            "too short",
            "too long",
            "a letter O",
            "Arabic digits",
            "nothing",
        ],
    )
    def test_all_twenty_characters_must_fit(self, text: str, valid: bool) -> None:
        assert reference_is_valid(text) is valid

    @given(st.uuids(), st.uuids())
    def test_two_payments_have_two(self, one: UUID, other: UUID) -> None:
        same = one.int & ((1 << 80) - 1) == other.int & ((1 << 80) - 1)
        assert (make_reference(one) == make_reference(other)) == same


class TestCapabilities:
    CARDS = Capabilities(can_hold=False, hold_days=None, max_amount_minor=100, currencies=frozenset({CNY}), offline=False)

    def test_refuses_a_hold_where_nothing_can_be_held(self) -> None:
        with pytest.raises(GatewayCannotHold):
            check_hold(self.CARDS, amount_minor=1, currency=CNY)

    def test_refuses_too_much(self) -> None:
        check_payment(self.CARDS, amount_minor=100, currency=CNY)
        with pytest.raises(AmountAboveGateway) as refused:
            check_payment(self.CARDS, amount_minor=101, currency=CNY)
        assert refused.value.fields == {"max_minor": 100}

    def test_refuses_another_currency(self) -> None:
        with pytest.raises(CurrencyNotTaken):
            check_payment(self.CARDS, amount_minor=1, currency="HKD")
