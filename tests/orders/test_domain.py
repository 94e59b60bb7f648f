"""Rules of orders: the life of an order, fees and shares to the last fen, confirmations, handover, the contract's document."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.orders.domain import (
    HANDED_OVER_DOCUMENTS,
    AcceptanceDiffers,
    Confirmation,
    ConfirmationMissing,
    Contract,
    ContractKind,
    ContractParty,
    Fees,
    FeeTable,
    Handover,
    HandoverMissing,
    OrderState,
    OrderStateRefused,
    PapersMissing,
    Share,
    build_contract,
    check_acceptance,
    check_confirmations,
    check_handover,
    check_move,
    compute_fees,
    compute_shares,
    contract_kind_of,
    earnest_part,
    required_confirmations,
)
from marketplace.orders.domain.orders import ShareKind
from marketplace.vehicles.domain import Colour

S = OrderState
ALLOWED = {
    (S.AWAITING_SIGNATURES, S.AWAITING_PAYMENT),
    (S.AWAITING_SIGNATURES, S.CANCELLED),
    (S.AWAITING_SIGNATURES, S.DEFAULTED),
    (S.AWAITING_PAYMENT, S.PAID),
    (S.AWAITING_PAYMENT, S.CANCELLED),
    (S.AWAITING_PAYMENT, S.DEFAULTED),
    (S.PAID, S.HANDED_OVER),
    (S.PAID, S.CANCELLED),
    (S.HANDED_OVER, S.COMPLETED),
}


@pytest.mark.parametrize("to", list(OrderState))
@pytest.mark.parametrize("state", list(OrderState))
def test_an_order_goes_only_where_the_table_lets_it(state: OrderState, to: OrderState) -> None:
    if (state, to) in ALLOWED:
        check_move(state, to)
    else:
        with pytest.raises(OrderStateRefused) as refused:
            check_move(state, to)
        assert refused.value.fields == {"state": state.value, "wanted": to.value}


class TestFees:
    TABLE = FeeTable(buyer_fixed_minor=0, seller_bps=100, seller_min_minor=30_000, seller_max_minor=500_000)

    @pytest.mark.parametrize(
        ("price", "commission_bps", "fees"),
        [
            (8_800_000, 0, Fees(0, 88_000, 0)),
            (1_000_000, 0, Fees(0, 30_000, 0)),
            (90_000_000, 0, Fees(0, 500_000, 0)),
            (8_800_000, 300, Fees(0, 88_000, 264_000)),
            (20_000, 0, Fees(0, 20_000, 0)),
            (20_000, 10_000, Fees(0, 0, 20_000)),
            (20_000, 10_001, Fees(0, 0, 20_000)),
            (40_000, 5_000, Fees(0, 20_000, 20_000)),
            (3_000_000, 0, Fees(0, 30_000, 0)),
            (3_000_100, 0, Fees(0, 30_001, 0)),
            (50_000_100, 0, Fees(0, 500_000, 0)),
        ],
    )
    def test_by_the_table(self, price: int, commission_bps: int, fees: Fees) -> None:
        assert compute_fees(price, self.TABLE, commission_bps=commission_bps) == fees

    def test_the_table_is_read_by_name(self) -> None:
        values = {"seller_max_minor": 4, "seller_min_minor": 3, "seller_bps": 2, "buyer_fixed_minor": 1}
        table = FeeTable.from_values(values)
        assert table == FeeTable(buyer_fixed_minor=1, seller_bps=2, seller_min_minor=3, seller_max_minor=4)
        assert compute_fees(1_000_000, table, commission_bps=0).buyer_fee_minor == 1

    def test_shares_by_kind_and_none_that_is_empty(self) -> None:
        assert compute_shares(price_minor=100, fees=Fees(7, 6, 5)) == [
            Share(ShareKind.PROCEEDS, 89),
            Share(ShareKind.COMMISSION, 5),
            Share(ShareKind.SELLER_FEE, 6),
            Share(ShareKind.BUYER_FEE, 7),
        ]
        assert compute_shares(price_minor=11, fees=Fees(0, 6, 5)) == [Share(ShareKind.COMMISSION, 5), Share(ShareKind.SELLER_FEE, 6)]

    @given(
        st.integers(1, 10**11),
        st.integers(0, 10_000),
        st.builds(FeeTable, st.integers(0, 10**6), st.integers(0, 10_000), st.integers(0, 10**6), st.integers(0, 10**7)),
    )
    def test_shares_sum_to_what_the_buyer_pays(self, price: int, commission_bps: int, table: FeeTable) -> None:
        fees = compute_fees(price, table, commission_bps=commission_bps)
        shares = compute_shares(price_minor=price, fees=fees)
        assert sum(share.amount_minor for share in shares) == price + fees.buyer_fee_minor
        assert all(share.amount_minor > 0 for share in shares)

    def test_fees_above_the_price_are_our_mistake(self) -> None:
        with pytest.raises(ValueError, match=r"^fees above the price$"):
            compute_shares(price_minor=10, fees=Fees(0, 6, 5))


@pytest.mark.parametrize(
    ("deposit", "price", "earnest"), [(0, 100, 0), (20, 100, 20), (21, 100, 20), (500_000, 2_000_000, 400_000), (19, 99, 19), (50, 99, 19)]
)
def test_earnest_money_is_at_most_a_fifth(deposit: int, price: int, earnest: int) -> None:
    assert earnest_part(deposit, price_minor=price, max_bps=2_000) == earnest


class TestConfirmations:
    @pytest.mark.parametrize(
        ("consumer", "business", "wanted"),
        [
            (True, True, {Confirmation.CONDITION_READ, Confirmation.SEVEN_DAY_RETURN_EXCLUDED}),
            (True, False, {Confirmation.CONDITION_READ}),
            (False, True, {Confirmation.CONDITION_READ}),
            (False, False, {Confirmation.CONDITION_READ}),
        ],
    )
    def test_a_consumer_of_a_business_excludes_the_return(self, consumer: bool, business: bool, wanted: set[Confirmation]) -> None:
        assert required_confirmations(buyer_is_consumer=consumer, seller_is_business=business) == wanted

    def test_the_missing_ones_are_named_with_their_sentence(self) -> None:
        with pytest.raises(ConfirmationMissing) as refused:
            check_confirmations([], [Confirmation.SEVEN_DAY_RETURN_EXCLUDED])
        assert refused.value.fields["missing"] == ["seven_day_return_excluded"]
        assert "七日无理由退货" in str(refused.value.fields["texts"])
        check_confirmations(list(Confirmation), [Confirmation.CONDITION_READ])

    def test_only_what_is_missing_is_asked(self) -> None:
        with pytest.raises(ConfirmationMissing) as refused:
            check_confirmations([Confirmation.SEVEN_DAY_RETURN_EXCLUDED], list(Confirmation))
        assert refused.value.fields == {"missing": ["condition_read"], "texts": ["本人已阅读车辆信息、车辆状况说明及费用公示。"]}
        with pytest.raises(ConfirmationMissing) as refused:
            check_confirmations([], [Confirmation.SEVEN_DAY_RETURN_EXCLUDED, Confirmation.CONDITION_READ])
        assert refused.value.fields["missing"] == ["condition_read", "seven_day_return_excluded"]


class TestHandover:
    ALL = Handover(42_000, 2, frozenset(HANDED_OVER_DOCUMENTS))

    def test_every_paper_is_handed_over(self) -> None:
        check_handover(self.ALL, required=HANDED_OVER_DOCUMENTS)
        for code in HANDED_OVER_DOCUMENTS:
            with pytest.raises(PapersMissing) as refused:
                check_handover(replace(self.ALL, documents=self.ALL.documents - {code}), required=HANDED_OVER_DOCUMENTS)
            assert refused.value.fields["missing"] == [code]

    def test_acceptance_is_of_what_was_handed_over(self) -> None:
        check_acceptance(self.ALL, self.ALL)
        with pytest.raises(HandoverMissing):
            check_acceptance(self.ALL, None)
        with pytest.raises(AcceptanceDiffers) as refused:
            check_acceptance(Handover(42_001, 1, frozenset()), self.ALL)
        assert refused.value.fields["differs"] == ["odometer_km", "keys", "documents"]

    @pytest.mark.parametrize(("change", "differs"), [({"odometer_km": 41_999}, "odometer_km"), ({"keys": 3}, "keys")])
    def test_what_differs_is_named_by_itself(self, change: dict[str, int], differs: str) -> None:
        with pytest.raises(AcceptanceDiffers) as refused:
            check_acceptance(replace(self.ALL, **change), self.ALL)  # type: ignore[arg-type]  # two numbers
        assert refused.value.fields == {"differs": [differs]}

    def test_the_missing_papers_are_named_in_order(self) -> None:
        with pytest.raises(PapersMissing) as refused:
            check_handover(Handover(1, 1, frozenset({"x"})), required=["insurance_policy", "driving_licence", "x"])
        assert refused.value.fields == {"missing": ["driving_licence", "insurance_policy"]}


class TestContract:
    @pytest.mark.parametrize(
        ("seller", "buyer", "kind"),
        [
            (True, False, ContractKind.SALE),
            (True, True, ContractKind.SALE),
            (False, True, ContractKind.PURCHASE),
            (False, False, ContractKind.TRADE),
        ],
    )
    def test_its_kind_is_by_who_deals(self, seller: bool, buyer: bool, kind: ContractKind) -> None:
        assert contract_kind_of(seller_is_dealer=seller, buyer_is_dealer=buyer) is kind

    def contract(self, **vehicle: Any) -> Contract:
        at = datetime(2026, 11, 24, 13, 30, tzinfo=UTC)
        return Contract(
            number="HR202611240000000001",
            kind=ContractKind.TRADE,
            channel="c2c_virtual",
            market="河南路二手车市场",
            city="天津",
            at=at,
            seller=ContractParty("s", "张三", "person", "某经纪公司"),
            buyer=ContractParty("b", "李四", "person"),
            vehicle={"vin": "LSVCZ2A41MN000001", "first_registration_on": date(2021, 3, 18), "odometer_km": 42_000} | vehicle,
            price_minor=8_800_000,
            price_kind="asking",
            buyer_fee_minor=0,
            deposit_minor=500_000,
            earnest_minor=500_000,
            pay_by=at,
            hand_over_within_days=7,
            transfer_within_days=30,
            findings=[{"code": "c", "article": "a", "text": "t"}],
            confirmations=[],
        )

    def test_says_what_the_model_contract_says(self) -> None:
        document = build_contract(self.contract())
        assert document["title"] == "二手车买卖合同"
        assert document["price"]["amount_in_words"] == "捌万捌仟元整"
        assert document["payment"]["balance_minor"] == 8_300_000
        assert document["seller"] == {"party_id": "s", "name": "张三", "kind": "person", "agent": "某经纪公司"}
        assert [one["code"] for one in document["documents"]] == list(HANDED_OVER_DOCUMENTS)
        assert {"vehicle", "delivery", "transfer", "condition", "warranty", "clauses"} <= document.keys()

    def test_the_whole_document(self) -> None:
        contract = replace(
            self.contract(colour=Colour.WHITE, keys=[1, 2]),
            buyer_fee_minor=30_000,
            earnest_minor=400_000,
            pay_by=datetime(2026, 11, 26, 13, 30, 5, tzinfo=UTC),
            appraisal={"grade": "1", "on": date(2026, 11, 20), "areas": {"cabin": 85}},
            warranty={"months": 3},
            confirmations=[{"code": "condition_read"}],
        )
        document = build_contract(contract)
        clauses = document.pop("clauses")
        assert len(clauses) == 4
        assert "第五百八十六条" in clauses[2]
        assert document == {
            "template": "henanroad-2026-1",
            "title": "二手车买卖合同",
            "kind": "trade",
            "number": "HR202611240000000001",
            "market": "河南路二手车市场",
            "city": "天津",
            "made_at": "2026-11-24T13:30:00+00:00",
            "channel": "c2c_virtual",
            "seller": {"party_id": "s", "name": "张三", "kind": "person", "agent": "某经纪公司"},
            "buyer": {"party_id": "b", "name": "李四", "kind": "person", "agent": None},
            "vehicle": {
                "vin": "LSVCZ2A41MN000001",
                "first_registration_on": "2021-03-18",
                "odometer_km": 42_000,
                "colour": "white",
                "keys": [1, 2],
            },
            "price": {
                "currency": "CNY",
                "kind": "asking",
                "amount_minor": 8_800_000,
                "amount_in_words": "捌万捌仟元整",
                "buyer_fee_minor": 30_000,
                "transfer_cost_borne_by": "buyer",
            },
            "payment": {
                "into": "资金监管账户",
                "deposit_minor": 500_000,
                "earnest_money_minor": 400_000,
                "balance_minor": 8_330_000,
                "pay_by": "2026-11-26T13:30:05+00:00",
                "released": "转让登记完成后支付给卖方",
            },
            "delivery": {"within_days_of_payment": 7},
            "transfer": {"handled_by": "河南路二手车市场", "within_days_of_delivery": 30},
            "documents": [{"code": code, "name": name} for code, name in HANDED_OVER_DOCUMENTS.items()],
            "condition": {
                "findings": [{"code": "c", "article": "a", "text": "t"}],
                "appraisal": {"grade": "1", "on": "2026-11-20", "areas": {"cabin": 85}},
            },
            "warranty": {"months": 3},
            "confirmations": [{"code": "condition_read"}],
        }
        assert type(document["vehicle"]["colour"]) is str

    def test_without_a_buyers_fee_the_seller_bears_the_transfer(self) -> None:
        document = build_contract(self.contract())
        assert document["price"]["transfer_cost_borne_by"] == "seller"
        assert (document["condition"]["appraisal"], document["warranty"]) == (None, None)

    def test_any_other_word_is_another_hash(self) -> None:
        hashes = {
            sha256_hex(canonical_json(build_contract(contract)))
            for contract in (
                self.contract(),
                self.contract(odometer_km=42_001),
                replace(self.contract(), price_minor=8_800_001),
                replace(self.contract(), buyer=ContractParty("b", "王五", "person")),
            )
        }
        assert len(hashes) == 4

    def test_a_fraction_has_no_place_in_it(self) -> None:
        with pytest.raises(TypeError, match=r"^float has no place in a contract$"):
            build_contract(self.contract(score=82.5))
