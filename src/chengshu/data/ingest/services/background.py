"""Decisions about very many quarantined rows: asked for on a page, carried out by a job people can watch.

A job writes some thousand rows at a time, each time in a transaction of its own: nobody else waits for long, and the
page sees it advance. Every row it writes bears the moment of the request, so a job that was killed and starts again
passes over what it has done, and knows how much that was. The trail says once how many rows a job decided about, in
the transaction that also notes it on the job. What somebody decides meanwhile stays as it is.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.facade import Resource
from chengshu.data.ingest.choices import DecisionKind
from chengshu.data.ingest.groups import Group, batches_of
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.pipeline import EXPORT_ROWS
from chengshu.data.ingest.quarantined import OPEN, RowFilter, numbers, rows_with_value
from chengshu.data.ingest.services import bulk, quarantine
from chengshu.data.ingest.services.bulk import MANAGE, Corrected
from chengshu.data.ingest.services.deciding import Values, decide_open, hold
from chengshu.data.ingest.ticketing import group_url
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import create_sealed_file, open_sealed, open_sealed_file, seal
from chengshu.kernel.errors import Conflict
from chengshu.kernel.jobs.models import FINISHED, Job
from chengshu.kernel.jobs.registration import JobCancelled, JobContext
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

# Above this many rows the work takes longer than somebody waits for a page.
LARGE = 2_000
STEP = 10_000  # rows of one transaction: about a tenth of a second
CORRECT, GIVE_UP, SEND_BACK, ADOPT = KINDS = (
    "ingest.correct", "ingest.give_up", "ingest.send_back", "ingest.adopt_workbook",
)  # fmt: skip
BUSY = "这里的另一项批量处理还没有结束。"
NOTED = "noted"
_PLACE = "ingest.bulk_correction"
_BOOK_PLACE = "ingest.corrections"
_FOLDER = "corrections"
_KEPT_BOOKS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Task:
    """What a job decides: about which rows of which batches, and how the trail says it."""

    kind: DecisionKind
    values: Values
    note: str
    piles: Sequence[tuple[Batch, Sequence[int]]]
    resource_id: int
    tell: Callable[[int], None]


def job_at(url: str) -> Job | None:
    """The newest bulk job that was started from a page, running or ended."""
    rows = Job.objects.filter(kind__in=KINDS, object_url=url).select_related("created_by")
    return rows.order_by("-created_at").first()


def batch_url(batch: Batch) -> str:
    """The workbench of a batch."""
    return reverse("ingest:quarantine", args=[batch.pk])


def correct_value(
    *, actor: Actor, group: Group, value: str | None, replacement: str | None
) -> Corrected | Job:
    """:func:`bulk.correct_value`: at once, or by a job where it is about more than :data:`LARGE` rows.

    Raises:
        as :func:`bulk.correct_value`. Conflict: also while another job works on the same group.
    """
    wanted = bulk.accepted_value(group, value, replacement)
    if group.open <= LARGE or not _many(actor, group, value):
        return bulk.correct_value(actor=actor, group=group, value=value, replacement=replacement)
    # The values may be personal: the job's arguments are sealed, its title does not tell them.
    change = seal(json.dumps([value, wanted]), place=_PLACE)
    return _start(CORRECT, actor, group, f"按值更正：{group.resource} {group.where}", change=change)


def give_up_group(*, actor: Actor, group: Group, reason: str) -> Corrected | Job:
    """:func:`bulk.give_up_group`: at once, or by a job where it is about more than :data:`LARGE` rows."""
    quarantine.reason_to_give_up(reason)
    if group.open <= LARGE:
        return bulk.give_up_group(actor=actor, group=group, reason=reason)
    return _start(GIVE_UP, actor, group, f"放弃：{group.resource} {group.where}", reason=reason)


def send_back_open(*, actor: Actor, batch: Batch, chosen: RowFilter, note: str) -> int | Job:
    """Return all undecided rows of a filter: at once, or by a job where there are more than :data:`LARGE`."""
    check(actor, MANAGE, batch)
    quarantine.note_of_return(note)
    rows = numbers(batch, chosen)
    if len(rows) <= LARGE:
        return quarantine.send_back(
            actor=actor, batch=batch, row_numbers=rows, note=note, only_open=True
        )
    return _enqueue(
        SEND_BACK, actor, [batch], title=f"退回：{batch.resource.title}", url=batch_url(batch),
        batch=str(batch.pk), rule=chosen.rule, column=chosen.column, note=note,
    )  # fmt: skip


def adopt_workbook(*, actor: Actor, batch: Batch, workbook: Path) -> int | Job:
    """:func:`quarantine.import_corrections`: at once, or by a job where the batch has more than :data:`LARGE` rejects.

    The workbook waits for the job sealed, like the rows it was made of.
    """
    check(actor, MANAGE, batch)
    quarantine.require_quarantine(batch)
    if batch.quarantined <= LARGE:
        return quarantine.import_corrections(actor=actor, batch=batch, workbook=workbook)
    name = f"{uuid4().hex}.sealed"
    target = _book(batch, name)
    target.parent.mkdir(exist_ok=True)
    with workbook.open("rb") as plain, create_sealed_file(target, place=_BOOK_PLACE) as sealed:
        shutil.copyfileobj(plain, sealed)
    try:
        return _enqueue(
            ADOPT, actor, [batch], title=f"采用表格更正：{batch.resource.title}",
            url=batch_url(batch), batch=str(batch.pk), book=name,
        )  # fmt: skip
    except BaseException:
        target.unlink()
        raise


def _many(actor: Actor, group: Group, value: str | None) -> bool:
    found = 0
    for batch in batches_of(actor, group):
        found += len(
            rows_with_value(
                batch, rule=group.rule, column=group.column, value=value, enough=LARGE - found
            )
        )
        if found > LARGE:
            return True
    return False


def _start(kind: str, actor: Actor, group: Group, title: str, **arguments: str) -> Job:
    return _enqueue(
        kind, actor, batches_of(actor, group), title=title,
        url=group_url(group.resource_id, group.rule, group.column),
        resource=group.resource_id, rule=group.rule, column=group.column, **arguments,
    )  # fmt: skip


def _enqueue(
    kind: str, actor: Actor, batches: list[Batch], *, title: str, url: str, **arguments: str | int
) -> Job:
    for batch in batches:
        check(actor, MANAGE, batch)
    with unit_of_work():
        hold(batches[0])  # two requests at the same moment start one job
        running = job_at(url)
        if running is not None and running.state not in FINISHED:
            raise Conflict(BUSY, kept="没有做任何改动。", advice="请等它完成，或先取消它。")
        return enqueue(
            kind, actor=actor, title=title, arguments=arguments, object_url=url,
            organization=batches[0].resource.provider,
        )  # fmt: skip


def run_correction(context: JobContext, actor: Actor, group: Group, change: str) -> dict[str, int]:
    """Carry out :func:`correct_value`."""
    value, replacement = json.loads(open_sealed(change, place=_PLACE))
    wanted = bulk.accepted_value(group, value, replacement)
    context.progress(stage="查找这个值", force=True)
    piles = [
        (batch, rows_with_value(batch, rule=group.rule, column=group.column, value=value))
        for batch in batches_of(actor, group)
    ]
    after = {"columns": [group.column], "rule": group.rule}
    return _carry_out(
        context, actor,
        _Task(
            DecisionKind.CORRECTED, {group.column: wanted}, "", piles, group.resource_id,
            lambda rows: _tell(actor, "ingest.value_corrected", group, {"rows": rows, **after}),
        ),
    )  # fmt: skip


def run_giving_up(context: JobContext, actor: Actor, group: Group, reason: str) -> dict[str, int]:
    """Carry out :func:`give_up_group`."""
    chosen = RowFilter(rule=group.rule, column=group.column, status=OPEN)
    context.progress(stage="查找未处理的行", force=True)
    piles = [(batch, numbers(batch, chosen)) for batch in batches_of(actor, group)]
    after = {"columns": [group.column], "rule": group.rule}
    return _carry_out(
        context, actor,
        _Task(
            DecisionKind.GIVEN_UP, {}, quarantine.reason_to_give_up(reason), piles,
            group.resource_id,
            lambda rows: _tell(
                actor, "ingest.rows_given_up", group, {"count": rows, **after}, reason.strip()
            ),
        ),
    )  # fmt: skip


def run_return(
    context: JobContext, actor: Actor, batch: Batch, chosen: RowFilter, note: str
) -> dict[str, int]:
    """Carry out :func:`send_back_open`."""
    context.progress(stage="查找未处理的行", force=True)
    return _carry_out(
        context, actor,
        _Task(
            DecisionKind.RETURNED, {}, quarantine.note_of_return(note),
            [(batch, numbers(batch, chosen))], batch.resource_id,
            lambda rows: quarantine.tell_returned(actor, batch, note, {"count": rows}),
        ),
    )  # fmt: skip


def run_adoption(context: JobContext, actor: Actor, batch: Batch, book: str) -> dict[str, int]:
    """Carry out :func:`adopt_workbook`: compare with progress, then write all of it in one transaction or nothing."""
    path, job = _book(batch, book), context.job
    if job.counts.get(NOTED):  # killed after it was written
        path.unlink(missing_ok=True)
        return {"rows": job.counts[NOTED]}
    if not path.is_file():
        raise Conflict("上传的表格已经清理。", kept="没有做任何改动。", advice="请重新上传。")
    try:
        with tempfile.NamedTemporaryFile(suffix=".xlsx", dir=settings.DATA_DIR) as plain:
            with open_sealed_file(path, place=_BOOK_PLACE) as sealed:
                shutil.copyfileobj(sealed, plain)
            plain.flush()
            total = min(batch.quarantined, EXPORT_ROWS)
            context.progress(done=0, total=total, stage="核对表格", force=True)
            rows = quarantine.import_corrections(
                actor=actor, batch=batch, workbook=Path(plain.name), since=job.created_at,
                tick=lambda done: context.progress(done=done),
                settled=lambda rows: _note(job, rows),
            )  # fmt: skip
            job.counts = {**job.counts, NOTED: rows}
    except (JobCancelled, Conflict):
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
    return {"rows": rows}


def sweep_workbooks() -> int:
    """Remove uploaded workbooks whose job never took them; returns how many."""
    old = (timezone.now() - _KEPT_BOOKS).timestamp()
    count = 0
    for path in (Path(settings.DATA_DIR) / "batches").glob(f"*/{_FOLDER}/*"):
        if path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
            count += 1
    return count


def _book(batch: Batch, name: str) -> Path:
    return batch.folder / _FOLDER / Path(name).name


def _carry_out(context: JobContext, actor: Actor, task: _Task) -> dict[str, int]:
    for batch, _ in task.piles:
        check(actor, MANAGE, batch)
    job, before = context.job, _own(context.job, task)
    done, passed = before, 0
    total = before + sum(len(rows) for _, rows in task.piles)
    context.progress(done=done, total=total, stage="写入", force=True)
    try:
        for batch, rows in task.piles:
            for start in range(0, len(rows), STEP):
                chunk = rows[start : start + STEP]
                with unit_of_work():
                    written = decide_open(
                        actor, batch, chunk, task.values, task.kind, note=task.note,
                        at=job.created_at,
                    )  # fmt: skip
                done, passed = done + written, passed + len(chunk) - written
                known = {NOTED: n} if (n := job.counts.get(NOTED)) else {}
                context.progress(
                    done=done + passed, counts={"decided": done, "passed": passed} | known
                )
    except JobCancelled as error:
        raise JobCancelled(
            "任务已按要求取消。", kept=f"已处理的 {done:,} 行保留，其余没有改动。",
            advice="需要时再做一次，会从剩下的行接着做。",
        ) from error  # fmt: skip
    finally:
        # Also when it ends early: what was written has its record.
        rows_done = _settle(job, task)
    return {"rows": rows_done}


def _own(job: Job, task: _Task) -> int:
    """Rows this job has decided about, in this run and earlier ones."""
    rows = QuarantineDecision.objects.filter(
        batch__resource_id=task.resource_id, decided_at=job.created_at, decided_by=job.created_by
    )
    return rows.count()


def _settle(job: Job, task: _Task) -> int:
    """Say in the trail how many rows were decided about since it last said so; returns how many in all."""
    with unit_of_work():
        rows = _own(job, task)
        earlier = job.counts.get(NOTED, 0)
        if rows > earlier:
            task.tell(rows - earlier)
            _note(job, rows)
    if rows:
        job.counts = {**job.counts, NOTED: rows}
    return rows


def _note(job: Job, rows: int) -> None:
    # The job in memory learns of it after the transaction: where that fails, nothing was noted.
    Job.objects.filter(pk=job.pk).update(counts={**job.counts, NOTED: rows})


def _tell(actor: Actor, action: str, group: Group, after: dict[str, Any], reason: str = "") -> None:
    # The values stay out of the trail: they may be personal, and the decisions keep them.
    entry = Resource.objects.get(pk=group.resource_id)
    record(actor=actor, action=action, obj=entry, reason=reason, after=after)
