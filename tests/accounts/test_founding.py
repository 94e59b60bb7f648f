"""Founding a market from the command line: its operator, once or twice, and that nobody else can."""

from datetime import date

from marketplace.accounts import api as accounts
from marketplace.accounts.api import OrganizationFacts, OrganizationKind
from tests import people
from tests.market import Market
from tests.people import BASE, PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def _facts(kind: OrganizationKind = OrganizationKind.MARKET_OPERATOR) -> OrganizationFacts:
    return OrganizationFacts(kind, "河南路二手车市场", people.credit_code(), "天津", "河南路 1 号")


class TestFoundOperator:
    def test_the_first_founds_the_market_the_second_joins_it(self, api: Market) -> None:
        hashed = accounts.hash_new_password(PASSWORD)
        with api.database.writing() as session:
            first = accounts.found_person(session, phone="13800138000", password_hash=hashed, totp_secret=SECRET)
            market_id = accounts.found_operator(session, person_id=first, market=_facts())
            second = accounts.found_person(session, phone="13800138001", password_hash=hashed)
            assert accounts.found_operator(session, person_id=second, market=_facts()) == market_id
            assert accounts.find_by_phone(session, phone="13800138000") == first
            assert accounts.find_by_phone(session, phone="13800138009") is None
        clerk = people.Person(first, "13800138000", totp_secret=SECRET)
        clerk.sign_in(api, otp=clerk.code())
        clerk.organization_id = market_id
        assert api.get(f"{BASE}/parties", headers=clerk.headers).status_code == 200

    def test_a_whole_organization_with_its_papers(self, api: Market) -> None:
        hashed = accounts.hash_new_password(PASSWORD)
        clerk = people.operator(api)
        with api.database.writing() as session:
            owner = accounts.found_person(
                session, phone="13800138000", password_hash=hashed, name="金津滨", resident_id=people.resident_id()
            )
            dealer = accounts.found_organization(session, owner_id=owner, facts=_facts(OrganizationKind.DEALER), roles=["sales"])
            facts = accounts.LicenceFacts(accounts.LicenceKind.DEALER_FILING, "津商备1", "天津市商务局", date(2020, 1, 1), None)
            accounts.found_licence(session, party_id=dealer, checked_by=clerk.id, facts=facts)
            accounts.found_member(session, organization_id=dealer, person_id=clerk.id, roles=["finance"])
        with api.database.reading() as session:
            assert accounts.require_active(session, party_id=dealer).organization_kind is OrganizationKind.DEALER
            on = date(2026, 11, 24)
            assert accounts.require_licence(session, party_id=dealer, kind=accounts.LicenceKind.DEALER_FILING, on=on).number == "津商备1"
            assert accounts.linked_parties(session, party_id=dealer) == {dealer, owner, clerk.id}
