"""The marketplace as the services above see it: the doors of its features, by name."""

from marketplace.accounts import api as accounts
from marketplace.listings import api as listings
from marketplace.notifications import api as notifications
from marketplace.operations import api as operations
from marketplace.orders import api as orders
from marketplace.payments import api as payments
from marketplace.vehicles import api as vehicles

__all__ = ["accounts", "listings", "notifications", "operations", "orders", "payments", "vehicles"]
