"""Steps 1-4: a holder asks an institution, its appraiser accepts, the car is checked for tradability, basic data are written down."""

from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.accounts.api import LicenceKind, OrganizationKind
from marketplace.core import audit, clock, crypto, outbox
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.api import BatteryFacts, TradeMode, VehicleView
from valuation.appraisal import queries
from valuation.appraisal.domain import (
    AppraisalOpen,
    AppraisalState,
    AppraiserNotIndependent,
    NotAnAppraisalInstitution,
    Purpose,
    decide_transition,
)
from valuation.appraisal.events import AppraisalEnded
from valuation.appraisal.models import Appraisal

LETTER_KIND = "engagement_letter"
_MODES = {Purpose.AUCTION: TradeMode.C2B_AUCTION, Purpose.CONSIGNMENT: TradeMode.C2C_CONSIGNMENT}


def request_appraisal(
    session: Session, *, principal: Principal, vehicle_id: UUID, institution_id: UUID, purpose: Purpose, note: str = ""
) -> Appraisal:
    """Ask an institution to appraise a car one holds.

    Raises ``NotFound`` for a car that is not one's own, ``NotAnAppraisalInstitution``, ``LicenceMissing``/``LicenceLapsed`` when the
    institution's filing is not valid today, ``AppraiserNotIndependent``, ``AppraisalOpen``.
    """
    accounts.require_active(session, party_id=principal.party_id)
    vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=principal.party_id)
    _require_institution(session, institution_id=institution_id)
    if institution_id in accounts.linked_parties(session, party_id=principal.party_id):
        raise AppraiserNotIndependent
    if queries.find_open(session, vehicle_id=vehicle_id, institution_id=institution_id) is not None:
        raise AppraisalOpen
    appraisal = Appraisal(
        vehicle_id=vehicle_id,
        client_id=principal.party_id,
        requested_by=principal.id,
        institution_id=institution_id,
        purpose=purpose,
        state=AppraisalState.REQUESTED,
        requested_at=clock.now(session),
        note=note,
    )
    session.add(appraisal)
    session.flush()
    _record(session, principal, appraisal, "appraisal.request")
    return appraisal


def _require_institution(session: Session, *, institution_id: UUID) -> None:
    try:
        institution = accounts.require_active(session, party_id=institution_id)
    except NotFound as error:
        raise NotAnAppraisalInstitution from error
    if institution.organization_kind is not OrganizationKind.APPRAISER:
        raise NotAnAppraisalInstitution
    today = clock.shanghai_day(clock.now(session))
    accounts.require_licence(session, party_id=institution_id, kind=LicenceKind.APPRAISAL_FILING, on=today)


def lock_own(session: Session, *, principal: Principal, appraisal_id: UUID) -> Appraisal:
    """The institution's appraisal, locked; ``NotFound`` for another's."""
    appraisal = queries.lock_appraisal(session, appraisal_id=appraisal_id)
    if appraisal.institution_id != principal.party_id:
        raise NotFound
    return appraisal


def require_appraiser(session: Session, *, principal: Principal, appraisal: Appraisal) -> str:
    """The certificate number of a fit appraiser: institution filed, certificate valid today, no interest in client or car.

    Raises ``LicenceMissing``, ``LicenceLapsed``, ``PartySuspended``, ``AppraiserNotIndependent``.
    """
    today = clock.shanghai_day(clock.now(session))
    accounts.require_active(session, party_id=principal.party_id)
    accounts.require_licence(session, party_id=principal.party_id, kind=LicenceKind.APPRAISAL_FILING, on=today)
    certificate = accounts.require_licence(session, party_id=principal.id, kind=LicenceKind.APPRAISER_CERTIFICATE, on=today)
    if {principal.id, principal.party_id} & accounts.linked_parties(session, party_id=appraisal.client_id):
        raise AppraiserNotIndependent
    return certificate.number


