"""How files are cut and named: kinds, sizes, the closed kernel, forbidden words."""

import ast
import re

from tests.architecture.code import KINDS, PACKAGES, ROOT, features, nothing, sources

KERNEL = {
    "settings", "db", "clock", "money", "ids", "errors", "problem", "outbox", "inbox", "idempotency", "audit", "files", "limits",
    "rules", "security", "crypto", "http", "telemetry", "pagination", "service", "printing",
}  # fmt: skip
MARKETPLACE = {
    "app", "worker", "cli", "subscriptions", "main", "api", "registry", "serving", "migrations", "openapi", "demo", "pages",
    "core", "accounts", "operations", "vehicles", "listings", "sourcing", "orders", "payments", "aftercare", "parallel_import",
    "market_info", "notifications", "feeds",
}  # fmt: skip
OWN_FILES = {
    "auction.bidding": {"sequencer", "log", "front"},  # the sequencer, the hash-chained log it writes, and the fast front before it
    "auction.live": {"bus", "frames", "sockets", "wires"},
    "auction.verifying": None,  # pure as a domain, but it reads JSON and checks signatures; it runs without server and database
    "search.engines": None,  # one module an engine behind one port
    "valuation.pricing": {"engine", "train", "training"},  # the model: arithmetic that numpy does, and how it was trained
    "marketplace.accounts": {"doors"},  # signing in commits its steps one by one: a failure stays counted though the answer is a refusal
    "marketplace.vehicles": {"catalogue"},  # brands and series with their other names
}
"""What a feature has besides the kinds, each with its reason; None: whatever it likes."""

FORBIDDEN_WORDS = {"item", "items", "data", "info", "manager", "helper", "helpers", "util", "utils", "misc", "common"}
FILE_LINES = 500
FUNCTION_LINES = 60


class TestFiles:
    def test_the_kernel_is_a_closed_list(self) -> None:
        found = {path.stem for path in (ROOT / "marketplace" / "core").iterdir() if path.suffix == ".py" or path.is_dir()}
        assert found - {"__init__", "__pycache__"} <= KERNEL

    def test_marketplace_has_only_the_features_of_the_architecture(self) -> None:
        found = {
            path.stem for path in (ROOT / "marketplace").iterdir() if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))
        }
        assert found - {"__init__", "__pycache__"} <= MARKETPLACE

    def test_a_feature_has_only_the_known_file_kinds(self) -> None:
        unknown = sorted(
            {
                f"{source.folder}: {source.kind}"
                for source in features()
                if source.folder is not None
                and source.kind is not None
                and source.kind not in KINDS
                and OWN_FILES.get(source.folder, set()) is not None
                and source.kind not in (OWN_FILES.get(source.folder) or set())
            }
        )
        nothing(unknown)

    def test_files_stay_under_500_lines(self) -> None:
        long = [f"{source.where}: {lines}" for source in sources() if (lines := source.text.count("\n")) >= FILE_LINES]
        long += [
            f"{path.relative_to(ROOT)}: {lines}"
            for folder in ("tests", "benchmarks", "scripts")
            for path in (ROOT / folder).rglob("*.py")
            if (lines := path.read_text(encoding="utf-8").count("\n")) >= FILE_LINES
        ]
        nothing(long)

    def test_functions_stay_under_60_lines(self) -> None:
        long = [
            f"{source.at(node)} {node.name}: {lines}"
            for source in sources()
            for node in ast.walk(source.tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if (lines := (node.end_lineno or 0) - node.lineno + 1) >= FUNCTION_LINES
        ]
        nothing(long)

    def test_no_module_or_class_has_a_name_that_says_nothing(self) -> None:
        empty = [source.where for source in sources() if _words(source.path.stem) & FORBIDDEN_WORDS]
        empty += [
            f"{source.at(node)} {node.name}"
            for source in sources()
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ClassDef) and _words(node.name) & FORBIDDEN_WORDS
        ]
        nothing(empty)

    def test_use_cases_take_keyword_arguments(self) -> None:
        loose = [
            f"{source.at(node)} {node.name}"
            for source in features()
            if source.kind in {"service", "api"}
            for node in source.tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _takes_session(node)
            if len(node.args.args) > 2 and "principal" in {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
        ]
        nothing(loose)

    def test_nothing_reads_the_workshop_beside_the_repository(self) -> None:
        """Only ``.ci/run`` knows the servers' scripts."""
        text_files = [
            path
            for folder in (*PACKAGES, "scripts", "alembic", "benchmarks")
            for path in (ROOT / folder).rglob("*")
            if path.suffix in {".py", ".sh", ""}
        ]
        text_files += [ROOT / "Makefile", ROOT / "pyproject.toml"]
        word = "../" + "shared"
        assert [str(path) for path in text_files if path.is_file() and word in path.read_text(encoding="utf-8", errors="ignore")] == []


def _words(name: str) -> set[str]:
    """The words of a name; 个人信息 *personal data* is the term of the law."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return set(spaced.lower().strip("_").replace("personal_data", "personal").split("_"))


def _takes_session(node: ast.FunctionDef) -> bool:
    first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
    return first is not None and first.arg == "session"
