"""What every page needs: the templates, the market's name, who looks, texts for people."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from marketplace.core.clock import SHANGHAI
from marketplace.core.money import format_wan, format_yuan
from marketplace.core.security import Gate, Principal
from marketplace.core.settings import Settings

FOLDER = Path(__file__).parent
_templates = Environment(loader=FileSystemLoader(FOLDER / "templates"), autoescape=select_autoescape(), trim_blocks=True)
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

CHANNELS = {
    "b2c_store": "卖场 dealer",
    "c2c_consignment": "寄售 consignment",
    "c2c_virtual": "虚拟寄售 owner keeps the car",
    "parallel_import": "平行进口 parallel import",
    "auction": "竞拍 auction",
}


def render(request: Request, template: str, *, principal: Principal | None, status: int = 200, **values: Any) -> HTMLResponse:
    """One page. ``viewer`` in the template is None for a visitor."""
    settings: Settings = request.app.state.settings
    text = _templates.get_template(template).render(
        market={"name": settings.market_name, "name_en": settings.market_name_en, "demo": settings.demo},
        viewer=_viewer(request, principal),
        **values,
    )
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def _viewer(request: Request, principal: Principal | None) -> Mapping[str, object] | None:
    if principal is None or principal.sign_in_id is None:
        return None
    gate: Gate = request.app.state.gate
    return {
        "id": principal.id,
        "csrf_token": gate.csrf_token(principal.sign_in_id),
        "can_buy": principal.can("orders.buy"),
        "has_store": principal.can("stock.manage"),
    }


def local_time(at: datetime) -> str:
    """``11月24日 21:05``, Beijing time."""
    local = at.astimezone(SHANGHAI)
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def wan_km(kilometres: int) -> str:
    """``4.2万公里``."""
    return f"{kilometres / 10_000:.1f}万公里"


MODES = {
    "c2b_auction": "个人卖车 经销商竞拍",
    "b2b_auction": "同行竞拍",
    "b2c_auction": "经销商车源 个人竞拍",
    "c2c_auction": "个人车源 个人竞拍",
}
SIDES = {"buyer": "买方 buyer", "seller": "卖方 seller"}
ORDER_STATES = {
    "awaiting_signatures": "待签约 to be signed",
    "awaiting_payment": "待付款 to be paid",
    "paid": "已付款 待交车 paid",
    "handed_over": "已交车 过户中 handed over",
    "completed": "已完成 completed",
    "cancelled": "已取消 cancelled",
    "defaulted": "已违约 defaulted",
}


VIEWING_STATES = {
    "requested": "待确认 requested",
    "confirmed": "已确认 confirmed",
    "kept": "已到场 kept",
    "no_show": "爽约 no-show",
    "cancelled": "已取消 cancelled",
}


def _named(names: Mapping[str, str]) -> Callable[[str], str]:
    return lambda code: names.get(code, code)


_templates.filters.update(
    yuan=format_yuan,
    wan=format_wan,
    local_time=local_time,
    wan_km=wan_km,
    channel=_named(CHANNELS),
    mode=_named(MODES),
    side=_named(SIDES),
    order_state=_named(ORDER_STATES),
    viewing_state=_named(VIEWING_STATES),
)
