"""What a person may take away of listings and consignments, and what stays."""

import pytest

from marketplace.accounts.api import PrivacyHold
from marketplace.listings import api as listings
from marketplace.sourcing import api as sourcing
from tests.market import Market
from tests.stock import BASE, consigned_car


class TestConsignor:
    def test_exports_contract_and_listing(self, api: Market) -> None:
        listed = consigned_car(api)
        with api.database.reading() as session:
            windows = listings.PERSONAL_DATA.export(session, listed.seller.party_id)
            contracts = sourcing.PERSONAL_DATA.export(session, listed.seller.party_id)
        [window] = windows["listings"]
        assert (window["id"], window["floor_minor"], [price["ask_minor"] for price in window["prices"]]) == (
            str(listed.listing_id),
            8_000_000,
            [8_880_000],
        )
        [contract] = contracts["consignments"]
        assert (contract["document"]["consignor"]["name"], contract["state"]) == ("李四", "active")

    def test_nothing_is_erased_while_it_runs_and_the_contract_stays_after(self, api: Market) -> None:
        listed = consigned_car(api, description="电话微信同号")
        assert listed.consignment is not None
        party_id = listed.seller.party_id
        with api.database.writing() as session:
            for feature in (listings.PERSONAL_DATA, sourcing.PERSONAL_DATA):
                with pytest.raises(PrivacyHold):
                    feature.erase(session, party_id)
        path = f"{BASE}/consignments/{listed.consignment['id']}/withdrawal"
        assert api.post(path, json={"reason": "我不卖了"}, headers=listed.seller.headers).status_code == 200
        with api.database.writing() as session:
            reports = [feature.erase(session, party_id) for feature in (listings.PERSONAL_DATA, sourcing.PERSONAL_DATA)]
        assert [report.erased for report in reports] == [1, 1]
        assert [len(report.kept) for report in reports] == [1, 1]
        with api.database.reading() as session:
            assert listings.get_listing(session, listing_id=listed.listing_id).description == ""
            [contract] = sourcing.PERSONAL_DATA.export(session, party_id)["consignments"]
        assert (contract["end_note"], contract["document"]["consignor"]["name"]) == ("", "李四")
