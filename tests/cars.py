"""Good cars for tests of any feature: valid VINs nobody has yet, registered over HTTP as a holder would.

``car = register_car(api, owner)`` → the answer's body; ``car["id"]``. ``car_facts(brand="宝马", …)`` is the request's body.
"""

from io import BytesIO
from itertools import count
from typing import Any
from uuid import UUID

from PIL import Image

from marketplace.vehicles.domain import complete_vin
from marketplace.vehicles.domain.vin import YEAR_CODES
from tests.market import Market
from tests.people import Person

BASE = "/marketplace/v1/vehicles"
_serials = count(1)


def vin(*, wmi: str = "LSV", model_year: int = 2021) -> str:
    """A VIN with the right check digit and model year that no other car of this run has."""
    code = YEAR_CODES[(model_year - 1971) % 30]
    return complete_vin(f"{wmi}CZ2A4", f"{code}N{next(_serials):06d}")


def plate() -> str:
    """An ordinary plate of Tianjin nobody has yet."""
    return f"津A{next(_serials):05d}"


def car_facts(**changes: Any) -> dict[str, Any]:
    """The body of a good registration: a car that may be traded in every mode."""
    model_year = changes.get("model_year", 2021)
    wmi = changes.pop("wmi", "LSV")
    facts: dict[str, Any] = {
        "vin": vin(wmi=wmi, model_year=model_year),
        "brand": "大众",
        "series": "帕萨特",
        "model": f"{model_year}款 330TSI 豪华版",
        "model_year": model_year,
        "first_registration_on": f"{model_year}-03-18",
        "odometer_km": 42_000,
        "city": "天津",
        "fuel": "petrol",
        "gearbox": "dct",
        "emission_stage": "cn6a",
        "displacement_ml": 1_984,
        "seats": 5,
        "colour": "black",
        "use_type": "non_commercial",
        "transfer_count": 0,
        "key_count": 2,
        "msrp_minor": 23_990_000,
        "plate": plate(),
        "inspection_valid_until": "2030-03-31",
        "insurance_valid_until": "2030-03-17",
    }
    return {name: value for name, value in (facts | changes).items() if value is not None}


def register_car(api: Market, holder: Person, *, papers: bool = True, **changes: Any) -> dict[str, Any]:
    """A car of ``holder`` (a person's own, a dealer's stock, a pilot's import), with its papers on file; the answer's body."""
    answer = api.post(BASE, json=car_facts(**changes), headers=holder.headers)
    assert answer.status_code == 201, answer.text
    car: dict[str, Any] = answer.json()
    if papers:
        add_papers(api, holder, car["id"])
    return car


def add_papers(api: Market, holder: Person, vehicle_id: str | UUID) -> None:
    """Registration certificate in the holder's name, licence, tax proof."""
    name = holder.organization_name or holder.name
    for kind in ("registration_certificate", "driving_licence", "purchase_tax_proof"):
        body = {"kind": kind, "number": f"12{next(_serials):010d}"} | ({"holder_name": name} if name else {})
        answer = api.post(f"{BASE}/{vehicle_id}/documents", json=body, headers=holder.headers)
        assert answer.status_code == 201, answer.text


def picture(*, colour: tuple[int, int, int] | None = None, size: tuple[int, int] = (640, 480), form: str = "JPEG") -> bytes:
    """An image file; every call's is another one unless ``colour`` is given."""
    serial = next(_serials)
    out = BytesIO()
    Image.new("RGB", size, colour or (serial * 37 % 256, serial * 11 % 256, serial % 256)).save(out, form)
    return out.getvalue()


def add_photo(api: Market, holder: Person, vehicle_id: str | UUID, *, caption: str = "左前45度") -> dict[str, Any]:
    files = {"photo": ("car.jpg", picture(), "image/jpeg")}
    answer = api.post(f"{BASE}/{vehicle_id}/photos", files=files, data={"caption": caption}, headers=holder.headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def restrict(api: Market, by: Person, vehicle_id: str | UUID, kind: str = "seal") -> dict[str, Any]:
    """A restriction recorded by an operator (a holder may record a lien)."""
    body = {"kind": kind, "authority": "天津市滨海新区人民法院", "reference": "(2026)津0116执1号"}
    answer = api.post(f"{BASE}/{vehicle_id}/restrictions", json=body, headers=by.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
