"""Enqueue, run, cancel, retry and reap jobs."""

import logging
import os
import socket
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import close_old_connections, connection
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone
from django_tasks import task
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.jobs.models import FINISHED, Job, JobState, ScheduleRun
from chengshu.kernel.jobs.registration import KINDS, JobCancelled, JobContext
from chengshu.kernel.unit_of_work import unit_of_work

log = logging.getLogger("chengshu.jobs")

HEARTBEAT_SECONDS = 5
SILENT_AFTER = timedelta(seconds=60)
BACK_OFF_SECONDS = (10, 60, 300)


def worker_name() -> str:
    """Identity of this process among the workers of all machines."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


# Of the queue's -100 to 100; what has a person waiting for it has 0.
PATIENT = -50


def enqueue(
    kind: str,
    *,
    actor: Actor,
    title: str = "",
    arguments: dict[str, Any] | None = None,
    key: str | None = None,
    organization: Organization | None = None,
    object_url: str = "",
    unit: str = "行",
    delay: timedelta | None = None,
    awaited: bool = False,
) -> Job:
    """Queue a job in the caller's transaction; with ``key``, an unfinished or finished twin is returned instead.

    ``awaited`` says that a person looks at the page and waits: the job then overtakes the others of a patient kind.

    Raises:
        LookupError: the kind is not registered.
    """
    spec = KINDS[kind]
    with unit_of_work():
        if key is not None:
            twin = Job.objects.filter(key=key).first()
            if twin is not None:
                return twin
        account = actor.account
        item = Job.objects.create(
            kind=kind,
            title=title or spec.name,
            arguments=arguments or {},
            key=key,
            max_attempts=spec.max_attempts,
            unit=unit,
            created_by=account,
            organization=organization or (account.organization if account else None),
            object_url=object_url,
            run_after=timezone.now() + delay if delay else None,
        )
        _put(item, awaited=awaited)
    return item


def _put(item: Job, *, awaited: bool = False) -> None:
    kind = KINDS.get(item.kind)
    priority = PATIENT if kind is not None and kind.patient and not awaited else 0
    run_job.using(run_after=item.run_after, priority=priority).enqueue(str(item.id))


@task()
def run_job(job_id: str) -> None:
    """Run one job; the queue's entry point. Never raises for a failure of the job itself."""
    now = timezone.now()
    claimed = Job.objects.filter(id=job_id, state=JobState.QUEUED).update(
        state=JobState.RUNNING, started_at=now, heartbeat_at=now, worker=worker_name(), error="",
        stage="", done=0, finished_at=None, attempts=F("attempts") + 1,
    )  # fmt: skip
    if not claimed:
        return
    item = Job.objects.get(id=job_id)
    stop = threading.Event()
    beat = threading.Thread(target=_heartbeat, args=(item.id, stop), daemon=True)
    beat.start()
    context = JobContext(item)
    try:
        if item.cancel_requested:
            context.check_cancelled()
        result = KINDS[item.kind].function(context, **item.arguments)
    except JobCancelled as error:
        _finish(item, JobState.CANCELLED, error=error.detail)
    except ChengshuError as error:
        # Something people mend, not the program: the log says it in a line, without a stack.
        log.warning("job %s (%s) ended: %s", item.kind, item.id, error.detail)
        _finish(item, JobState.FAILED, error=error.detail)
    except Exception as error:
        log.exception("job %s (%s) failed", item.kind, item.id)
        _failed(item, error)
    else:
        _finish(item, JobState.SUCCEEDED, result=result)
    finally:
        stop.set()
        beat.join()


def _heartbeat(job_id: UUID, stop: threading.Event) -> None:
    """Tell the reaper that this worker lives, even while one step takes long."""
    try:
        while not stop.wait(HEARTBEAT_SECONDS):
            close_old_connections()
            Job.objects.filter(id=job_id).update(heartbeat_at=timezone.now())
    finally:
        connection.close()


def _own(item: Job) -> QuerySet[Job]:
    """The job, as long as this run of it is the current one.

    A worker that was silent for a minute and then woke up must not speak for the run that replaced it.
    """
    return Job.objects.filter(id=item.id, state=JobState.RUNNING, attempts=item.attempts)


def _finish(item: Job, state: JobState, *, error: str = "", result: Any = None) -> None:
    _own(item).update(
        state=state, finished_at=timezone.now(), error=error, result=result,
        done=item.done, total=item.total, stage=item.stage, counts=item.counts,
    )  # fmt: skip


def _failed(item: Job, error: Exception) -> None:
    """Errors of the program are retried with back-off, then kept as dead letters."""
    text = f"程序出错（{type(error).__name__}）：{error}"
    if item.attempts >= item.max_attempts:
        _finish(item, JobState.DEAD, error=text)
        return
    wait = BACK_OFF_SECONDS[min(item.attempts, len(BACK_OFF_SECONDS)) - 1]
    with unit_of_work():
        item.run_after = timezone.now() + timedelta(seconds=wait)
        if _own(item).update(state=JobState.QUEUED, error=text, run_after=item.run_after):
            _put(item)


