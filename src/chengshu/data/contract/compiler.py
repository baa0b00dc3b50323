"""From a table contract to checked batches.

Plain values are typed whole columns at once (`plain`). The others, mostly few, are cleaned
(`normalise`), then typed and tested in one SELECT (`statement`), which is the authority on all rules.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.contract.cells import trim
from chengshu.data.contract.model import (
    ArrowColumn,
    ColumnSpec,
    ColumnType,
    ContractError,
    TableContract,
)
from chengshu.data.contract.normalise import (
    clean_format,
    code_meanings,
    normalise,
    to_codes,
)
from chengshu.data.contract.plain import judge_plain
from chengshu.data.contract.rules import RULES
from chengshu.data.contract.statement import ROW_COLUMN, select_statement

SOURCE_ROW = "__row"
HOME_ZONE = "Asia/Shanghai"
_CHUNK_VIEW = "contract_chunk"
_PARALLEL_ROWS = 16_384

Connection: TypeAlias = duckdb.DuckDBPyConnection | Callable[[], duckdb.DuckDBPyConnection]
Mask: TypeAlias = npt.NDArray[np.uint16]
Positions: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule at a cell; `position` is the row's place in the checked batch (from 0)."""

    position: int
    row: int
    column: str
    rule: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule broken in a column: the rows' places in the checked batch (from 0), rising."""

    column: str
    rule: str
    positions: Positions


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """Outcome for one batch: typed rows that passed (`_row` first), and positions that did not.

    `broken` says why, by column and rule in the order of the contract: numbers only, so that a
    batch in which every cell is wrong costs hardly more than one in which none is.
    """

    accepted: pa.Table
    rejected: Positions
    broken: tuple[Broken, ...]
    source: pa.RecordBatch

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every broken rule at every cell, one by one: for few rows only."""
        rows: ArrowColumn = self.source.column(SOURCE_ROW)
        return tuple(
            Violation(place, number, item.column, item.rule, value)
            for item in self.broken
            for place, number, value in zip(
                item.positions.tolist(),
                rows.take(pa.array(item.positions)).to_pylist(),
                self.values(item).to_pylist(),
                strict=True,
            )
        )

    def values(self, item: Broken) -> ArrowColumn:
        """The texts that broke a rule, as they came."""
        if item.column not in self.source.schema.names:
            return pa.nulls(len(item.positions), pa.string())
        column: ArrowColumn = self.source.column(item.column)
        found = column.take(pa.array(item.positions))
        return found if found.type == pa.string() else found.cast(pa.string())


class CompiledContract:
    """A contract ready to check batches; one instance serves any number of batches and threads."""

    def __init__(self, contract: TableContract) -> None:
        self.contract = contract
        self._meanings = [
            None if c.codes is None else code_meanings(c.codes) for c in contract.columns
        ]
        self._statements: dict[tuple[int, ...], str] = {}
        self._check_patterns()

    @property
    def schema(self) -> pa.Schema:
        """Schema of accepted rows: `_row` (source row number) and the std table's columns."""
        return self.contract.schema.insert(0, pa.field(ROW_COLUMN, pa.int64(), nullable=False))

    def check(self, connection: Connection, batch: pa.RecordBatch) -> CheckedBatch:
        """Type and test a batch of text columns plus `__row`.

        `connection` may be a function: it is asked for one only when a value is in doubt.
        A column of the contract that the batch lacks counts as empty. Raises KeyError when
        `__row` is missing.
        """
        rows: ArrowColumn = batch.column(SOURCE_ROW)
        present = set(batch.schema.names)
        raw: list[ArrowColumn] = [
            batch.column(c.name) if c.name in present else pa.nulls(len(rows), pa.string())
            for c in self.contract.columns
        ]
        judged = list(map(judge_plain, raw, self.contract.columns, self._meanings))
        typed = [plain.typed for plain in judged]
        masks = [
            plain.missing * np.uint16(RULES["required"].bit) if spec.required else None
            for plain, spec in zip(judged, self.contract.columns, strict=True)
        ]
        doubts = {
            i: places
            for i, plain in enumerate(judged)
            if len(places := np.flatnonzero(plain.doubtful))
        }
        if doubts:
            self._judge_doubtful(connection, raw, doubts, typed, masks)
        return self._split(batch, typed, masks)

    def _judge_doubtful(
        self,
        connection: Connection,
        raw: list[ArrowColumn],
        doubts: dict[int, Positions],
        typed: list[ArrowColumn],
        masks: list[Mask | None],
    ) -> None:
        """Clean and judge the doubtful cells in one SELECT; fills in `typed` and `masks`."""
        prepared: dict[str, ArrowColumn] = {}
        for i, places in doubts.items():
            prepared |= self._prepare(i, raw[i].take(pa.array(places)))
        longest = max(map(len, doubts.values()))
        # Columns have different numbers of doubtful cells; behind its own a column is empty.
        padded = pa.table({name: _padded(column, longest) for name, column in prepared.items()})
        pieces = range(0, longest, _PARALLEL_ROWS)
        chunk = pa.concat_tables([padded.slice(at, _PARALLEL_ROWS) for at in pieces])
        session = connection() if callable(connection) else connection
        session.register(_CHUNK_VIEW, chunk)
        try:
            result: Any = session.sql(self._select(tuple(doubts))).to_arrow_table()
        finally:
            session.unregister(_CHUNK_VIEW)
        for i, places in doubts.items():
            found: Mask = result.column(f"m{i}").to_numpy()[: len(places)]
            mask = masks[i]
            if mask is None:
                mask = masks[i] = np.zeros(len(raw[i]), dtype=np.uint16)
            mask[places] = found
            is_text = self.contract.columns[i].type is ColumnType.TEXT
            values = prepared[f"n{i}"] if is_text else result.column(f"t{i}")[: len(places)]
            typed[i] = _filled_in(typed[i], places, values, found == 0)

    def _select(self, positions: tuple[int, ...]) -> str:
        """The statement for a set of columns; batches of one source have mostly the same doubts."""
        known = self._statements.get(positions)
        if known is None:
            known = select_statement(self.contract, _CHUNK_VIEW, positions)
            self._statements[positions] = known
        return known

    def _prepare(self, i: int, raw: ArrowColumn) -> dict[str, ArrowColumn]:
        """The columns of the statement for column i of the contract."""
        spec, meanings = self.contract.columns[i], self._meanings[i]
        if meanings is not None:
            column, known = to_codes(trim(raw), meanings)
            return {f"n{i}": column, f"k{i}": known}
        if spec.format is not None:
            column, verdict = clean_format(trim(raw), spec.format)
            shape, check = map(pa.array, (verdict.shape, verdict.check))
            return {f"n{i}": column, f"s{i}": shape, f"d{i}": check}
        return {f"n{i}": normalise(raw, spec)}

    def _split(
        self, batch: pa.RecordBatch, typed: list[ArrowColumn], masks: list[Mask | None]
    ) -> CheckedBatch:
        bad = np.zeros(batch.num_rows, dtype=np.bool_)
        for mask in masks:
            if mask is not None:
                bad |= mask != 0
        rejected = np.flatnonzero(bad)
        names = [ROW_COLUMN, *(spec.name for spec in self.contract.columns)]
        table = pa.Table.from_arrays([batch.column(SOURCE_ROW), *typed], names=names)
        if len(rejected):
            table = table.filter(pa.array(~bad))
        columns = [
            _localised(table.column(i + 1), spec) for i, spec in enumerate(self.contract.columns)
        ]
        return CheckedBatch(
            accepted=pa.Table.from_arrays([table.column(0), *columns], schema=self.schema),
            rejected=rejected,
            broken=tuple(self._broken(masks)) if len(rejected) else (),
            source=batch,
        )

    def _broken(self, masks: list[Mask | None]) -> Iterator[Broken]:
        for spec, mask in zip(self.contract.columns, masks, strict=True):
            if mask is None or not (every := int(np.bitwise_or.reduce(mask, initial=0))):
                continue
            for rule in RULES.values():
                if every & rule.bit:
                    yield Broken(spec.name, rule.key, np.flatnonzero(mask & np.uint16(rule.bit)))

    def _check_patterns(self) -> None:
        """An invalid pattern is the catalogue's fault and must not surface in the middle of a load."""
        patterns = [spec for spec in self.contract.columns if spec.pattern is not None]
        if not patterns:
            return
        with duckdb.connect() as connection:
            for spec in patterns:
                try:
                    connection.execute("SELECT regexp_full_match('', ?)", [spec.pattern])
                except duckdb.Error as error:
                    raise ContractError(
                        f"数据项“{spec.title}”的正则“{spec.pattern}”无法识别，请在目录中改正。"
                    ) from error


def _padded(column: ArrowColumn, length: int) -> ArrowColumn:
    lacking = length - len(column)
    return pa.concat_arrays([column, pa.nulls(lacking, column.type)]) if lacking else column


def _filled_in(
    column: ArrowColumn, places: Positions, values: ArrowColumn, sound: npt.NDArray[np.bool_]
) -> ArrowColumn:
    """The column with the sound ones of `values` at their places; rows with a broken rule leave."""
    if not sound.any():
        return column
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    mask = np.zeros(len(column), dtype=np.bool_)
    mask[places[sound]] = True
    return pc.replace_with_mask(column, pa.array(mask), values.filter(pa.array(sound)))


def _localised(column: ArrowColumn, spec: ColumnSpec) -> ArrowColumn:
    """Give date-times their zone: sources write China's wall clock."""
    if spec.type is not ColumnType.DATETIME:
        return column
    instants: ArrowColumn = pc.assume_timezone(
        column, HOME_ZONE, ambiguous="earliest", nonexistent="latest"
    )
    return instants.cast(spec.arrow_type)


def compile_contract(contract: TableContract) -> CompiledContract:
    """Compile a contract once, use it for every batch. Raises ContractError."""
    return CompiledContract(contract)
