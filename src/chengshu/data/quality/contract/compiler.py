"""From a table contract to checked batches: normalise (Arrow), then type and test (one SELECT)."""

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.quality.contract.model import (
    ArrowColumn,
    ColumnSpec,
    ColumnType,
    ContractError,
    TableContract,
)
from chengshu.data.quality.contract.normalise import (
    clean_format,
    code_meanings,
    normalise,
    to_codes,
    trim,
)
from chengshu.data.quality.contract.rules import RULES
from chengshu.data.quality.contract.statement import ROW_COLUMN, select_statement

SOURCE_ROW = "__row"
HOME_ZONE = "Asia/Shanghai"
_CHUNK_VIEW = "contract_chunk"
_PARALLEL_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule at a cell; `position` is the row's place in the checked batch (from 0)."""

    position: int
    row: int
    column: str
    rule: str
    value: str | None


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """Outcome for one batch: typed rows that passed (`_row` first), and positions that did not."""

    accepted: pa.Table
    rejected: npt.NDArray[np.intp]
    violations: tuple[Violation, ...]


class CompiledContract:
    """A contract ready to check batches; one instance serves any number of batches and threads."""

    def __init__(self, contract: TableContract) -> None:
        self.contract = contract
        self.select = select_statement(contract, _CHUNK_VIEW)
        self._meanings = [
            None if c.codes is None else code_meanings(c.codes) for c in contract.columns
        ]
        self._check_patterns()

    @property
    def schema(self) -> pa.Schema:
        """Schema of accepted rows: `_row` (source row number) and the std table's columns."""
        return self.contract.schema.insert(0, pa.field(ROW_COLUMN, pa.int64(), nullable=False))

    def check(self, connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> CheckedBatch:
        """Type and test a batch of text columns plus `__row`.

        A column of the contract that the batch lacks counts as empty. Raises KeyError when
        `__row` is missing.
        """
        prepared = self._prepare(batch)
        pieces = range(0, max(batch.num_rows, 1), _PARALLEL_ROWS)
        chunk = pa.Table.from_batches([prepared.slice(at, _PARALLEL_ROWS) for at in pieces])
        connection.register(_CHUNK_VIEW, chunk)
        try:
            result = connection.sql(self.select).to_arrow_table()
        finally:
            connection.unregister(_CHUNK_VIEW)
        return self._split(batch, prepared, result)

    def _prepare(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays: dict[str, ArrowColumn] = {}
        present = set(batch.schema.names)
        for i, spec in enumerate(self.contract.columns):
            raw: ArrowColumn = (
                batch.column(spec.name)
                if spec.name in present
                else pa.nulls(batch.num_rows, pa.string())
            )
            meanings = self._meanings[i]
            if meanings is not None:
                column, arrays[f"k{i}"] = to_codes(trim(raw), meanings)
            elif spec.format is not None:
                column, verdict = clean_format(trim(raw), spec.format)
                arrays[f"s{i}"], arrays[f"d{i}"] = map(pa.array, (verdict.shape, verdict.check))
            else:
                column = normalise(raw, spec)
            arrays[f"n{i}"] = column
        return pa.RecordBatch.from_pydict(arrays)

    def _split(
        self, batch: pa.RecordBatch, prepared: pa.RecordBatch, result: pa.Table
    ) -> CheckedBatch:
        masks = [result.column(f"m{i}").to_numpy() for i in range(len(self.contract.columns))]
        bad = np.zeros(batch.num_rows, dtype=np.bool_)
        for mask in masks:
            bad |= mask != 0
        columns: list[ArrowColumn] = [batch.column(SOURCE_ROW)]
        for i, spec in enumerate(self.contract.columns):
            if spec.type is ColumnType.TEXT:
                columns.append(prepared.column(f"n{i}"))
            else:
                columns.append(_localised(result.column(f"t{i}"), spec))
        names = [ROW_COLUMN, *(spec.name for spec in self.contract.columns)]
        typed = pa.Table.from_arrays(columns, names=names)
        rejected = np.flatnonzero(bad)
        if len(rejected):
            typed = typed.filter(pa.array(~bad))
        return CheckedBatch(
            accepted=typed.cast(self.schema),
            rejected=rejected,
            violations=tuple(self._violations(batch, masks)) if len(rejected) else (),
        )

    def _violations(
        self, batch: pa.RecordBatch, masks: list[npt.NDArray[np.uint16]]
    ) -> list[Violation]:
        found = []
        rows: ArrowColumn = batch.column(SOURCE_ROW)
        present = set(batch.schema.names)
        for spec, mask in zip(self.contract.columns, masks, strict=True):
            positions = np.flatnonzero(mask)
            if not len(positions):
                continue
            chosen: ArrowColumn = pa.array(positions)
            values: list[str | None] = (
                batch.column(spec.name).take(chosen).to_pylist()
                if spec.name in present
                else [None] * len(positions)
            )
            numbers = rows.take(chosen).to_pylist()
            for position, number, value in zip(positions, numbers, values, strict=True):
                bits = int(mask[position])
                found += [
                    Violation(int(position), number, spec.name, rule.key, value)
                    for rule in RULES.values()
                    if bits & rule.bit
                ]
        return found

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
