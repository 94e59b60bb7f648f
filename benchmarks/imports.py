"""Stock imports: ``python -m benchmarks.imports [--quick] [--embedded]``.

Wants PostgreSQL, named by HENANROAD_TEST_POSTGRES_URL; every round has a database of its own there, dropped behind it. A rate counts from
the upload until every row is visible and settled. ``row_by_row`` reads, checks and writes the same to the same tables with the same
events, one INSERT a row, a commit every 500; it stages nothing: its rows are visible as they come.
"""

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
import sqlalchemy as sa
import xlsxwriter  # type: ignore[import-untyped]  # it has no stubs
from sqlmodel import SQLModel

from benchmarks.bids import POSTGRES_VARIABLE, SECRET, fresh_database, synchronous_commit
from benchmarks.lines import Rounds, Sample, emit, setting
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Database, Session
from marketplace.core.files import FileStore
from marketplace.core.ids import new_id
from marketplace.core.security import Principal, PrincipalKind
from marketplace.core.settings import Settings
from marketplace.registry import load_models
from marketplace.sourcing.domain import ImportMode, ImportState, RowOutcome, StockState
from marketplace.sourcing.domain.columns import map_header
from marketplace.sourcing.domain.csv_files import open_csv
from marketplace.sourcing.domain.sources import Source
from marketplace.sourcing.models.stock import StockCar, StockImport, StockImportRow
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service import importing
from marketplace.sourcing.service.deciding import Reader
from marketplace.sourcing.service.importing import Upload, market_bounds
from marketplace.sourcing.service.rows import ParsedRow, parse_row
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.events import VehiclesRegistered
from marketplace.vehicles.service.bulk import new_rows

HEADER = ("库存编号", "车架号", "品牌", "车型名称", "年款", "上牌时间", "表显里程(万公里)", "报价(万元)", "新车指导价(万元)", "所在城市",
          "颜色", "变速箱", "排放标准", "过户次数")  # fmt: skip
MODELS = (
    ("LSVA", "上汽大众", "帕萨特 {year}款 330TSI 豪华版", "湿式双离合变速箱(DCT)"),
    ("LFVB", "一汽-大众", "高尔夫 {year}款 280TSI DSG舒适型", "干式双离合变速箱(DCT)"),
    ("LGBH", "东风日产", "轩逸 {year}款 1.6XV CVT 豪华版", "CVT无级变速"),
    ("LE4W", "北京奔驰", "奔驰C级 {year}款 C 260 L 运动版", "手自一体变速箱(AT)"),
    ("LBVK", "华晨宝马", "宝马3系 {year}款 325Li M运动套装", "手自一体变速箱(AT)"),
)
YEARS = {2018: "J", 2019: "K", 2020: "L", 2021: "M", 2022: "N"}
COLOURS, CITIES = ("黑色", "白色", "银灰色", "蓝色"), ("天津", "郑州", "武汉", "合肥", "福州")
COMMIT_EVERY = 500
PEAK_MB, PEAK_GROWTH = 250.0, 1.2


def records(count: int, start: int) -> Iterator[tuple[str, ...]]:
    """Invented cars, each with a good VIN of its own."""
    for n in range(start, start + count):
        prefix, brand, title, gearbox = MODELS[n % len(MODELS)]
        year = 2018 + n // 7 % 5
        vin = vehicles.complete_vin(f"{prefix}{n // 1_000_000 % 10}8CA", f"{YEARS[year]}A{n % 1_000_000:06d}")
        emission = "国VI" if year > 2019 else "国V"
        yield (f"KC{n:07d}", vin, brand, title.format(year=year), str(year), f"{year}-{1 + n % 12:02d}", f"{1 + n % 90 / 10:.1f}",
               f"{6 + n % 200 / 10:.2f}", "33.98", CITIES[n % 5], COLOURS[n % 4], gearbox, emission, str(n % 3))  # fmt: skip


def csv_file(count: int, *, start: int = 0) -> bytes:
    return "".join(f"{','.join(row)}\n" for row in (HEADER, *records(count, start))).encode("gb18030")


def xlsx_file(count: int, *, start: int) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((HEADER, *records(count, start))):
            sheet.write_row(number, 0, row)
    return out.getvalue()


# --- the market -----------------------------------------------------------------------------------------------------------------