def accept_appraisal(
    session: Session, *, principal: Principal, appraisal_id: UUID, base_on: date | None = None, fee_minor: int = 0
) -> Appraisal:
    """Take the engagement (steps 1-2) and offer the client its letter. A car that fails the tradability check ends it in
    ``not_tradable``, with the findings; no score follows.

    ``base_on`` is the base date (评估基准日), today by default and never later; ``fee_minor`` the fee in fen. Raises ``WrongStep`` and
    what ``require_appraiser`` does.
    """
    appraisal = lock_own(session, principal=principal, appraisal_id=appraisal_id)
    require_appraiser(session, principal=principal, appraisal=appraisal)
    today = clock.shanghai_day(clock.now(session))
    appraisal.state = _check_tradability(session, appraisal, AppraisalState.ACCEPTED)
    appraisal.appraiser_id = principal.id
    appraisal.base_on = min(base_on or today, today)
    appraisal.facts = basic_data(vehicles.get_vehicle(session, vehicle_id=appraisal.vehicle_id))
    if appraisal.state is AppraisalState.ACCEPTED:
        appraisal.letter = _letter(session, appraisal, fee_minor)
        appraisal.letter_hash = crypto.sha256_hex(crypto.canonical_json(appraisal.letter))
    record_change(session, principal=principal, appraisal=appraisal, act="appraisal.accept")
    if appraisal.state is AppraisalState.NOT_TRADABLE:
        _tell_end(session, appraisal)
    return appraisal


def _check_tradability(session: Session, appraisal: Appraisal, to: AppraisalState) -> AppraisalState:
    """Step 2, 可交易车辆判别: on to ``to``, or the end when anything bars trade in the car."""
    mode = _MODES.get(appraisal.purpose, TradeMode.ACQUISITION)
    eligibility = vehicles.evaluate(session, vehicle_id=appraisal.vehicle_id, mode=mode, seller_id=appraisal.client_id)
    appraisal.findings = [_plain(asdict(finding)) for finding in eligibility.findings]
    return decide_transition(appraisal.state, to if eligibility.tradable else AppraisalState.NOT_TRADABLE)


def _letter(session: Session, appraisal: Appraisal, fee_minor: int) -> dict[str, Any]:
    """委托书 in canonical form: who asks whom for what, on which day, for how much."""
    assert appraisal.base_on is not None
    return {
        "kind": LETTER_KIND,
        "appraisal_id": str(appraisal.id),
        "client_id": str(appraisal.client_id),
        "institution_id": str(appraisal.institution_id),
        "institution": accounts.get_party(session, party_id=appraisal.institution_id).display_name,
        "vehicle_id": str(appraisal.vehicle_id),
        "vin_masked": appraisal.facts["vin_masked"],
        "purpose": appraisal.purpose.value,
        "base_on": appraisal.base_on.isoformat(),
        "fee_minor": fee_minor,
        "statement": "委托方保证所提供的车辆资料真实、合法,鉴定评估机构独立、客观、公正地开展鉴定评估。 "
        "The client vouches for the papers; the institution appraises independently.",
    }


def sign_letter(session: Session, *, principal: Principal, appraisal_id: UUID, passphrase: str) -> Appraisal:
    """The client signs the engagement letter (steps 3-4). The car is checked once more: what was barred meanwhile ends it here.

    Raises ``NotFound`` for another's appraisal, ``WrongStep``, ``WrongPassphrase``.
    """
    appraisal = queries.lock_appraisal(session, appraisal_id=appraisal_id)
    if appraisal.client_id != principal.party_id:
        raise NotFound
    to = _check_tradability(session, appraisal, AppraisalState.ENGAGED)
    if to is AppraisalState.ENGAGED:
        assert appraisal.letter_hash is not None
        signature = accounts.sign(
            session,
            principal=principal,
            passphrase=passphrase,
            document_kind=LETTER_KIND,
            document_id=appraisal.id,
            content_hash=appraisal.letter_hash,
        )
        appraisal.letter_signature_id, appraisal.letter_signed_at = signature.id, signature.at
        appraisal.engaged_at = signature.at
        appraisal.facts = basic_data(vehicles.get_vehicle(session, vehicle_id=appraisal.vehicle_id))
    appraisal.state = to
    record_change(session, principal=principal, appraisal=appraisal, act="appraisal.engage")
    if appraisal.state is AppraisalState.NOT_TRADABLE:
        _tell_end(session, appraisal)
    return appraisal


