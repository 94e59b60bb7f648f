"""Rules that hold everywhere, read off the syntax tree: money, clocks, commits, locks, clients, mounts."""

import ast
import re

from tests.architecture.code import Source, called_name, calls, features, nothing, of_kind, sources

CLOCKS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "dt.datetime.now",
    "dt.date.today",
    "datetime.datetime.now",
}
CLOCK_OWNERS = (
    "marketplace.core.clock",  # the market's one clock
    "marketplace.core.security",  # credentials age by the process's clock
    "marketplace.core.telemetry",  # log lines carry the process's time
    "marketplace.core.http",
    "marketplace.core.limits",
)
CLIENTS = (
    "httpx.Client",
    "httpx.AsyncClient",
    "httpx.HTTPTransport",
    "httpx.AsyncHTTPTransport",
    "httpx.get",
    "httpx.post",
    "httpx.request",
    "httpx.stream",
)


class TestMoney:
    def test_no_float_in_domain_or_models(self) -> None:
        floats = [
            f"{source.at(node)}"
            for source in of_kind("domain", "models", "events")
            if source.feature != "valuation" or source.kind == "models"
            for node in ast.walk(source.tree)
            if (isinstance(node, ast.Name) and node.id == "float") or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        ]
        nothing(floats)

    def test_no_float_in_the_valuation_domain_names_an_amount(self) -> None:
        """Scores and coefficients may be fractions; what is called an amount is whole fen."""
        floats = [
            source.at(node)
            for source in of_kind("domain", "models", "events", "schemas")
            for node in ast.walk(source.tree)
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id.endswith("_minor")
            and "float" in ast.dump(node.annotation)
        ]
        nothing(floats)


class TestClock:
    def test_only_the_clock_reads_a_clock(self) -> None:
        readers = [
            f"{source.at(node)} {name}()"
            for source in sources()
            if not source.module.startswith(CLOCK_OWNERS)
            for name, node in calls(source)
            if name in CLOCKS or name.endswith(("datetime.now", "datetime.utcnow"))
        ]
        nothing(readers)

    def test_no_deadline_is_a_celery_eta(self) -> None:
        """Tasks longer than Redis' visibility timeout run twice: deadlines are rows, found by a sweep."""
        delayed = [
            f"{source.at(node)}"
            for source in sources()
            for name, node in calls(source)
            if name.endswith("apply_async") and any(keyword.arg in {"eta", "countdown"} for keyword in node.keywords)
        ]
        nothing(delayed)


class TestTransactions:
    def test_features_never_commit(self) -> None:
        """The request, the task and the sweep own the transaction; a service never commits."""
        commits = [
            f"{source.at(node)} {name}()"
            for source in of_kind("service", "queries", "domain", "api", "router", "pages", "gateway", "events", "models")
            for name, node in calls(source)
            if name.endswith((".commit", ".rollback")) and not name.startswith("self.")
        ]
        nothing(commits)

    def test_a_locking_select_reads_the_row_anew(self) -> None:
        """``with_for_update()`` on a row already in the session gives stale values without ``populate_existing``."""
        stale = [
            source.at(statement)
            for source in sources()
            for statement in _statements(source)
            if "with_for_update" in (text := ast.unparse(statement))
            and not _populates(source, text)
            and not _selects_columns_only(statement)
        ]
        nothing(stale)

    def test_no_clock_inside_a_locking_select(self) -> None:
        """``clock_timestamp()`` there is read before the wait."""
        mixed = [
            source.at(statement)
            for source in sources()
            for statement in _statements(source)
            if "with_for_update" in (text := ast.unparse(statement)) and ("clock_timestamp" in text or "clock.now" in text)
        ]
        nothing(mixed)

    def test_yield_dependencies_end_before_the_answer(self) -> None:
        """Without ``scope="function"`` a failed commit still answers 201."""
        late = []
        for source in sources():
            generators = {
                node.name
                for node in ast.walk(source.tree)
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                and any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(node))
            }
            for name, node in calls(source):
                if name not in {"Depends", "Security"} or not node.args:
                    continue
                target = node.args[0]
                if isinstance(target, ast.Name) and target.id in generators and not _has_function_scope(node):
                    late.append(source.at(node))
        nothing(late)


class TestEdges:
    def test_only_core_http_builds_clients(self) -> None:
        builders = [
            f"{source.at(node)} {name}()"
            for source in sources()
            if not source.module.startswith(("marketplace.core.http", "marketplace.demo"))  # the story calls from outside, as anybody would
            for name, node in calls(source)
            if name in CLIENTS or name.startswith(("requests.", "urllib.request."))
        ]
        nothing(builders)

    def test_nothing_is_mounted(self) -> None:
        """A second ``mount("/")`` answers 404 and a mounted application's lifespan never runs."""
        mounts = [source.at(node) for source in sources() for name, node in calls(source) if name.endswith(".mount") or name == "Mount"]
        nothing(mounts)

    def test_middleware_is_plain_asgi(self) -> None:
        wrapped = [source.at(node) for source in sources() for name, node in source.imports() if name.endswith("BaseHTTPMiddleware")]
        nothing(wrapped)

    def test_nothing_prints_but_commands(self) -> None:
        printers = [source.at(node) for source in features() for name, node in calls(source) if name == "print"]
        nothing(printers)


def _has_function_scope(node: ast.Call) -> bool:
    return any(
        keyword.arg == "scope" and isinstance(keyword.value, ast.Constant) and keyword.value.value == "function"
        for keyword in node.keywords
    )


def _statements(source: Source) -> list[ast.stmt]:
    """The smallest statements of a file."""
    compound = (
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.If,
        ast.For,
        ast.While,
        ast.With,
        ast.Try,
        ast.AsyncFor,
        ast.AsyncWith,
        ast.Match,
    )
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.stmt) and not isinstance(node, compound)]


def _populates(source: Source, text: str) -> bool:
    """``populate_existing`` itself, or ``**NAME`` of a constant that holds it."""
    names = re.findall(r"\*\*(\w+)", text)
    return "populate_existing" in text or any(re.search(rf"^{name}\b.*populate_existing", source.text, re.MULTILINE) for name in names)


def _selects_columns_only(statement: ast.stmt) -> bool:
    """Whether every select takes columns (``select(Lot.id)``): there is no object in the session to be stale."""
    selects = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and called_name(node) in {"select", "sa.select"}]
    columns = (ast.Attribute, ast.Call, ast.Starred)
    return bool(selects) and all(all(isinstance(argument, columns) for argument in node.args) for node in selects)
