"""People and organizations for tests of any feature, made over HTTP as anybody would be.

``owner = sign_up(api)``; ``dealer = organization(api, kind="dealer")``; ``api.get("/marketplace/v1/me", headers=dealer.headers)``.
An access token says what was true when it was issued: call ``person.renew(api)`` after joining, being verified or stepping up.
"""

from base64 import b32decode
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from time import time
from typing import Any
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import OrganizationKind, Role, compute_credit_check, compute_resident_check
from marketplace.accounts.service import members, organizations
from marketplace.accounts.service.organizations import OrganizationFacts
from marketplace.core.security import totp_code
from tests.market import Market

PASSWORD = "correct horse battery"
BASE = "/marketplace/v1"
_serials = count(1)

LICENCES_OF: dict[str, tuple[str, ...]] = {
    "dealer": ("business_licence", "dealer_filing"),
    "auction_house": ("business_licence", "auction_licence"),
    "broker": ("business_licence", "broker_filing"),
    "appraiser": ("business_licence", "appraisal_filing"),
    "valuation_partner": ("business_licence",),
    "insurer": ("business_licence", "insurance_licence"),
    "lender": ("business_licence", "finance_licence"),
    "import_pilot": ("business_licence", "import_pilot_approval"),
    "fleet": ("business_licence",),
}
"""What an organization of a kind must hold to do its work."""


@dataclass
class Person:
    """Somebody signed in. ``party_id`` is whom his acts belong to; ``id`` is himself."""

    id: UUID
    phone: str
    token: str = ""
    refresh_token: str = ""
    device_token: str | None = None
    sign_in_id: UUID | None = None
    organization_id: UUID | None = None
    organization_name: str | None = None
    name: str | None = None
    totp_secret: str | None = None
    password: str = PASSWORD
    _steps: list[int] = field(default_factory=list)

    @property
    def party_id(self) -> UUID:
        return self.organization_id or self.id

    @property
    def headers(self) -> dict[str, str]:
        """What a request of his carries; acts for his organization when he has one."""
        acting_for = str(self.organization_id) if self.organization_id else "self"
        return {"Authorization": f"Bearer {self.token}", "Acting-For": acting_for}

    @property
    def self_headers(self) -> dict[str, str]:
        """The same, acting for himself."""
        return {"Authorization": f"Bearer {self.token}", "Acting-For": "self"}

    def renew(self, api: Market) -> "Person":
        """A fresh access token of the same sign-in."""
        answer = api.post(f"{BASE}/sign-ins/token", json={"grant_type": "refresh_token", "refresh_token": self.refresh_token})
        assert answer.status_code == 200, answer.text
        self._take(answer.json())
        return self

    def sign_in(self, api: Market, **extra: Any) -> "Person":
        """A new sign-in with the password."""
        body = {"username": self.phone, "password": self.password, "device_token": self.device_token, **extra}
        answer = api.post(f"{BASE}/sign-ins/token", json=body)
        assert answer.status_code == 200, answer.text
        self._take(answer.json())
        return self

    def code(self) -> str:
        """A code of the second factor that was not used yet; at most three in one half minute."""
        assert self.totp_secret is not None
        current = int(time()) // 30
        step = next(one for one in (current - 1, current, current + 1) if not self._steps or one > self._steps[-1])
        self._steps.append(step)
        return totp_code(b32decode(self.totp_secret), step)

    def _take(self, tokens: dict[str, Any]) -> None:
        self.token = tokens["access_token"]
        self.refresh_token = tokens["refresh_token"]
        self.device_token = tokens["device_token"] or self.device_token
        self.sign_in_id = UUID(tokens["sign_in_id"])


def phone_number() -> str:
    """One nobody has yet."""
    return f"139{next(_serials):08d}"


def credit_code() -> str:
    """A right 统一社会信用代码 nobody has yet."""
    body = f"91120116MA{next(_serials):07d}"
    return body + compute_credit_check(body)


def resident_id(*, born: str = "19900101") -> str:
    """A right resident identity number nobody has yet."""
    body = f"120116{born}{next(_serials) % 1000:03d}"
    return body + compute_resident_check(body)