def end_appraisal(session: Session, *, principal: Principal, appraisal_id: UUID, reason: str) -> Appraisal:
    """Decline (institution) or withdraw (client) before anybody has signed. Raises ``WrongStep``."""
    appraisal = queries.lock_appraisal(session, appraisal_id=appraisal_id)
    if principal.party_id not in {appraisal.client_id, appraisal.institution_id}:
        raise NotFound
    appraisal.state = decide_transition(appraisal.state, AppraisalState.DECLINED)
    record_change(session, principal=principal, appraisal=appraisal, act="appraisal.end", reason=reason)
    _tell_end(session, appraisal)
    return appraisal


def get_visible_appraisal(session: Session, *, principal: Principal, appraisal_id: UUID) -> Appraisal:
    """One's own as client or institution; ``NotFound`` for others."""
    appraisal = queries.get_appraisal(session, appraisal_id=appraisal_id)
    if principal.party_id not in {appraisal.client_id, appraisal.institution_id}:
        raise NotFound
    return appraisal


def basic_data(vehicle: VehicleView) -> dict[str, Any]:
    """Step 4: the car's facts as the report states them; the VIN masked, nothing of its owner."""
    return {
        "vin_masked": vehicle.vin_masked,
        "kind": vehicle.kind.value,
        "brand": vehicle.brand,
        "series": vehicle.series,
        "model": vehicle.model,
        "model_year": vehicle.model_year,
        "first_registration_on": vehicle.first_registration_on.isoformat() if vehicle.first_registration_on else None,
        "odometer_km": vehicle.odometer_km,
        "fuel": vehicle.fuel.value,
        "gearbox": vehicle.gearbox.value if vehicle.gearbox else None,
        "displacement_ml": vehicle.displacement_ml,
        "emission_stage": vehicle.emission_stage.value if vehicle.emission_stage else None,
        "colour": vehicle.colour.value,
        "use_type": vehicle.use_type.value,
        "transfer_count": vehicle.transfer_count,
        "plate_region": vehicle.plate_region,
        "maker": vehicle.maker,
        "body": vehicle.body.value if vehicle.body else None,
        "drivetrain": vehicle.drivetrain.value if vehicle.drivetrain else None,
        "power_kw": vehicle.power_kw,
        "seats": vehicle.seats,
        "key_count": vehicle.key_count,
        "city": vehicle.city,
        "inspection_valid_until": vehicle.inspection_valid_until.isoformat() if vehicle.inspection_valid_until else None,
        "insurance_valid_until": vehicle.insurance_valid_until.isoformat() if vehicle.insurance_valid_until else None,
        "battery": _battery(vehicle.battery),
        "facts_version": vehicle.facts_version,
    }


def _battery(battery: BatteryFacts | None) -> dict[str, Any] | None:
    if battery is None:
        return None
    return {
        "chemistry": battery.chemistry.value if battery.chemistry else None,
        "rated_wh": battery.rated_wh,
        "soh_permille": battery.soh_permille,
        "soh_method": battery.soh_method,
        "soh_on": battery.soh_on.isoformat() if battery.soh_on else None,
    }


def _plain(finding: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) for name, value in finding.items()}


def _record(session: Session, principal: Principal, appraisal: Appraisal, act: str, reason: str | None = None) -> None:
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind="appraisal",
        object_id=appraisal.id,
        facts={"vehicle_id": str(appraisal.vehicle_id), "state": appraisal.state.value, "version": appraisal.version},
        reason=reason,
    )


def record_change(session: Session, *, principal: Principal, appraisal: Appraisal, act: str, reason: str | None = None) -> None:
    """Count the change up, write it and its trail."""
    appraisal.version += 1
    session.add(appraisal)
    session.flush()
    _record(session, principal, appraisal, act, reason)


def _tell_end(session: Session, appraisal: Appraisal) -> None:
    event = AppraisalEnded(
        appraisal_id=appraisal.id,
        vehicle_id=appraisal.vehicle_id,
        client_id=appraisal.client_id,
        institution_id=appraisal.institution_id,
        state=appraisal.state.value,
    )
    outbox.append(session, event, key=f"appraisal:{appraisal.id}")
