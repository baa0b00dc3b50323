"""Quarantined rows: correct them here or by Excel and replay, or send them back to the department."""

from pathlib import Path

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.ingest.choices import BatchState, DecisionKind, Origin
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.pipeline import (
    StageError,
    export_quarantine,
    read_corrections,
)
from chengshu.data.ingest.pipeline.result import QUARANTINE_FILE
from chengshu.data.ingest.reading import ReadingError
from chengshu.data.ingest.services.uploads import queue
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

OPEN_KINDS = (DecisionKind.CORRECTED,)


def quarantine_file(batch: Batch) -> Path:
    """The batch's quarantined rows."""
    return batch.folder / "stage" / QUARANTINE_FILE


def correct(
    *, actor: Actor, batch: Batch, row_number: int, values: dict[str, str | None]
) -> QuarantineDecision:
    """Note corrected cells of one row; they take effect with :func:`replay`.

    Raises:
        InvalidInput: nothing was changed, or an unknown column. Conflict: the row was already replayed.
    """
    check(actor, "ingest.quarantine.manage", batch)
    names = {column.name for column in published_by_id(batch.resource_id).columns}
    if not values or set(values) - names:
        raise InvalidInput("没有更正任何内容。", advice="请修改标红的数据项后再保存。")
    with unit_of_work():
        return _decide(actor, batch, row_number, DecisionKind.CORRECTED, values=values)


def send_back(*, actor: Actor, batch: Batch, row_numbers: list[int], note: str) -> int:
    """Return rows to the department that owns the source; they will come again with a later delivery."""
    check(actor, "ingest.quarantine.manage", batch)
    if not note.strip():
        raise InvalidInput("请写明退回原因。", fields={"note": "请写明退回原因"})
    with unit_of_work():
        for number in row_numbers:
            _decide(actor, batch, number, DecisionKind.RETURNED, note=note.strip()[:300])
        record(
            actor=actor, action="ingest.rows_returned", obj=batch, reason=note,
            after={"rows": row_numbers[:200], "count": len(row_numbers)},
        )  # fmt: skip
    return len(row_numbers)


def _decide(
    actor: Actor,
    batch: Batch,
    row_number: int,
    kind: str,
    *,
    values: dict[str, str | None] | None = None,
    note: str = "",
) -> QuarantineDecision:
    known = batch.decisions.filter(row_number=row_number).first()
    if known is not None and known.kind == DecisionKind.REPLAYED:
        raise Conflict(f"第 {row_number} 行已经回放入库，不能再改。")
    item = known or QuarantineDecision(batch=batch, row_number=row_number)
    item.kind, item.note, item.decided_by = kind, note, actor.account
    item.values = {**item.values, **(values or {})}
    item.save()
    return item


def import_corrections(*, actor: Actor, batch: Batch, workbook: Path) -> int:
    """Take over what a person changed in the exported workbook; all rows or none."""
    check(actor, "ingest.quarantine.manage", batch)
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
        for number, values in found.items():
            _decide(actor, batch, number, DecisionKind.CORRECTED, values=values)
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
    with unit_of_work():
        rows = batch.decisions.select_for_update().filter(kind__in=OPEN_KINDS)
        corrections = {str(d.row_number): d.values for d in rows}
        if not corrections:
            raise Conflict("还没有更正任何一行。", advice="请先更正，再回放。")
        child = Batch(
            resource_id=batch.resource_id, origin=Origin.REPLAY, parent=batch,
            created_by=actor.account, options={"corrections": corrections},
        )  # fmt: skip
        queue(actor=actor, batch=child)
        rows.update(kind=DecisionKind.REPLAYED, replay=child)
        record(
            actor=actor,
            action="ingest.replay_requested",
            obj=batch,
            after={"rows": len(corrections)},
        )
    return child


def release(batch: Batch) -> None:
    """A replay that did not load gives its rows back to be corrected again."""
    QuarantineDecision.objects.filter(replay=batch).update(kind=DecisionKind.CORRECTED, replay=None)


def export(*, actor: Actor, batch: Batch, target: Path) -> tuple[PublishedResource, int]:
    """Write the quarantined rows as Excel (formulas neutralised); audited, because it hands data out."""
    check(actor, "ingest.quarantine.manage", batch)
    if batch.state != BatchState.LOADED or not quarantine_file(batch).is_file():
        raise Conflict("这个批次没有隔离的数据。")
    resource = published_by_id(batch.resource_id)
    rows = export_quarantine(quarantine_file(batch), resource.contract, target)
    with unit_of_work():
        record(actor=actor, action="ingest.quarantine_exported", obj=batch, after={"rows": rows})
    return resource, rows
