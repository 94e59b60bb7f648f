"""For each role and each foreign object: closed. Every route of the market is tried, found in its OpenAPI document."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from marketplace.core.db import metadata
from tests.closed_doors.allowed import ALLOWED, SUCCESS, Allowed, find_allowed
from tests.closed_doors.doors import Door, find_doors
from tests.closed_doors.foreign import Foreign, Victims, make_all
from tests.closed_doors.world import STRANGER, Intruder, intruders
from tests.databases import SqliteTemplate
from tests.market import Market

REFUSED = frozenset({401, 403, 404, 409, 422})
CLOSED = frozenset({403, 404})
PARTS = 6
"""The doors are shared out among so many runs, so that none takes long."""
BOOKKEEPING = frozenset({"idempotency_answer.*", "failure_count.*", "api_key.last_used_at"})
"""What remembers requests, refused ones too."""


@dataclass(frozen=True)
class World:
    """One market, full, for all tests here: none of them changes it."""

    api: Market
    objects: list[Foreign]
    intruders: list[Intruder]
    doors: list[Door]

    def part(self, number: int) -> "World":
        """The same with every ``PARTS``-th door."""
        return replace(self, doors=self.doors[number::PARTS])

    def pairs(self) -> Iterator[tuple[Door, Foreign]]:
        """Each door with each object behind it."""
        for door in self.doors:
            for what in self.objects:
                if what.is_behind(door):
                    yield door, what


@pytest.fixture(scope="module")
def world(sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    database = sqlite_template.fresh(tmp_path_factory.mktemp("closed_doors") / "market.db")
    with Market(database) as api:
        victims = Victims(api)
        objects = make_all(victims)
        yield World(api, objects, intruders(api, victims.clerk), find_doors(api))
    database.dispose()


class TestForeign:
    def test_every_door_has_something_behind_it(self, world: World) -> None:
        tried = {door.label for door, _ in world.pairs()}
        empty = [door.label for door in world.doors if not door.is_public and door.label not in tried]
        assert not empty, "\n".join(empty)

    def test_the_objects_are_real(self, world: World) -> None:
        """Each opens to its own, so that the doors below were shut for a reason."""
        opened: dict[str, bool] = {}
        for door, what in world.pairs():
            if door.is_safe and not door.is_endless:
                status = door.knock(world.api, what.insider.headers, what.ids)
                opened[what.name] = opened.get(what.name, False) or status in SUCCESS
        assert [name for name, is_open in opened.items() if not is_open] == []
        assert len(opened) > 30

    @pytest.mark.parametrize("part", range(PARTS))
    def test_closed_to_everybody_else_and_as_they_were(self, world: World, part: int) -> None:
        found: list[str] = []
        before = _contents(world.api)
        for door, what in world.part(part).pairs():
            for who in world.intruders:
                found += _try(world.api, door, what, who)
            if not door.is_safe:
                after = _contents(world.api)
                found += [f"{door.label} changed {name} ({what.name})" for name, rows in after.items() if rows != before[name]]
                before = after
        assert not found, "\n".join(found)

    def test_a_stranger_is_sent_to_sign_in(self, world: World) -> None:
        for door, what in world.pairs():
            expected = 404 if door.is_public else 401
            assert door.knock(world.api, STRANGER.headers, what.ids) == expected, (door.label, what.name)

    def test_every_exception_is_needed(self, world: World) -> None:
        """Whom the table lets in, his door's guard lets in; and no line is left over from former times."""
        used: set[Allowed] = set()
        for door, what in world.pairs():
            for who in world.intruders:
                allowed = find_allowed(who, door, what)
                if allowed is not None:
                    assert door.lets_in(who.capabilities), (allowed.reason, who.label, door.label)
                    used.add(allowed)
        assert used == set(ALLOWED)
        labels = {door.label for door in world.doors}
        assert [label for one in ALLOWED for label in one.doors if label not in labels] == []


class TestNobodys:
    @pytest.mark.parametrize("part", range(PARTS))
    def test_an_id_that_nobody_has_opens_nothing_for_anybody(self, world: World, part: int) -> None:
        """404, or whatever the role is refused with; never a success, never a failure of ours.

        Where a role lacks the capability its guard refuses it; ``tests.architecture`` tries each of those doors.
        """
        open_doors, statuses = [], Counter[int]()
        for door in world.part(part).doors:
            for who in world.intruders:
                if not door.lets_in(who.capabilities):
                    continue
                status = door.knock(world.api, who.headers, {})
                statuses[status] += 1
                if status not in REFUSED:
                    open_doors.append(f"{who.label}: {door.label} {status}")
        assert not open_doors, "\n".join(open_doors)
        assert statuses[404] > 100, statuses  # bodies are right by the document, so the rules were reached

    def test_a_stranger_is_sent_to_sign_in(self, world: World) -> None:
        answers = {door.label: door.knock(world.api, STRANGER.headers, {}) for door in world.doors if not door.is_public}
        assert {label: status for label, status in answers.items() if status != 401} == {}


def _try(api: Market, door: Door, what: Foreign, who: Intruder) -> list[str]:
    allowed = find_allowed(who, door, what)
    if allowed is not None and not door.is_safe and allowed.statuses == SUCCESS:
        return []  # he may, and his act would change the object for those who come after him
    status = door.knock(api, who.headers, what.ids)
    expected = CLOSED if allowed is None else allowed.statuses
    return [] if status in expected else [f"{door.label} {status} to {who.label} ({what.name})"]


def _contents(api: Market) -> dict[str, list[Any]]:
    """Every row of every table but the bookkeeping."""
    with api.database.reading() as session:
        connection = session.connection()
        return {
            name: [tuple(row) for row in connection.execute(sa.text(f"SELECT {', '.join(columns)} FROM {name} ORDER BY 1"))]
            for name, table in metadata.tables.items()
            if f"{name}.*" not in BOOKKEEPING
            and (columns := [f'"{one.name}"' for one in table.columns if f"{name}.{one.name}" not in BOOKKEEPING])
        }
