"""What other features may ask of accounts. Frozen views in and out; every call takes the caller's session."""

from marketplace.accounts.domain import (
    LicenceKind,
    LicenceLapsed,
    LicenceMissing,
    OrganizationKind,
    OrganizationUnverified,
    PartyKind,
    PartyState,
    PartySuspended,
    PayoutAccountMissing,
    PeopleOnly,
    PrivacyHold,
    RealNameMissing,
    Role,
    WrongPassphrase,
)
from marketplace.accounts.domain.seals import (
    AuthorityCapabilities,
    NoSealForPeople,
    SealAuthorityView,
    SealCertificateView,
    SealCheck,
    SealedDocument,
    SealedHash,
    UnsealablePdf,
)
from marketplace.accounts.domain.views import ErasureReport, LicenceView, PartyView, PayoutAccountView, SignatureView
from marketplace.accounts.doors import Reentered
from marketplace.accounts.service.founding import (
    find_by_phone,
    found_licence,
    found_member,
    found_operator,
    found_organization,
    found_person,
)
from marketplace.accounts.service.identity import has_resident_id, reveal_identity_number
from marketplace.accounts.service.licences import LicenceFacts
from marketplace.accounts.service.marks import sharing_marks
from marketplace.accounts.service.organizations import OrganizationFacts, reinstate_party, suspend_party
from marketplace.accounts.service.own_records import OWN as PERSONAL_DATA
from marketplace.accounts.service.parties import (
    display_names,
    get_party,
    is_member,
    legal_name,
    linked_parties,
    market_operator_id,
    require_active,
    require_licence,
    require_real_name,
)
from marketplace.accounts.service.payouts import payout_account
from marketplace.accounts.service.people import hash_new_password
from marketplace.accounts.service.personal_data import PersonalData, RetentionTerm, retention_term
from marketplace.accounts.service.seals import check_seal, revoke_seals, seal_authority_view, seal_hash, seal_paper, seal_pdf
from marketplace.accounts.service.signatures import list_signatures, sign, verify_signature

__all__ = [
    "PERSONAL_DATA",
    "AuthorityCapabilities",
    "ErasureReport",
    "LicenceFacts",
    "LicenceKind",
    "LicenceLapsed",
    "LicenceMissing",
    "LicenceView",
    "NoSealForPeople",
    "OrganizationFacts",
    "OrganizationKind",
    "OrganizationUnverified",
    "PartyKind",
    "PartyState",
    "PartySuspended",
    "PartyView",
    "PayoutAccountMissing",
    "PayoutAccountView",
    "PeopleOnly",
    "PersonalData",
    "PrivacyHold",
    "RealNameMissing",
    "Reentered",
    "RetentionTerm",
    "Role",
    "SealAuthorityView",
    "SealCertificateView",
    "SealCheck",
    "SealedDocument",
    "SealedHash",
    "SignatureView",
    "UnsealablePdf",
    "WrongPassphrase",
    "check_seal",
    "display_names",
    "find_by_phone",
    "found_licence",
    "found_member",
    "found_operator",
    "found_organization",
    "found_person",
    "get_party",
    "has_resident_id",
    "hash_new_password",
    "is_member",
    "legal_name",
    "linked_parties",
    "list_signatures",
    "market_operator_id",
    "payout_account",
    "reinstate_party",
    "require_active",
    "require_licence",
    "require_real_name",
    "retention_term",
    "reveal_identity_number",
    "revoke_seals",
    "seal_authority_view",
    "seal_hash",
    "seal_paper",
    "seal_pdf",
    "sharing_marks",
    "sign",
    "suspend_party",
    "verify_signature",
]
