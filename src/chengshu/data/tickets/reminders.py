"""The daily round: reminders before and on the last day, escalation after it, and nothing left lying.

Runs on working days only: nobody is late on a Sunday. Safe to repeat: every notice has a key for its day.
"""

from collections import Counter
from datetime import date, datetime

from django.utils import timezone

from chengshu.data.tickets import clock
from chengshu.data.tickets.choices import Escalation, State
from chengshu.data.tickets.flow import CLOCKS, DISPATCH, HANDLE, Clock
from chengshu.data.tickets.models import Policy, Ticket
from chengshu.data.tickets.services.moves import take
from chengshu.data.tickets.services.trace import leave
from chengshu.kernel.access.actor import platform
from chengshu.kernel.calendar.deadlines import overdue, working_days_left
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import HolidayTable, is_working_day, local_date
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

CLOCKMAN = platform("工单计时")
_ORDER = list(Escalation)
_TOLD = {
    Escalation.HEAD: "tickets.escalation.department",
    Escalation.BUREAU: DISPATCH,
    Escalation.LEADERS: "tickets.escalation.city",
}


def run(now: datetime | None = None) -> dict[str, int]:
    """One round; returns counts of what was done."""
    moment, table = now or timezone.now(), stored_table()
    done: Counter[str] = Counter(woken=_wake(moment), orphaned=_orphans())
    today = local_date(moment)
    if not is_working_day(today, table=table):
        return dict(done)
    terms = clock.policy()
    rows = Ticket.objects.exclude(state__in=(State.CLOSED, State.SUSPENDED))
    for pk in list(rows.values_list("pk", flat=True)):
        with unit_of_work():
            ticket = _locked(pk)
            if ticket.state not in (State.CLOSED, State.SUSPENDED):
                done[_one(ticket, moment, today, terms, table)] += 1
    done.pop("", None)
    return dict(done)


def _locked(pk: int) -> Ticket:
    rows = Ticket.objects.select_for_update(of=("self",)).select_related("department", "owner")
    return rows.get(pk=pk)


def _wake(now: datetime) -> int:
    """What waited until a day that has passed goes on."""
    due = Ticket.objects.filter(state=State.SUSPENDED, due_at__lte=now)
    count = 0
    for pk in list(due.values_list("pk", flat=True)):
        with unit_of_work():
            ticket = _locked(pk)
            if ticket.state == State.SUSPENDED:
                take(actor=CLOCKMAN, ticket=ticket, act="wake")
                count += 1
    return count


def _orphans() -> int:
    """Tickets of people who can no longer sign in go back to their department's queue."""
    states = (State.WORKING, State.CHECKING, State.SUSPENDED)
    lost = Ticket.objects.filter(state__in=states, owner__is_active=False)
    count = 0
    for pk in list(lost.values_list("pk", flat=True)):
        with unit_of_work():
            ticket = _locked(pk)
            if ticket.state in states:
                take(actor=CLOCKMAN, ticket=ticket, act="orphan")
                count += 1
    return count


def _one(ticket: Ticket, now: datetime, today: date, terms: Policy, table: HolidayTable) -> str:
    assert ticket.due_at is not None
    left = working_days_left(ticket.due_at, now, table=table)
    if overdue(ticket.due_at, now):
        return _escalate(ticket, max(1, -left), today, terms)
    if left == 0:
        return _remind(ticket, "今天到期", f"due:{today}")
    if left <= terms.remind_days:
        return _remind(ticket, f"还剩 {left} 个工作日", f"soon:{today}")
    return ""


def _remind(ticket: Ticket, words: str, key: str) -> str:
    told = _tell_holder(ticket, f"工单 {ticket.number} {words}", f"ticket:{ticket.pk}:{key}")
    return "reminded" if told else ""


def _tell_holder(ticket: Ticket, title: str, key: str) -> int:
    url, body = ticket.get_absolute_url(), ticket.title
    if CLOCKS[State(ticket.state)] is Clock.BUREAU:
        return notify(
            organization=ticket.department, permission=DISPATCH, title=title, body=body,
            url=url, key=key,
        )  # fmt: skip
    if ticket.owner is not None:
        return notify(account=ticket.owner, title=title, body=body, url=url, key=key)
    return notify(
        organization=ticket.department, permission=HANDLE, title=title, body=body, url=url, key=key
    )


def level_of(days: int, terms: Policy) -> Escalation:
    """How far up a ticket belongs that is ``days`` working days late."""
    if days >= terms.leaders_after:
        return Escalation.LEADERS
    return Escalation.BUREAU if days >= terms.bureau_after else Escalation.HEAD


def _escalate(ticket: Ticket, days: int, today: date, terms: Policy) -> str:
    """Every working day after the end the holder hears of it, and from the first day on somebody above."""
    title = f"工单 {ticket.number} 已超期 {days} 个工作日（{ticket.department.short}）"
    key = f"ticket:{ticket.pk}:late:{today}"
    told = _tell_holder(ticket, title, key)
    wanted, known = level_of(days, terms), Escalation(ticket.escalation)
    level = max(wanted, known, key=_ORDER.index)
    told += notify(
        organization=ticket.department, permission=_TOLD[level], title=title, body=ticket.title,
        url=ticket.get_absolute_url(), key=f"{key}:{level}",
    )  # fmt: skip
    if level != known:
        before = ticket.state
        ticket.escalation = level
        ticket.save(update_fields=["escalation"])
        leave(
            actor=CLOCKMAN, ticket=ticket, action="escalate", before=before,
            reason=f"已超期 {days} 个工作日，报{level.label}", data={"level": str(level)},
        )  # fmt: skip
        return "escalated"
    return "reminded" if told else ""
