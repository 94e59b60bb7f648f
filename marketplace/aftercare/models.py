"""Tables of aftercare. Numbers of papers and names on the invoice are encrypted."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.aftercare.domain import CaseKind, CaseState, IssuerKind, PaperKind, PaperState
from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, append_only, enum_type, primary_id


class ServiceCase(SQLModel, table=True):
    """One piece of work after the sale; for now the transfer of registration. One transfer an order."""

    __tablename__ = "service_case"
    __table_args__ = (
        sa.UniqueConstraint("order_id", name="service_case_order"),
        sa.CheckConstraint("(state = 'completed') = (completed_at IS NOT NULL)", name="completed_with_instant"),
        sa.CheckConstraint("attempt >= 0", name="attempt_not_negative"),
        sa.Index("ix_service_case_state", "state", "apply_by", "id"),
    )

    id: UUID = primary_id()
    kind: CaseKind = Field(sa_type=enum_type(CaseKind, "kind"))
    state: CaseState = Field(default=CaseState.COLLECTING, sa_type=enum_type(CaseState, "state"))
    order_id: UUID = Field(foreign_key="trade_order.id")
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    seller_id: UUID = Field(index=True)
    buyer_id: UUID = Field(index=True)
    agent_id: UUID | None = Field(default=None, index=True)
    buyer_city: str | None = Field(default=None, max_length=30)
    buys_for_stock: bool = False
    wants_quota: bool = False
    issuer_kind: IssuerKind = Field(sa_type=enum_type(IssuerKind, "issuer_kind"))
    issuer_id: UUID | None = Field(default=None)
    attempt: int = Field(default=0)
    refusal_reasons: list[str] = Field(default_factory=list, sa_type=Json)
    certificate_no: str | None = Field(default=None, sa_type=encrypted("document_number"))
    opened_at: datetime
    apply_by: datetime
    submitted_at: datetime | None = Field(default=None)
    completed_at: datetime | None = Field(default=None)


class CasePaper(SQLModel, table=True):
    """One paper a case wants, and how far it is."""

    __tablename__ = "case_paper"

    case_id: UUID = Field(foreign_key="service_case.id", primary_key=True)
    kind: PaperKind = Field(sa_type=enum_type(PaperKind, "kind"), primary_key=True)
    position: int
    state: PaperState = Field(default=PaperState.MISSING, sa_type=enum_type(PaperState, "state"))
    number: str | None = Field(default=None, sa_type=encrypted("document_number"))
    valid_until: date | None = Field(default=None)
    provided_by: UUID | None = Field(default=None)
    provided_at: datetime | None = Field(default=None)
    checked_by: UUID | None = Field(default=None)
    checked_at: datetime | None = Field(default=None)
    note: str = Field(default="", max_length=200)


class SaleInvoice(SQLModel, table=True):
    """The data of one 二手车销售统一发票; one an order. ``content`` is its canonical JSON with the parties' names."""

    __tablename__ = "sale_invoice"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.UniqueConstraint("order_id", name="sale_invoice_order"),
        sa.UniqueConstraint("code", "number", name="sale_invoice_number"),
    )

    id: UUID = primary_id()
    order_id: UUID = Field(foreign_key="trade_order.id")
    code: str = Field(max_length=12)
    number: str = Field(max_length=20)
    issuer_kind: IssuerKind = Field(sa_type=enum_type(IssuerKind, "issuer_kind"))
    issuer_id: UUID | None = Field(default=None)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    content: str = Field(sa_type=encrypted("invoice"))
    content_hash: str = Field(max_length=64)
    issued_by: UUID
    issued_at: datetime


append_only(SaleInvoice.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


# --- the sandbox registration office: another party's books, which happen to lie in our database ---------------------------


class SandboxOfficeMark(SQLModel, table=True):
    """Something the office has on record of a car: a lien, a seal."""

    __tablename__ = "sandbox_office_mark"

    vehicle_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=20)
    at: datetime


class SandboxOfficeApplication(SQLModel, table=True):
    """One application as the office received it, with its answer: the same application gets the same answer."""

    __tablename__ = "sandbox_office_application"

    id: UUID = primary_id()
    transfer_id: UUID
    attempt: int
    vehicle_id: UUID = Field(index=True)
    application: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    reasons: list[str] = Field(default_factory=list, sa_type=Json)
    certificate_no: str | None = Field(default=None, sa_type=encrypted("document_number"))
    at: datetime

    __table_args__ = (sa.UniqueConstraint("transfer_id", "attempt", name="sandbox_office_application_once"),)
