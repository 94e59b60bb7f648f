"""What a role may do: the one table from (organization kind, role) to capabilities.

A capability is ``noun.act``. A feature adds its own here, with the roles that have it, and names it in ``require("noun.act")``.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from marketplace.accounts.domain.parties import OrganizationKind as Kind
from marketplace.core.errors import Malformed


class Role(StrEnum):
    """What a member of staff is. One person may hold several."""

    OWNER = "owner"  # 负责人: staff, licences, keys, payout account
    SALES = "sales"  # 业务员
    FINANCE = "finance"  # 财务
    AUCTIONEER = "auctioneer"  # 拍卖师
    APPRAISER = "appraiser"  # 鉴定评估师
    PRICING = "pricing"  # 估值
    SERVICE = "service"  # 保险、按揭、维修服务
    IMPORTER = "importer"  # 平行进口专员
    OPERATOR = "operator"  # 市场运营
    AUDITOR = "auditor"  # 审计 (reads only)
    APPLICANT = "applicant"  # 待核验: what anybody has in an organization not verified yet; never given by hand


# Anybody for himself: an owner, a buyer, a consignor.
PERSON = frozenset(
    """
    vehicles.register vehicles.edit vehicles.read consignments.offer acquisitions.ask tradeins.ask
    appraisals.request estimates.request orders.buy orders.sell payments.pay lots.consign bids.place
    deposits.place transfers.follow services.ask searches.save watchlist.keep cases.open payouts.manage licences.claim
    webhooks.manage
    """.split()
)

_OFFICE = frozenset(
    """
    organization.read members.read cases.open orders.read payments.read
    """.split()
)
_APPLYING = frozenset(
    """
    organization.read organization.edit licences.claim cases.open
    """.split()
)
_OWNER = frozenset(
    """
    organization.edit members.manage licences.claim keys.manage payouts.manage
    """.split()
)
_TRADE = frozenset(
    """
    vehicles.register vehicles.edit vehicles.read estimates.request appraisals.request orders.buy orders.sell
    payments.pay transfers.follow services.ask searches.save watchlist.keep
    """.split()
)
_DEALING = _TRADE | frozenset(
    """
    stock.manage stock.import acquisitions.offer listings.publish lots.consign bids.place deposits.place
    enquiries.answer sessions.manage lots.catalogue lots.conduct auctions.read agreements.supply tradeins.offer
    webhooks.manage
    lines.open
    """.split()
)
_BROKING = _TRADE | frozenset(
    """
    consignments.manage listings.publish enquiries.answer
    """.split()
)
_AUCTIONING = frozenset(
    """
    sessions.manage lots.catalogue lots.open lots.withdraw lots.conduct auctions.read vehicles.read
    webhooks.manage
    """.split()
)
_FINANCE = frozenset(
    """
    payouts.manage payments.pay invoices.issue
    """.split()
)
_APPRAISING = frozenset(
    """
    appraisals.perform appraisals.sign vehicles.read
    """.split()
)
_SUPPLYING = frozenset(
    """
    agreements.supply vehicles.read acquisitions.ask consignments.offer lots.consign orders.sell
    """.split()
)
_PRICING = frozenset(
    """
    prices.quote estimates.request vehicles.price feeds.full_vin
    webhooks.manage
    """.split()
)
_SERVING = frozenset(
    """
    services.offer services.decide feeds.full_vin
    webhooks.manage
    """.split()
)
_IMPORTING = frozenset(
    """
    imports.manage imports.publish vehicles.register vehicles.edit vehicles.read orders.sell
    webhooks.manage
    """.split()
)
_AUDITING = frozenset(
    """
    audit.read ledger.read cases.read auctions.read orders.read parties.read
    """.split()
)
_OPERATING = _AUDITING | frozenset(
    """
    cases.work parties.suspend parties.register licences.check approvals.request approvals.decide
    market.manage consignments.manage listings.moderate payments.operate disputes.decide transfers.manage
    sessions.manage lots.catalogue lots.conduct sessions.suspend outbox.manage pilots.manage personal_data.reveal articles.publish
    indices.publish
    services.assign vehicles.read vehicles.restrict agreements.manage acquisitions.offer enquiries.answer
    """.split()
)

# Refused without a second factor in the sign-in.
SECOND_FACTOR_ROLES = frozenset({Role.OPERATOR, Role.APPRAISER, Role.AUDITOR})
SECOND_FACTOR_CAPABILITIES = frozenset({"payouts.manage"})

ROLE_CAPABILITIES: Mapping[tuple[Kind, Role], frozenset[str]] = MappingProxyType(
    {
        (Kind.DEALER, Role.OWNER): _OFFICE | _OWNER | _DEALING,
        (Kind.DEALER, Role.SALES): _OFFICE | _DEALING,
        (Kind.DEALER, Role.FINANCE): _OFFICE | _FINANCE,
        (Kind.AUCTION_HOUSE, Role.OWNER): _OFFICE | _OWNER | _AUCTIONING,
        (Kind.AUCTION_HOUSE, Role.AUCTIONEER): _OFFICE | _AUCTIONING,
        (Kind.AUCTION_HOUSE, Role.SALES): _OFFICE | _AUCTIONING - {"lots.conduct"},
        (Kind.AUCTION_HOUSE, Role.FINANCE): _OFFICE | _FINANCE,
        (Kind.BROKER, Role.OWNER): _OFFICE | _OWNER | _BROKING,
        (Kind.BROKER, Role.SALES): _OFFICE | _BROKING,
        (Kind.BROKER, Role.FINANCE): _OFFICE | _FINANCE,
        (Kind.APPRAISER, Role.OWNER): _OFFICE | _OWNER,
        (Kind.APPRAISER, Role.APPRAISER): _OFFICE | _APPRAISING,
        (Kind.APPRAISER, Role.FINANCE): _OFFICE | _FINANCE,
        (Kind.VALUATION_PARTNER, Role.OWNER): _OFFICE | _OWNER | _PRICING,
        (Kind.VALUATION_PARTNER, Role.PRICING): _OFFICE | _PRICING,
        (Kind.INSURER, Role.OWNER): _OFFICE | _OWNER | _SERVING,
        (Kind.INSURER, Role.SERVICE): _OFFICE | _SERVING,
        (Kind.LENDER, Role.OWNER): _OFFICE | _OWNER | _SERVING | _SUPPLYING,
        (Kind.LENDER, Role.SERVICE): _OFFICE | _SERVING | _SUPPLYING,
        (Kind.FLEET, Role.OWNER): _OFFICE | _OWNER | _SUPPLYING,
        (Kind.FLEET, Role.SALES): _OFFICE | _SUPPLYING,
        (Kind.FLEET, Role.FINANCE): _OFFICE | _FINANCE,
        (Kind.IMPORT_PILOT, Role.OWNER): _OFFICE | _OWNER | _IMPORTING,
        (Kind.IMPORT_PILOT, Role.IMPORTER): _OFFICE | _IMPORTING,
        (Kind.IMPORT_PILOT, Role.FINANCE): _OFFICE | _FINANCE,
        (Kind.MARKET_OPERATOR, Role.OWNER): _OFFICE | _OWNER,
        (Kind.MARKET_OPERATOR, Role.OPERATOR): _OFFICE | _OPERATING,
        (Kind.MARKET_OPERATOR, Role.FINANCE): _OFFICE | _FINANCE,
        (Kind.MARKET_OPERATOR, Role.AUDITOR): _OFFICE | _AUDITING,
        **{(kind, Role.APPLICANT): _APPLYING for kind in Kind if kind is not Kind.MARKET_OPERATOR},
    }
)

CAPABILITIES = frozenset(PERSON.union(*ROLE_CAPABILITIES.values()))


def compute_capabilities(kind: str | None, roles: Iterable[str], second_factor: bool) -> tuple[frozenset[str], frozenset[str]]:
    """What the roles give now, and what the second factor would add. ``kind`` None is a person acting for himself."""
    if kind is None:
        needs = frozenset() if second_factor else PERSON & SECOND_FACTOR_CAPABILITIES
        return PERSON - needs, needs
    granted: set[str] = set()
    locked: set[str] = set()
    for role in roles:
        found = ROLE_CAPABILITIES.get((Kind(kind), Role(role)), frozenset())
        needs = found if Role(role) in SECOND_FACTOR_ROLES else found & SECOND_FACTOR_CAPABILITIES
        granted |= found if second_factor else found - needs
        locked |= frozenset() if second_factor else needs
    return frozenset(granted), frozenset(locked - granted)


def roles_of(kind: Kind) -> frozenset[Role]:
    """The roles that may be given in an organization of this kind."""
    return frozenset(role for organization_kind, role in ROLE_CAPABILITIES if organization_kind is kind and role is not Role.APPLICANT)


class ScopeUnknown(Malformed):
    zh = "该类机构的接口密钥不能包含此权限:{scope}"
    en = "A key of such an organization cannot have the scope {scope}."


def scopes_of(kind: Kind) -> frozenset[str]:
    """What an API key of such an organization may be given: everything its people may do, short of what needs a second factor."""
    found: set[str] = set()
    for role in roles_of(kind):
        granted, _ = compute_capabilities(kind, [role], False)
        found |= granted
    return frozenset(found) - _OWNER
