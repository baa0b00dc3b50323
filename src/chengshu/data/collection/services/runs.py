"""Runs: asked for, executed, ended. A run that is killed at any point goes on where the lake can tell it stood."""

import shutil
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, collectable, published_by_id
from chengshu.data.collection import extraction
from chengshu.data.collection.choices import (
    PENDING,
    REMOVING,
    UNDER_WAY,
    Mode,
    PlanState,
    Reason,
    RunState,
)
from chengshu.data.collection.models import Backfill, Plan, Run
from chengshu.data.collection.services import leases
from chengshu.data.collection.services.following import follow_before_run
from chengshu.data.collection.windows import CursorError, Watch, later_of, lower_bound, parse
from chengshu.data.ingest.facade import (
    RESULT_FILE,
    Batch,
    BatchState,
    Origin,
    ReadingError,
    StageCancelledError,
    StageError,
    WriteMode,
    clock,
    loading,
    stamp_of,
    structure,
)
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.events.services import emit
from chengshu.kernel.jobs import services as jobs
from chengshu.kernel.jobs.models import FINISHED, JobState
from chengshu.kernel.jobs.registration import JobCancelled, JobContext
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import LakeError, TooManyDeleted

RUN = "collection.run"
PERMISSION = "collection.plan.manage"
WRITES = {
    Mode.FULL: WriteMode.OVERWRITE, Mode.INCREMENTAL: WriteMode.MERGE, Mode.MERGE: WriteMode.MERGE,
    Mode.SNAPSHOT: WriteMode.SYNC, Mode.APPEND: WriteMode.APPEND,
}  # fmt: skip


def run_url(run: Run) -> str:
    """Where a run's page is."""
    return f"/console/collection/runs/{run.pk}/"


def ask(
    *,
    actor: Actor,
    plan: Plan,
    reason: Reason = Reason.MANUAL,
    slot: datetime | None = None,
    missed: int = 0,
    window: tuple[str, str] = ("", ""),
    backfill: Backfill | None = None,
    repeats: Run | None = None,
    state: RunState = RunState.QUEUED,
) -> Run:
    """Create a run and queue it (in the caller's transaction; unless it has to wait)."""
    run = Run.objects.create(
        plan=plan, reason=reason, slot=slot, missed=missed, window_from=window[0],
        window_to=window[1], backfill=backfill, repeats=repeats, state=state,
        created_by=actor.account,
    )  # fmt: skip
    if state == RunState.QUEUED:
        queue(run, actor=actor)
    return run


def run_now(*, actor: Actor, plan: Plan) -> Run:
    """Run a plan at once, whatever its schedule.

    Raises:
        Conflict: it is paused, or a run of it waits or is under way.
    """
    check(actor, PERMISSION, plan)
    with unit_of_work():
        plan = Plan.objects.select_for_update(of=("self",)).get(pk=plan.pk)
        if plan.state == PlanState.PAUSED:
            raise Conflict("任务已暂停，没有运行。", advice="请先恢复任务。")
        if plan.runs.filter(state__in=PENDING).exists():
            raise Conflict("这个任务已有一次运行在排队或进行中。", advice="请等它结束后再运行。")
        run = ask(actor=actor, plan=plan)
        record(actor=actor, action="collection.run_requested", obj=plan)
    return run


def rerun(*, actor: Actor, run: Run) -> Run:
    """Read the window of a run that ended once more; what is there already is settled by key or whole row.

    Raises:
        Conflict: it has not ended, or would append the files of a log without key a second time.
    """
    check(actor, PERMISSION, run)
    if run.state in PENDING:
        raise Conflict("这次运行还没有结束，不能重跑。")
    resource = published_by_id(run.plan.resource_id)
    settled = bool(resource.key) or run.plan.source.connector.windows
    if run.plan.mode == Mode.APPEND and not settled and run.state == RunState.SUCCEEDED:
        raise Conflict(
            "没有主键的流水文件重跑会重复写入，没有重跑。",
            advice="请改用对账核对，或给资源设主键。",
        )
    window = (run.window_from, run.window_to)
    with unit_of_work():
        fresh = ask(actor=actor, plan=run.plan, reason=Reason.RERUN, window=window, repeats=run)
        record(actor=actor, action="collection.run_repeated", obj=fresh)
    return fresh


