"""Settings: what must not stand together is refused at the start; the example file shows every one."""

import pytest
from pydantic import ValidationError

from marketplace.core.settings import DEVELOPMENT_SECRET, Settings, env_example, is_loopback

SAFE = {"secret_key": "s" * 32, "demo": False, "stripe_api_key": "", "public_url": "http://127.0.0.1:8000"}
LIVE = "sk_live_51abc"


def settings(**changes: object) -> Settings:
    return Settings.model_validate({**SAFE, **changes})


class TestUnsafeMixtures:
    def test_a_short_secret(self) -> None:
        with pytest.raises(ValidationError, match="at least 32"):
            settings(secret_key="s" * 31)

    @pytest.mark.parametrize(
        "url", ["https://market.example", "http://192.168.1.5:8000", "http://0.0.0.0:8000", "http://127.0.0.1.evil.example"]
    )
    def test_the_development_secret_under_a_public_address(self, url: str) -> None:
        with pytest.raises(ValidationError, match="development secret"):
            settings(secret_key=DEVELOPMENT_SECRET, public_url=url)
        assert settings(public_url=url)

    def test_the_development_secret_on_this_machine(self) -> None:
        for url in ("http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000", "http://market.localhost"):
            assert settings(secret_key=DEVELOPMENT_SECRET, public_url=url)
            assert is_loopback(url)

    @pytest.mark.parametrize("key", [LIVE, "rk_live_51abc"])
    def test_demo_bidders_beside_real_money(self, key: str) -> None:
        with pytest.raises(ValidationError, match="demo bidders"):
            settings(demo=True, stripe_api_key=key)
        assert settings(demo=False, stripe_api_key=key).has_real_gateway

    def test_demo_beside_a_test_gateway(self) -> None:
        assert not settings(demo=True, stripe_api_key="sk_test_123").has_real_gateway

    def test_no_secret_is_in_the_error(self) -> None:
        with pytest.raises(ValidationError) as refused:
            settings(demo=True, stripe_api_key=LIVE)
        assert LIVE not in str(refused.value)


def test_every_setting_has_a_description_and_stands_in_the_example() -> None:
    text = env_example()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"# HENANROAD_{name.upper()}=" in text


def test_the_example_holds_no_secret() -> None:
    assert DEVELOPMENT_SECRET not in env_example()


def test_the_examples_lines_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HENANROAD_{name.upper()}", raising=False)
    default = Settings(_env_file=None)
    for line in env_example().splitlines():
        if line.startswith("# HENANROAD_"):
            name, _, value = line.removeprefix("# ").partition("=")
            if value:
                monkeypatch.setenv(name, value)
    assert Settings(_env_file=None) == default
