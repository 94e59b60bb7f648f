"""Tables of accounts."""

from marketplace.accounts.models.credentials import ApiKey, Device, FailureCount, RecoveryCode, RefreshToken, Signature, SignIn
from marketplace.accounts.models.parties import Invitation, Licence, Membership, Organization, Party, PayoutAccount, Person
from marketplace.accounts.models.seals import SandboxAuthority, SealCertificate, SealUse

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
    "SandboxAuthority",
    "SealCertificate",
    "SealUse",
    "SignIn",
    "Signature",
]