class Stock:
    """A dealer with an empty stock in a database of its own."""

    def __init__(self, url: str, folder: str) -> None:
        self.settings = Settings(secret_key=SECRET, database_url=url, files_path=folder)
        self.database = Database(url)
        self.files = FileStore.from_settings(self.settings)
        self.dealer = Principal(id=new_id(), kind=PrincipalKind.PERSON, party_id=new_id(), organization_id=new_id())

    def receive(self, content: bytes) -> UUID:
        with self.database.writing() as session:
            upload = Upload(content=content)
            return importing.receive(session, self.files, principal=self.dealer, upload=upload, settings=self.settings).id

    def upload(self, content: bytes) -> float:
        """Seconds until all of it is visible and settled. Raises when a row is not."""
        started_s = time.perf_counter()
        import_id = self.receive(content)
        self.run(import_id)
        return time.perf_counter() - started_s

    def run(self, import_id: UUID) -> None:
        importing.run_received(self.database, self.files, import_id=import_id, settings=self.settings)
        with self.database.reading() as session:
            row = session.get_one(StockImport, import_id)
            if row.state is not ImportState.APPLIED or row.rows_bad or row.settled_at is None:
                raise RuntimeError(f"the import came to {row.state}: {row.problem}, {row.rows_bad} bad rows")

    def standing(self) -> int:
        with self.database.reading() as session:
            return queries.count_standing(session, self.dealer.party_id)


# --- the control ---------------------------------------------------------------------------------------------------------------


class RowByRow:
    """The same import as one would write it first."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._dealer_id = stock.dealer.party_id
        self._import_id = new_id()
        self._ids: list[UUID] = []

    def run(self, content: bytes) -> float:
        started_s = time.perf_counter()
        table = open_csv(Source.of(content), rows_max=1_000_000)
        header = map_header(table.header)
        with self._stock.database.writing() as session:
            bounds = market_bounds(session)
            self._begin(session)
        reader = Reader(dealer_id=self._dealer_id, header=header, bounds=bounds, rows_max=self._stock.settings.stock_rows_max)
        numbered = enumerate(table.records, start=1)
        left = True
        while left:
            with self._stock.database.writing() as session:
                left = self._batch(session, numbered, reader)
        with self._stock.database.writing() as session:
            session.connection().execute(
                sa.update(StockImport).where(sa.column("id") == self._import_id).values(state=ImportState.APPLIED, version=1)
            )
        return time.perf_counter() - started_s

    def _begin(self, session: Session) -> None:
        session.add(
            StockImport(
                id=self._import_id, dealer_id=self._dealer_id, uploaded_by=self._stock.dealer.id, mode=ImportMode.DELTA,
                state=ImportState.RUNNING, content_hash="-", received_at=clock.now(session),
            )
        )  # fmt: skip

    def _batch(self, session: Session, numbered: Iterator[tuple[int, Sequence[str]]], reader: Reader) -> bool:
        self._ids = []
        for n, cells in numbered:
            self._one(session, n, cells, reader)
            if len(self._ids) == COMMIT_EVERY:
                break
        if self._ids:
            event = VehiclesRegistered(vehicle_ids=self._ids, party_id=self._dealer_id, capacity=vehicles.Capacity.DEALER_STOCK)
            outbox.append(session, event, key=f"registrations:{self._dealer_id}")
            audit.record(session, principal=self._stock.dealer, act="vehicle.register_many", object_kind="organization",
                         object_id=self._dealer_id, facts={"cars": len(self._ids)})  # fmt: skip
        return len(self._ids) == COMMIT_EVERY

    def _one(self, session: Session, n: int, cells: Sequence[str], reader: Reader) -> None:
        row_hash = reader.hash_of(cells)
        if queries.find_same_rows(session, dealer_id=self._dealer_id, hashes=[row_hash]):
            return
        row = parse_row(reader.header, cells, n=n, bounds=reader.bounds, seen=reader.seen)
        assert row.is_good
        assert row.facts is not None
        assert row.vin is not None
        if vehicles.find_known(session, vins=[row.vin]):
            return
        at = clock.now(session)
        car_id = new_id()
        self._ids.append(car_id)
        car = vehicles.NewVehicle(row.facts)
        tables = new_rows([car], [car_id], party_id=self._dealer_id, capacity=vehicles.Capacity.DEALER_STOCK, proof="import", at=at)
        for model, rows in tables.items():
            self._insert(session, model, rows[0])
        self._insert(session, StockCar, self._stock_row(row, row_hash, car_id) | {"created_at": at, "changed_at": at})
        answer = {"import_id": self._import_id, "n": n, "outcome": RowOutcome.ADDED, "stock_no": row.stock_no, "vehicle_id": car_id,
                  "findings": [one.as_plain() for one in row.findings], "changes": {}, "before": None}  # fmt: skip
        self._insert(session, StockImportRow, answer)

    def _stock_row(self, row: ParsedRow, row_hash: str, car_id: UUID) -> dict[str, object]:
        return {"id": new_id(), "dealer_id": self._dealer_id, "vehicle_id": car_id, "stock_no": row.stock_no, "state": StockState.IN_STOCK,
                "ask_minor": row.ask_minor, "cost_minor": row.cost_minor, "description": row.description, "row_hash": row_hash,
                "import_id": self._import_id}  # fmt: skip

    @staticmethod
    def _insert(session: Session, model: type[SQLModel], row: dict[str, object]) -> None:
        session.connection().execute(sa.insert(model), row)


# --- memory ---------------------------------------------------------------------------------------------------------------------


def status_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1_024
    raise RuntimeError(f"the kernel does not tell {name}")


def measure_memory(url: str, folder: str, import_id: UUID) -> None:
    """In a process of its own, as a worker's: how far a stored file's import goes above the idle process, and its spreadsheet reader."""
    load_models()
    stock = Stock(url, folder)
    stock.upload(csv_file(20, start=9_000_000))
    before_mb = status_mb("VmRSS")
    started_s = time.perf_counter()
    stock.run(import_id)
    took_s = time.perf_counter() - started_s
    child_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_024
    found = {"peak_mb": status_mb("VmHWM") - before_mb, "idle_mb": before_mb, "took_s": took_s, "child_mb": child_mb}
    stock.database.dispose()
    sys.stdout.write(orjson.dumps(found).decode())


def peak(content: bytes, *, embedded: bool) -> dict[str, float]:
    with fresh_database(embedded) as url, tempfile.TemporaryDirectory() as folder:
        stock = Stock(url, folder)
        load_models().create_all(stock.database.engine)
        import_id = stock.receive(content)
        stock.database.dispose()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.imports", "--memory-of", str(import_id), "--url", url, "--folder", folder],
            check=True, capture_output=True, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        found: dict[str, float] = orjson.loads(done.stdout)
        return found


# --- rounds ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Files:
    """The three ways' files, different cars in each, so that one database holds a round."""

    count: int
    control: int
    content: bytes
    sheet: bytes
    few: bytes


