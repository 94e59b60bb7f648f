"""Which gateways this deployment has. Real money and the sandbox's invented money never stand beside each other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marketplace.core.db import Database
from marketplace.core.settings import Settings, get_settings
from marketplace.payments.domain import Capabilities, GatewayUnknown
from marketplace.payments.gateway import Gateway
from marketplace.payments.gateway.sandbox import WITNESS_ACCOUNT, SandboxBank
from marketplace.payments.gateway.sandbox import capabilities as sandbox_capabilities
from marketplace.payments.gateway.stripe_connect import StripeConnect
from marketplace.payments.gateway.stripe_connect import capabilities as stripe_capabilities


@dataclass(frozen=True, slots=True)
class Installed:
    """A gateway this deployment may use: its capabilities at once, the gateway itself when a database is at hand."""

    capabilities: Capabilities
    open: Callable[[Database], Gateway]
    instructions: dict[str, Any]


def _sandbox(settings: Settings) -> Installed:
    return Installed(
        capabilities=sandbox_capabilities(settings),
        open=lambda database: SandboxBank(database, settings),
        instructions={
            "bank": "沙盒银行 sandbox bank",
            "account_no": WITNESS_ACCOUNT,
            "account_name": f"{settings.market_name}资金监管账户",
        },
    )


def _stripe(settings: Settings) -> Installed:
    return Installed(
        capabilities=stripe_capabilities(settings),
        open=lambda _database: StripeConnect.from_settings(settings),
        instructions={},
    )


_extra: dict[str, Installed] = {}
"""What a test stands up beside the deployment's own."""


def installed() -> dict[str, Installed]:
    """By name. Stripe when its key is set, else the sandbox bank."""
    settings = get_settings()
    own = {"stripe": _stripe(settings)} if settings.stripe_api_key.get_secret_value() else {"sandbox_bank": _sandbox(settings)}
    return own | _extra


def default_gateway() -> str:
    return next(iter(installed()))


def _find(name: str) -> Installed:
    found = installed().get(name)
    if found is None:
        raise GatewayUnknown(gateway=name)
    return found


def capabilities_of(name: str) -> Capabilities:
    """Raises ``GatewayUnknown``."""
    return _find(name).capabilities


def offline_instructions(name: str) -> dict[str, Any]:
    """Where a payer sends money to by himself; empty when the gateway collects."""
    return dict(_find(name).instructions)


def open_gateway(name: str, database: Database) -> Gateway:
    return _find(name).open(database)
