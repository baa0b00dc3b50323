"""The clock of a ticket in working days: it starts, stands still while others must act, and goes on.

Defaults: 5 working days for problem data (the precedent of Ningbo), 10 for the decision about an objection
(政务数据共享条例 asks for a limit of checking and correcting; the number is configurable).
"""

from datetime import date, datetime

from chengshu.data.tickets.choices import State
from chengshu.data.tickets.flow import CLOCKS, Clock
from chengshu.data.tickets.models import Policy, Ticket
from chengshu.kernel.calendar.deadlines import Deadline, Pause, due
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import (
    HolidayTable,
    end_of_day,
    local_date,
    working_days_between,
)


def policy() -> Policy:
    """The terms in force; the defaults while nobody has changed them."""
    return Policy.objects.order_by("pk").first() or Policy()


def restart(ticket: Ticket, now: datetime, days: int) -> None:
    """Begin the department's term anew."""
    ticket.clock_started_at, ticket.term_days, ticket.stops = now, days, []


def turn(
    ticket: Ticket,
    before: State,
    now: datetime,
    *,
    until: date | None = None,
    terms: Policy | None = None,
    table: HolidayTable | None = None,
) -> None:
    """Let the clock of the ticket's new state run; ``before`` is the state it comes from.

    ``until`` is the last day of a suspension.
    """
    state = State(ticket.state)
    old, new = CLOCKS[before], CLOCKS[state]
    open_stop = bool(ticket.stops) and ticket.stops[-1][1] is None
    if new in (Clock.BUREAU, Clock.STOPPED) and not open_stop:
        ticket.stops = [*ticket.stops, [now.isoformat(), None]]
    if new is Clock.DEPARTMENT and open_stop:
        ticket.stops = [*ticket.stops[:-1], [ticket.stops[-1][0], now.isoformat()]]
    if new is Clock.DEPARTMENT:
        ticket.due_at = deadline(ticket, now, table).at
    elif new is Clock.STOPPED and until is not None:
        ticket.due_at = end_of_day(until)
    elif new is Clock.BUREAU and old is not Clock.BUREAU:
        own = terms or policy()
        days = own.objection_days if state == State.CONTESTED else own.dispatch_days
        ticket.due_at = due(now, days, table=table or stored_table()).at
    elif new is Clock.NONE:
        ticket.on_time = now < deadline(ticket, now, table).at
        ticket.worked_days = worked(ticket, now, table)
        ticket.due_at = None


def pauses(ticket: Ticket) -> list[Pause]:
    """The times the department's clock stood still."""
    return [
        (datetime.fromisoformat(begin), datetime.fromisoformat(end) if end else None)
        for begin, end in ticket.stops
    ]


def deadline(ticket: Ticket, now: datetime, table: HolidayTable | None = None) -> Deadline:
    """When the department's term ends; moves on while its clock stands still."""
    return due(
        ticket.clock_started_at, ticket.term_days, paused=pauses(ticket), now=now,
        table=table or stored_table(),
    )  # fmt: skip


def worked(ticket: Ticket, now: datetime, table: HolidayTable | None = None) -> int:
    """Working days the department has used, without those its clock stood still."""
    calendar = table or stored_table()
    used = working_days_between(
        local_date(ticket.clock_started_at), local_date(now), table=calendar
    )
    for begin, end in pauses(ticket):
        used -= working_days_between(local_date(begin), local_date(end or now), table=calendar)
    return max(0, used)
