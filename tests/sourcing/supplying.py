"""Enterprise sources over HTTP, for tests of any feature: an agreement that both sides signed, and cars brought in under it."""

from datetime import timedelta
from typing import Any

from marketplace.core import clock
from tests.cars import plate, vin
from tests.market import Market
from tests.people import BASE, Person, organization
from tests.sourcing.acquiring import Asked

PATH = f"{BASE}/supply-agreements"
RULING = [{"kind": "court_ruling", "number": "(2026)津0116执恢18号"}]


def car_line(**changes: Any) -> dict[str, Any]:
    facts = {
        "vin": vin(),
        "brand": "大众",
        "series": "帕萨特",
        "model": "2021款 330TSI 豪华版",
        "model_year": 2021,
        "odometer_km": 42_000,
        "city": "天津",
        "first_registration_on": "2021-03-18",
        "emission_stage": "cn6a",
        "displacement_ml": 1_984,
        "plate": plate(),
        "inspection_valid_until": "2030-03-31",
        "insurance_valid_until": "2030-03-17",
    }
    line: dict[str, Any] = {
        "facts": facts,
        "origin": "repossessed",
        "channel": "acquisition",
        "proofs": RULING,
        "documents": ["registration_certificate", "driving_licence", "purchase_tax_proof"],
    }
    return line | changes


class Source:
    """A bank or fleet with an agreement that both sides signed."""

    def __init__(self, api: Market, clerk: Person, *, kind: str = "lender", sign: bool = True, **terms: Any) -> None:
        self.api, self.clerk = api, clerk
        self.staff = organization(api, kind, by=clerk)
        with api.database.reading() as session:
            today = clock.shanghai_day(clock.now(session))
        body = {
            "source_id": str(self.staff.organization_id),
            "origins": ["repossessed", "judicial", "fleet"],
            "channels": ["acquisition", "auction", "consignment"],
            "valid_from": today.isoformat(),
            "valid_to": (today + timedelta(days=30)).isoformat(),
            "commission_bps": 200,
            "car_fee_minor": 30_000,
        }
        made = api.post(PATH, json=body | terms, headers=clerk.headers)
        assert made.status_code == 201, made.text
        self.agreement: dict[str, Any] = made.json()
        if sign:
            for one in (self.staff, clerk):
                signed = self.sign(one)
                assert signed.status_code == 200, signed.text

    def sign(self, who: Person, **body: Any) -> Any:
        return self.api.post(f"{PATH}/{self.agreement['id']}/signatures", json={"passphrase": who.password, **body}, headers=who.headers)

    def bring(self, *cars: dict[str, Any]) -> Any:
        return self.api.post(f"{PATH}/{self.agreement['id']}/batches", json={"cars": list(cars)}, headers=self.staff.headers)

    def brought(self, *cars: dict[str, Any]) -> list[dict[str, Any]]:
        """Each car's result, once they are taken in."""
        answer = self.bring(*cars)
        assert answer.status_code == 201, answer.text
        self.api.relay()
        found = self.api.get(f"{PATH}/{self.agreement['id']}/batches/{answer.json()['id']}", headers=self.staff.headers).json()
        assert found["state"] == "done"
        lines: list[dict[str, Any]] = found["cars"]
        return lines

    def asked_car(self) -> Asked:
        (line,) = self.brought(car_line())
        assert line["outcome"] == "asked", line
        return Asked(self.staff, {"id": line["vehicle_id"]}, line["acquisition_id"])
