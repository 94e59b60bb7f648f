"""What is declared, locked and explained are the same dependencies, and the documented commands are the real ones."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts.check import readme_test_command
from tests.architecture.code import sources

ROOT = Path(__file__).parent.parent.parent
KINDS = {"requirements.in": "requirements.lock", "requirements-dev.in": "requirements-dev.lock"}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def _declared(path: str) -> dict[str, str]:
    lines = [line.strip() for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]
    return {_name(line): line for line in lines if line and not line.startswith("#")}


def _explained() -> dict[str, set[str]]:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    runtime, _, development = text.partition("## Development")
    rows = re.compile(r"^\| ([a-z0-9-]+) \| \S", re.MULTILINE)
    return {
        "requirements.in": set(rows.findall(runtime)) - {"package"},
        "requirements-dev.in": set(rows.findall(development)) - {"package"},
    }


@pytest.mark.parametrize("path", KINDS)
class TestDependencies:
    def test_each_has_a_reason_and_each_reason_a_dependency(self, path: str) -> None:
        assert _explained()[path] == set(_declared(path))

    def test_each_is_locked_with_a_hash(self, path: str) -> None:
        locked = set(
            re.findall(r"^([a-z0-9-]+)==\S+.*\\\n    --hash=sha256:", (ROOT / KINDS[path]).read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert set(_declared(path)) <= locked

    def test_the_lock_names_no_host(self, path: str) -> None:
        assert not re.search(r"://|^--|^\s+#.*\bindex", (ROOT / KINDS[path]).read_text(encoding="utf-8"), re.MULTILINE)

    def test_the_package_declares_what_the_file_lists(self, path: str) -> None:
        declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        dynamic = declared["tool"]["setuptools"]["dynamic"]
        assert set(declared["project"]["dynamic"]) == {"dependencies", "optional-dependencies"}
        assert {"requirements.in": dynamic["dependencies"], "requirements-dev.in": dynamic["optional-dependencies"]["dev"]}[path] == {
            "file": [path]
        }


def test_development_has_the_versions_of_the_run_time() -> None:
    pins = re.compile(r"^([a-z0-9-]+)==(\S+)(.*?)\\$", re.MULTILINE)
    runtime, development = (pins.findall((ROOT / path).read_text(encoding="utf-8")) for path in KINDS.values())
    assert set(runtime) <= set(development)


class TestCommands:
    TARGETS = frozenset({"help", "serve", "test", "check", "demo", "bench", "mutants", "services", "services-stop", "lock", "clean"})

    def test_every_documented_target_exists_and_is_in_the_help(self) -> None:
        shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert set(re.findall(r"^  make ([a-z-]+) ", shown, re.MULTILINE)) >= self.TARGETS

    def test_the_readme_names_the_test_command(self) -> None:
        assert readme_test_command() == ["make", "test"]

    def test_the_readme_names_only_targets_that_exist(self) -> None:
        named = set(re.findall(r"`?make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets


class TestUse:
    MODULES = {
        "argon2-cffi": "argon2",
        "prometheus-client": "prometheus_client",
        "psycopg": "psycopg",
        "pydantic-settings": "pydantic_settings",
        "pyjwt": "jwt",
        "pillow": "PIL",
        "python-calamine": "python_calamine",
        "uuid-utils": "uuid_utils",
    }
    NOT_IMPORTED = frozenset({"setuptools", "python-multipart", "uvicorn"})
    """The installer, FastAPI's parser of forms, and the server that commands start."""

    def test_the_product_imports_what_it_declares(self) -> None:
        imported = {name.partition(".")[0] for source in sources() for name, _ in source.imports()}
        declared = set(_declared("requirements.in")) - self.NOT_IMPORTED
        assert {name for name in declared if self.MODULES.get(name, name) not in imported} == set()

    def test_the_product_declares_what_it_imports(self) -> None:
        own = {"marketplace", "auction", "valuation", "search"}
        known = {self.MODULES.get(name, name) for name in _declared("requirements.in")} | own | set(sys.stdlib_module_names)
        # parts of Starlette, the Elasticsearch client, httpx, Jinja2, Pydantic and pyHanko
        through_others = {"anyio", "elastic_transport", "httpcore", "markupsafe", "pydantic_core", "pyhanko_certvalidator"}
        foreign = {name.partition(".")[0] for source in sources() for name, _ in source.imports()} - known - through_others
        assert foreign == set()
