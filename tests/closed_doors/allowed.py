"""The one list of who is not refused at a foreign object's door, and why."""

from dataclasses import dataclass

from tests.closed_doors.doors import Door
from tests.closed_doors.foreign import Foreign
from tests.closed_doors.world import Intruder
from tests.people import BASE

SUCCESS = frozenset({200, 201, 204})
EXPLAINED = frozenset({409})


@dataclass(frozen=True)
class Allowed:
    """Whose label begins with one of ``who`` gets one of ``statuses`` at ``doors``, for objects whose name ends with one of ``objects``."""

    reason: str
    who: tuple[str, ...]
    doors: tuple[str, ...]
    statuses: frozenset[int] = SUCCESS
    objects: tuple[str, ...] = ("",)

    def covers(self, who: Intruder, door: Door, what: Foreign) -> bool:
        return door.label in self.doors and who.label.startswith(self.who) and what.name.endswith(self.objects)


def _each(method: str, *paths: str) -> tuple[str, ...]:
    return tuple(f"{method} {path if path.startswith('/') else f'{BASE}/{path}'}" for path in paths)


OPERATOR, AUDITOR = "market_operator/operator", "market_operator/auditor"
BIDDERS = ("dealer/owner", "dealer/sales", "key of dealer", "person")
LOT = "/auction/v1/lots/{lot_id}"
AGREEMENT = "supply-agreements/{agreement_id}"
SESSION = "/auction/v1/sessions/{session_id}"
CLAIM = "/auction/v1/claims/{claim_id}"

