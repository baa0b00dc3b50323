"""How batches end other than loaded: cancelled, failed, abandoned; and what they leave is cleared."""

import shutil
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from chengshu.data.ingest import loading
from chengshu.data.ingest.choices import BatchState, DecisionKind, Origin
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.services.uploads import PURPOSE, queue
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.jobs import services as jobs
from chengshu.kernel.jobs.models import FINISHED, JobState
from chengshu.kernel.unit_of_work import unit_of_work

UNUSED_FOR = timedelta(days=1)
WAITING = (BatchState.QUEUED, BatchState.RUNNING)
ENDED = (BatchState.FAILED, BatchState.CANCELLED)
NOT_BOOKED = "数据可能已经写入湖表，但账目还没有登记。请点“继续完成”，同一批数据不会重复入库。"


def close(batch: Batch, state: BatchState, reason: str) -> None:
    """Note how a batch ended without loading; corrected rows it had taken become available again.

    A batch whose merge may have happened keeps its staged rows, so that :func:`resume` can complete it.
    """
    batch.state, batch.error, batch.finished_at = state, reason, timezone.now()
    begun = loading.merge_begun(batch)
    if begun:
        batch.state, batch.error = BatchState.FAILED, reason + NOT_BOOKED
    with unit_of_work():
        batch.save(update_fields=["state", "error", "finished_at"])
        if not begun and batch.origin == Origin.REPLAY:
            QuarantineDecision.objects.filter(replay=batch).update(
                kind=DecisionKind.CORRECTED, replay=None
            )
    if not begun:
        loading.discard(batch)


def settle(batch: Batch | None = None) -> int:
    """Close batches whose job ended without telling them (all, or one); returns how many."""
    waiting = Batch.objects.select_related("job").filter(state__in=WAITING)
    waiting = waiting.filter(job__state__in=FINISHED).exclude(job__state=JobState.SUCCEEDED)
    if batch is not None:
        waiting = waiting.filter(pk=batch.pk)
    count = 0
    for item in waiting:
        cancelled = item.job is not None and item.job.state == JobState.CANCELLED
        reason = (item.job.error if item.job else "") or (
            "归集在开始前被取消，没有载入任何数据。" if cancelled else "任务没有完成。"
        )
        close(item, BatchState.CANCELLED if cancelled else BatchState.FAILED, reason)
        count += 1
    return count


def cancel(*, actor: Actor, batch: Batch) -> Batch:
    """Drop an unconfirmed batch, or ask a waiting or running one to stop.

    Raises:
        Conflict: it has ended already.
    """
    check(actor, "ingest.batch.create", batch)
    with unit_of_work():
        locked = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if locked.state == BatchState.DRAFT:
            locked.state, locked.finished_at = BatchState.CANCELLED, timezone.now()
            locked.error = "没有确认就放弃了，没有载入任何数据。"
            locked.save(update_fields=["state", "finished_at", "error"])
        elif locked.state not in WAITING or locked.job is None:
            raise Conflict("这个批次已经结束，无需取消。", kept="没有做任何改动。")
        else:
            # Whoever may collect for the department may stop it; the job itself belongs to who began it.
            jobs.cancel(actor=platform(actor.name), job=locked.job)
        record(actor=actor, action="ingest.batch_cancelled", obj=locked)
    settle(locked)
    locked.refresh_from_db()
    return locked


def again(*, actor: Actor, batch: Batch) -> Batch:
    """A new batch of the same source as one that failed or was cancelled: a file waits for confirmation again.

    Raises:
        Conflict: the batch is not one that failed, or its merge is only unfinished.
    """
    check(actor, "ingest.batch.create", batch)
    if batch.state not in ENDED or batch.origin not in (Origin.FILE, Origin.TABLE, Origin.PUSH):
        raise Conflict("只有失败或取消的上传、数据源和推送批次可以重新归集。")
    if loading.merge_begun(batch):
        raise Conflict("这个批次只差登记账目。", advice="请点“继续完成”。")
    # The files a failed batch took are its own: its repeat takes the same ones.
    files = {"files_of": str(batch.pk)} if batch.taken_files.exists() else {}
    fresh = Batch(
        resource_id=batch.resource_id, origin=batch.origin, file=batch.file,
        data_source=batch.data_source, options=batch.options | files, created_by=actor.account,
    )  # fmt: skip
    with unit_of_work():
        if batch.origin == Origin.FILE:
            fresh.save()
        else:
            if batch.data_source is not None:
                check(actor, "ingest.source.manage", batch.data_source)
            queue(actor=actor, batch=fresh)
        record(
            actor=actor, action="ingest.batch_repeated", obj=fresh, after={"batch": str(batch.pk)}
        )
    return fresh


def resume(*, actor: Actor, batch: Batch) -> Batch:
    """Let a batch whose merge was begun come to its end; the lake takes the same batch only once.

    Raises:
        Conflict: there is nothing to complete.
    """
    check(actor, "ingest.batch.create", batch)
    if batch.state != BatchState.FAILED or not loading.merge_begun(batch) or batch.job is None:
        raise Conflict("这个批次没有可以继续的步骤。")
    with unit_of_work():
        jobs.retry(actor=platform(actor.name), job=batch.job)
        batch.state, batch.error, batch.finished_at = BatchState.QUEUED, "", None
        batch.save(update_fields=["state", "error", "finished_at"])
        record(actor=actor, action="ingest.batch_resumed", obj=batch)
    return batch


def sweep() -> int:
    """Remove uploaded files that never became a batch (refused ones); returns how many."""
    old = timezone.now() - UNUSED_FOR
    unused = StoredFile.objects.filter(purpose=PURPOSE, batch=None, created_at__lt=old)
    count = 0
    for file in unused:
        path = file.path
        with transaction.atomic():
            file.delete()
            shared = StoredFile.objects.filter(sha256=file.sha256).exists()
        if not shared:
            shutil.rmtree(path.parent / f"{path.name}.names", ignore_errors=True)
            path.unlink(missing_ok=True)
        count += 1
    return count