def cancel(*, actor: Actor, job: Job) -> Job:
    """Ask a job to stop: a queued one at once, a running one at its next report of progress.

    Raises:
        NotAllowed, Conflict: not the actor's job and no right to manage; already finished.
    """
    if job.created_by_id is None or actor.account is None or job.created_by_id != actor.account.pk:
        check(actor, "jobs.manage", job)
    with unit_of_work():
        job = Job.objects.select_for_update().get(id=job.id)
        if job.finished:
            raise Conflict("这个任务已经结束，无需取消。")
        job.cancel_requested = True
        if job.state == JobState.QUEUED:
            job.state, job.finished_at = JobState.CANCELLED, timezone.now()
        job.save(update_fields=["cancel_requested", "state", "finished_at"])
        record(actor=actor, action="jobs.cancel", obj=job)
    return job


def retry(*, actor: Actor, job: Job) -> Job:
    """Start a failed, dead or cancelled job again with a fresh count of attempts."""
    check(actor, "jobs.manage", job)
    with unit_of_work():
        job = Job.objects.select_for_update().get(id=job.id)
        if not job.finished or job.state == JobState.SUCCEEDED:
            raise Conflict("只有失败或已取消的任务可以重试。")
        job.state, job.attempts, job.cancel_requested = JobState.QUEUED, 0, False
        job.run_after = job.finished_at = None
        job.save()
        record(actor=actor, action="jobs.retry", obj=job)
        _put(job)
    return job


def reap(*, dead_worker: str = "") -> int:
    """Give the jobs of killed workers back to the queue; return how many.

    A job is an orphan when its worker is known dead (the supervisor saw it end) or silent for a minute.
    """
    orphans = Job.objects.filter(state=JobState.RUNNING).filter(
        Q(heartbeat_at__lt=timezone.now() - SILENT_AFTER) | Q(worker=dead_worker or "-")
    )
    count = 0
    for item in orphans:
        with unit_of_work():
            locked = Job.objects.select_for_update().get(id=item.id)
            if locked.state != JobState.RUNNING or locked.heartbeat_at != item.heartbeat_at:
                continue
            count += 1
            DBTaskResult.objects.filter(
                status=TaskResultStatus.RUNNING, args_kwargs__args__0=str(item.id)
            ).update(status=TaskResultStatus.FAILED, finished_at=timezone.now())
            if locked.attempts >= locked.max_attempts:
                _finish(
                    locked, JobState.DEAD, error="执行它的进程多次意外中断。已入库的数据没有变化。"
                )
                continue
            locked.state, locked.stage, locked.run_after = (
                JobState.QUEUED,
                "执行进程中断，自动续跑",
                None,
            )
            locked.save(update_fields=["state", "stage", "run_after"])
            _put(locked)
    return count + _put_lost()


def _put_lost() -> int:
    """Queue jobs again whose worker died between taking the queue entry and starting the job."""
    long_ago = timezone.now() - SILENT_AFTER
    waiting = Job.objects.filter(state=JobState.QUEUED, created_at__lt=long_ago).filter(
        Q(run_after=None) | Q(run_after__lt=long_ago)
    )
    count = 0
    for item in waiting:
        entries = DBTaskResult.objects.filter(args_kwargs__args__0=str(item.id))
        taken = entries.filter(status=TaskResultStatus.RUNNING)
        if (
            entries.filter(status=TaskResultStatus.READY).exists()
            or taken.filter(started_at__gt=long_ago).exists()
        ):
            continue
        with unit_of_work():
            taken.update(status=TaskResultStatus.FAILED, finished_at=timezone.now())
            _put(item)
        count += 1
    return count


def purge(
    *, keep: timedelta = timedelta(days=30), keep_scheduled: timedelta = timedelta(days=2)
) -> int:
    """Remove finished queue entries older than ``keep``, and what the clock started and went well.

    Jobs of people, and every failure, stay as history.
    """
    now = timezone.now()
    old = DBTaskResult.objects.filter(finished_at__lt=now - keep)
    routine = Job.objects.filter(
        created_by=None, state=JobState.SUCCEEDED, finished_at__lt=now - keep_scheduled
    )
    # The newest run of each schedule stays: the schedules page shows how it went.
    newest = ScheduleRun.objects.values("name").annotate(last=Max("pk")).values("last")
    runs = ScheduleRun.objects.filter(slot__lt=now - keep_scheduled).exclude(pk__in=newest)
    shown = ScheduleRun.objects.filter(pk__in=newest).exclude(job=None).values("job")
    with unit_of_work():
        removed = old.delete()[0]
        runs.delete()
        removed += routine.exclude(pk__in=shown).delete()[1].get("jobs.Job", 0)
    return removed


__all__ = ["FINISHED", "cancel", "enqueue", "purge", "reap", "retry", "run_job"]
