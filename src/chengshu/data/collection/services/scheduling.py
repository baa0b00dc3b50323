"""The clock of the plans: every due slot once over all workers, dependencies, and what a pause left behind."""

from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils import timezone

from chengshu.data.collection.choices import (
    UNDER_WAY,
    CatchUp,
    PlanState,
    Reason,
    RunState,
)
from chengshu.data.collection.models import Plan, Run
from chengshu.data.collection.services import reconciliation, runs
from chengshu.data.collection.timing import Timing, missed_slots, next_slot
from chengshu.kernel.access.actor import platform
from chengshu.kernel.calendar.tables import StoredTable, stored_table
from chengshu.kernel.calendar.working_days import local_date
from chengshu.kernel.unit_of_work import unit_of_work

PUNCTUAL = timedelta(minutes=10)


def timing_of(plan: Plan) -> Timing:
    """When a plan runs.

    Raises:
        ValueError: the expression cannot be read.
    """
    return Timing(plan.schedule, plan.at_time, plan.cron)


def set_next(plan: Plan, after: datetime, table: StoredTable | None = None) -> None:
    """Note the next slot after a moment (not saved)."""
    active = plan.state == PlanState.ACTIVE
    plan.next_at = (
        next_slot(timing_of(plan), after, table=table or stored_table()) if active else None
    )


def check_timing_of(plan: Plan) -> Timing:
    """When a plan is reconciled.

    Raises:
        ValueError: the expression cannot be read.
    """
    return Timing(plan.check_schedule, plan.check_at, plan.check_cron)


def set_next_check(plan: Plan, after: datetime, table: StoredTable | None = None) -> None:
    """Note the next reconciliation after a moment (not saved)."""
    active = plan.state == PlanState.ACTIVE
    plan.next_check_at = (
        next_slot(check_timing_of(plan), after, table=table or stored_table()) if active else None
    )


def tick(now: datetime | None = None) -> int:
    """Start what is due, let go what waited for others, close what died; returns how many runs were made."""
    now = now or timezone.now()
    table = stored_table()
    due = Plan.objects.filter(state=PlanState.ACTIVE, next_at__lte=now).values_list("pk", flat=True)
    made = sum(_start(pk, now, table) for pk in due)
    reconciliation.settle()
    checks = Plan.objects.filter(state=PlanState.ACTIVE, next_check_at__lte=now)
    for pk in checks.values_list("pk", flat=True):
        _start_check(pk, now, table)
    release_dependants(now)
    runs.settle()
    return made


def _start(pk: int, now: datetime, table: StoredTable) -> int:
    try:
        with unit_of_work():
            plan = (
                Plan.objects.select_for_update(of=("self",))
                .select_related("resource__provider")
                .get(pk=pk)
            )
            if plan.next_at is None or plan.next_at > now:  # another worker was quicker
                return 0
            slots = missed_slots(timing_of(plan), plan.next_at, now, table=table)
            set_next(plan, now, table)
            plan.save(update_fields=["next_at"])
            return _make(plan, slots, now) if slots else 0
    except IntegrityError:  # the slot has its run already
        return 0


def _start_check(pk: int, now: datetime, table: StoredTable) -> None:
    """One reconciliation for the newest slot; it waits while the resource is being written.

    Half a load would look like a difference. What waits stays due and is looked at with the next tick.
    """
    with unit_of_work():
        plan = (
            Plan.objects.select_for_update(of=("self",))
            .select_related("resource__provider")
            .get(pk=pk)
        )
        if plan.next_check_at is None or plan.next_check_at > now:  # another worker was quicker
            return
        writing = Run.objects.filter(plan__resource_id=plan.resource_id, state__in=UNDER_WAY)
        if writing.exists():
            return
        slots = missed_slots(check_timing_of(plan), plan.next_check_at, now, table=table)
        set_next_check(plan, now, table)
        plan.save(update_fields=["next_check_at"])
        if slots:
            reconciliation.when_due(plan, slots[-1])


def _make(plan: Plan, slots: list[datetime], now: datetime) -> int:
    """One run for the newest slot; older ones that were missed are made good by it."""
    slot, missed = slots[-1], len(slots) - 1
    if plan.runs.filter(slot=slot).exists():
        return 0
    run = runs.ask(
        actor=platform("定时任务"), plan=plan, reason=Reason.SCHEDULE, slot=slot, missed=missed,
        state=RunState.DEPENDING,
    )  # fmt: skip
    if now - slot > PUNCTUAL and plan.catch_up == CatchUp.SKIP:
        _skip(run, "停机期间错过，按任务的设置不补跑。")
        return 0
    begun = [RunState.QUEUED, RunState.RUNNING, RunState.WAITING]
    if plan.runs.filter(state__in=begun).exists():
        # The run before is not through yet: two of one plan never overlap.
        run.state, run.message = RunState.WAITING, "等待前一批：上一次运行还没有结束。"
        run.save(update_fields=["state", "message"])
        return 1
    if _waits_for(plan, slot):
        run.message = f"等待前置任务：{'、'.join(_waits_for(plan, slot))}。"
        run.save(update_fields=["message"])
        return 1
    runs.queue(run)
    return 1


def _waits_for(plan: Plan, slot: datetime) -> list[str]:
    """Names of the plans that have not succeeded on the day of a slot."""
    begin = timezone.localtime(slot).replace(hour=0, minute=0, second=0, microsecond=0)
    missing = []
    for other in plan.depends_on.all():
        done = other.runs.filter(state=RunState.SUCCEEDED, finished_at__gte=begin)
        if not done.exists():
            missing.append(other.name)
    return missing


def release_dependants(now: datetime) -> None:
    """Queue runs whose predecessors have succeeded; give up those whose day is over."""
    waiting = Run.objects.filter(state=RunState.DEPENDING).select_related(
        "plan__resource__provider"
    )
    for run in waiting:
        with unit_of_work():
            locked = Run.objects.select_for_update(of=("self",)).get(pk=run.pk)
            if locked.state != RunState.DEPENDING or run.slot is None:
                continue
            missing = _waits_for(run.plan, run.slot)
            if not missing:
                runs.queue(run)
            elif local_date(now) > local_date(run.slot):
                _skip(run, f"前置任务当天没有成功：{'、'.join(missing)}。")


def _skip(run: Run, message: str) -> None:
    run.state, run.message, run.finished_at = RunState.SKIPPED, message, timezone.now()
    run.save(update_fields=["state", "message", "finished_at"])
