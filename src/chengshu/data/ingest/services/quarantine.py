"""Quarantined rows: correct them here or by Excel and replay, or send them back to the department."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.db import models

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.ingest.choices import BatchState, DecisionKind, Origin
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.pipeline import StageError, export_quarantine, read_corrections
from chengshu.data.ingest.quarantined import quarantine_file
from chengshu.data.ingest.reading import ReadingError
from chengshu.data.ingest.services.deciding import decide
from chengshu.data.ingest.services.uploads import queue
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.unit_of_work import unit_of_work

SHORTEST_REASON = 4
CHOSEN_AT_ONCE = 1_000  # rows a person ticks one by one
EMPTY_NOTE = "请写明退回原因"
NO_VALUES: Mapping[str, str | None] = MappingProxyType({})


def correct(
    *,
    actor: Actor,
    batch: Batch,
    row_number: int,
    values: dict[str, str | None],
    seen: str | None = None,
) -> QuarantineDecision:
    """Note corrected cells of one row; they take effect with :func:`replay`.

    ``seen`` is the ``seen_mark`` of what the person looked at: where somebody else has decided about the row
    meanwhile, nothing is written. None asks for no such comparison.

    Raises:
        InvalidInput: nothing was changed, or an unknown column. NotFound: the row is not in quarantine.
        Conflict: the row was already replayed, or somebody else was first.
    """
    check(actor, "ingest.quarantine.manage", batch)
    require_quarantine(batch)
    names = {column.name for column in published_by_id(batch.resource_id).columns}
    if not values or set(values) - names:
        raise InvalidInput("没有更正任何内容。", advice="请修改标红的数据项后再保存。")
    with unit_of_work():
        decide(actor, batch, {row_number: values}, DecisionKind.CORRECTED, seen=seen)
        # The values stay out of the trail: they may be personal, and the decision keeps them.
        record(
            actor=actor, action="ingest.row_corrected", obj=batch,
            after={"row": row_number, "columns": sorted(values)},
        )  # fmt: skip
    return batch.decisions.get(row_number=row_number)


def send_back(
    *, actor: Actor, batch: Batch, row_numbers: Sequence[int], note: str, only_open: bool = False
) -> int:
    """Return rows to the department that owns the source; they will come again with a later delivery.

    ``only_open`` leaves out rows somebody has decided about meanwhile. Returns how many were returned.

    Raises:
        InvalidInput: no note, or no row. NotFound, Conflict: as for :func:`correct`; nothing is returned then.
    """
    check(actor, "ingest.quarantine.manage", batch)
    require_quarantine(batch)
    words = note_of_return(note)
    if not row_numbers:
        raise InvalidInput("没有选中任何一行。", advice="请先勾选要退回的行。")
    with unit_of_work():
        chosen = dict.fromkeys(row_numbers, NO_VALUES)
        count = decide(actor, batch, chosen, DecisionKind.RETURNED, note=words, only_open=only_open)
        tell_returned(actor, batch, note, {"rows": list(row_numbers)[:200], "count": count})
    return count


def note_of_return(note: str) -> str:
    """What is kept with each returned row.

    Raises:
        InvalidInput: there is none.
    """
    if not note.strip():
        raise InvalidInput(
            f"{EMPTY_NOTE}。", kept="没有退回任何一行。", fields={"note": EMPTY_NOTE}
        )
    return note.strip()[:300]


def tell_returned(actor: Actor, batch: Batch, note: str, after: dict[str, Any]) -> None:
    """The trail and the event of returned rows; ``after`` holds at least their ``count``."""
    record(actor=actor, action="ingest.rows_returned", obj=batch, reason=note, after=after)
    emit(
        type="city.ingest.rows.returned", source="ingest", subject=batch.resource.code,
        data={
            "batch": str(batch.pk), "resource_id": batch.resource_id,
            "count": after["count"], "note": note.strip(),
        },
    )  # fmt: skip


def import_corrections(
    *,
    actor: Actor,
    batch: Batch,
    workbook: Path,
    since: datetime | None = None,
    tick: Callable[[int], None] | None = None,
    settled: Callable[[int], None] | None = None,
) -> int:
    """Take over what a person changed in the exported workbook; all rows or none.

    ``since`` is when it was handed in: a row somebody has decided about later stops it. ``tick`` hears how many
    quarantined rows have been compared, ``settled`` is called in the transaction that writes.

    Raises:
        InvalidInput: not the exported workbook, damaged, or nothing is changed in it.
        Conflict: a row was already replayed, or decided about later.
    """
    check(actor, "ingest.quarantine.manage", batch)
    require_quarantine(batch)
    contract = published_by_id(batch.resource_id).contract
    try:
        found = read_corrections(workbook, quarantine_file(batch), contract, tick=tick)
    except (StageError, ReadingError) as error:
        raise InvalidInput(str(error)) from error
    if not found:
        raise InvalidInput(
            "表格里没有任何更正。", advice="请在导出的表格中修改标红的单元格后再上传。"
        )
    with unit_of_work():
        decide(actor, batch, found, DecisionKind.CORRECTED, since=since)
        record(
            actor=actor, action="ingest.corrections_imported", obj=batch, after={"rows": len(found)}
        )
        if settled is not None:
            settled(len(found))
    return len(found)


def give_up(
    *, actor: Actor, batch: Batch, row_numbers: Sequence[int], reason: str, only_open: bool = False
) -> int:
    """Set rows aside for good, with a reason; they stay in the quarantine and are counted. Returns how many.

    Raises:
        InvalidInput: no reason, or no row. NotFound, Conflict: as for :func:`correct`; nothing is set aside then.
    """
    check(actor, "ingest.quarantine.manage", batch)
    require_quarantine(batch)
    note = reason_to_give_up(reason)
    if not row_numbers:
        raise InvalidInput("没有选中任何一行。", advice="请先勾选要放弃的行。")
    with unit_of_work():
        chosen = dict.fromkeys(row_numbers, NO_VALUES)
        count = decide(actor, batch, chosen, DecisionKind.GIVEN_UP, note=note, only_open=only_open)
        record(
            actor=actor, action="ingest.rows_given_up", obj=batch, reason=reason.strip(),
            after={"rows": list(row_numbers)[:200], "count": count},
        )  # fmt: skip
    return count


def reason_to_give_up(reason: str) -> str:
    """What is kept with each row given up.

    Raises:
        InvalidInput: it says too little.
    """
    if len(reason.strip()) < SHORTEST_REASON:
        raise InvalidInput(
            f"请写明放弃的原因，至少 {SHORTEST_REASON} 个字。", kept="没有放弃任何一行。",
            fields={"note": "请写明放弃原因"},
        )  # fmt: skip
    return reason.strip()[:300]


def replay(*, actor: Actor, batch: Batch, row_numbers: Sequence[int] | None = None) -> Batch:
    """Load the corrected rows (or those of them that are given) as a batch of their own, with their row numbers.

    Raises:
        Conflict: nothing is corrected.
    """
    check(actor, "ingest.quarantine.manage", batch)
    require_quarantine(batch)
    with unit_of_work():
        child = Batch(
            resource_id=batch.resource_id, origin=Origin.REPLAY, parent=batch,
            created_by=actor.account,
        )  # fmt: skip
        child.save()
        # One statement takes the rows, so that what somebody corrects meanwhile waits for the next replay.
        corrected = batch.decisions.filter(kind=DecisionKind.CORRECTED)
        if row_numbers is not None:
            corrected = corrected.filter(row_number__in=list(row_numbers)[:CHOSEN_AT_ONCE])
        taken = corrected.update(kind=DecisionKind.REPLAYED, replay=child)
        if not taken:
            raise Conflict("还没有更正任何一行。", advice="请先更正，再回放。")
        child.options = {"rows": taken}
        queue(actor=actor, batch=child)
        record(actor=actor, action="ingest.replay_requested", obj=batch, after={"rows": taken})
    return child


def require_quarantine(batch: Batch) -> None:
    """Raises Conflict where a batch holds no quarantined rows."""
    if batch.state != BatchState.LOADED or not quarantine_file(batch).is_file():
        raise Conflict("这个批次没有隔离的数据。", kept="没有做任何改动。")


def note_unmasking(*, actor: Actor, obj: models.Model, reason: str, shown: str) -> None:
    """Record why somebody looks at personal data unmasked; the page shows it once, for this answer only.

    ``shown`` says what is uncovered, e.g. which rows.

    Raises:
        InvalidInput: no reason.
    """
    check(actor, "ingest.personal.unmask", obj)
    if len(reason.strip()) < SHORTEST_REASON:
        raise InvalidInput(
            "请写明为什么要看原值。", fields={"reason": f"请写明原因，至少 {SHORTEST_REASON} 个字"}
        )
    with unit_of_work():
        record(
            actor=actor, action="ingest.personal.unmask", obj=obj, reason=reason.strip(),
            after={"shown": shown},
        )  # fmt: skip


def export(*, actor: Actor, batch: Batch, target: Path) -> tuple[PublishedResource, int]:
    """Write the quarantined rows as Excel (formulas neutralised); audited, because it hands data out."""
    check(actor, "ingest.quarantine.manage", batch)
    require_quarantine(batch)
    resource = published_by_id(batch.resource_id)
    rows = export_quarantine(quarantine_file(batch), resource.contract, target)
    with unit_of_work():
        record(actor=actor, action="ingest.quarantine_exported", obj=batch, after={"rows": rows})
    return resource, rows
