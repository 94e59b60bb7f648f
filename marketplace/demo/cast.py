"""Who plays in the story, and how each comes to be: over HTTP, as anybody would."""

from base64 import b32decode
from dataclasses import dataclass, field
from time import time
from typing import Any
from uuid import UUID

import httpx

from marketplace.accounts.domain import compute_resident_check
from marketplace.core.security import totp_code
from marketplace.demo.caller import Body, Caller
from marketplace.demo.people import OPERATOR, PASSWORD, DemoPerson, credit_code

BASE = "/marketplace/v1"


@dataclass(slots=True)
class Actor:
    """Somebody of the story: his call, his party, his password for signing."""

    call: Caller
    person_id: UUID
    name: str
    refresh_token: str
    organization_id: UUID | None = None
    organization: str | None = None
    totp_secret: str | None = None
    spent_steps: list[int] = field(default_factory=list)

    @property
    def party_id(self) -> UUID:
        return self.organization_id or self.person_id

    @property
    def passphrase(self) -> str:
        return PASSWORD

    @property
    def himself(self) -> Caller:
        """The same person, acting for himself."""
        return self.call.with_token(self.call.token or "", "self")

    def renew(self) -> None:
        """A token that knows what he has become since."""
        body = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        self.take(self.call.raw("POST", f"{BASE}/sign-ins/token", json=body, headers={"Authorization": ""}).json())

    def take(self, tokens: Body) -> None:
        self.refresh_token = tokens["refresh_token"]
        self.call.token = tokens["access_token"]
        self.call.acting_for = str(self.organization_id) if self.organization_id else "self"

    def code(self) -> str:
        """A code of his second factor that he has not used yet."""
        assert self.totp_secret is not None
        now = int(time()) // 30
        step = next(one for one in (now - 1, now, now + 1) if one not in self.spent_steps)
        self.spent_steps.append(step)
        return totp_code(b32decode(self.totp_secret), step)


class Cast:
    """Makes actors. Serial numbers start high enough to be nobody else's in a demo market."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.public = Caller(client, name="游客")
        self._serial = int(time()) % 5_000_000

    def operator(self) -> Actor:
        """The market's operator, made when the market was set up; signs in with password and code."""
        found = Actor(Caller(self.client, name=OPERATOR.name), UUID(int=0), OPERATOR.name, "", totp_secret=OPERATOR.totp_secret)
        body = {"grant_type": "password", "username": OPERATOR.phone, "password": PASSWORD, "otp": found.code()}
        tokens = self.public.raw("POST", f"{BASE}/sign-ins/token", json=body).json()
        found.person_id = UUID(tokens["person_id"])
        found.organization_id = UUID(tokens["memberships"][0]["organization_id"])
        found.organization = OPERATOR.organization
        found.take(tokens)
        return found

    def person(self, name: str) -> Actor:
        """Signs up, signs in, states his real name."""
        invented = self._next(name)
        made = self.public.post(f"{BASE}/sign-ups", {"phone": invented.phone, "password": PASSWORD})
        actor = Actor(Caller(self.client, name=name), UUID(made["id"]), name, "")
        body = {"grant_type": "password", "username": invented.phone, "password": PASSWORD}
        actor.take(self.public.raw("POST", f"{BASE}/sign-ins/token", json=body).json())
        actor.himself.post(f"{BASE}/me/real-name", {"name": name, "resident_id": invented.resident_id})
        return actor

    def organization(self, owner_name: str, legal_name: str, kind: str, *licences: str, by: Actor, roles: tuple[str, ...] = ()) -> Actor:
        """Its owner, acting for it: registered, verified by the operator ``by``, each licence checked by him."""
        owner = self.person(owner_name)
        body = {
            "kind": kind,
            "legal_name": legal_name,
            "credit_code": credit_code(self._serial),
            "city": "天津",
            "address": "滨海新区河南路",
        }
        made = owner.himself.post(f"{BASE}/organizations", body)
        owner.organization_id, owner.organization = UUID(made["id"]), legal_name
        by.call.post(f"{BASE}/parties/{owner.organization_id}/verification", {"approve": True, "note": "原件已核对"}, status=200)
        owner.renew()
        if roles:
            path = f"{BASE}/organizations/{owner.organization_id}/members/{owner.person_id}/roles"
            owner.call.put(path, {"roles": ["owner", *roles]})
            owner.renew()
        for licence in licences:
            self.licence(owner, licence, by=by)
        return owner

    def member(self, owner: Actor, name: str, *roles: str) -> Actor:
        """A new colleague of the owner's organization, acting for it."""
        colleague = self.person(name)
        path = f"{BASE}/organizations/{owner.organization_id}/members"
        offer = owner.call.post(path, {"person_id": str(colleague.person_id), "roles": list(roles)})
        colleague.himself.post(f"{BASE}/me/offers/{offer['id']}/answer", {"accept": True}, status=200)
        colleague.organization_id, colleague.organization = owner.organization_id, owner.organization
        colleague.renew()
        return colleague

    def licence(self, holder: Actor, kind: str, *, by: Actor) -> None:
        """Claimed by its holder, checked by the operator."""
        self._serial += 1
        body = {
            "kind": kind,
            "number": f"演示-{self._serial}",
            "issuer": "天津市商务局",
            "valid_from": "2020-01-01",
            "valid_to": "2039-12-31",
        }
        call = holder.himself if kind in {"auctioneer_certificate", "appraiser_certificate"} else holder.call
        claimed = call.post(f"{BASE}/licences", body)
        by.call.post(f"{BASE}/licences/{claimed['id']}/decision", {"approve": True, "note": "原件已核对"}, status=200)

    def second_factor(self, actor: Actor) -> None:
        """Enrols an authenticator; this sign-in has the second factor from now on."""
        begun = actor.himself.post(f"{BASE}/me/second-factor", {"passphrase": PASSWORD})
        actor.totp_secret = begun["secret"]
        confirmed = actor.himself.post(f"{BASE}/me/second-factor/confirmation", {"code": actor.code()})
        actor.call.token = confirmed["access_token"]

    def payout_account(self, actor: Actor) -> None:
        """Where his proceeds go; asks for the second factor and the password."""
        if actor.totp_secret is None:
            self.second_factor(actor)
        self._serial += 1
        body: dict[str, Any] = {
            "passphrase": PASSWORD,
            "bank": "演示银行天津分行",
            "holder": actor.organization or actor.name,
            "number": f"62170001{self._serial:010d}",
        }
        actor.call.post(f"{BASE}/payout-accounts", body)

    def money(self, actor: Actor, amount_minor: int) -> None:
        """An account at the sandbox bank with something on it."""
        actor.call.post(f"{BASE}/sandbox-bank/accounts", {"opening_minor": amount_minor})

    def _next(self, name: str) -> DemoPerson:
        self._serial += 1
        return StoryPerson(self._serial, name, "", "")


class StoryPerson(DemoPerson):
    """A person of one telling of the story; the phone is of another block than the demo market's."""

    @property
    def phone(self) -> str:
        return f"1320{self.serial % 10_000_000:07d}"

    @property
    def resident_id(self) -> str:
        body = f"120199{1970 + self.serial % 30}{1 + self.serial // 30 % 12:02d}{1 + self.serial // 360 % 28:02d}{self.serial % 1000:03d}"
        return body + compute_resident_check(body)
