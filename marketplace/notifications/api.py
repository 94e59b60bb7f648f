"""What other features may ask of notifications."""

from marketplace.accounts.api import PersonalData
from marketplace.notifications.domain import Told
from marketplace.notifications.events import KINDS
from marketplace.notifications.service import personal_data
from marketplace.notifications.service.notices import notify

PERSONAL_DATA = PersonalData(feature="notifications", export=personal_data.export, erase=personal_data.erase)

__all__ = ["KINDS", "PERSONAL_DATA", "Told", "notify"]