def queue(run: Run, *, actor: Actor | None = None) -> None:
    """Put a run in the queue (inside the caller's transaction)."""
    run.state, run.message = RunState.QUEUED, ""
    run.job = jobs.enqueue(
        RUN, actor=actor or platform("归集任务"), title=f"归集：{run.plan.name}",
        arguments={"run": str(run.pk)}, organization=run.plan.resource.provider,
        object_url=run_url(run),
    )  # fmt: skip
    run.save(update_fields=["state", "message", "job"])


def execute(context: JobContext, run: Run) -> dict[str, Any]:
    """What the job of a run does; safe to repeat from the start.

    Raises:
        Conflict: the run ended without loading; its state and message say why.
        JobCancelled: somebody asked to stop.
    """
    if run.state not in UNDER_WAY:
        if run.state == RunState.SUCCEEDED and run.batch is not None:
            loading.tidy(run.batch)
            wake(run.plan.resource_id)
        return {"state": run.state}
    if (holder := leases.take(run)) is not None:
        return {"state": RunState.WAITING, "holder": str(holder.pk)}
    try:
        return _collect(context, run)
    except (StageCancelledError, JobCancelled) as error:
        end(run, RunState.CANCELLED, str(error))
        raise JobCancelled(str(error)) from error
    except _Drifted as error:
        end(run, RunState.DRIFTED, error.message)
        raise
    except TooManyDeleted as error:
        _hold(run, error)
        return {"state": RunState.HELD, "deleted": error.deleted}
    except (ReadingError, StageError, LakeError, CursorError, ChengshuError) as error:
        end(run, RunState.FAILED, getattr(error, "detail", "") or str(error))
        raise Conflict(run.message) from error
    except Exception as error:
        if context.job.attempts >= context.job.max_attempts:
            end(run, RunState.FAILED, f"程序出错（{type(error).__name__}）。")
        raise


class _Drifted(Conflict):
    """The source has other columns than were agreed."""


def _collect(context: JobContext, run: Run) -> dict[str, Any]:
    plan = run.plan
    resource = published_by_id(plan.resource_id)
    collectable(resource, plan.source.connector.way)  # the entry may have become another kind
    if run.batch_id is None:
        follow_before_run(plan, resource)
    batch = _begin(run, resource)
    if batch.state != BatchState.LOADED:
        if not (batch.folder / loading.STAGE / RESULT_FILE).is_file():
            if not extraction.has_work(batch):
                return _nothing(run, batch)
            context.progress(stage="核对来源结构")
            _check_structure(run)
            cursor = extraction.cursor_of(plan)
            there = clock(plan.source)
            watch = None
            if cursor is not None:
                now = there.at if there else timezone.now()
                watch = Watch(cursor, now, theirs=there is not None)
            rows = extraction.rows_of(batch, watch)
        else:
            rows = iter(())
        staged, written = loading.bring_in(
            batch=batch, resource=resource, rows=rows, context=context
        )
        note = extraction.observed(batch.folder)
        loaded = loading.measure(resource=resource, staged=staged, written=written)
        late = _late(run, resource, batch)

        def book() -> None:
            _succeed(run, note, deleted=written.deleted, late=late)

        loading.finish(
            batch=batch, resource=resource, loaded=loaded, actor=platform("归集任务"), also=book
        )
        wake(plan.resource_id)
    return {
        "source": batch.source_rows, "accepted": batch.accepted,
        "quarantined": batch.quarantined, "duplicates": batch.duplicates,
        "deleted": run.deleted, "late": run.late,
    }  # fmt: skip


def _nothing(run: Run, batch: Batch) -> dict[str, Any]:
    """A folder without new files: nothing to do, and no fault."""
    with unit_of_work():
        run.state, run.finished_at, run.batch = RunState.SKIPPED, timezone.now(), None
        run.message = "文件夹里没有新的文件，没有运行。"
        run.save(update_fields=["state", "finished_at", "batch", "message"])
        batch.delete()
        leases.release(run)
    wake(run.plan.resource_id)
    return {"state": RunState.SKIPPED}