def sign_up(api: Market, name: str | None = "张三", *, phone: str | None = None, real_name: bool = True) -> Person:
    """A person, signed in, with a real name on file unless ``real_name`` is False."""
    number = phone or phone_number()
    answer = api.post(f"{BASE}/sign-ups", json={"phone": number, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    person = Person(id=UUID(answer.json()["id"]), phone=number, name=name).sign_in(api)
    if real_name:
        body = {"name": name, "resident_id": resident_id()}
        stated = api.post(f"{BASE}/me/real-name", json=body, headers=person.self_headers)
        assert stated.status_code == 201, stated.text
    return person


def with_second_factor(api: Market, person: Person) -> Person:
    """Enrol an authenticator and step this sign-in up."""
    begun = api.post(f"{BASE}/me/second-factor", json={"passphrase": person.password}, headers=person.self_headers)
    assert begun.status_code == 201, begun.text
    person.totp_secret = begun.json()["secret"]
    confirmed = api.post(f"{BASE}/me/second-factor/confirmation", json={"code": person.code()}, headers=person.self_headers)
    assert confirmed.status_code == 201, confirmed.text
    person.token = confirmed.json()["access_token"]
    return person


def operator(api: Market, *, roles: tuple[str, ...] = ("operator", "owner")) -> Person:
    """An operator of the market, with the second factor. The market operator is made with the first of them."""
    person = sign_up(api, "田运营")
    with api.database.writing() as session:
        market = queries.find_market_operator(session)
        if market is None:
            facts = OrganizationFacts(OrganizationKind.MARKET_OPERATOR, "河南路二手车市场", credit_code(), "天津", "滨海新区河南路 1 号")
            market = organizations.create_market_operator(session, owner_id=person.id, facts=facts)
        else:
            members.add_member(session, organization_id=market.id, person_id=person.id, roles=list(roles))
        person.organization_id, person.organization_name = market.id, market.legal_name
    return with_second_factor(api, person.renew(api))


def organization(
    api: Market,
    kind: str = "dealer",
    *,
    name: str | None = None,
    by: Person | None = None,
    verified: bool = True,
    licences: tuple[str, ...] | None = None,
    roles: tuple[str, ...] = (),
) -> Person:
    """The owner of a new organization, acting for it. ``by`` is the operator who verifies it and checks its licences.

    ``roles`` are his besides ``owner``; ``licences`` are by default what such an organization needs.
    """
    owner = sign_up(api, "钱老板")
    legal_name = name or f"{kind}-{next(_serials)} 有限公司"
    body = {"kind": kind, "legal_name": legal_name, "credit_code": credit_code(), "city": "天津", "address": "河南路 2 号"}
    answer = api.post(f"{BASE}/organizations", json=body, headers=owner.self_headers)
    assert answer.status_code == 201, answer.text
    owner.organization_id, owner.organization_name = UUID(answer.json()["id"]), legal_name
    if not verified:
        return owner.renew(api)
    clerk = by or operator(api)
    decided = api.post(f"{BASE}/parties/{owner.organization_id}/verification", json={"approve": True}, headers=clerk.headers)
    assert decided.status_code == 200, decided.text
    owner.renew(api)
    if roles:
        path = f"{BASE}/organizations/{owner.organization_id}/members/{owner.id}/roles"
        changed = api.put(path, json={"roles": ["owner", *roles]}, headers=owner.headers)
        assert changed.status_code == 200, changed.text
        owner.renew(api)
    for kind_of_licence in LICENCES_OF[kind] if licences is None else licences:
        licence(api, owner, kind_of_licence, by=clerk)
    return owner


def member(api: Market, owner: Person, *roles: str, second_factor: bool = False, name: str = "孙员工") -> Person:
    """A new person in the owner's organization, acting for it. Appraisers, operators and auditors get the second factor."""
    person = sign_up(api, name)
    path = f"{BASE}/organizations/{owner.organization_id}/members"
    offered = api.post(path, json={"person_id": str(person.id), "roles": list(roles)}, headers=owner.headers)
    assert offered.status_code == 201, offered.text
    path = f"{BASE}/me/offers/{offered.json()['id']}/answer"
    accepted = api.post(path, json={"accept": True}, headers=person.self_headers)
    assert accepted.status_code == 200, accepted.text
    person.organization_id, person.organization_name = owner.organization_id, owner.organization_name
    person.renew(api)
    needs = second_factor or bool({Role.APPRAISER, Role.OPERATOR, Role.AUDITOR} & set(roles))
    return with_second_factor(api, person) if needs else person


def licence(
    api: Market,
    holder: Person,
    kind: str,
    *,
    by: Person | None = None,
    valid_from: date = date(2020, 1, 1),
    valid_to: date | None = None,
    personal: bool | None = None,
    checked: bool = True,
) -> UUID:
    """A licence of whom ``holder`` acts for (his own when it names a person), checked by the operator ``by``."""
    own = kind in {"auctioneer_certificate", "appraiser_certificate"} if personal is None else personal
    body = {
        "kind": kind,
        "number": f"{kind}-{next(_serials)}",
        "issuer": "天津市商务局",
        "valid_from": valid_from.isoformat(),
        "valid_to": valid_to.isoformat() if valid_to else None,
    }
    claimed = api.post(f"{BASE}/licences", json=body, headers=holder.self_headers if own else holder.headers)
    assert claimed.status_code == 201, claimed.text
    licence_id = UUID(claimed.json()["id"])
    if checked:
        path = f"{BASE}/licences/{licence_id}/decision"
        decided = api.post(path, json={"approve": True}, headers=(by or operator(api)).headers)
        assert decided.status_code == 200, decided.text
    return licence_id


def appraisers(api: Market, *, by: Person | None = None) -> tuple[Person, Person]:
    """Two certified appraisers of one institution, each with the second factor."""
    clerk = by or operator(api)
    owner = organization(api, "appraiser", by=clerk)
    first = member(api, owner, "appraiser", name="鉴甲")
    second = member(api, owner, "appraiser", name="鉴乙")
    for one in (first, second):
        licence(api, one, "appraiser_certificate", by=clerk)
    return first, second


def api_key(api: Market, owner: Person, *scopes: str, rate_per_minute: int = 6_000) -> dict[str, str]:
    """Headers of a machine of the owner's organization."""
    body = {"name": "test", "scopes": list(scopes), "rate_per_minute": rate_per_minute}
    answer = api.post(f"{BASE}/api-keys", json=body, headers=owner.headers)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['key']}"}


def payout_account(api: Market, person: Person, *, number: str = "6217000010001234567") -> UUID:
    """Where ``person``'s party is paid; gives him the second factor when he has none."""
    if person.totp_secret is None:
        with_second_factor(api, person)
    holder = person.organization_name or person.name
    body = {"passphrase": person.password, "bank": "中国建设银行天津分行", "holder": holder, "number": number}
    answer = api.post(f"{BASE}/payout-accounts", json=body, headers=person.headers)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])
