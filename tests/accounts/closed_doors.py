"""Every door of the market tried by everybody it is not for.

The walk reads the OpenAPI document, so a new route is tried without being named here. A feature that has objects of its own adds real ones
with ``foreign``: a function from the world to the path templates and the ids of objects that belong to the victim alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from marketplace.accounts.domain import ROLE_CAPABILITIES, OrganizationKind, Role
from marketplace.accounts.service import founding
from marketplace.accounts.service.organizations import OrganizationFacts
from marketplace.accounts.service.people import hash_new_password
from marketplace.core.security import Access, Authorization, Gate, Membership
from tests import people
from tests.architecture.routes import walk
from tests.market import Market
from tests.people import Person

SAFE = ("get", "head", "options")
Ids = dict[str, dict[str, Any]]
"""Path template → parameter → the victim's object."""


@dataclass(frozen=True)
class Door:
    """One operation with a path parameter."""

    method: str
    path: str
    operation: dict[str, Any]
    authorization: Authorization | None

    @property
    def label(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def is_public(self) -> bool:
        return self.authorization is None or self.authorization.access is Access.PUBLIC

    def lets_in(self, who: "Intruder") -> bool:
        """Whether the guard has nothing against his role, so that only the rules can refuse him."""
        capability = self.authorization.capability if self.authorization else None
        return capability is None or capability in who.capabilities

    def filled(self, ids: dict[str, Any]) -> str:
        """The path with ``ids``; what they do not name gets an id that nobody has."""
        path = self.path
        for parameter in self.operation.get("parameters", []):
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", str(ids.get(parameter["name"], _nobody(parameter["schema"]))))
        return path


def _nobody(schema: dict[str, Any]) -> str:
    if schema.get("format") == "uuid":
        return str(uuid4())
    return "f" * 64 if "pattern" in schema else "nobody"


@dataclass
class Intruder:
    """Somebody who may do everything his role allows, and has no business here."""

    label: str
    headers: dict[str, str]
    capabilities: frozenset[str]
    is_market: bool = False


@dataclass
class World:
    """A victim with one object of each kind, and everybody else."""

    api: Market
    clerk: Person
    victim: Person
    offered: Person
    ids: dict[str, Any] = field(default_factory=dict)
    intruders: list[Intruder] = field(default_factory=list)


FOREIGN: list[Callable[[World], Ids]] = []


def foreign(make: Callable[[World], Ids]) -> Callable[[World], Ids]:
    """Add real objects of the victim; ``make`` may create them over HTTP."""
    FOREIGN.append(make)
    return make


def doors(api: Market) -> list[Door]:
    """Every operation whose path has a parameter."""
    guards = {
        (method.lower(), route.path): next(iter(route.authorizations()), None)
        for route in walk(api.app)
        if not route.is_socket
        for method in route.methods
    }
    return [
        Door(method, path, operation, guards.get((method, path)))
        for path, operations in api.app.openapi()["paths"].items()
        for method, operation in operations.items()
        if "{" in path
    ]


def build_world(api: Market) -> World:
    """The victim is a dealer; there is an intruder of every role of every kind of organization, a plain person and a machine."""
    clerk = people.operator(api)
    victim = people.with_second_factor(api, people.organization(api, by=clerk, roles=("sales", "finance")))
    world = World(api, clerk, victim, people.sign_up(api))
    world.intruders = [*_staff(api), _plain(api), _machine(api, clerk)]
    return world


def _staff(api: Market) -> Iterator[Intruder]:
    gate: Gate = api.app.state.gate
    hashed = hash_new_password(people.PASSWORD)
    for kind, role in ROLE_CAPABILITIES:
        if role is Role.APPLICANT:
            continue
        person_id, organization_id = _found(api, kind, role, hashed)
        memberships = [Membership(organization_id, kind.value, (role.value,))]
        token = gate.tokens.issue(person_id=person_id, sign_in_id=uuid4(), second_factor=True, memberships=memberships)
        principal = gate.person(token)
        yield Intruder(
            f"{kind.value}/{role.value}",
            {"Authorization": f"Bearer {token}"},
            principal.capabilities,
            is_market=kind is OrganizationKind.MARKET_OPERATOR,
        )


def _found(api: Market, kind: OrganizationKind, role: Role, hashed: str) -> tuple[UUID, UUID]:
    with api.database.writing() as session:
        person_id = founding.found_person(
            session, phone=people.phone_number(), password_hash=hashed, name="闯入者", resident_id=people.resident_id()
        )
        facts = OrganizationFacts(kind, f"{kind.value} {role.value} 有限公司", people.credit_code(), "天津", "河南路 9 号")
        if kind is OrganizationKind.MARKET_OPERATOR:
            organization_id = founding.found_operator(session, person_id=person_id, market=facts)
        else:
            organization_id = founding.found_organization(session, owner_id=person_id, facts=facts, roles=[role.value])
    return person_id, organization_id


def _plain(api: Market) -> Intruder:
    person = people.with_second_factor(api, people.sign_up(api))
    principal = api.app.state.gate.person(person.token)
    return Intruder("person", person.headers, principal.capabilities)


def _machine(api: Market, clerk: Person) -> Intruder:
    owner = people.organization(api, by=clerk)
    scopes = ("vehicles.read", "orders.read", "organization.read", "stock.import", "listings.publish")
    return Intruder("machine", people.api_key(api, owner, *scopes), frozenset(scopes))


# --- bodies that reach the rules -----------------------------------------------------------------------------------------


def body_of(api: Market, operation: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a request whose body the document says is right, so that the refusal comes from the rules."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return {}
    media, shown = next(iter(content.items()))
    if media == "application/json":
        body = example(api.app.openapi(), shown.get("schema", {}))
        return {"json": {**body, "passphrase": people.PASSWORD} if isinstance(body, dict) and "passphrase" in body else body}
    if media == "application/x-www-form-urlencoded":
        return {"data": example(api.app.openapi(), shown.get("schema", {}))}
    if media == "multipart/form-data":
        return {"files": dict.fromkeys(_required(api.app.openapi(), shown.get("schema", {})), ("photo.jpg", b"nothing", "image/jpeg"))}
    return {"content": b"nothing", "headers": {"Content-Type": media}}


def _required(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    found = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return list(found.get("required", []))


def example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value the schema accepts, by its examples."""
    if "$ref" in schema:
        return example(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema and not schema.get("examples"):
            return example(document, schema[several][0])
    for key in ("const", "example"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if key in schema:
            return schema[key][0]
    return _by_type(document, schema)


def _by_type(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: example(document, schema["properties"][name]) for name in schema.get("required", [])}
    if kind == "array":
        return [example(document, schema.get("items", {}))] * max(1, schema.get("minItems", 0))
    by_format = {"uuid": str(uuid4()), "date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z"}
    if schema.get("format") in by_format:
        return by_format[schema["format"]]
    return {"integer": schema.get("minimum", 1), "number": 1, "boolean": True, "null": None}.get(
        str(kind), "x" * max(1, schema.get("minLength", 1))
    )
