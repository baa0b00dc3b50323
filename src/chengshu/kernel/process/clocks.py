"""Terms in working days on a case and on its tasks: setting them, stopping them, setting them again.

The days are those of ``kernel.calendar``; while a case is suspended (补正) its clocks stand still and the time is given
back. Every term hangs up to three timers: a warning before it ends, its end, and an escalation after it.
"""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from chengshu.kernel.calendar.deadlines import due
from chengshu.kernel.calendar.tables import StoredTable
from chengshu.kernel.process.choices import TimerKind, TimerState
from chengshu.kernel.process.definition.elements import Clock, TimerRule
from chengshu.kernel.process.engine import Plan, Token
from chengshu.kernel.process.models import CaseTimer, HumanTask, ProcessCase


def ends(case: ProcessCase, start: datetime, days: int, *, now: datetime) -> datetime:
    """When a term of ``days`` working days from ``start`` ends, the case's pauses given back."""
    stops = [stop for stop in case.stops if stop[1] is None or stop[1] > start]
    return due(start, days, paused=stops, now=now, table=StoredTable()).at


def moments(
    case: ProcessCase, clock: Clock, start: datetime, *, now: datetime
) -> dict[TimerKind, datetime]:
    """When the timers of a term are due."""
    found = {TimerKind.OVERDUE: ends(case, start, clock.days, now=now)}
    if clock.warn and clock.warn < clock.days:
        found[TimerKind.WARN] = ends(case, start, clock.days - clock.warn, now=now)
    if clock.escalate is not None:
        found[TimerKind.ESCALATE] = ends(case, start, clock.days + clock.escalate, now=now)
    return found


def hang(
    case: ProcessCase,
    clock: Clock,
    start: datetime,
    *,
    now: datetime,
    task: HumanTask | None = None,
) -> datetime:
    """Create the timers of a term; return when it ends."""
    due_at = moments(case, clock, start, now=now)
    CaseTimer.objects.bulk_create(
        CaseTimer(case=case, task=task, token=task.token if task else 0, kind=kind, due_at=moment)
        for kind, moment in due_at.items()
    )
    return due_at[TimerKind.OVERDUE]


def event_due(case: ProcessCase, rule: TimerRule, start: datetime, *, now: datetime) -> datetime:
    """When a timer event fires.

    Raises:
        ValueError: the data field it names holds no time.
    """
    if rule.working_days is not None:
        return ends(case, start, rule.working_days, now=now)
    if rule.at:
        moment = datetime.fromisoformat(str(case.data.get(rule.at) or ""))
        if moment.tzinfo is None:
            raise ValueError(f"{rule.at} 缺少时区")
        return moment
    stopped = sum(
        (max(timedelta(0), (end or now) - max(begin, start)) for begin, end in case.stops),
        timedelta(0),
    )
    return start + timedelta(seconds=rule.seconds or 0) + stopped


def hold(case: ProcessCase) -> None:
    """Stop every clock of a case."""
    case.timers.filter(state=TimerState.WAITING).update(state=TimerState.HELD)


def resume(case: ProcessCase, plan: Plan, *, now: datetime) -> None:
    """Set every clock of a case again, with the time it stood still given back."""
    for task in case.tasks.filter(finished_at=None, term_days__isnull=False):
        clock = plan.process.steps[task.step].clock
        if clock is not None:
            task.due_at = _set_again(
                case, clock, task.opened_at, case.timers.filter(task=task), now
            )
            task.save(update_fields=["due_at"])
    if plan.process.clock is not None and case.term_days is not None:
        own = case.timers.filter(task=None).exclude(kind=TimerKind.EVENT)
        case.due_at = _set_again(case, plan.process.clock, case.started_at, own, now)
    for timer in case.timers.filter(kind=TimerKind.EVENT, state=TimerState.HELD):
        rule = plan.process.steps[timer.step].timer
        if rule is not None and timer.base_at is not None:
            timer.due_at = event_due(case, rule, timer.base_at, now=now)
        timer.state = TimerState.WAITING
        timer.save(update_fields=["due_at", "state"])


def _set_again(
    case: ProcessCase, clock: Clock, start: datetime, timers: "QuerySet[CaseTimer]", now: datetime
) -> datetime:
    due_at = moments(case, clock, start, now=now)
    for timer in timers.filter(state=TimerState.HELD):
        timer.due_at = due_at.get(TimerKind(timer.kind), timer.due_at)
        timer.state = TimerState.WAITING
        timer.save(update_fields=["due_at", "state"])
    return due_at[TimerKind.OVERDUE]


def wait_for(case: ProcessCase, token: Token, rule: TimerRule, *, now: datetime) -> None:
    """Create the timer of a timer event."""
    CaseTimer.objects.create(
        case=case, kind=TimerKind.EVENT, token=token.number, step=token.step, base_at=now,
        due_at=event_due(case, rule, now, now=now),
    )  # fmt: skip
