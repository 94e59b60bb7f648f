"""``henanroad serve``: the whole market in one process, ready to be looked at."""

import socket
import sys
from contextlib import closing
from time import monotonic

import uvicorn

from marketplace.app import create_app
from marketplace.core.db import Database
from marketplace.core.settings import Settings
from marketplace.core.telemetry import configure_logging
from marketplace.demo import seed
from marketplace.demo.bustle import Bustle
from marketplace.demo.people import SIGN_INS
from marketplace.registry import load_models


class PortTaken(RuntimeError):
    """Somebody else listens there; the text names the command that mends it."""


def check_port(host: str, port: int) -> None:
    """Raises ``PortTaken`` when the address cannot be listened on."""
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"端口 {port} 已被占用 Port {port} is taken. 换一个 Choose another: make serve PORT={port + 1}") from error


def serve(settings: Settings, *, host: str, port: int, cars: int) -> None:
    """Serve until interrupted. In a demo market the invented people, cars and auctions are loaded first, once."""
    check_port(host, port)
    started = monotonic()
    load_models()
    database = Database.from_settings(settings)
    if settings.demo:
        seed.load_market(database, settings=settings, cars=cars, tell=_tell)
    app = create_app(settings, database=database)
    configure_logging(level=settings.log_level)
    _print_where(settings, host=host, port=port, ready_s=monotonic() - started)
    bustle = Bustle(database, f"http://{host}:{port}") if settings.demo and cars else None
    if bustle is not None:
        bustle.start()
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        backlog=2048,
        ws_max_size=65_536,
    )
    if bustle is not None:
        bustle.stop()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print_where(settings: Settings, *, host: str, port: int, ready_s: float) -> None:
    address = f"http://{host}:{port}"
    lines = [
        "",
        f"{settings.market_name}  {settings.market_name_en}   ({ready_s:.1f} s)",
        f"  首页 home page             {address}/",
        f"  接口文档 API documentation {address}/docs",
        f"  健康 health                {address}/readyz",
    ]
    if settings.demo:
        lines += ["", "  演示账号 demo sign-ins (手机号 phone / 密码 password)"]
        lines += [
            f"    {one.role_zh:<10}{one.role_en:<22}{one.phone}  {one.password}" + (f"  TOTP {one.totp_secret}" if one.totp_secret else "")
            for one in SIGN_INS
        ]
    print("\n".join([*lines, "", "  Ctrl-C 停止 stops", ""]), file=sys.stderr, flush=True)
