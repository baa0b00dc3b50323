"""What happens when time has passed. The worker asks every moment for the timers that are due, by their index.

Each timer is its own transaction: one that cannot be served is tried again later and at last set aside with a notice,
and all others go on.
"""

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from chengshu.kernel.access.actor import platform
from chengshu.kernel.notices.services import notify
from chengshu.kernel.process import candidates
from chengshu.kernel.process.choices import CaseState, TimerKind, TimerState, TraceAct
from chengshu.kernel.process.models import CaseTimer
from chengshu.kernel.process.services import powers
from chengshu.kernel.process.services.holding import task_url
from chengshu.kernel.process.services.pressing import tell, waiting_people
from chengshu.kernel.process.work import CaseWork, locked
from chengshu.kernel.unit_of_work import unit_of_work

log = logging.getLogger("chengshu.process")

BATCH = 200
MAX_ATTEMPTS = 3
BACK_OFF_SECONDS = (30, 300)
_ACTS = {
    TimerKind.WARN: TraceAct.WARN,
    TimerKind.OVERDUE: TraceAct.OVERDUE,
    TimerKind.ESCALATE: TraceAct.ESCALATE,
}
_WORDS = {
    TimerKind.WARN: "即将到期",
    TimerKind.OVERDUE: "已超期",
    TimerKind.ESCALATE: "超期未办，请督促",
}


def serve_due(*, now: datetime | None = None, batch: int = BATCH) -> int:
    """Serve what is due, the oldest first; return how many were looked at."""
    moment = now or timezone.now()
    due = CaseTimer.objects.filter(state=TimerState.WAITING, due_at__lte=moment)
    keys = list(due.order_by("due_at").values_list("pk", "case_id")[:batch])
    for key, case_id in keys:
        try:
            _serve(key, case_id, moment)
        except Exception as error:
            log.exception("timer %s of case %s failed", key, case_id)
            _set_back(key, error)
    return len(keys)


def _serve(key: int, case_id: int, now: datetime) -> None:
    with unit_of_work():
        work = CaseWork(platform("定时"), locked(case_id))
        timer = (
            CaseTimer.objects.filter(pk=key, state=TimerState.WAITING, due_at__lte=now)
            .select_related("task")
            .first()
        )
        if timer is None or work.case.state != CaseState.RUNNING:
            return
        timer.delete()
        if timer.kind == TimerKind.EVENT:
            step = work.plan.process.steps[timer.step]
            work.note(TraceAct.TIMER, step=step, token=timer.token)
            work.advance(timer.token)
        else:
            _tell(work, timer)
        work.save("process.case.timed", kind=timer.kind)


def _tell(work: CaseWork, timer: CaseTimer) -> None:
    kind, task = TimerKind(timer.kind), timer.task
    step = work.plan.process.steps.get(task.step) if task else None
    people = [task.assignee] if task and task.assignee else waiting_people(work.case)
    if kind == TimerKind.ESCALATE:
        clock = step.clock if step else work.plan.process.clock
        people = candidates.nearest(clock.escalate_to if clock else "", work.case.organization)
    where = f"“{task.name}”" if task else "整个办件"
    work.note(_ACTS[kind], step=step, task=task, told=len(people))
    tell(
        work, people, f"{_WORDS[kind]}：{work.case.title}", f"{where}{_WORDS[kind]}。",
        key=f"process:{kind}:{work.case.pk}:{task.pk if task else 0}:{timer.due_at:%Y%m%d%H%M}",
    )  # fmt: skip


def _set_back(key: int, error: Exception) -> None:
    """Try a timer again later; after three failures put it aside and tell who manages processes."""
    with unit_of_work():
        timer = CaseTimer.objects.select_for_update().filter(pk=key).select_related("case").first()
        if timer is None:
            return
        timer.attempts += 1
        timer.error = f"{type(error).__name__}: {error}"[:2000]
        if timer.attempts >= MAX_ATTEMPTS:
            timer.state = TimerState.ASIDE
            notify(
                title=f"办件定时未能执行：{timer.case.title}", body=timer.error,
                organization=timer.case.organization, permission=powers.MANAGE,
                url=task_url(timer.case_id), key=f"process:aside:{timer.pk}",
            )  # fmt: skip
        else:
            wait = BACK_OFF_SECONDS[min(timer.attempts, len(BACK_OFF_SECONDS)) - 1]
            timer.due_at = timezone.now() + timedelta(seconds=wait)
        timer.save()
