"""The product's own source, parsed once: what the architecture tests look at."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("marketplace", "auction", "valuation", "search")
COMPOSITION = ("app", "worker", "cli", "subscriptions", "main", "api", "registry", "serving", "migrations", "openapi", "demo", "pages")
"""Modules directly under ``marketplace`` (or a service) that are no feature."""

KINDS = ("domain", "events", "schemas", "models", "queries", "gateway", "service", "router", "pages", "tasks", "api")


@dataclass(frozen=True)
class Source:
    """One file of the product."""

    path: Path

    @cached_property
    def module(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def where(self) -> str:
        return str(self.path.relative_to(ROOT))

    def at(self, node: ast.AST) -> str:
        return f"{self.where}:{getattr(node, 'lineno', 0)}"

    @cached_property
    def feature(self) -> str | None:
        """``marketplace.orders``, ``auction``, …; None for composition."""
        parts = self.module.split(".")
        if parts[0] != "marketplace":
            return parts[0]
        return None if len(parts) == 1 or parts[1] in COMPOSITION else f"marketplace.{parts[1]}"

    @cached_property
    def folder(self) -> str | None:
        """The feature folder: ``marketplace.orders``, ``auction.bidding``; None outside of one."""
        parts = self.module.split(".")
        is_package = self.path.name == "__init__.py"
        if len(parts) < 2 or parts[1] in COMPOSITION or (len(parts) == 2 and not is_package):
            return None
        return ".".join(parts[:2])

    @cached_property
    def kind(self) -> str | None:
        """The file kind: ``domain`` for ``domain.py`` and everything in a ``domain/`` package."""
        parts = self.module.split(".")
        return parts[2] if self.folder is not None and len(parts) > 2 else None

    def imports(self) -> Iterator[tuple[str, ast.stmt]]:
        """Modules (and names, dotted) that this file imports, inside functions too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.at(node)}: relative import"
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node


@lru_cache(maxsize=1)
def sources() -> tuple[Source, ...]:
    """Every file of the four packages."""
    return tuple(Source(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))


@lru_cache(maxsize=1)
def modules() -> frozenset[str]:
    return frozenset(source.module for source in sources())


def features() -> list[Source]:
    """Files of features, the kernel left out."""
    return [source for source in sources() if source.feature not in {None, "marketplace.core"}]


def of_kind(*kinds: str) -> list[Source]:
    """Files of these kinds, in features."""
    return [source for source in features() if source.kind in kinds]


def module_of(name: str) -> str:
    """The module an imported name lives in: the longest prefix that is one of the product's modules, else the name itself."""
    found = name
    while found and found not in modules():
        found = found.rpartition(".")[0]
    return found or name


def called_name(node: ast.Call) -> str:
    """``httpx.Client`` for ``httpx.Client(…)``; dotted as far as it is plain names."""
    parts: list[str] = []
    target: ast.expr = node.func
    while isinstance(target, ast.Attribute):
        parts.append(target.attr)
        target = target.value
    if isinstance(target, ast.Name):
        parts.append(target.id)
    return ".".join(reversed(parts))


def calls(source: Source) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield called_name(node), node


def nothing(found: list[str]) -> None:
    """Fail with one line for each thing found."""
    if found:
        pytest.fail("\n".join(["", *found]), pytrace=False)