def round_of(rounds: Rounds, files: Files, *, embedded: bool) -> None:
    with fresh_database(embedded) as url, tempfile.TemporaryDirectory() as folder:
        load_models().create_all(Database(url).engine)
        Stock(url, folder).upload(csv_file(20, start=9_000_000))
        plain, stock, sheets = (Stock(url, folder) for _ in range(3))
        rounds.add("row_by_row", Sample(files.control / RowByRow(plain).run(files.few)))
        rounds.add("import_100k", Sample(files.count / stock.upload(files.content)))
        # the very same bytes would be the same import: one line end more
        rounds.add("import_unchanged", Sample(files.count / stock.upload(files.content + b"\n")))
        rounds.add("import_xlsx_100k", Sample(files.count / sheets.upload(files.sheet)))
        for one, count in ((plain, files.control), (stock, files.count), (sheets, files.count)):
            if one.standing() != count:
                raise RuntimeError(f"{one.standing()} cars stand in stock, not {count}")
            one.database.dispose()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows; ends within 60 s")
    parser.add_argument("--embedded", action="store_true", help="SQLite instead of PostgreSQL")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.memory_of:
        measure_memory(chosen.url, chosen.folder, UUID(chosen.memory_of))
        return 0
    if not chosen.embedded and not os.environ.get(POSTGRES_VARIABLE):
        print(f"{POSTGRES_VARIABLE} names no server; --embedded measures SQLite", file=sys.stderr)
        return 1
    count, control, large = (1_500, 300, 4_500) if chosen.quick else (100_000, 5_000, 300_000)
    load_models()
    with fresh_database(chosen.embedded) as url:
        database = Database(url)
        mode = "FULL" if chosen.embedded else synchronous_commit(database)
        setting(database=database.dialect, synchronous_commit=mode, quick=chosen.quick, rows=count, control_rows=control)
        database.dispose()
    rounds = Rounds()
    files = Files(
        count,
        control,
        content=csv_file(count, start=2_000_000),
        sheet=xlsx_file(count, start=4_000_000),
        few=csv_file(control),
    )
    for _ in range(5):
        round_of(rounds, files, embedded=chosen.embedded)
    rounds.tell("row_by_row", "rows/s")
    rounds.tell("import_100k", "rows/s", against="row_by_row", wanted=4.0)
    rounds.tell("import_xlsx_100k", "rows/s", against="row_by_row")
    rounds.tell("import_unchanged", "rows/s", against="import_100k", wanted=3.0)
    return tell_memory(files.content, files.sheet, csv_file(large), embedded=chosen.embedded)


def tell_memory(content: bytes, sheet: bytes, large: bytes, *, embedded: bool) -> int:
    small = peak(content, embedded=embedded)
    emit("import_peak_mb", small["peak_mb"], "MB", idle_mb=small["idle_mb"], wanted_at_most=PEAK_MB)
    many = peak(large, embedded=embedded)
    ratio = many["peak_mb"] / small["peak_mb"]
    emit("import_300k_peak_mb", many["peak_mb"], "MB", against="import_peak_mb", ratio=ratio, wanted_at_most=PEAK_GROWTH)
    spread = peak(sheet, embedded=embedded)
    emit("import_xlsx_peak_mb", spread["peak_mb"], "MB", reader_process_mb=spread["child_mb"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
