"""The till, for every test here."""

from tests.payments.till import till

__all__ = ["till"]
