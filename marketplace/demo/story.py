"""The story in six scenes, each a module; told against a fresh demo market over its public API."""

from datetime import datetime
from zoneinfo import ZoneInfo

import httpx

from marketplace.demo.cast import Cast
from marketplace.demo.narrator import Narrator
from marketplace.demo.scenes import auction, imports, proof, sale, source, store
from marketplace.demo.scenes.stage import Stage

SCENES = (source, store, sale, auction, imports, proof)


def play(client: httpx.Client, narrator: Narrator) -> None:
    """All scenes in order. Raises ``BrokenPromise`` at the first step that is not as promised."""
    cast = Cast(client)
    operator = cast.operator()
    now = operator.call.post("/marketplace/v1/demo/clock", {"advance_s": 0}, status=200)["now"]
    today = datetime.fromisoformat(now).astimezone(ZoneInfo("Asia/Shanghai")).date()
    stage = Stage(cast=cast, tell=narrator, operator=operator, today=today)
    for scene in SCENES:
        scene.play(stage)