def _begin(run: Run, resource: PublishedResource) -> Batch:
    """The batch of the run; made once, and with it the window is fixed."""
    plan = run.plan
    with unit_of_work():
        if run.started_at is None:
            run.started_at = timezone.now()
        if run.batch is None:
            if plan.cursor_column and run.reason in (Reason.SCHEDULE, Reason.MANUAL):
                run.window_from = lower_bound(plan.cursor_kind, plan.high_water, plan.lag)
            run.batch = Batch.objects.create(
                resource_id=resource.id, origin=Origin.TABLE, data_source=plan.source,
                created_by=run.created_by, state=BatchState.RUNNING, job=run.job,
                options=_options(run, resource),
            )  # fmt: skip
        elif run.batch.state != BatchState.LOADED:
            run.batch.state, run.batch.job, run.batch.error = BatchState.RUNNING, run.job, ""
            run.batch.options = _options(run, resource)
            run.batch.save(update_fields=["state", "job", "error", "options"])
        run.state = RunState.RUNNING
        run.save(update_fields=["started_at", "batch", "state", "window_from"])
    return run.batch


def _options(run: Run, resource: PublishedResource) -> dict[str, Any]:
    plan = run.plan
    mode = Mode(plan.mode)
    write = WRITES[mode]
    if run.backfill_id or (run.window_to and mode in REMOVING):
        write = WriteMode.MERGE if mode != Mode.APPEND else WriteMode.APPEND
    options: dict[str, Any] = {
        "object": plan.object_name, "mapping": plan.mapping, "write": write, "plan": plan.pk,
        "run": str(run.pk),
    }  # fmt: skip
    overlap = extraction.overlap_of(run, resource)
    if overlap is not None:
        options["overlap"] = overlap
    window = extraction.window_of(run)
    if window is not None and plan.source.connector.windows:
        options["window"] = window
    if mode in REMOVING and not run.allow_lost:
        options["max_lost"] = plan.max_lost_percent / 100
    return options


def _check_structure(run: Run) -> None:
    """Stop before anything is read when the columns of the plan are not what they were."""
    plan = run.plan
    found = structure(plan.source, plan.object_name)
    if not plan.structure:
        plan.structure = extraction.structure_document(found)
        Plan.objects.filter(pk=plan.pk).update(structure=plan.structure)
        return
    drift = extraction.compare(extraction.kept_structure(plan.structure), found, set(plan.mapping))
    if not drift.words:
        return
    with unit_of_work():
        emit(
            type="city.collection.source.drifted", source="collection",
            subject=plan.resource.code,
            data={
                "plan": plan.pk, "resource_id": plan.resource_id, "source_id": plan.source_id,
                "object": plan.object_name, "breaks": drift.breaks, "gone": list(drift.gone),
                "retyped": [list(r) for r in drift.retyped], "added": list(drift.added),
                "renamed": [list(r) for r in drift.renamed], "words": drift.words,
                "structure": extraction.structure_document(found),
            },
            idempotency_key=f"drift:{plan.pk}:{found.fingerprint[:40]}",
        )  # fmt: skip
    if drift.breaks:
        raise _Drifted(
            f"来源结构变了：{drift.words}。", kept="没有读取任何数据，湖里原有的数据没有变化。",
            advice="请到任务里重新核对对应关系；目录也可能要跟着改。",
        )  # fmt: skip


def _late(run: Run, resource: PublishedResource, batch: Batch) -> int:
    """Rows this batch brought although the cursor had passed them before (by their stamps)."""
    cursor, plan = extraction.cursor_of(run.plan), run.plan
    if cursor is None or not plan.high_water or run.window_to:
        return 0
    try:
        column = resource.column(cursor.item)
    except KeyError:
        return 0
    query = (
        f'SELECT count(*) AS n FROM t WHERE "_batch" = ? AND "{column.name}" < '  # noqa: S608 - a catalogued name
        + ("CAST(? AS VARCHAR)" if plan.cursor_kind == "text" else "?")
    )
    found = loading.lake().sql(
        query, tables={"t": resource.lake_table},
        params=[stamp_of(batch.pk), _typed(plan, plan.high_water, str(column.type))],
    )  # fmt: skip
    return int(found.read_all().to_pylist()[0]["n"])


def _typed(plan: Plan, text: str, kind: str) -> Any:
    value = parse(plan.cursor_kind, text)
    if isinstance(value, datetime) and kind == "datetime":
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(plan.source_zone))
    return value if kind != "text" else text


