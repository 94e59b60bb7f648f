"""What others may ask of feeds: show an object, or no more; how cells and signatures are made."""

from marketplace.feeds.domain import FeedName, neutralize, signed_text
from marketplace.feeds.service.consents import PERSONAL_DATA
from marketplace.feeds.service.publishing import put
from marketplace.feeds.service.rendering import digest_text
from marketplace.feeds.service.stock import CURRENCY, car_part

__all__ = ["CURRENCY", "PERSONAL_DATA", "FeedName", "car_part", "digest_text", "neutralize", "put", "signed_text"]
