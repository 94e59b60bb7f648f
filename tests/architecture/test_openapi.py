"""The interface's document: checked in, and complete for every operation."""

import re
from typing import Any

import pytest

from marketplace.core.settings import env_example
from marketplace.openapi import document, document_text
from tests.architecture.code import ROOT

DOCUMENT = document()
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in sorted(DOCUMENT["paths"].items())
    for method, operation in methods.items()
    if method in METHODS
]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{2,}")


class TestGenerated:
    def test_the_document_is_the_checked_in_one(self) -> None:
        assert (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8") == document_text(), "run: make generated"

    def test_the_settings_are_the_checked_in_example(self) -> None:
        assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example(), "run: make generated"

    def test_operation_ids_are_unique(self) -> None:
        ids = [operation["operationId"] for _, operation in OPERATIONS]
        assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize(("label", "operation"), OPERATIONS, ids=[label for label, _ in OPERATIONS])
class TestEveryOperation:
    def test_has_a_summary_in_both_languages(self, label: str, operation: dict[str, Any]) -> None:
        summary = operation.get("summary", "")
        assert CHINESE.search(summary), summary
        assert LATIN.search(summary), summary

    def test_shows_an_example_of_its_answer(self, label: str, operation: dict[str, Any]) -> None:
        answers = [body for status, body in operation["responses"].items() if status.startswith("2")]
        assert answers
        for answer in answers:
            content = answer.get("content", {})
            for media_type, shown in content.items():
                assert _has_example(shown), media_type

    def test_shows_an_example_of_its_body(self, label: str, operation: dict[str, Any]) -> None:
        for media_type, shown in operation.get("requestBody", {}).get("content", {}).items():
            assert _has_example(shown), media_type

    def test_names_its_problem_codes(self, label: str, operation: dict[str, Any]) -> None:
        """Anything but a plain public read may be refused, and says with which codes."""
        refusals = {status: body for status, body in operation["responses"].items() if status[0] in "45" and status != "422"}
        takes_input = any(parameter["in"] == "path" for parameter in operation.get("parameters", [])) or "requestBody" in operation
        if not refusals and not takes_input:
            return
        assert refusals
        for status, body in refusals.items():
            assert "application/problem+json" in body.get("content", {}), status


def _has_example(shown: dict[str, Any]) -> bool:
    if "example" in shown or shown.get("examples"):
        return True
    return _schema_has_example(shown.get("schema", {}), seen=frozenset())


def _schema_has_example(schema: dict[str, Any], *, seen: frozenset[str]) -> bool:
    """Whether the schema, or each of its required properties, shows an example or needs none."""
    if any(key in schema for key in ("example", "examples", "enum", "const", "default")):
        return True
    inner = [schema["items"]] if "items" in schema else []
    for several in ("anyOf", "oneOf", "allOf"):
        inner += [part for part in schema.get(several, []) if part.get("type") != "null"]
    reference = schema.get("$ref")
    if reference is not None and reference not in seen:
        inner.append(_resolve(reference))
        seen |= {reference}
    inner += [schema["properties"][name] for name in schema.get("required", []) if name in schema.get("properties", {})]
    if inner or reference is not None or "properties" in schema:
        return all(_schema_has_example(part, seen=seen) for part in inner)
    return schema.get("type") in {"boolean", "null", "object"} or schema.get("format") in {"uuid", "date-time", "date", "binary"}


def _resolve(reference: str) -> dict[str, Any]:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
