"""The helpers of ``tests.people`` walk the whole chain: signing up, organizations, staff, licences, keys."""

from tests import people
from tests.market import Market


class TestChain:
    def test_everybody_can_be_made(self, api: Market) -> None:
        clerk = people.operator(api)
        dealer = people.organization(api, "dealer", by=clerk)
        me = api.get("/marketplace/v1/me", headers=dealer.headers).json()
        assert me["party_id"] == str(dealer.organization_id)
        assert "listings.publish" in me["capabilities"]
        first, second = people.appraisers(api, by=clerk)
        assert first.id != second.id
        assert first.organization_id == second.organization_id
        assert "appraisals.sign" in api.get("/marketplace/v1/me", headers=first.headers).json()["capabilities"]
        people.payout_account(api, people.sign_up(api))
        partner = people.organization(api, "valuation_partner", by=clerk)
        key = people.api_key(api, partner, "prices.quote")
        assert api.get("/marketplace/v1/licences", headers=key).status_code == 200
        assert api.get("/marketplace/v1/me", headers=key).json()["code"] == "people_only"
