"""The numeric part: names, shrunken means, trees, training on invented cars, and the shipped artefact."""

import csv
import gzip
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.pricing.engine.artefact import BrokenArtefact, read_model, support_group
from valuation.pricing.engine.boosting import Growth, grow_forest
from valuation.pricing.engine.cars import Car, emission_of, energy_of, find_brand, fold_brand, fold_city, fold_series, fold_trim
from valuation.pricing.engine.encoding import Hierarchy, fit_hierarchy, load_hierarchy, round_hierarchy
from valuation.pricing.train import main, train
from valuation.pricing.training.fitting import Plan

ARTEFACT = Path("valuation/pricing/artefact")
SMALL = Plan(
    level=Growth(trees=10, leaves=6, rate=0.2),
    point=Growth(trees=20, leaves=8, rate=0.2),
    spread=Growth(trees=5, leaves=4, rate=0.2, huber=2.0),
    group_rows_min=20,
)
BMW = Car("宝马", "3系", 2021.0, "325LIM运动套装", 66.0, 4.6, "天津", "ice", 0.0, 2.0, 6.0, 1.0, at_year=2026.875)


MODEL = read_model(ARTEFACT)


class TestNames:
    @pytest.mark.parametrize(
        ("series", "brand", "folded"),
        [
            ("奔驰C级", "奔驰", "C"),
            ("3系", "宝马", "3系"),
            ("宝马X5(进口)", "宝马", "X5"),
            ("MG ZS", "名爵", "ZS"),
            ("传祺GS4", "广汽传祺", "GS4"),
            ("宏光MINI EV", "五菱", "宏光MINIEV"),
        ],
    )
    def test_one_spelling_of_a_series(self, series: str, brand: str, folded: str) -> None:
        assert fold_series(series, brand) == folded

    @pytest.mark.parametrize("model", ["奔驰C级 2020款 改款 C 260 L", "2020款 改款 C 260 L", "改款C260L", "改款 Ｃ 260 L"])
    def test_a_trim_with_or_without_its_title(self, model: str) -> None:
        assert fold_trim(model, brand="奔驰", series="C") == "改款C260L"

    def test_brands_and_cities(self) -> None:
        assert fold_brand("吉利汽车") == fold_brand("吉利") == "吉利"
        assert fold_city("深圳(粤)") == fold_city("深圳市") == "深圳"
        assert find_brand(["一汽-大众", "x"], {"大众", "奥迪"}) == "大众"
        assert find_brand(["无名"], {"大众"}) == ""

    @pytest.mark.parametrize(
        ("text", "energy"),
        [
            ("汽油+48V轻混系统", "ice"),
            ("插电式混合动力", "plug_in"),
            ("增程式", "plug_in"),
            ("油电混合", "hybrid"),
            ("纯电动", "electric"),
            ("bev", "electric"),
            ("phev", "plug_in"),
            ("hev", "hybrid"),
            ("petrol", "ice"),
            ("", "ice"),
        ],
    )
    def test_energy(self, text: str, energy: str) -> None:
        assert energy_of(text) == energy

    @pytest.mark.parametrize(
        ("text", "stage"), [("国VI", 6.0), ("国IV(国V)", 4.0), ("国五", 5.0), ("欧III", 3.0), ("cn6b", 6.0), ("none", math.nan)]
    )
    def test_emission(self, text: str, stage: float) -> None:
        assert emission_of(text) == stage or (math.isnan(stage) and math.isnan(emission_of(text)))


class TestHierarchy:
    def test_an_unknown_child_takes_its_parents_mean(self) -> None:
        found = fit_hierarchy([(("b", "b|s", "", ""), 1.0, 1.0)] * 100, (20.0, 12.0, 6.0, 4.0))
        means, counts = found.encode(("b", "b|other", "b|other|2020", ""))
        assert means[1] == means[0]
        assert counts == [100.0, 0.0, 0.0, 0.0]

    def test_without_takes_cars_out(self) -> None:
        rows = [(("b", "b|s", "", ""), float(value), 1.0) for value in range(4)]
        left = fit_hierarchy(rows, (1.0,) * 4).without(fit_hierarchy(rows[:2], (1.0,) * 4))
        assert left.counts["b|s"] == 2.0
        assert left.sums["b|s"] == 5.0

    def test_single_cars_do_not_ship(self) -> None:
        rows = [(("b", "b|s", "", ""), 0.5, 1.0), (("b", "b|t", "", ""), 0.5, 1.0)]
        assert set(fit_hierarchy(rows, (1.0,) * 4).without_single_cars(2.0).counts) == {"b"}

    def test_survives_the_artefact(self) -> None:
        found = fit_hierarchy([(("b", "b|s", "", ""), 0.25, 1.0), (("b", "", "", ""), 0.5, 0.4)], (1.0,) * 4)
        again = load_hierarchy(round_hierarchy(found))
        assert again.encode(("b", "b|s", "", ""))[0] == pytest.approx(found.encode(("b", "b|s", "", ""))[0], abs=1e-4)
        assert isinstance(again, Hierarchy)


