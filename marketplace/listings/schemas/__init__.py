"""Bodies of the listings routes."""

from marketplace.listings.schemas.listings import (
    AMOUNT_MAX,
    DESCRIPTION_MAX,
    AppraisalBody,
    CarBody,
    CardBody,
    ChangeRequest,
    FindingBody,
    ListingBody,
    NoticeBody,
    PartyBody,
    PhotoBody,
    PriceBody,
    PublishRequest,
    WarrantyBody,
    WindowBody,
    WithdrawRequest,
)

__all__ = [
    "AMOUNT_MAX",
    "DESCRIPTION_MAX",
    "AppraisalBody",
    "CarBody",
    "CardBody",
    "ChangeRequest",
    "FindingBody",
    "ListingBody",
    "NoticeBody",
    "PartyBody",
    "PhotoBody",
    "PriceBody",
    "PublishRequest",
    "WarrantyBody",
    "WindowBody",
    "WithdrawRequest",
]
