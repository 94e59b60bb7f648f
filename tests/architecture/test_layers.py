"""Who may import whom: the contracts of pyproject.toml, one door a feature, and which file kind may see what."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.code import ROOT, features, module_of, nothing, of_kind, sources

STDLIB = sys.stdlib_module_names
KERNEL_FOR_DOMAIN = ("marketplace.core.money", "marketplace.core.errors")
DOOR = "api"


class TestContracts:
    def test_the_import_contracts_hold(self) -> None:
        command = str(Path(sys.executable).parent / "lint-imports")
        done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


class TestDoors:
    def test_a_feature_is_entered_only_by_its_api(self) -> None:
        trespasses = []
        for source in features():
            for name, node in source.imports():
                target = module_of(name)
                owner = _feature_of(target)
                if owner in {None, source.feature, "marketplace.core"}:
                    continue
                if not target.endswith(f".{DOOR}") and not name.startswith(f"{owner}.{DOOR}"):
                    trespasses.append(f"{source.at(node)} imports {name}")
        nothing(trespasses)

    def test_auction_and_search_enter_marketplace_only_by_its_api(self) -> None:
        """``marketplace.api`` re-exports what the services above need."""
        trespasses = [
            f"{source.at(node)} imports {name}"
            for source in features()
            if source.feature in {"auction", "search"}
            for name, node in source.imports()
            if name.startswith("marketplace.") and not name.startswith(("marketplace.core.", "marketplace.api.", "marketplace.registry."))
        ]
        nothing(trespasses)


class TestKinds:
    def test_domain_knows_only_the_language_money_and_refusals(self) -> None:
        strangers = [
            f"{source.at(node)} imports {name}"
            for source in of_kind("domain")
            for name, node in source.imports()
            if name.partition(".")[0] not in STDLIB
            and not _is_domain_of(source.feature, module_of(name))
            and module_of(name) not in KERNEL_FOR_DOMAIN
        ]
        nothing(strangers)

    def test_events_and_models_see_only_the_domain(self) -> None:
        strangers = [
            f"{source.at(node)} imports {name}"
            for source in of_kind("events", "models")
            for name, node in source.imports()
            if _is_feature_kind(module_of(name), but=("domain", source.kind or "", DOOR))
        ]
        nothing(strangers)

    def test_gateways_know_no_use_case(self) -> None:
        """A sandbox keeps its state in the database, but nobody tells it what to do with an order."""
        strangers = [
            f"{source.at(node)} imports {name}"
            for source in of_kind("gateway")
            for name, node in source.imports()
            if _kind_of(module_of(name)) in {"service", "router", "pages", "tasks", "schemas"}
        ]
        nothing(strangers)

    def test_services_know_no_http(self) -> None:
        webs = ("fastapi", "starlette", "uvicorn")
        strangers = [
            f"{source.at(node)} imports {name}"
            for source in of_kind("service", "queries", "domain", "models", "events", "api")
            for name, node in source.imports()
            if name.startswith(webs)
        ]
        nothing(strangers)

    def test_routers_pages_and_tasks_write_no_sql(self) -> None:
        """A plain read may call a query; what a query is stands in ``queries.py``."""
        strangers = [
            f"{source.at(node)} imports {name}"
            for source in of_kind("router", "pages", "tasks")
            for name, node in source.imports()
            if name.partition(".")[0] in {"sqlalchemy", "sqlmodel"} and not name.startswith("sqlalchemy.exc.")
        ]
        nothing(strangers)

    def test_schemas_know_no_use_case(self) -> None:
        strangers = [
            f"{source.at(node)} imports {name}"
            for source in of_kind("schemas")
            for name, node in source.imports()
            if _is_feature_kind(module_of(name), but=("domain", "schemas", "models", DOOR))
        ]
        nothing(strangers)

    def test_only_composition_imports_routers_pages_and_tasks(self) -> None:
        strangers = [
            f"{source.at(node)} imports {name}"
            for source in features()
            if source.kind not in {"router", "pages", "tasks"} and not source.module.endswith(".main")
            for name, node in source.imports()
            if _kind_of(module_of(name)) in {"router", "pages", "tasks"}
        ]
        nothing(strangers)


class TestOutsideLibraries:
    OWNERS = {"stripe": "marketplace.payments.", "elasticsearch": "search.", "elastic_transport": "search."}

    def test_each_has_one_owner(self) -> None:
        strangers = [
            f"{source.at(node)} imports {name}"
            for source in sources()
            for name, node in source.imports()
            for library, owner in self.OWNERS.items()
            if name.partition(".")[0] == library and not source.module.startswith(owner)
        ]
        nothing(strangers)


def _feature_of(module: str) -> str | None:
    return next((source.feature for source in sources() if source.module == module), None)


def _kind_of(module: str) -> str | None:
    return next((source.kind for source in features() if source.module == module), None)


def _is_domain_of(feature: str | None, module: str) -> bool:
    """Rules of one feature may build on one another: a bid is judged by its lot's rules."""
    return _kind_of(module) == "domain" and _feature_of(module) == feature


def _is_feature_kind(module: str, *, but: tuple[str, ...]) -> bool:
    kind = _kind_of(module)
    return kind is not None and kind not in but