class TestForest:
    def fit(self, seed: int = 3) -> tuple["np.ndarray[tuple[int, int], np.dtype[np.float64]]", object]:
        chance = np.random.Generator(np.random.PCG64(seed))
        matrix = chance.normal(size=(600, 3))
        matrix[::9, 2] = np.nan
        target = -matrix[:, 0] + np.sin(3 * matrix[:, 1]) + 0.3 * chance.normal(size=600)
        growth = Growth(trees=40, leaves=8, rate=0.2, huber=1.0)
        return matrix, grow_forest(matrix, target, np.ones(600), monotone=np.array([-1, 0, 0], dtype=np.int8), growth=growth)

    def test_learns_keeps_order_and_repeats_itself(self) -> None:
        matrix, forest = self.fit()
        again = self.fit()[1]
        before = forest.predict(matrix)  # type: ignore[attr-defined]  # a Forest
        assert np.array_equal(before, again.predict(matrix))  # type: ignore[attr-defined]  # a Forest
        assert np.corrcoef(before, -matrix[:, 0] + np.sin(3 * matrix[:, 1]))[0, 1] > 0.85
        for step in (0.01, 0.4, 3.0):
            further = matrix.copy()
            further[:, 0] += step
            assert (forest.predict(further) <= before + 1e-12).all()  # type: ignore[attr-defined]  # a Forest

    def test_explanation_sums_to_the_prediction(self) -> None:
        matrix, forest = self.fit()
        for row in matrix[:20]:
            base, parts = forest.explain(row.tolist())  # type: ignore[attr-defined]  # a Forest
            assert base + sum(parts) == pytest.approx(float(forest.predict(row[None, :])[0]), abs=1e-9)  # type: ignore[attr-defined]  # a Forest

    def test_missing_values_are_a_branch_of_their_own(self) -> None:
        matrix = np.array([[math.nan]] * 100 + [[1.0]] * 100)
        target = np.array([1.0] * 100 + [0.0] * 100)
        forest = grow_forest(
            matrix,
            target,
            np.ones(200),
            monotone=np.zeros(1, dtype=np.int8),
            growth=Growth(trees=60, leaves=2, rate=0.3, rows=1.0, columns=1.0),
        )
        found = forest.predict(np.array([[math.nan], [1.0]]))
        assert found[0] > 0.8
        assert found[1] < 0.2


COLUMNS = """
row_id title brand series model_year trim mileage_wkm reg_ym city price_w new_price_w gearbox emission
transfer_count fuel displacement_l ev_range_km age_months car_key
"""


