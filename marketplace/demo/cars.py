"""Invented cars that are plausible: true brands and series, list prices of the usual level, ages and mileages by a rule.

The rule: a car loses 15 % in its first year and 11 % of what is left in each further one (new energy 20 % and 15 %), and 4 % for every
20,000 km above 15,000 km a year; a dealer's asking price then spreads by some percent around that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from marketplace.vehicles.domain import Colour, EmissionStage, Fuel, Gearbox, UseType, VehicleFacts
from marketplace.vehicles.domain.vin import YEAR_CODES, complete_vin

FEN_PER_WAN = 1_000_000
NEW_ENERGY = frozenset({Fuel.BEV, Fuel.PHEV, Fuel.EREV})


@dataclass(frozen=True, slots=True)
class Pattern:
    """One model as it left the works. ``list_wan`` is the list price in tenths of 万元."""

    brand: str
    series: str
    trim: str
    wmi: str
    list_wan: int
    displacement_ml: int = 1500
    fuel: Fuel = Fuel.PETROL
    gearbox: Gearbox = Gearbox.AT
    seats: int = 5
    since: int = 2015


P, B, H, G = Fuel.PETROL, Fuel.BEV, Fuel.PHEV, Fuel.EREV
_ROWS: tuple[tuple[str, str, str, str, int, int, Fuel, Gearbox, int, int], ...] = (
    ("宝马", "3系", "325Li M运动套装", "LBV", 349, 1998, P, Gearbox.AT, 5, 2016),
    ("宝马", "5系", "530Li 豪华套装", "LBV", 479, 1998, P, Gearbox.AT, 5, 2017),
    ("宝马", "X3", "xDrive25i 豪华套装", "LBV", 409, 1998, P, Gearbox.AT, 5, 2018),
    ("宝马", "X1", "sDrive20Li 尊享型", "LBV", 299, 1499, P, Gearbox.DCT, 5, 2016),
    ("奔驰", "C级", "C 260 L 运动版", "LE4", 337, 1497, P, Gearbox.AT, 5, 2015),
    ("奔驰", "E级", "E 300 L 豪华型", "LE4", 489, 1991, P, Gearbox.AT, 5, 2016),
    ("奔驰", "GLC级", "GLC 260 L 动感型", "LE4", 426, 1991, P, Gearbox.AT, 5, 2016),
    ("奥迪", "A4L", "40 TFSI 时尚动感型", "LFV", 322, 1984, P, Gearbox.DCT, 5, 2016),
    ("奥迪", "A6L", "45 TFSI 臻选动感型", "LFV", 449, 1984, P, Gearbox.DCT, 5, 2016),
    ("奥迪", "Q5L", "40 TFSI 时尚动感型", "LFV", 397, 1984, P, Gearbox.DCT, 5, 2018),
    ("大众", "朗逸", "1.5L 自动舒适版", "LSV", 129, 1498, P, Gearbox.AT, 5, 2015),
    ("大众", "迈腾", "330TSI 豪华型", "LFV", 219, 1984, P, Gearbox.DCT, 5, 2016),
    ("大众", "帕萨特", "330TSI 精英版", "LSV", 208, 1984, P, Gearbox.DCT, 5, 2016),
    ("大众", "途观L", "330TSI 自动两驱智享版", "LSV", 237, 1984, P, Gearbox.DCT, 5, 2017),
    ("大众", "高尔夫", "280TSI DSG R-Line", "LFV", 165, 1395, P, Gearbox.DCT, 5, 2015),
    ("丰田", "卡罗拉", "1.2T S-CVT 精英版", "LFM", 129, 1197, P, Gearbox.CVT, 5, 2015),
    ("丰田", "凯美瑞", "2.0G 豪华版", "LVG", 202, 1987, P, Gearbox.CVT, 5, 2016),
    ("丰田", "RAV4荣放", "2.0L CVT 都市版", "LFM", 201, 1987, P, Gearbox.CVT, 5, 2016),
    ("本田", "思域", "220TURBO CVT 劲动版", "LVH", 139, 1498, P, Gearbox.CVT, 5, 2016),
    ("本田", "雅阁", "260TURBO 豪华版", "LHG", 199, 1498, P, Gearbox.CVT, 5, 2017),
    ("本田", "CR-V", "240TURBO CVT 两驱风尚版", "LVH", 198, 1498, P, Gearbox.CVT, 5, 2017),
    ("本田", "飞度", "1.5L CVT 潮跑版", "LHG", 88, 1498, P, Gearbox.CVT, 5, 2015),
    ("日产", "轩逸", "1.6L CVT 悦享版", "LGB", 119, 1598, P, Gearbox.CVT, 5, 2015),
    ("日产", "奇骏", "2.0L CVT 舒适版", "LGB", 188, 1997, P, Gearbox.CVT, 5, 2015),
    ("别克", "君威", "552T 精英型", "LSG", 185, 1490, P, Gearbox.AT, 5, 2016),
    ("别克", "GL8", "ES陆尊 653T 豪华型", "LSG", 329, 1998, P, Gearbox.AT, 7, 2016),
    ("凯迪拉克", "CT5", "28T 豪华型", "LSG", 279, 1998, P, Gearbox.AT, 5, 2019),
    ("福特", "蒙迪欧", "EcoBoost 180 时尚型", "LVS", 179, 1498, P, Gearbox.AT, 5, 2016),
    ("雷克萨斯", "ES", "200 卓越版", "JTH", 299, 1987, P, Gearbox.CVT, 5, 2018),
    ("沃尔沃", "S90", "B5 智逸豪华版", "LYV", 406, 1969, P, Gearbox.AT, 5, 2017),
    ("沃尔沃", "XC60", "T5 四驱智远版", "LYV", 396, 1969, P, Gearbox.AT, 5, 2018),
    ("长安", "CS75", "1.8T 自动尊荣型", "LS5", 138, 1798, P, Gearbox.AT, 5, 2016),
    ("长安", "逸动", "1.6L GDI DCT 精英型", "LS5", 83, 1598, P, Gearbox.DCT, 5, 2017),
    ("吉利", "博越", "1.8TD DCT 智联型", "L6T", 119, 1799, P, Gearbox.DCT, 5, 2017),
    ("吉利", "帝豪", "1.5L CVT 豪华型", "L6T", 84, 1498, P, Gearbox.CVT, 5, 2016),
    ("哈弗", "H6", "1.5T 自动两驱精英型", "LGW", 115, 1497, P, Gearbox.DCT, 5, 2016),
    ("红旗", "H5", "1.8T 智联旗享版", "LFP", 169, 1798, P, Gearbox.AT, 5, 2018),
    ("五菱", "宏光S", "1.5L 手动舒适型", "LZW", 58, 1485, P, Gearbox.MT, 7, 2015),
    ("五菱", "宏光MINIEV", "轻松款 120km", "LK6", 33, 0, B, Gearbox.SINGLE_SPEED, 4, 2020),
    ("比亚迪", "秦PLUS", "DM-i 55km 尊贵型", "LGX", 122, 1498, H, Gearbox.CVT, 5, 2021),
    ("比亚迪", "汉", "EV 超长续航版尊贵型", "LGX", 255, 0, B, Gearbox.SINGLE_SPEED, 5, 2020),
    ("比亚迪", "宋PLUS", "EV 豪华型", "LGX", 187, 0, B, Gearbox.SINGLE_SPEED, 5, 2021),
    ("比亚迪", "元PLUS", "430KM 豪华型", "LGX", 138, 0, B, Gearbox.SINGLE_SPEED, 5, 2022),
    ("特斯拉", "Model 3", "后轮驱动版", "LRW", 265, 0, B, Gearbox.SINGLE_SPEED, 5, 2020),
    ("特斯拉", "Model Y", "长续航全轮驱动版", "LRW", 349, 0, B, Gearbox.SINGLE_SPEED, 5, 2021),
    ("理想", "ONE", "增程6座版", "LW4", 338, 1199, G, Gearbox.SINGLE_SPEED, 6, 2020),
    ("蔚来", "ES6", "运动版 75kWh", "LJ1", 368, 0, B, Gearbox.SINGLE_SPEED, 5, 2020),
    ("小鹏", "P7", "562E 智享版", "LMV", 239, 0, B, Gearbox.SINGLE_SPEED, 5, 2020),
)  # fmt: skip
PATTERNS = tuple(Pattern(*row) for row in _ROWS)
COLOURS = (Colour.WHITE, Colour.WHITE, Colour.BLACK, Colour.GREY, Colour.SILVER, Colour.BLUE, Colour.RED, Colour.BROWN)


@dataclass(frozen=True, slots=True)
class DemoCar:
    """A car and what its seller asks for it, fen."""

    facts: VehicleFacts
    ask_minor: int


def demo_cars(count: int, *, today: date, seed: int = 300456) -> Iterator[DemoCar]:
    """``count`` different cars; the same arguments give the same cars."""
    random = Random(seed)
    for serial in range(count):
        yield demo_car(serial, random.choice(PATTERNS), random, today=today)


def demo_car(serial: int, pattern: Pattern, random: Random, *, today: date) -> DemoCar:
    """One car of a pattern; ``serial`` makes its VIN its own."""
    age_days = random.randint(200, min(365 * 9, (today - date(pattern.since, 6, 1)).days))
    registered_on = today - timedelta(days=age_days)
    year = registered_on.year
    mileage_km = max(1_200, round(age_days / 365 * random.gauss(14_000, 4_500), -2))
    facts = VehicleFacts(
        vin=demo_vin(pattern.wmi, year, serial),
        brand=pattern.brand,
        series=pattern.series,
        model=f"{year}款 {pattern.trim}",
        model_year=year,
        first_registration_on=registered_on,
        odometer_km=int(mileage_km),
        city="天津",
        fuel=pattern.fuel,
        gearbox=pattern.gearbox,
        emission_stage=_emission(pattern.fuel, registered_on),
        displacement_ml=pattern.displacement_ml or None,
        seats=pattern.seats,
        colour=random.choice(COLOURS),
        use_type=UseType.NON_COMMERCIAL,
        transfer_count=random.choice((0, 0, 0, 1, 1, 2)),
        key_count=2,
        msrp_minor=pattern.list_wan * FEN_PER_WAN // 10,
        inspection_valid_until=today + timedelta(days=random.randint(60, 600)),
        insurance_valid_until=today + timedelta(days=random.randint(30, 330)),
    )
    return DemoCar(facts=facts, ask_minor=_asking_minor(pattern, age_days, int(mileage_km), random))


def demo_vin(wmi: str, year: int, serial: int) -> str:
    """A VIN with a right check digit whose serial part starts with 9: no maker's."""
    return complete_vin(f"{wmi}DM0H{serial % 10}", f"{YEAR_CODES[(year - 1971) % 30]}T9{serial:05d}")


def _emission(fuel: Fuel, registered_on: date) -> EmissionStage:
    if fuel is Fuel.BEV:
        return EmissionStage.NONE
    if registered_on >= date(2023, 7, 1):
        return EmissionStage.CN6B
    return EmissionStage.CN6A if registered_on >= date(2019, 7, 1) else EmissionStage.CN5


def _asking_minor(pattern: Pattern, age_days: int, mileage_km: int, random: Random) -> int:
    """Whole hundreds of yuan, in fen."""
    first, further = (80, 85) if pattern.fuel in NEW_ENERGY else (85, 89)
    tenths_of_wan: float = pattern.list_wan * first / 100 * (further / 100) ** max(age_days / 365 - 1, 0)
    above_km = max(mileage_km - 15_000 * age_days / 365, 0)
    tenths_of_wan *= (1 - 0.04 * above_km / 20_000) * random.uniform(0.95, 1.06)
    return max(round(tenths_of_wan * 10) * 10_000, 800_000)
