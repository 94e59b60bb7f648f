"""The one table from organization kind and role to capabilities, and who may join and leave."""

import re

import pytest

from marketplace.accounts.domain import (
    CAPABILITIES,
    ROLE_CAPABILITIES,
    LastOwner,
    OrganizationKind,
    Role,
    RoleUnknown,
    check_owner_remains,
    check_roles,
    compute_capabilities,
    roles_of,
    scopes_of,
)
from marketplace.accounts.domain.roles import SECOND_FACTOR_CAPABILITIES, SECOND_FACTOR_ROLES


class TestTable:
    def test_a_capability_is_noun_dot_act(self) -> None:
        assert [one for one in CAPABILITIES if not re.fullmatch(r"[a-z_]+\.[a-z_]+", one)] == []

    def test_only_the_market_operator_has_operators(self) -> None:
        kinds = {kind for kind, role in ROLE_CAPABILITIES if role in {Role.OPERATOR, Role.AUDITOR}}
        assert kinds == {OrganizationKind.MARKET_OPERATOR}

    @pytest.mark.parametrize("capability", ["parties.suspend", "licences.check", "personal_data.reveal", "market.manage"])
    def test_powers_of_the_market_belong_to_operators_alone(self, capability: str) -> None:
        assert {pair for pair, granted in ROLE_CAPABILITIES.items() if capability in granted} == {
            (OrganizationKind.MARKET_OPERATOR, Role.OPERATOR)
        }

    def test_an_appraiser_may_neither_deal_nor_broker(self) -> None:
        """独立性: 鉴定评估机构不得从事经销、经纪."""
        granted = frozenset().union(*(caps for (kind, _), caps in ROLE_CAPABILITIES.items() if kind is OrganizationKind.APPRAISER))
        assert (
            granted & {"listings.publish", "bids.place", "orders.buy", "orders.sell", "consignments.manage", "stock.manage"} == frozenset()
        )

    def test_a_broker_does_not_bid_or_hold_stock(self) -> None:
        """经纪机构 matches; it may not buy and sell on its own account (二手车交易规范)."""
        granted = frozenset().union(*(caps for (kind, _), caps in ROLE_CAPABILITIES.items() if kind is OrganizationKind.BROKER))
        assert granted & {"bids.place", "stock.manage", "acquisitions.offer"} == frozenset()

    def test_an_organization_not_verified_may_prepare_and_nothing_else(self) -> None:
        for kind in OrganizationKind:
            if kind is not OrganizationKind.MARKET_OPERATOR:
                granted, _ = compute_capabilities(kind, [Role.APPLICANT], True)
                assert granted == {"organization.read", "organization.edit", "licences.claim", "cases.open"}


class TestSecondFactor:
    @pytest.mark.parametrize(("kind", "role"), [pair for pair in ROLE_CAPABILITIES if pair[1] in SECOND_FACTOR_ROLES])
    def test_operators_appraisers_and_auditors_can_do_nothing_without(self, kind: OrganizationKind, role: Role) -> None:
        granted, locked = compute_capabilities(kind, [role], False)
        assert granted == frozenset()
        assert locked == ROLE_CAPABILITIES[kind, role]
        assert compute_capabilities(kind, [role], True) == (ROLE_CAPABILITIES[kind, role], frozenset())

    def test_an_owner_can_do_all_but_change_where_money_goes(self) -> None:
        granted, locked = compute_capabilities("dealer", ["owner"], False)
        assert locked == SECOND_FACTOR_CAPABILITIES == {"payouts.manage"}
        assert granted == ROLE_CAPABILITIES[OrganizationKind.DEALER, Role.OWNER] - {"payouts.manage"}

    def test_a_person_for_himself_too(self) -> None:
        assert "payouts.manage" not in compute_capabilities(None, [], False)[0]
        assert "payouts.manage" in compute_capabilities(None, [], True)[0]


class TestScopes:
    @pytest.mark.parametrize("kind", list(OrganizationKind))
    def test_a_machine_never_manages_staff_keys_or_money(self, kind: OrganizationKind) -> None:
        forbidden = {"members.manage", "keys.manage", "payouts.manage", "licences.claim", "organization.edit", "appraisals.sign"}
        assert scopes_of(kind) & forbidden == frozenset()

    def test_a_partner_may_quote(self) -> None:
        assert "prices.quote" in scopes_of(OrganizationKind.VALUATION_PARTNER)
        assert "prices.quote" not in scopes_of(OrganizationKind.DEALER)


class TestMembers:
    def test_roles_are_sorted_and_once(self) -> None:
        assert check_roles(OrganizationKind.DEALER, ["sales", "owner", "sales"]) == ["owner", "sales"]

    @pytest.mark.parametrize("roles", [[], ["operator"], ["applicant"], ["owner", "auctioneer"], ["king"]])
    def test_a_role_the_kind_has_not_is_refused(self, roles: list[str]) -> None:
        with pytest.raises(RoleUnknown) as refused:
            check_roles(OrganizationKind.DEALER, roles)
        assert refused.value.fields["roles"] == ["finance", "owner", "sales"]

    def test_nobody_is_given_the_applicants_role(self) -> None:
        assert all(Role.APPLICANT not in roles_of(kind) for kind in OrganizationKind)

    def test_the_last_owner_stays(self) -> None:
        check_owner_remains({"ann", "bob"}, leaving="ann")
        check_owner_remains({"ann"}, leaving="bob")
        with pytest.raises(LastOwner):
            check_owner_remains({"ann"}, leaving="ann")
