"""The operations whose path has a parameter, found in the OpenAPI document, with requests that reach the rules.

A new route is tried without being named here.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from marketplace.core.security import Access, Authorization
from tests import people
from tests.architecture.routes import walk
from tests.cars import picture
from tests.market import Market

SAFE = ("get", "head", "options")


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

    @property
    def is_safe(self) -> bool:
        return self.method in SAFE

    @property
    def is_endless(self) -> bool:
        """Whether a success is a stream of events that does not end."""
        return "text/event-stream" in self.operation["responses"].get("200", {}).get("content", {})

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names in the path."""
        return frozenset(one["name"] for one in self.operation.get("parameters", []) if one["in"] == "path")

    def lets_in(self, capabilities: frozenset[str]) -> bool:
        """Whether the guard has nothing against such a role, so that only the rules can refuse it."""
        capability = self.authorization.capability if self.authorization else None
        return capability is None or capability in capabilities

    def filled(self, ids: dict[str, Any]) -> str:
        """The path with ``ids``; what they do not name gets an id that nobody has."""
        path = self.path
        for parameter in self.operation.get("parameters", []):
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", str(ids.get(parameter["name"], _nobody(parameter["schema"]))))
        return path

    def knock(self, api: Market, headers: dict[str, str], ids: dict[str, Any]) -> int:
        """The status that a right request gets."""
        document = api.app.openapi()
        options = body_of(document, self.operation)
        sent = {**options.pop("headers", {}), **headers}
        options["params"] = {
            one["name"]: example(document, one["schema"])
            for one in self.operation.get("parameters", [])
            if one["in"] == "query" and one.get("required")
        }
        status: int = api.client.request(self.method, self.filled(ids), headers=sent, **options).status_code
        return status


def _nobody(schema: dict[str, Any]) -> str:
    if schema.get("format") == "uuid":
        return str(uuid4())
    return "f" * 64 if "pattern" in schema else "nobody"


def find_doors(api: Market) -> list[Door]:
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


# --- bodies that reach the rules -----------------------------------------------------------------------------------------


def body_of(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a request whose body the document says is right, so that the refusal comes from the rules."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return {}
    media, shown = next(iter(content.items()))
    if media == "application/json":
        body = example(document, shown.get("schema", {}))
        return {"json": {**body, "passphrase": people.PASSWORD} if isinstance(body, dict) and "passphrase" in body else body}
    if media == "application/x-www-form-urlencoded":
        return {"data": example(document, shown.get("schema", {}))}
    if media == "multipart/form-data":
        return {"files": dict.fromkeys(_required(document, shown.get("schema", {})), ("photo.jpg", picture(), "image/jpeg"))}
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
