"""What the departments deliver: text tables with planted defects, and the truth about them.

A delivery is cut into batches. Inside a batch rejected records and exact repetitions stand
between the accepted ones. ``expected`` states the balance by arithmetic alone; the batches
keep it exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chengshu_demo.catalogue import RECORDS, entries
from chengshu_demo.columns import value
from chengshu_demo.defects import (
    DUPLICATE_RATES,
    HARD_RATES,
    Patch,
    hard_options,
    hard_patches,
    repeats,
    soft_patches,
)
from chengshu_demo.encoding import Ints, Texts
from chengshu_demo.frame import Frame
from chengshu_demo.model import Balance, Entry
from chengshu_demo.randomness import fraction
from chengshu_demo.world import ENTITIES, RESIDENTS, Scale

BATCH: Final = 50_000
SMALL_SHARE: Final = 0.0085
SMALL_FLOOR: Final = 150
OPEN_DATASET: Final = "zh_public_facility"
_PEOPLE_REGISTERS: Final = frozenset(
    {"ga_resident_population", "ga_household_register", "ss_medical_insured"}
)
_ENTITY_REGISTERS: Final = frozenset({"sj_enterprise", "sw_tax_register"})

_FIELDS: Final[list[Any]] = [
    pa.field("entry_code", pa.string(), nullable=False),
    pa.field("row_no", pa.int64(), nullable=False),
    pa.field("key", pa.string()),
    pa.field("column", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("hard", pa.bool_(), nullable=False),
    pa.field("original", pa.string()),
]
TRUTH_SCHEMA: Final = pa.schema(_FIELDS)
"""``row_no`` counts data rows of the delivery from 1 (a CSV header is not counted); ``key`` is
the record's key before any defect. ``original`` is the value before the defect; for a
``repeat_registration`` it is the key of the first registration, for a ``duplicate_row`` (whose
``column`` is empty) the row number of the record it repeats."""


@cache
def _by_key() -> dict[str, Entry]:
    return {entry.key: entry for entry in entries()}


def entry_of(entry_code: str) -> Entry:
    """The entry with a key; KeyError with an explanation if there is none."""
    try:
        return _by_key()[entry_code]
    except KeyError:
        raise KeyError(
            f"演示城市里没有编号为 {entry_code} 的目录, 请用 city().entries 中的 key。"
        ) from None


def accepted_records(entry: Entry, scale: Scale) -> int:
    """Records of an entry that pass validation at a scale."""
    if scale == "full" or entry.records <= SMALL_FLOOR or entry.key == OPEN_DATASET:
        return entry.records
    share = SMALL_SHARE
    if entry.key in _PEOPLE_REGISTERS:
        share = RESIDENTS["small"] / RESIDENTS["full"]
    elif entry.key in _ENTITY_REGISTERS:
        share = ENTITIES["small"] / ENTITIES["full"]
    return max(SMALL_FLOOR, round(entry.records * share))


def expected(entry_code: str, scale: Scale) -> Balance:
    """Exact balance of a delivery, without generating it."""
    entry = entry_of(entry_code)
    accepted = accepted_records(entry, scale)
    rate = HARD_RATES[int(fraction("hard rate", entry_code) * len(HARD_RATES))]
    repeated = DUPLICATE_RATES[int(fraction("duplicate rate", entry_code) * len(DUPLICATE_RATES))]
    quarantined = round(accepted * rate) if hard_options(entry) else 0
    duplicates = round(accepted * repeated)
    return Balance(accepted + quarantined + duplicates, accepted, quarantined, duplicates)


def _part(total: int, batch: int, batches: int) -> tuple[int, int]:
    return total * batch // batches, total * (batch + 1) // batches


@dataclass(frozen=True, slots=True)
class Delivery:
    """One batch as delivered (text columns in catalogue order) and its ground truth."""

    rows: pa.RecordBatch
    truth: pa.RecordBatch


class _Batch:
    """One batch of an entry with its defects planned, columns made on demand."""

    def __init__(self, entry: Entry, scale: Scale, batch: int, batches: int) -> None:
        balance = expected(entry.key, scale)
        first, last = _part(balance.accepted, batch, batches)
        bad_first, bad_last = _part(balance.quarantined, batch, batches)
        twice_first, twice_last = _part(balance.duplicates, batch, batches)
        self.entry = entry
        self.accepted = last - first
        rejected = balance.accepted + np.arange(bad_first, bad_last)
        numbers = np.concatenate([np.arange(first, last), rejected])
        self.frame = Frame(entry, scale, batch, numbers, batches)
        self.offset = first + bad_first + twice_first
        self.copies = repeats(self.frame, self.accepted)
        self.order, self.twice = self._arrange(twice_last - twice_first)
        self.patches = [
            *soft_patches(self.frame, self.accepted),
            *hard_patches(self.frame, np.arange(self.accepted, len(self.frame))),
        ]
        repeated = set(self.copies[0].tolist())
        self.patches = [p for p in self.patches if p.position not in repeated]

    def _arrange(self, duplicates: int) -> tuple[Ints, Ints]:
        """Row order of the delivery, and which delivered rows repeat an earlier one."""
        generator = self.frame.stream("arrangement")
        size = len(self.frame)
        place = np.arange(size, dtype=np.float64)
        place[self.accepted :] = generator.uniform(0, self.accepted, size=size - self.accepted)
        again = generator.choice(self.accepted, size=duplicates, replace=False)
        later = place[again] + generator.exponential(200, size=duplicates) + 0.5
        rows = np.concatenate([np.arange(size), again])
        order = np.argsort(np.concatenate([place, later]), kind="stable")
        return rows[order], np.flatnonzero(order >= size)

    def clean(self, column: str) -> Texts:
        """A column in frame order with repeated registrations, before any other defect."""
        made = value(self.frame, column)
        copy, source = self.copies
        if not len(copy) or column in self.entry.key_columns:
            return made
        mask = np.zeros(len(made), dtype=np.bool_)
        mask[copy] = True
        return pc.replace_with_mask(made, pa.array(mask), made.take(pa.array(source)))

    def rows(self) -> pa.RecordBatch:
        """The batch as delivered."""
        patches: dict[str, list[Patch]] = {}
        for patch in self.patches:
            patches.setdefault(patch.column, []).append(patch)
        order = pa.array(self.order)
        columns = []
        for item in self.entry.items:
            made = self.clean(item.column)
            changes = sorted(patches.get(item.column, []), key=lambda p: p.position)
            if changes:
                mask = np.zeros(len(made), dtype=np.bool_)
                mask[[p.position for p in changes]] = True
                values = pa.array([p.value for p in changes], pa.string())
                made = pc.replace_with_mask(made, pa.array(mask), values)
            columns.append(made.take(order))
        return pa.RecordBatch.from_arrays(columns, [item.column for item in self.entry.items])

    def truth(self) -> pa.RecordBatch:
        """Every planted defect of the batch, by row."""
        first_row = np.empty(len(self.frame), dtype=np.int64)
        delivered = np.arange(len(self.order)) + self.offset + 1
        first_row[self.order[::-1]] = delivered[::-1]
        key_column = self.entry.key_columns[0]
        keys = value(self.frame, key_column)
        copy, source = self.copies
        found: list[tuple[int, int, str, str, bool, str | None]] = [
            (int(first_row[p.position]), p.position, p.column, p.kind, p.position >= self.accepted,
             p.original)
            for p in self.patches
        ]  # fmt: skip
        sources = keys.take(pa.array(source)).to_pylist()
        found += [
            (int(first_row[row]), int(row), key_column, "repeat_registration", False, original)
            for row, original in zip(copy, sources, strict=True)
        ]
        found += [
            (int(delivered[at]), int(row), "", "duplicate_row", False, str(first_row[row]))
            for at, row in zip(self.twice, self.order[self.twice], strict=True)
        ]
        found.sort(key=lambda record: (record[0], record[2]))
        shown = keys.take(pa.array([record[1] for record in found], pa.int64()))
        return pa.RecordBatch.from_arrays(
            [
                pa.array([self.entry.key] * len(found), pa.string()),
                pa.array([record[0] for record in found], pa.int64()),
                shown,
                pa.array([record[2] for record in found], pa.string()),
                pa.array([record[3] for record in found], pa.string()),
                pa.array([record[4] for record in found], pa.bool_()),
                pa.array([record[5] for record in found], pa.string()),
            ],
            schema=TRUTH_SCHEMA,
        )


def _batches(entry_code: str, scale: Scale) -> Iterator[_Batch]:
    entry = entry_of(entry_code)
    count = -(-accepted_records(entry, scale) // BATCH)
    for batch in range(count):
        yield _Batch(entry, scale, batch, count)


def rows(entry_code: str, *, scale: Scale) -> Iterator[pa.RecordBatch]:
    """The delivery of an entry in batches of text columns (blank cells are null)."""
    for batch in _batches(entry_code, scale):
        yield batch.rows()


def deliveries(entry_code: str, *, scale: Scale) -> Iterator[Delivery]:
    """Rows and ground truth together, for a loader that wants both in one pass."""
    for batch in _batches(entry_code, scale):
        yield Delivery(batch.rows(), batch.truth())


def ground_truth(scale: Scale, entry_code: str | None = None) -> Iterator[pa.RecordBatch]:
    """All planted defects (of one entry, or of all), schema :data:`TRUTH_SCHEMA`.

    Only the columns that carry defects are generated, so this is much cheaper than ``rows``.
    """
    keys = [entry_code] if entry_code else [entry.key for entry in entries()]
    for key in keys:
        for batch in _batches(key, scale):
            yield batch.truth()


def write_ground_truth(directory: Path, *, scale: Scale) -> Path:
    """Write the ground truth to ``ground_truth.parquet`` in a directory; returns the path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "ground_truth.parquet"
    with pq.ParquetWriter(path, TRUTH_SCHEMA, compression="zstd") as writer:
        for batch in ground_truth(scale):
            writer.write_batch(batch)
    return path


def total(scale: Scale) -> Balance:
    """The balance over all entries; at full scale ``accepted`` is :data:`catalogue.RECORDS`."""
    parts = [expected(entry.key, scale) for entry in entries()]
    found = Balance(
        source=sum(p.source for p in parts),
        accepted=sum(p.accepted for p in parts),
        quarantined=sum(p.quarantined for p in parts),
        duplicates=sum(p.duplicates for p in parts),
    )
    if scale == "full" and found.accepted != RECORDS:
        raise ValueError(
            f"全量记录数应为 {RECORDS}, 实际为 {found.accepted}。请检查规格文件的条数。"
        )
    return found
