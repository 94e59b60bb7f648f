"""Every route that takes the password once more verifies it before its transaction: hashing must hold no lock."""

from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from marketplace.accounts.doors import reentered
from tests.architecture.routes import Found, walk, whole_market


def _takes_a_password(route: Found) -> bool:
    bodies: list[Any] = [one.field_info.annotation for one in route.dependant.body_params] if route.dependant else []
    return any(isinstance(body, type) and issubclass(body, BaseModel) and "passphrase" in body.model_fields for body in bodies)


def _calls(dependant: Dependant) -> list[Any]:
    return [inner.call for inner in dependant.dependencies]


ROUTES = [route for route in walk(whole_market()) if _takes_a_password(route)]


def test_there_are_such_routes() -> None:
    assert len(ROUTES) >= 9


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.label)
def test_proves_it_behind_the_principal_and_before_the_idempotency_key(route: Found) -> None:
    assert route.dependant is not None
    names = [getattr(call, "__name__", type(call).__name__) for call in _calls(route.dependant)]
    assert reentered in _calls(route.dependant), names
    place = names.index("reentered")
    assert any("Guard" in name for name in names[:place]), names
    assert "_claim" not in names[:place], names
