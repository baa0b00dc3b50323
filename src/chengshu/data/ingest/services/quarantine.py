"""Quarantined rows: correct them here or by Excel and replay, or send them back to the department."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from django.db import models
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.ingest.choices import BatchState, DecisionKind, Origin
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.pipeline import StageError, export_quarantine, read_corrections
from chengshu.data.ingest.quarantined import known_rows, quarantine_file
from chengshu.data.ingest.reading import ReadingError
from chengshu.data.ingest.services.uploads import queue
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.events.services import emit
from chengshu.kernel.unit_of_work import unit_of_work

SHORTEST_REASON = 4
CHUNK = 1_000
EMPTY_NOTE = "请写明退回原因"


def correct(
    *, actor: Actor, batch: Batch, row_number: int, values: dict[str, str | None]
) -> QuarantineDecision:
    """Note corrected cells of one row; they take effect with :func:`replay`.

    Raises:
        InvalidInput: nothing was changed, or an unknown column. NotFound: the row is not in quarantine.
        Conflict: the row was already replayed.
    """
    check(actor, "ingest.quarantine.manage", batch)
    _require_quarantine(batch)
    names = {column.name for column in published_by_id(batch.resource_id).columns}
    if not values or set(values) - names:
        raise InvalidInput("没有更正任何内容。", advice="请修改标红的数据项后再保存。")
    with unit_of_work():
        _decide(actor, batch, {row_number: values}, DecisionKind.CORRECTED)
        # The values stay out of the trail: they may be personal, and the decision keeps them.
        record(
            actor=actor, action="ingest.row_corrected", obj=batch,
            after={"row": row_number, "columns": sorted(values)},
        )  # fmt: skip
    return batch.decisions.get(row_number=row_number)


def send_back(*, actor: Actor, batch: Batch, row_numbers: Sequence[int], note: str) -> int:
    """Return rows to the department that owns the source; they will come again with a later delivery.

    Raises:
        InvalidInput: no note, or no row. NotFound, Conflict: as for :func:`correct`; nothing is returned then.
    """
    check(actor, "ingest.quarantine.manage", batch)
    _require_quarantine(batch)
    if not note.strip():
        raise InvalidInput(
            f"{EMPTY_NOTE}。", kept="没有退回任何一行。", fields={"note": EMPTY_NOTE}
        )
    if not row_numbers:
        raise InvalidInput("没有选中任何一行。", advice="请先勾选要退回的行。")
    with unit_of_work():
        chosen: dict[int, dict[str, str | None]] = {number: {} for number in row_numbers}
        _decide(actor, batch, chosen, DecisionKind.RETURNED, note=note.strip()[:300])
        record(
            actor=actor, action="ingest.rows_returned", obj=batch, reason=note,
            after={"rows": list(row_numbers)[:200], "count": len(row_numbers)},
        )  # fmt: skip
        emit(
            type="city.ingest.rows.returned", source="ingest", subject=batch.resource.code,
            data={
                "batch": str(batch.pk), "resource_id": batch.resource_id,
                "count": len(row_numbers), "note": note.strip(),
            },
        )  # fmt: skip
    return len(row_numbers)


def _decide(
    actor: Actor,
    batch: Batch,
    values: Mapping[int, Mapping[str, str | None]],
    kind: DecisionKind,
    *,
    note: str = "",
) -> None:
    """Write one decision about several rows; all or none."""
    absent = sorted(set(values) - known_rows(batch, values))
    if absent:
        raise NotFound(f"第 {absent[0]} 行不在这个批次的隔离区里。", kept="没有做任何改动。")
    wanted, now = list(values), timezone.now()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        known = {
            d.row_number: d
            for d in batch.decisions.select_for_update().filter(row_number__in=chunk)
        }
        for number, item in known.items():
            if item.kind == DecisionKind.REPLAYED:
                raise Conflict(
                    f"第 {number} 行已经回放，不能再改。",
                    kept="没有做任何改动。",
                    advice="请到回放批次查看结果。",
                )
            item.kind, item.note, item.decided_by, item.decided_at = kind, note, actor.account, now
            item.values = {**item.values, **values[number]}
        QuarantineDecision.objects.bulk_update(
            known.values(), ["kind", "note", "decided_by", "decided_at", "values"]
        )
        QuarantineDecision.objects.bulk_create(
            QuarantineDecision(
                batch=batch, row_number=number, kind=kind, note=note, decided_by=actor.account,
                decided_at=now, values=dict(values[number]),
            )
            for number in chunk
            if number not in known
        )  # fmt: skip


def import_corrections(*, actor: Actor, batch: Batch, workbook: Path) -> int:
    """Take over what a person changed in the exported workbook; all rows or none.

    Raises:
        InvalidInput: not the exported workbook, damaged, or nothing is changed in it.
        Conflict: a row was already replayed.
    """
    check(actor, "ingest.quarantine.manage", batch)
    _require_quarantine(batch)
    contract = published_by_id(batch.resource_id).contract
    try:
        found = read_corrections(workbook, quarantine_file(batch), contract)
    except (StageError, ReadingError) as error:
        raise InvalidInput(str(error)) from error
    if not found:
        raise InvalidInput(
            "表格里没有任何更正。", advice="请在导出的表格中修改标红的单元格后再上传。"
        )
    with unit_of_work():
        _decide(actor, batch, found, DecisionKind.CORRECTED)
        record(
            actor=actor, action="ingest.corrections_imported", obj=batch, after={"rows": len(found)}
        )
    return len(found)


def replay(*, actor: Actor, batch: Batch) -> Batch:
    """Load the corrected rows as a batch of their own, with their original row numbers.

    Raises:
        Conflict: nothing is corrected.
    """
    check(actor, "ingest.quarantine.manage", batch)
    _require_quarantine(batch)
    with unit_of_work():
        child = Batch(
            resource_id=batch.resource_id, origin=Origin.REPLAY, parent=batch,
            created_by=actor.account,
        )  # fmt: skip
        child.save()
        # One statement takes the rows, so that what somebody corrects meanwhile waits for the next replay.
        taken = batch.decisions.filter(kind=DecisionKind.CORRECTED).update(
            kind=DecisionKind.REPLAYED, replay=child
        )
        if not taken:
            raise Conflict("还没有更正任何一行。", advice="请先更正，再回放。")
        child.options = {"rows": taken}
        queue(actor=actor, batch=child)
        record(actor=actor, action="ingest.replay_requested", obj=batch, after={"rows": taken})
    return child


def _require_quarantine(batch: Batch) -> None:
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
    _require_quarantine(batch)
    resource = published_by_id(batch.resource_id)
    rows = export_quarantine(quarantine_file(batch), resource.contract, target)
    with unit_of_work():
        record(actor=actor, action="ingest.quarantine_exported", obj=batch, after={"rows": rows})
    return resource, rows
