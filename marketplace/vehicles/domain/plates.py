"""Number plates by GA 36: ordinary, new-energy small, new-energy large."""

import re
from dataclasses import dataclass
from enum import StrEnum

from marketplace.vehicles.domain.refusals import BadPlate

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


class PlateKind(StrEnum):
    ORDINARY = "ordinary"
    NEW_ENERGY_SMALL = "new_energy_small"
    NEW_ENERGY_LARGE = "new_energy_large"


_HEAD = f"[{PROVINCES}][A-HJ-NP-Z]"
_SHAPES = (
    (PlateKind.ORDINARY, re.compile(_HEAD + r"[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳试超]")),
    (PlateKind.NEW_ENERGY_SMALL, re.compile(_HEAD + r"[A-HJK][A-HJ-NP-Z0-9][0-9]{4}")),
    (PlateKind.NEW_ENERGY_LARGE, re.compile(_HEAD + r"[0-9]{5}[A-HJK]")),
)


@dataclass(frozen=True, slots=True)
class Plate:
    number: str
    kind: PlateKind

    @property
    def region(self) -> str:
        """All that may be shown in public: 津A."""
        return self.number[:2]

    @property
    def is_tianjin(self) -> bool:
        return self.number.startswith("津")


def parse_plate(text: str) -> Plate:
    """Raises ``BadPlate``. Spaces and the dot of the metal plate are dropped."""
    number = re.sub(r"[\s·•.\-]", "", text).upper()
    for kind, shape in _SHAPES:
        if shape.fullmatch(number):
            return Plate(number, kind)
    raise BadPlate
