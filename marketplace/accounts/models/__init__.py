"""Tables of accounts."""

from marketplace.accounts.models.credentials import ApiKey, Device, FailureCount, RecoveryCode, RefreshToken, Signature, SignIn
from marketplace.accounts.models.parties import Invitation, Licence, Membership, Organization, Party, PayoutAccount, Person

__all__ = [
    "ApiKey",
    "Device",
    "FailureCount",
    "Invitation",
    "Licence",
    "Membership",
    "Organization",
    "Party",
    "PayoutAccount",
    "Person",
    "RecoveryCode",
    "RefreshToken",
    "SignIn",
    "Signature",
]
