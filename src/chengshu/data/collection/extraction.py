"""From a plan to rows: reads the window, compares its structure with what was agreed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.collection.choices import CursorKind, Mode
from chengshu.data.collection.models import Plan, Run
from chengshu.data.collection.windows import Cursor, Watch, date_of, parse
from chengshu.data.contract.facade import ColumnType
from chengshu.data.ingest.facade import (
    Batch,
    DropConnector,
    RowBatch,
    SourceColumn,
    SourceStructure,
    Window,
    batch_rows,
    object_name,
    pending_files,
)

OBSERVED = "observed.json"


def structure_document(structure: SourceStructure) -> dict[str, Any]:
    """A structure as JSON, for keeping beside a plan."""
    return {"object": structure.object, "columns": [asdict(c) for c in structure.columns]}


def kept_structure(document: Mapping[str, Any]) -> SourceStructure:
    """The way back."""
    columns = tuple(SourceColumn(**c) for c in document.get("columns", []))
    return SourceStructure(str(document.get("object", "")), columns)


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs in the columns a plan reads. ``added`` alone is no reason to stop."""

    gone: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    added: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether the plan cannot read as agreed."""
        return bool(self.gone or self.retyped)

    @property
    def words(self) -> str:
        """The difference in Chinese."""
        guess = dict(self.renamed)
        parts = [
            f"列“{name}”不见了" + (f"（可能改名为“{guess[name]}”）" if name in guess else "")
            for name in self.gone
        ]
        parts += [f"列“{name}”的类型由 {old} 变为 {new}" for name, old, new in self.retyped]
        parts += [f"多了列“{name}”" for name in self.added if name not in guess.values()]
        return "；".join(parts)


def compare(agreed: SourceStructure, found: SourceStructure, mapped: set[str]) -> Drift:
    """The drift between what was agreed and what is there, for the columns a plan reads."""
    before = {c.name: c for c in agreed.columns}
    after = {c.name: c for c in found.columns}
    gone = tuple(name for name in before if name in mapped and name not in after)
    # A column that was never in the agreed structure can still be mapped by hand.
    gone += tuple(sorted(mapped - before.keys() - after.keys()))
    retyped = tuple(
        (name, before[name].type, after[name].type)
        for name in before
        if name in mapped and name in after and before[name].type != after[name].type
    )
    added = tuple(name for name in after if name not in before)
    free = list(added)
    renamed = []
    for name in gone:
        kind = before[name].type if name in before else ""
        alike = next((a for a in free if after[a].type == kind), None)
        if alike is not None:
            free.remove(alike)
            renamed.append((name, alike))
    return Drift(gone, retyped, added if before else (), tuple(renamed))


def cursor_of(plan: Plan) -> Cursor | None:
    """The plan's cursor; None when it has none."""
    if not plan.cursor_column:
        return None
    item = plan.mapping.get(plan.cursor_column, "")
    return Cursor(plan.cursor_column, item, plan.cursor_kind, plan.source_zone)


def window_of(run: Run) -> dict[str, Any] | None:
    """The part of the source a run reads, as the options of a batch keep it; None for all of it."""
    plan = run.plan
    if not plan.cursor_column or not (run.window_from or run.window_to):
        return None
    return asdict(
        Window(
            column=plan.cursor_column, since=run.window_from or None, until=run.window_to or None,
            with_empty=not run.window_to,
        )
    )  # fmt: skip


def overlap_of(run: Run, resource: PublishedResource) -> dict[str, str] | None:
    """Where the rows of a log without key may be in the lake already, as the options of a batch keep it.

    A reading repeats the rows at its border, those of the lag, and all of them where the plan has no cursor: the
    load adds each as often as the lake lacks it. The border is told a day (or one) lower, so that neither the
    time zone of the source nor rounding by the catalogue hides a row. None: nothing can repeat.
    """
    plan = run.plan
    if plan.mode != Mode.APPEND or resource.key or not plan.source.connector.windows:
        return None
    cursor = cursor_of(plan)
    kinds = {column.name: column.type for column in resource.columns}
    kind = kinds.get(cursor.item) if cursor else None
    if cursor is None or not run.window_from or kind is None:
        return {}
    value = parse(cursor.kind, run.window_from)
    if cursor.kind == CursorKind.NUMBER and kind in (ColumnType.INTEGER, ColumnType.DECIMAL):
        return {"item": cursor.item, "since": str(int(value) - 1)}
    if cursor.kind not in (CursorKind.DATE, CursorKind.DATETIME) or kind not in (
        ColumnType.DATE, ColumnType.DATETIME,
    ):  # fmt: skip
        return {}
    try:
        lower = date_of(value) - timedelta(days=1)
    except OverflowError:
        return {}
    return {"item": cursor.item, "since": lower.isoformat()}


def has_work(batch: Batch) -> bool:
    """Whether there is anything to read: a folder without new files has nothing."""
    source = batch.data_source
    if source is None or not isinstance(source.connector, DropConnector):
        return True
    name = object_name(batch.options)
    return batch.taken_files.exists() or bool(pending_files(source, batch.resource_id, name))


def rows_of(batch: Batch, watch: Watch | None) -> Iterator[RowBatch]:
    """The rows of a run's batch as a stream; what was observed on the way is written down when it ends.

    A run that is killed after staging finds the note beside the staged rows and need not read again.
    The database is asked here and not while rows pass: they are drawn by another thread.
    """
    batches, folder = batch_rows(batch), batch.folder

    def stream() -> Iterator[RowBatch]:
        yield from watch.over(batches) if watch is not None else batches
        _note(folder, watch)

    return stream()


def _note(folder: Path, watch: Watch | None) -> None:
    note = {
        "read_to": watch.highest if watch else "", "future": watch.future if watch else 0,
        "skew": watch.skew if watch else None, "theirs": bool(watch and watch.theirs),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{OBSERVED}.part"
    part.write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8")
    part.replace(folder / OBSERVED)


def observed(folder: Path) -> dict[str, Any]:
    """What a completed reading noted."""
    found: dict[str, Any] = json.loads((folder / OBSERVED).read_text(encoding="utf-8"))
    return found
