"""The interface's document: checked in, and complete for every operation."""

import re
from collections.abc import Iterator
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
                assert shows_example(shown), media_type

    def test_shows_an_example_of_its_body(self, label: str, operation: dict[str, Any]) -> None:
        for media_type, shown in operation.get("requestBody", {}).get("content", {}).items():
            assert shows_example(shown), media_type

    def test_names_its_problem_codes(self, label: str, operation: dict[str, Any]) -> None:
        """Anything but a plain public read may be refused, and says with which codes."""
        refusals = {status: body for status, body in operation["responses"].items() if status[0] in "45" and status != "422"}
        takes_input = any(parameter["in"] == "path" for parameter in operation.get("parameters", [])) or "requestBody" in operation
        if not refusals and not takes_input:
            return
        assert refusals
        for status, body in refusals.items():
            assert "application/problem+json" in body.get("content", {}), status


def shows_example(shown: dict[str, Any]) -> bool:
    """Whether the body has an example, as a whole or in its properties, or nothing in it that needs one."""
    if "example" in shown or shown.get("examples"):
        return True
    leaves = list(_leaves(shown.get("schema", {}), seen=frozenset()))
    return not any(_needs_example(leaf) for leaf in leaves) or any("example" in leaf or "examples" in leaf for leaf in leaves)


def _leaves(schema: dict[str, Any], *, seen: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The schema's parts down to plain values; a part with an example of its own is not opened."""
    if "example" in schema or "examples" in schema:
        yield schema
        return
    parts = [part for several in ("anyOf", "oneOf", "allOf") for part in schema.get(several, [])]
    parts += [schema["items"]] if "items" in schema else []
    parts += list(schema.get("properties", {}).values())
    reference = schema.get("$ref")
    if reference is not None and reference not in seen:
        parts.append(_resolve(reference))
        seen |= {reference}
    if not parts:
        yield schema
    for part in parts:
        yield from _leaves(part, seen=seen)


def _needs_example(leaf: dict[str, Any]) -> bool:
    speaks_for_itself = any(key in leaf for key in ("enum", "const", "default")) or "format" in leaf
    return leaf.get("type") in {"string", "integer", "number"} and not speaks_for_itself


def _resolve(reference: str) -> dict[str, Any]:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