def _succeed(run: Run, note: dict[str, Any], *, deleted: int, late: int) -> None:
    """The run's own part of the books, in the transaction that books the batch."""
    plan = Plan.objects.select_for_update(of=("self",)).get(pk=run.plan_id)
    run.state, run.finished_at, run.message = RunState.SUCCEEDED, timezone.now(), ""
    run.read_to, run.future, run.skew_seconds = note["read_to"], note["future"], note["skew"]
    run.deleted, run.late = deleted, late
    if run.future:
        run.message = (
            f"有 {run.future:,} 行的时间比{'来源自己的时钟' if note.get('theirs') else '本平台的时钟'}快"
            f"（最多 {run.skew_seconds or 0:,.0f} 秒）。已经入库，但游标没有越过现在。"
            + ("请对方核对这些行的时间。" if note.get("theirs") else "请核对来源服务器的时钟。")
        )
    run.save()
    if plan.cursor_column and run.read_to and not run.window_to:
        plan.high_water = later_of(plan.cursor_kind, plan.high_water, run.read_to)
        plan.save(update_fields=["high_water"])
    leases.release(run)
    if run.backfill_id:
        Backfill.objects.filter(pk=run.backfill_id).update(done=F("done") + 1)
    emit(
        type="city.collection.run.succeeded", source="collection", subject=plan.resource.code,
        data={"run": str(run.pk), "plan": plan.pk, "resource_id": plan.resource_id},
        idempotency_key=f"run:{run.pk}",
    )  # fmt: skip
    if run.future:
        _tell(run, "有行的时间在未来")


def end(run: Run, state: RunState, message: str) -> None:
    """Close a run that did not load; the resource is free again.

    Rows whose merge was begun stay staged: the run can be continued and brings them in once.
    """
    batch = run.batch
    begun = batch is not None and loading.merge_begun(batch)
    if begun:
        message += "数据可能已经写入湖表，但账目还没有登记；请点“继续”，同一批数据不会重复入库。"
    with unit_of_work():
        run.state, run.message, run.finished_at = state, message, timezone.now()
        run.save(update_fields=["state", "message", "finished_at"])
        if batch is not None:
            cancelled = state == RunState.CANCELLED and not begun
            batch.state = BatchState.CANCELLED if cancelled else BatchState.FAILED
            batch.error, batch.finished_at = message, run.finished_at
            batch.save(update_fields=["state", "error", "finished_at"])
        leases.release(run)
        if run.backfill_id:
            Backfill.objects.filter(pk=run.backfill_id).update(
                state="stopped", message=f"{run.window_from} 这一段没有补上：{message}"
            )
        if state in (RunState.FAILED, RunState.DRIFTED):
            emit(
                type="city.collection.run.failed", source="collection",
                subject=run.plan.resource.code,
                data={"run": str(run.pk), "plan": run.plan_id, "state": state, "message": message},
                idempotency_key=f"run-failed:{run.pk}:{run.finished_at:%s}",
            )  # fmt: skip
            _tell(run, str(run.get_state_display()))
    if batch is not None and not begun:
        shutil.rmtree(batch.folder, ignore_errors=True)
    wake(run.plan.resource_id)


def _hold(run: Run, error: TooManyDeleted) -> None:
    """Stop before too many rows vanish; the staged rows wait for a person's word."""
    message = (
        f"来源比湖里少得太多：湖里 {error.rows:,} 条，其中 {error.deleted:,} 条"
        f"（{error.deleted / error.rows:.1%}）会被删除，超过了任务允许的 {run.plan.max_lost_percent}%。"
        "没有写入，也没有删除。请核对来源：确实删了就确认，否则放弃。"
    )
    with unit_of_work():
        run.state, run.message, run.deleted = RunState.HELD, message, error.deleted
        run.finished_at = timezone.now()
        run.save(update_fields=["state", "message", "deleted", "finished_at"])
        if run.batch is not None:
            run.batch.state, run.batch.error = BatchState.FAILED, message
            run.batch.finished_at = run.finished_at
            run.batch.save(update_fields=["state", "error", "finished_at"])
        leases.release(run)
        _tell(run, "待确认删除")
    wake(run.plan.resource_id)


