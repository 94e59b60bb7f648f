"""``docker-compose.yml`` against the compose schema and our own rules for it."""

import json
import re
from typing import Any

import jsonschema
import pytest

from tests.production.compose import COMPOSE, ROOT, fill, load, start_order, variables

COMPOSED = load()
SERVICES: dict[str, Any] = COMPOSED["services"]
TEST_FILE = ROOT / "docker-compose.test.yml"
PRODUCT = {"marketplace", "auction", "valuation", "search", "worker", "beat", "migrate"}
ONE_OFF = {"migrate", "elasticsearch-certs"}


class TestSchema:
    @pytest.mark.parametrize("path", [COMPOSE, TEST_FILE], ids=lambda path: str(path.name))
    def test_is_a_compose_file(self, path: Any) -> None:
        schema = json.loads((ROOT / "tests" / "production" / "compose-spec" / "schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(load(path))


class TestServices:
    def test_has_the_gateway_four_services_and_what_stands_behind(self) -> None:
        assert set(SERVICES) == PRODUCT | {"gateway", "postgres", "redis", "elasticsearch", "elasticsearch-certs"}

    def test_auction_has_two_replicas_and_beat_one(self) -> None:
        assert SERVICES["auction"]["deploy"]["replicas"] == 2
        assert SERVICES["beat"]["deploy"]["replicas"] == 1

    @pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_OFF))
    def test_each_has_a_health_check(self, name: str) -> None:
        assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}

    @pytest.mark.parametrize("name", SERVICES)
    def test_each_has_limits(self, name: str) -> None:
        assert {"cpus", "memory", "pids"} <= set(SERVICES[name]["deploy"]["resources"]["limits"])

    @pytest.mark.parametrize("name", SERVICES)
    def test_waits_for_what_it_needs(self, name: str) -> None:
        for needed, how in SERVICES[name].get("depends_on", {}).items():
            assert how["condition"] == ("service_completed_successfully" if needed in ONE_OFF else "service_healthy")

    @pytest.mark.parametrize("name", sorted(PRODUCT))
    def test_the_product_runs_from_one_image_without_root(self, name: str) -> None:
        service = SERVICES[name]
        assert service["image"] == SERVICES["marketplace"]["image"]
        assert service["user"] == "10001:10001"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]

    def test_only_the_gateway_is_reached_from_outside(self) -> None:
        assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]

    def test_each_starts_after_what_it_needs(self) -> None:
        order = start_order(SERVICES, set(SERVICES))
        assert order.index("migrate") < min(order.index(name) for name in ("marketplace", "auction", "worker", "beat"))
        assert order[-1] == "beat" or order.index("gateway") > order.index("search")


class TestSecrets:
    def test_no_secret_is_in_the_file(self) -> None:
        """Whatever is called password, key or secret comes from a variable, without a default."""
        named = re.compile(r"^\s*([A-Z_]*(?:PASSWORD|SECRET|API_KEY)[A-Z_]*):\s*(.*)$", re.MULTILINE)
        text = COMPOSE.read_text(encoding="utf-8")
        assert len(named.findall(text)) >= 4
        for name, value in named.findall(text):
            assert re.fullmatch(rf"\$\{{{name}(:\?[^}}]*|:-)\}}", value), name
        assert not re.search(r"://[^:/@\s]+:[^$@/\s][^@\s]*@", text)

    def test_a_forgotten_secret_stops_the_start(self) -> None:
        needed = {name for name, kind in variables(COMPOSE.read_text(encoding="utf-8")).items() if kind == "?"}
        assert needed == {"POSTGRES_PASSWORD", "HENANROAD_SECRET_KEY", "ELASTIC_PASSWORD"}
        with pytest.raises(KeyError):
            fill(SERVICES, {"POSTGRES_PASSWORD": "x"})

    def test_search_takes_key_and_authority(self) -> None:
        environment = SERVICES["search"]["environment"]
        assert environment["HENANROAD_ELASTICSEARCH_URL"].startswith("https://")
        assert {"HENANROAD_ELASTICSEARCH_API_KEY", "HENANROAD_ELASTICSEARCH_CA_PATH"} <= set(environment)
        assert SERVICES["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"

    def test_every_setting_named_exists(self) -> None:
        from marketplace.core.settings import Settings

        known = {f"HENANROAD_{name.upper()}" for name in Settings.model_fields}
        for service in SERVICES.values():
            assert {name for name in service.get("environment", {}) if name.startswith("HENANROAD_")} <= known


class TestImages:
    def test_no_image_floats(self) -> None:
        for name, service in SERVICES.items():
            assert re.search(r":[^/]+$", service["image"]), name
            assert not service["image"].endswith(":latest"), name

    def test_tests_use_the_same_servers(self) -> None:
        for name, service in load(TEST_FILE)["services"].items():
            assert service["image"] == SERVICES[name]["image"]
            assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])

    def test_the_image_has_a_user_of_its_own_and_installs_by_hash(self) -> None:
        text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        assert "--require-hashes" in text
        assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)

    def test_the_build_context_has_what_the_image_copies(self) -> None:
        kept = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
        assert {"alembic", "auction", "marketplace", "search", "valuation", "pyproject.toml", "requirements.lock"} <= kept
        assert all((ROOT / name).exists() for name in kept)
