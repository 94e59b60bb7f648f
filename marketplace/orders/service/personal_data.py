"""A person's orders: exported with their contracts, kept for the law's terms when the account is erased."""

import json
from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PrivacyHold
from marketplace.core.db import Session
from marketplace.orders import queries
from marketplace.orders.domain.orders import ENDED

KEPT = "交易档案保存三年(二手车交易规范 第十一条);商品和服务信息、交易信息保存三年(电子商务法 第三十一条)"


def export(session: Session, party_id: UUID) -> dict[str, Any]:
    """Every order of a party with the contract it signed; the other side's name is left out."""
    exported = []
    for order in queries.list_of_party(session, party_id):
        contract = json.loads(order.contract_text)
        other = "seller" if order.buyer_id == party_id else "buyer"
        contract[other] = {"party_id": contract[other]["party_id"]}
        exported.append({"id": str(order.id), "number": order.number, "state": order.state.value, "contract": contract})
    return {"orders": exported}


def erase(session: Session, party_id: UUID) -> ErasureReport:
    """Contracts are kept, encrypted; raises ``PrivacyHold`` while an order is open."""
    orders = queries.list_of_party(session, party_id)
    if any(order.state not in ENDED for order in orders):
        raise PrivacyHold(reasons="有未完结的订单 open orders")
    return ErasureReport(erased=0, kept=[KEPT] if orders else [])
