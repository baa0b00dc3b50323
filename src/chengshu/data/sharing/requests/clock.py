"""The clock of a request in working days: each state has its own, a correction lets it stand still."""

from datetime import datetime

from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.flow import OPEN, TERM_OF
from chengshu.data.sharing.requests.models import AccessRequest, RequestPolicy
from chengshu.kernel.calendar.deadlines import Pause, due
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import HolidayTable, local_date, working_days_between


def policy() -> RequestPolicy:
    """The terms in force; the defaults while nobody has changed them."""
    return RequestPolicy.objects.order_by("pk").first() or RequestPolicy()


def turn(item: AccessRequest, before: State | None, now: datetime) -> None:
    """Let the clock of the request's new state run; ``before`` is the state it comes from (None: it was just sent)."""
    state, table = State(item.state), stored_table()
    if state not in OPEN:
        item.due_at = None
    elif state == State.CORRECTION:
        # The holder's clock stands still: the request waits for somebody else.
        item.stops = [*item.stops, [now.isoformat(), None]]
        item.due_at = due(now, policy().correction_days, table=table).at
    elif before == State.CORRECTION:
        item.stops = [*item.stops[:-1], [item.stops[-1][0], now.isoformat()]]
        item.due_at = due(
            item.clock_started_at, item.term_days, paused=pauses(item), now=now, table=table
        ).at
    else:
        item.clock_started_at, item.stops = now, []
        item.term_days = int(getattr(policy(), TERM_OF[state]))
        item.due_at = due(now, item.term_days, table=table).at


def pauses(item: AccessRequest) -> list[Pause]:
    """The times the holder's clock stood still."""
    return [
        (datetime.fromisoformat(begin), datetime.fromisoformat(end) if end else None)
        for begin, end in item.stops
    ]


def used(item: AccessRequest, now: datetime) -> int:
    """Working days the state's holder has used, without those of corrections by somebody else."""
    table = stored_table()
    if item.state == State.CORRECTION:
        return _between(pauses(item)[-1][0], now, table)
    days = _between(item.clock_started_at, now, table)
    days -= sum(_between(begin, end or now, table) for begin, end in pauses(item))
    return max(0, days)


def _between(begin: datetime, end: datetime, table: HolidayTable) -> int:
    return working_days_between(local_date(begin), local_date(end), table=table)