def invented(folder: Path, *, split: str, seed: int, rows: int = 300) -> None:
    """Invented listings of invented brands: price falls with age and mileage."""
    chance = random.Random(seed)
    path = folder / "cn_che168_fujian"
    path.mkdir(parents=True, exist_ok=True)
    with gzip.open(path / f"{split}.csv.gz", "wt", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS.split())
        for number in range(rows):
            brand = chance.choice(["甲", "乙", "丙"]) + "车"
            series, age = f"{brand}{chance.choice('一二三')}", chance.uniform(1, 120)
            new = {"甲": 10.0, "乙": 20.0, "丙": 40.0}[brand[0]] * chance.uniform(0.9, 1.1)
            mileage = max(0.1, age / 12 * chance.uniform(0.8, 2.0))
            price = new * math.exp(-0.011 * age - 0.02 * mileage) * chance.uniform(0.93, 1.07)
            year = 2023 - int(age // 12)
            out.writerow(
                [
                    f"r{number}",
                    f"{series} {year}款 标准型",
                    brand,
                    series,
                    year,
                    "标准型",
                    round(mileage, 2),
                    "",
                    "天津",
                    round(price, 2),
                    round(new, 2),
                    "自动",
                    "国VI",
                    0,
                    "95",
                    1.5,
                    "",
                    round(age, 1),
                    f"car{seed}-{number}",
                ]
            )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("artefact")
    invented(data, split="train", seed=1)
    invented(data, split="validation", seed=2, rows=120)
    train(data, out, plan=SMALL, report=data / "report.md")
    yield data, out


class TestTraining:
    def test_same_data_same_artefact(self, trained: tuple[Path, Path], tmp_path: Path) -> None:
        data, out = trained
        train(data, tmp_path, plan=SMALL)
        for name in ("trees.npz", "tables.json", "card.json"):
            assert (tmp_path / name).read_bytes() == (out / name).read_bytes()

    def test_says_how_good_it_is_on_unseen_cars(self, trained: tuple[Path, Path]) -> None:
        _, card = read_model(trained[1])
        found = card["validation"]["with_new_price"]["by_source"]["cn_che168_fujian@2023-12"]
        assert found["rows"] == 120
        assert found["median_ape"] < 12
        assert card["order_breaks"] == {"cars": 120, "older": 0, "further": 0}

    def test_writes_figures_and_chart(self, trained: tuple[Path, Path]) -> None:
        report = trained[0] / "report.md"
        assert "coverage (target 80)" in report.read_text(encoding="utf-8")
        assert report.with_suffix(".svg").read_text(encoding="utf-8").startswith("<svg")

    def test_validation_rows_never_reach_the_model(self, trained: tuple[Path, Path], tmp_path: Path) -> None:
        data, out = tmp_path / "data", tmp_path / "artefact"
        invented(data, split="train", seed=1)
        train(data, out, plan=SMALL)
        assert (out / "trees.npz").read_bytes() == (trained[1] / "trees.npz").read_bytes()

    def test_a_folder_without_data_is_refused(self, tmp_path: Path) -> None:
        assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1

    def test_a_changed_file_is_refused(self, trained: tuple[Path, Path], tmp_path: Path) -> None:
        for path in trained[1].iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        with (tmp_path / "tables.json").open("a", encoding="utf-8") as file:
            file.write(" ")
        with pytest.raises(BrokenArtefact):
            read_model(tmp_path)


class TestShippedArtefact:
    def test_is_whole_small_and_ordered(self) -> None:
        _, card = read_model(ARTEFACT)
        assert sum(path.stat().st_size for path in ARTEFACT.iterdir()) < 3_000_000
        assert card["order_breaks"] == {"cars": 1500, "older": 0, "further": 0}

    def test_is_as_good_as_its_card_must_be(self) -> None:
        _, card = read_model(ARTEFACT)
        nation = card["validation"]["with_new_price"]["by_source"]["cn_che168_nation@2024-06"]
        assert nation["mape"] <= 7.2
        assert nation["within_10"] >= 80
        assert 77 <= nation["coverage"] <= 83

    def test_one_prediction_equals_the_batch(self) -> None:
        model, _ = read_model(ARTEFACT)
        one = model.predict(BMW)
        many = model.predict_many([BMW])
        assert one.price_w == pytest.approx(float(many[0][0]), rel=1e-9)
        assert math.prod(value for _, value in one.factors) * one.new_price_w == pytest.approx(one.price_w, rel=1e-9)

    @given(age=st.floats(0, 190), mileage=st.floats(0, 28), older=st.floats(0.1, 48), further=st.floats(0.1, 8))
    def test_older_or_further_is_never_dearer(self, age: float, mileage: float, older: float, further: float) -> None:
        model, _ = MODEL
        car = replace(BMW, age_months=age, mileage_wkm=mileage)
        price = model.predict(car).price_w
        assert model.predict(replace(car, age_months=age + older)).price_w <= price * (1 + 1e-12)
        assert model.predict(replace(car, mileage_wkm=mileage + further)).price_w <= price * (1 + 1e-12)

    @given(st.floats(0, 190), st.floats(0, 28))
    def test_the_interval_holds_the_price(self, age: float, mileage: float) -> None:
        found = MODEL[0].predict(replace(BMW, age_months=age, mileage_wkm=mileage))
        assert 0 < found.low_w <= found.price_w <= found.high_w

    def test_an_unknown_trim_widens_the_interval(self) -> None:
        known, unknown = MODEL[0].predict(BMW), MODEL[0].predict(replace(BMW, trim="没有的配置"))
        assert (unknown.high_w - unknown.low_w) / unknown.price_w > (known.high_w - known.low_w) / known.price_w
        assert (known.group, unknown.group) == ("trim/bare", "series_year/bare")


def test_support_groups() -> None:
    assert support_group(guide_known=True, counts=[9, 9, 9, 3]) == "trim/guide"
    assert support_group(guide_known=False, counts=[9, 9, 3, 0]) == "series_year/bare"
    assert support_group(guide_known=False, counts=[9, 1, 0, 0]) == "series/bare"
    assert support_group(guide_known=False, counts=[9, 0, 0, 0]) == "brand/bare"