ALLOWED = (
    Allowed(
        "operators and auditors watch the market: who is in it (parties.read), what was done to what (audit.read)",
        (OPERATOR, AUDITOR),
        _each("GET", "parties/{party_id}", "parties/{party_id}/licences", "operations/audit/{object_kind}/{object_id}"),
    ),
    Allowed(
        "the same, of an organization",
        (OPERATOR, AUDITOR),
        _each("GET", "parties/{party_id}/organization"),
        objects=("dealer",),
    ),
    Allowed(
        "operators and auditors open what a closed lot keeps closed, on record (audit.read); never while it runs",
        (OPERATOR, AUDITOR),
        _each("POST", f"{LOT}/openings"),
        objects=("sold lot",),
    ),
    Allowed(
        "the same, told that the lot still runs",
        (OPERATOR, AUDITOR),
        _each("POST", f"{LOT}/openings"),
        statuses=EXPLAINED,
        objects=("announced lot",),
    ),
    Allowed(
        "operators run transfers (transfers.manage) and see what they rest on",
        (OPERATOR,),
        _each("GET", "orders/{order_id}", "orders/{order_id}/contract", "transfers/{transfer_id}"),
    ),
    Allowed(
        "the same, of the invoice once it is issued",
        (OPERATOR,),
        _each("GET", "transfers/{transfer_id}/invoice"),
        objects=("transfer completed",),
    ),
    Allowed(
        "operators hand in and check papers for either side, invoice and submit (transfers.manage)",
        (OPERATOR,),
        _each("POST", *(f"transfers/{{transfer_id}}/{act}" for act in ("documents", "checks", "invoice", "submit"))),
    ),
    Allowed(
        "operators decide disputes (disputes.decide): they may undo an order",
        (OPERATOR,),
        _each("POST", "orders/{order_id}/cancellation"),
    ),
    Allowed(
        "operators and auditors work the cases of disputes (cases.read): they see claims and evidence",
        (OPERATOR, AUDITOR),
        _each("GET", CLAIM, f"{CLAIM}/evidence/{{evidence_id}}"),
    ),
    Allowed(
        "operators decide claims (disputes.decide), not before the seller was heard",
        (OPERATOR,),
        _each("POST", f"{CLAIM}/decision"),
        statuses=EXPLAINED,
    ),
    Allowed(
        "operators check licences (licences.check)",
        (OPERATOR,),
        (*_each("GET", "licences/{licence_id}"), *_each("POST", "licences/{licence_id}/decision", "licences/{licence_id}/revocation")),
    ),
    Allowed(
        "operators admit, suspend and reinstate parties, and reveal personal data with a reason on record",
        (OPERATOR,),
        _each("POST", *(f"parties/{{party_id}}/{act}" for act in ("verification", "suspension", "reinstatement", "reveals"))),
    ),
    Allowed(
        "operators put papers and court restrictions on record (vehicles.restrict) and read what is there",
        (OPERATOR,),
        (
            *_each("GET", "vehicles/{vehicle_id}/documents", "vehicles/{vehicle_id}/restrictions"),
            *_each("POST", "vehicles/{vehicle_id}/documents", "vehicles/{vehicle_id}/documents/{document_id}/check"),
            *_each("POST", "vehicles/{vehicle_id}/history", "vehicles/{vehicle_id}/restrictions"),
            *_each("POST", "vehicles/{vehicle_id}/restrictions/{restriction_id}/decision", "vehicles/{vehicle_id}/vin-reveals"),
        ),
    ),
    Allowed(
        "operators moderate listings (listings.moderate): they take them down and see the ones that are gone",
        (OPERATOR,),
        (*_each("GET", "listings/{listing_id}"), *_each("POST", "listings/{listing_id}/takedown")),
    ),
    Allowed(
        "operators start a dead letter anew (outbox.manage)", (OPERATOR,), _each("POST", "operations/dead-letters/{delivery_id}/retry")
    ),
    Allowed(
        "operators oversee pilots (pilots.manage): they see them, verify, suspend, reinstate, remove and assess them",
        (OPERATOR,),
        (
            *_each("GET", "import-pilots/{party_id}", "import-pilots/{party_id}/assessments"),
            *_each("POST", *(f"import-pilots/{{party_id}}/{act}" for act in ("suspension", "removal", "assessments"))),
        ),
    ),
    Allowed(
        "the same; a pilot that is verified is neither decided nor reinstated, an assessment not handed in is not found good",
        (OPERATOR,),
        _each(
            "POST",
            "import-pilots/{party_id}/decision",
            "import-pilots/{party_id}/reinstatement",
            "pilot-assessments/{assessment_id}/finding",
        ),
        EXPLAINED,
    ),
    Allowed(
        "the market's people and appraisers ask whether a car that nobody offers may be traded; the answer names findings, no party",
        (OPERATOR, "appraiser/appraiser"),
        _each("GET", "vehicles/{vehicle_id}/eligibility"),
    ),
    Allowed(
        "operators and auditors read cases (cases.read)",
        (OPERATOR, AUDITOR),
        _each("GET", "cases/{case_id}"),
    ),
    Allowed(
        "operators ask back in a case (cases.work)",
        (OPERATOR,),
        _each("POST", "cases/{case_id}/statements"),
        objects=("open case", "taken case"),
    ),
    Allowed(
        "operators take cases out of the queue and close decided ones (cases.work)",
        (OPERATOR,),
        _each("POST", "operations/cases/{case_id}/taking"),
        objects=("open case in the queue",),
    ),
    Allowed(
        "the same, of a decided one",
        (OPERATOR,),
        _each("POST", "operations/cases/{case_id}/closing"),
        objects=("decided case in the queue",),
    ),
    Allowed(
        "an operator is told that another has taken the case, or where it stands",
        (OPERATOR,),
        (
            *_each("POST", "operations/cases/{case_id}/taking", "operations/cases/{case_id}/return"),
            *_each("POST", "operations/cases/{case_id}/decision", "operations/cases/{case_id}/closing"),
        ),
        EXPLAINED,
        ("case in the queue",),
    ),
    Allowed(
        "the same, of what is said too late",
        (OPERATOR,),
        _each("POST", "cases/{case_id}/statements"),
        EXPLAINED,
        ("decided case",),
    ),
    Allowed(
        "whoever is interested asks about a car in the window",
        ("",),
        _each("POST", "listings/{listing_id}/enquiries"),
        objects=("dealer's listing", "consigned listing"),
    ),
    Allowed(
        "an owner asks every dealer, and the market as one (acquisitions.offer); each sees his own offers alone",
        ("dealer/owner", "dealer/sales", "key of dealer", OPERATOR),
        _each("GET", "acquisitions/{acquisition_id}"),
        objects=("open acquisition",),
    ),
    Allowed(
        "the same: dealers with a filing may offer; the market without one is told so by its guard",
        ("key of dealer",),
        _each("POST", "acquisitions/{acquisition_id}/offers"),
        SUCCESS | {422},
        ("open acquisition",),
    ),
    Allowed(
        "operators act for the market, which is the other side of every agreement with a source (agreements.manage)",
        (OPERATOR,),
        (
            *_each("GET", *(f"{AGREEMENT}{part}" for part in ("", "/document", "/batches", "/batches/{batch_id}"))),
            *_each("POST", f"{AGREEMENT}/termination"),
        ),
    ),
    Allowed(
        "the same, told that the market has signed",
        (OPERATOR,),
        _each("POST", f"{AGREEMENT}/signatures"),
        EXPLAINED,
    ),
    Allowed(
        "how a dealer keeps his offers is for every owner who asks (acquisitions.ask)",
        ("person", "lender/owner", "lender/service", "fleet/owner", "fleet/sales"),
        _each("GET", "acquirers/{dealer_id}/record"),
    ),
    Allowed(
        "an announced lot invites every bidder of its kind to register",
        BIDDERS,
        _each("POST", f"{LOT}/registrations"),
        objects=("announced lot",),
    ),
    Allowed(
        "everybody sees that a sold lot takes no bidders any more",
        BIDDERS,
        _each("POST", f"{LOT}/registrations"),
        EXPLAINED,
        ("sold lot",),
    ),
    Allowed(
        "everybody sees whether a published lot is open",
        BIDDERS,
        _each("POST", f"{LOT}/bids"),
        EXPLAINED,
        ("announced lot", "sold lot"),
    ),
    Allowed(
        "everybody sees that a published session has no lanes to hold a paddle up in",
        BIDDERS,
        _each("POST", f"{SESSION}/paddles"),
        EXPLAINED,
        ("announced session", "sold session"),
    ),
    Allowed(
        "operators hold lots and sessions up and let them go on, with a published reason (sessions.suspend)",
        (OPERATOR,),
        _each("POST", *(f"{what}/{act}" for what in (LOT, SESSION) for act in ("suspension", "resumption"))),
    ),
)


def find_allowed(who: Intruder, door: Door, what: Foreign) -> Allowed | None:
    """The exception that covers this knock."""
    return next((one for one in ALLOWED if one.covers(who, door, what)), None)
