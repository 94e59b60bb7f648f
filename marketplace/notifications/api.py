"""What other features may ask of notifications."""

from marketplace.accounts.api import PersonalData
from marketplace.notifications.events import KINDS
from marketplace.notifications.service import personal_data

PERSONAL_DATA = PersonalData(feature="notifications", export=personal_data.export, erase=personal_data.erase)

__all__ = ["KINDS", "PERSONAL_DATA"]
