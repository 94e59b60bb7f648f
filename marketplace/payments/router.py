"""HTTP of payments: own deposits, payments and payouts, the ledger, gateways, Stripe's messages, and the sandbox bank."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from starlette.concurrency import run_in_threadpool

from marketplace.core.db import ReadSession, WriteSession, get_database
from marketplace.core.errors import Malformed, NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SecondFactorRequired, SignedIn, Viewer, require
from marketplace.payments import queries, schemas
from marketplace.payments.domain import GatewayUnknown
from marketplace.payments.gateway.registry import installed
from marketplace.payments.models import Hold, Payment, Payout, SandboxBankAccount
from marketplace.payments.service import bank, ledger, payments, webhooks

router = Router(prefix="/marketplace/v1", tags=["payments 资金"])


def _hold(found: Hold) -> schemas.HoldBody:
    return schemas.HoldBody.model_validate(found, from_attributes=True)


def _payment(found: Payment) -> schemas.PaymentBody:
    return schemas.PaymentBody.model_validate(found, from_attributes=True)


def _payout(found: Payout) -> schemas.PayoutBody:
    return schemas.PayoutBody.model_validate(found, from_attributes=True)


@router.get("/gateways", summary="支付通道及其能力 Gateways and what they can do")
def list_gateways(_viewer: Viewer) -> list[schemas.GatewayBody]:
    return [
        schemas.GatewayBody(
            name=name,
            can_hold=one.capabilities.can_hold,
            hold_days=one.capabilities.hold_days,
            max_amount_minor=one.capabilities.max_amount_minor,
            currencies=sorted(one.capabilities.currencies),
            offline=one.capabilities.offline,
            sandbox=one.capabilities.sandbox,
        )
        for name, one in installed().items()
    ]


@router.get("/holds", summary="我的保证金 Own deposits")
def list_holds(principal: SignedIn, session: ReadSession, paging: Paging) -> Page[schemas.HoldBody]:
    rows = queries.list_holds(session, party_id=principal.party_id, paging=paging)
    return paging.page(rows, lambda row: [row.id], _hold)


@router.get("/holds/{hold_id}", summary="一笔保证金 One deposit", responses=refusals(NotFound))
def get_hold(hold_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.HoldBody:
    found = queries.get_hold(session, hold_id)
    if found.party_id != principal.party_id:
        raise NotFound
    return _hold(found)


@router.get("/payments", summary="我的付款 Own payments")
def list_payments(principal: SignedIn, session: ReadSession, paging: Paging) -> Page[schemas.PaymentBody]:
    rows = queries.list_payments(session, payer_id=principal.party_id, paging=paging)
    return paging.page(rows, lambda row: [row.id], _payment)


@router.get("/payments/{payment_id}", summary="一笔付款 One payment", responses=refusals(NotFound))
def get_payment(payment_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.PaymentBody:
    found = queries.get_payment(session, payment_id)
    if found.payer_id != principal.party_id:
        raise NotFound
    return _payment(found)


@router.get("/payouts", summary="我的收款 Own payouts")
def list_payouts(principal: SignedIn, session: ReadSession, paging: Paging) -> Page[schemas.PayoutBody]:
    rows = queries.list_payouts(session, party_id=principal.party_id, paging=paging)
    return paging.page(rows, lambda row: [row.id], _payout)


@router.post(
    "/payees", status_code=201, summary="绑定通道收款方 Link a payee at a gateway", responses=refusals(GatewayUnknown, SecondFactorRequired)
)
def link_payee(
    body: schemas.PayeeRequest,
    session: WriteSession,
    principal: Annotated[Principal, Depends(require("payouts.manage"))],
    _key: Idempotency,
) -> schemas.PayeeBody:
    payee = payments.link_payee(session, principal=principal, gateway=body.gateway, reference=body.reference)
    return schemas.PayeeBody(gateway=payee.gateway, reference=payee.reference)


@router.get("/ledger/summary", summary="总账 Ledger summary")
def get_ledger_summary(
    session: ReadSession, _principal: Annotated[Principal, Depends(require("ledger.read"))]
) -> schemas.LedgerSummaryBody:
    latest = [queries.find_latest_reconciliation(session, gateway=name) for name in installed()]
    return schemas.LedgerSummaryBody(
        sum_minor=ledger.ledger_sum(session),
        broken_accounts=list(ledger.find_breaks(session)),
        accounts=[schemas.AccountTotalBody.model_validate(total, from_attributes=True) for total in queries.list_account_totals(session)],
        reconciliations=[schemas.ReconciliationBody.model_validate(one, from_attributes=True) for one in latest if one is not None],
    )


# --- Stripe's messages ------------------------------------------------------------------------------------------------------


@router.post("/webhooks/stripe", summary="Stripe 通知 Messages of Stripe", responses=refusals(webhooks.SignatureWrong, Malformed))
async def hear_stripe(
    request: Request, _viewer: Viewer, stripe_signature: Annotated[str, Header(max_length=1_000)] = ""
) -> schemas.WebhookBody:
    body = await request.body()
    new = await run_in_threadpool(webhooks.hear_stripe, get_database(request), body=body, signature=stripe_signature)
    return schemas.WebhookBody(new=new)


# --- the sandbox bank --------------------------------------------------------------------------------------------------------

bank_router = Router(prefix="/marketplace/v1/sandbox-bank", tags=["sandbox bank 沙盒银行"])


def _account(found: SandboxBankAccount) -> schemas.BankAccountBody:
    return schemas.BankAccountBody(
        bank=bank.BANK,
        account_no=found.account_no,
        balance_minor=found.balance_minor,
        frozen_minor=found.frozen_minor,
        state=found.state,
    )


@bank_router.post(
    "/accounts", status_code=201, summary="开户 Open an account at the sandbox bank", responses=refusals(GatewayUnknown, bank.DemoOnly)
)
def open_bank_account(
    body: schemas.BankAccountRequest, session: WriteSession, principal: SignedIn, _key: Idempotency
) -> schemas.BankAccountBody:
    return _account(bank.open_own_account(session, principal=principal, opening_minor=body.opening_minor))


@bank_router.get("/accounts/own", summary="我的账户 Own account at the sandbox bank", responses=refusals(NotFound))
def get_bank_account(session: ReadSession, principal: SignedIn) -> schemas.BankAccountBody:
    return _account(bank.get_own_account(session, principal=principal))


@bank_router.post(
    "/transfers",
    status_code=201,
    summary="向监管账户转账 Transfer to the market's witness account",
    responses=refusals(GatewayUnknown, bank.ReferenceUnknown, bank.TransferRepeated, bank.InsufficientFunds, bank.BankAccountClosed),
)
def transfer(
    body: schemas.BankTransferRequest,
    session: WriteSession,
    principal: Annotated[Principal, Depends(require("payments.pay"))],
    _key: Idempotency,
) -> schemas.BankTransferBody:
    movement = bank.transfer(session, principal=principal, reference=body.reference, amount_minor=body.amount_minor)
    return schemas.BankTransferBody(
        bank=bank.BANK, movement_id=movement.id, reference=movement.reference, amount_minor=movement.amount_minor, at=movement.at
    )


@bank_router.post(
    "/drills", status_code=201, summary="演练:丢失应答 Drill: lose the next answers", responses=refusals(GatewayUnknown, bank.DemoOnly)
)
def set_drill(
    body: schemas.DrillRequest,
    session: WriteSession,
    principal: Annotated[Principal, Depends(require("payments.operate"))],
    _key: Idempotency,
) -> schemas.DrillBody:
    return schemas.DrillBody(lost_answers=bank.set_drill(session, principal=principal, lost_answers=body.lost_answers).lost_answers)