def _tell(run: Run, what: str) -> None:
    notify(
        title=f"{what}：{run.plan.name}", body=run.message, url=run_url(run),
        organization=run.plan.resource.provider, permission=PERMISSION,
        key=f"collection-run:{run.pk}:{run.state}",
    )  # fmt: skip


def confirm_deletion(*, actor: Actor, run: Run) -> Run:
    """Let a held run delete what the source no longer has.

    Raises:
        Conflict: it is not held, or a later run of the plan has loaded since.
    """
    check(actor, "collection.run.confirm", run)
    with unit_of_work():
        run = (
            Run.objects.select_for_update(of=("self",))
            .select_related("plan__resource")
            .get(pk=run.pk)
        )
        if run.state != RunState.HELD:
            raise Conflict("这次运行没有等待确认。")
        newer = run.plan.runs.filter(state=RunState.SUCCEEDED, started_at__gt=run.started_at)
        if newer.exists():
            raise Conflict(
                "之后已有新的一批入库，这一批过时了，没有删除。", advice="请放弃它，重新运行任务。"
            )
        run.allow_lost = True
        run.save(update_fields=["allow_lost"])
        queue(run, actor=actor)
        record(
            actor=actor, action="collection.run.confirm", obj=run, after={"deleted": run.deleted}
        )
    return run


def resume(*, actor: Actor, run: Run) -> Run:
    """Let a run whose merge was begun, or that failed, go on; the lake takes its batch once.

    Raises:
        Conflict: it has not failed.
    """
    check(actor, PERMISSION, run)
    with unit_of_work():
        run = (
            Run.objects.select_for_update(of=("self",))
            .select_related("plan__resource")
            .get(pk=run.pk)
        )
        if run.state not in (RunState.FAILED, RunState.DRIFTED, RunState.CANCELLED):
            raise Conflict("这次运行没有停下，不需要继续。")
        run.finished_at = None
        run.save(update_fields=["finished_at"])
        if run.backfill_id:
            Backfill.objects.filter(pk=run.backfill_id).update(state="running", message="")
        queue(run, actor=actor)
        record(actor=actor, action="collection.run_resumed", obj=run)
    return run


def cancel(*, actor: Actor, run: Run) -> Run:
    """Stop a run that waits or is under way, or give up one that waits for confirmation.

    Raises:
        Conflict: it has ended.
    """
    check(actor, PERMISSION, run)
    if run.state not in (*PENDING, RunState.HELD):
        raise Conflict("这次运行已经结束，无需取消。")
    if run.state in UNDER_WAY and run.job is not None and not run.job.finished:
        with unit_of_work():
            jobs.cancel(actor=platform(actor.name), job=run.job)
            record(actor=actor, action="collection.run_cancelled", obj=run)
        settle(run)
    else:
        with unit_of_work():
            record(actor=actor, action="collection.run_cancelled", obj=run)
        end(run, RunState.CANCELLED, "已取消，没有载入任何数据。")
    run.refresh_from_db()
    return run


def wake(resource_id: int) -> None:
    """Queue the run that waited longest for a resource that is free now."""
    with unit_of_work():
        run = leases.next_waiting(resource_id)
        if run is not None and Run.objects.filter(pk=run.pk, state=RunState.WAITING).update(
            state=RunState.QUEUED
        ):
            queue(run)


def settle(run: Run | None = None) -> int:
    """Close runs whose job ended without them, and wake those that wait for nobody; returns how many."""
    rows = Run.objects.filter(state__in=UNDER_WAY, job__state__in=FINISHED)
    rows = rows.exclude(job__state=JobState.SUCCEEDED).select_related(
        "plan__resource__provider", "batch", "job"
    )
    count = 0
    for item in rows if run is None else rows.filter(pk=run.pk):
        cancelled = item.job is not None and item.job.state == JobState.CANCELLED
        words = (item.job.error if item.job else "") or "任务没有完成。"
        end(
            item, RunState.CANCELLED if cancelled else RunState.FAILED,
            "已取消，没有载入任何数据。" if cancelled else words,
        )  # fmt: skip
        count += 1
    if run is None:
        waiting = Run.objects.filter(state=RunState.WAITING).values_list(
            "plan__resource_id", flat=True
        )
        for resource_id in set(waiting):
            held = Run.objects.filter(plan__resource_id=resource_id, state__in=UNDER_WAY)
            if not held.exists():
                wake(resource_id)
    return count
