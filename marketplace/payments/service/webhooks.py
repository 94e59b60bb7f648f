"""Stripe's messages: the signature is checked on the raw body, the message kept by its id, then booked, in one transaction."""

from marketplace.core import inbox
from marketplace.core.db import Database
from marketplace.core.errors import Refusal
from marketplace.core.settings import get_settings
from marketplace.payments.gateway.stripe_connect import NAME, BadSignature, parse_event
from marketplace.payments.service import payments


class SignatureWrong(Refusal):
    status = 401
    zh = "通知签名无效"
    en = "The message's signature is wrong or too old."


def hear_stripe(database: Database, *, body: bytes, signature: str) -> bool:
    """Whether the message is new. Raises ``SignatureWrong``; without a configured secret every message is refused."""
    settings = get_settings()
    secret = settings.stripe_webhook_secret.get_secret_value()
    if not secret:
        raise SignatureWrong
    try:
        message = parse_event(body, signature, secret=secret, hold_days=settings.stripe_hold_days)
    except BadSignature as error:
        raise SignatureWrong from error
    with database.writing() as session:
        payload = {"gateway_ref": message.gateway_ref, "amount_minor": message.amount_minor}
        if not inbox.accept(session, sender=NAME, message_id=message.message_id, kind=message.kind.value, payload=payload):
            return False
        payments.hear(session, gateway=NAME, message=message)
    return True
