"""Tables: named constraints, text and CHECK for enums, BIGINT for money, aware instants; every model in the one registry."""

import importlib
from enum import StrEnum

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from marketplace.registry import load_models
from tests.architecture.code import sources

TABLES = sorted(load_models().tables.values(), key=lambda table: table.name)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.name))
class TestTable:
    def test_every_constraint_has_a_name(self, table: sa.Table) -> None:
        unnamed = [constraint for constraint in table.constraints if not constraint.name]
        assert unnamed == []

    def test_names_fit_the_database(self, table: sa.Table) -> None:
        """PostgreSQL cuts names at 63 bytes; the error code is the name."""
        names = [table.name, *(str(one.name) for one in table.constraints), *(str(one.name) for one in table.indexes)]
        assert [name for name in names if len(name.encode()) > 63] == []

    def test_amounts_are_64_bit(self, table: sa.Table) -> None:
        """A 32-bit integer ends at 21 million yuan."""
        amounts = [column for column in table.columns if column.name.endswith(("_minor", "_us", "_seq"))]
        assert [column.name for column in amounts if not isinstance(column.type, sa.BigInteger)] == []

    def test_nothing_is_a_float_or_a_decimal(self, table: sa.Table) -> None:
        assert [column.name for column in table.columns if isinstance(column.type, (sa.Float, sa.Numeric))] == []

    def test_enums_are_text_with_a_check(self, table: sa.Table) -> None:
        for column in table.columns:
            if isinstance(column.type, sa.Enum):
                assert not column.type.native_enum, column.name
                assert column.type.create_constraint, column.name
                members = column.type.enum_class
                assert members is not None
                assert issubclass(members, StrEnum), column.name
                assert column.type.enums == [str(member.value) for member in members], column.name

    def test_instants_are_aware_utc(self, table: sa.Table) -> None:
        """An explicit ``DateTime(timezone=True)`` comes back naive from SQLite."""
        instants = [column for column in table.columns if isinstance(column.type, sa.DateTime) or column.name.endswith("_at")]
        assert [column.name for column in instants if not isinstance(column.type, UTCDateTime)] == []

    def test_units_and_kinds_of_time_come_last(self, table: sa.Table) -> None:
        days = [column.name for column in table.columns if isinstance(column.type, sa.Date)]
        ends = ("_on", "_from", "_to", "_until")
        assert [name for name in days if not name.endswith(ends) and name not in {"day", "as_of"}] == []

    def test_foreign_keys_point_to_known_tables(self, table: sa.Table) -> None:
        """A foreign key to a table whose module was not imported fails at flush."""
        for key in table.foreign_keys:
            assert key.column.table in TABLES


class TestRegistry:
    def test_every_models_module_is_loaded(self) -> None:
        for source in sources():
            if source.kind == "models" or source.feature == "marketplace.core":
                importlib.import_module(source.module)
        assert set(SQLModel.metadata.tables) == {table.name for table in TABLES}
