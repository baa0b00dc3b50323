"""Reads jobs: one's own, and those of the organisations one may look after."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, scope
from chengshu.kernel.errors import NotFound
from chengshu.kernel.jobs.models import Job, JobState, ScheduleRun
from chengshu.kernel.jobs.registration import KINDS
from chengshu.kernel.jobs.schedule import due, parse
from chengshu.kernel.registry import registry
from chengshu.kernel.registry.manifest import Schedule

LOOK_AHEAD_DAYS = 400


def jobs(actor: Actor) -> QuerySet[Job]:
    """The actor's own jobs and those within the scope of ``jobs.view``."""
    rows = Job.objects.select_related("created_by", "organization")
    if actor.system:
        return rows
    if actor.account is None:
        return rows.none()
    seen = scope(actor, "jobs.view", Job.objects.all())
    return rows.filter(Q(created_by=actor.account) | Q(pk__in=seen.values("pk")))


def job(actor: Actor, pk: UUID) -> Job:
    """One job.

    Raises:
        NotFound: there is none, or not for this reader.
    """
    item = jobs(actor).filter(pk=pk).first()
    if item is None:
        raise NotFound("没有找到这个任务。", advice="可能已被清理，或不在您的查看范围。")
    return item


def noteworthy(rows: QuerySet[Job]) -> QuerySet[Job]:
    """Without what the clock started and went well: thousands of rows nobody asked for."""
    return rows.exclude(created_by=None, state=JobState.SUCCEEDED)


def may_cancel(actor: Actor, item: Job) -> bool:
    """Whether the actor may ask this job to stop."""
    own = actor.account is not None and item.created_by_id == actor.account.pk
    return not item.finished and (own or allows(actor, "jobs.manage", item))


def may_retry(actor: Actor, item: Job) -> bool:
    """Whether the actor may start this job again."""
    again = item.state in {JobState.FAILED, JobState.DEAD, JobState.CANCELLED}
    return again and allows(actor, "jobs.manage", item)


def kind_name(kind: str) -> str:
    """What people call a kind of job."""
    known = KINDS.get(kind)
    return known.name if known else kind


def next_slot(cron: str, after: datetime | None = None) -> datetime | None:
    """The next minute at which ``cron`` is due; None when that is more than a year away."""
    minutes, hours, *_days = parse(cron)
    now = timezone.localtime(after)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for offset in range(LOOK_AHEAD_DAYS):
        day = start + timedelta(days=offset)
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = day.replace(hour=hour, minute=minute)
                if moment > now and due(cron, moment):
                    return moment
    return None


def in_words(cron: str) -> str:
    """The usual rules as people say them; others as they are written."""
    minute, hour, *days = cron.split()
    if days != ["*", "*", "*"]:
        return cron
    if hour == "*" and minute == "*":
        return "每分钟"
    if hour == "*" and minute.startswith("*/"):
        return f"每 {minute.removeprefix('*/')} 分钟"
    if hour == "*" and minute.isdigit():
        return f"每小时的第 {int(minute)} 分"
    if hour.isdigit() and minute.isdigit():
        return f"每天 {int(hour):02}:{int(minute):02}"
    return cron


def schedules() -> list[tuple[Schedule, ScheduleRun | None, datetime | None]]:
    """Every schedule with its last run and its next slot."""
    newest = ScheduleRun.objects.values("name").annotate(pk_=Max("pk")).values("pk_")
    runs = ScheduleRun.objects.filter(pk__in=newest).select_related("job")
    last = {run.name: run for run in runs}
    return [(s, last.get(s.key), next_slot(s.cron)) for s in registry.schedules()]
