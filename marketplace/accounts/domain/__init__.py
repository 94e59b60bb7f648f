"""Rules of accounts: pure."""

from marketplace.accounts.domain.parties import (
    PERSONAL_LICENCES,
    LicenceKind,
    LicenceLapsed,
    LicenceMissing,
    LicenceState,
    OrganizationKind,
    PartyKind,
    PartyState,
    PartySuspended,
    PayoutAccountMissing,
    PrivacyHold,
)
from marketplace.accounts.domain.roles import CAPABILITIES, ROLE_CAPABILITIES, Role, compute_capabilities, roles_of, scopes_of

__all__ = [
    "CAPABILITIES",
    "PERSONAL_LICENCES",
    "ROLE_CAPABILITIES",
    "LicenceKind",
    "LicenceLapsed",
    "LicenceMissing",
    "LicenceState",
    "OrganizationKind",
    "PartyKind",
    "PartyState",
    "PartySuspended",
    "PayoutAccountMissing",
    "PrivacyHold",
    "Role",
    "compute_capabilities",
    "roles_of",
    "scopes_of",
]
