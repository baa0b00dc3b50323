"""Single calls as they lie in the lake, newest first, within what a person may see."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from chengshu.data.sharing import calls, selectors
from chengshu.kernel.access.actor import Actor
from chengshu_lake import Lake

PAGE = 50
_SUMS_AT_ONCE = 500
_COLUMNS = (
    "called_at", "application", "interface", "outcome", "status", "micros", "request_id", "purpose",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call; ``micros`` is the handling time in microseconds."""

    called_at: datetime
    application: str
    interface: str
    outcome: str
    status: int
    micros: int
    request_id: str | None
    purpose: str | None


@dataclass(frozen=True, slots=True)
class CallPage:
    """One page of calls; ``more`` tells whether older ones follow."""

    rows: list[CallRecord]
    more: bool


def latest(
    actor: Actor,
    *,
    application: str = "",
    interface: str = "",
    outcome: str = "",
    page: int = 1,
    size: int = PAGE,
) -> CallPage:
    """Calls newest first, ``size`` a page; empty filters mean everything the actor may see."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(calls.TABLE):
        return CallPage([], more=False)
    conditions, values = visible(actor)
    wanted = {"application": application, "interface": interface, "outcome": outcome}
    wanted = {column: value for column, value in wanted.items() if value}
    since = _oldest_needed(actor, wanted, page * size + 1)
    if since is not None:
        # The page needs no older call than this: without the bound every page reads the whole history.
        conditions.append("called_at >= ?")
        values.append(since)
    for column, value in wanted.items():
        conditions.append(f"{column} = ?")
        values.append(value)
    found = lake.read(
        calls.TABLE,
        columns=_COLUMNS,
        where=" AND ".join(conditions) or None,
        params=values,
        order_by=["called_at desc", "request_id desc"],
        limit=page * size + 1,
    ).read_all()
    shown = found.slice((page - 1) * size, size).to_pylist()
    return CallPage([CallRecord(**row) for row in shown], more=found.num_rows > page * size)


def _oldest_needed(actor: Actor, wanted: dict[str, str], count: int) -> datetime | None:
    """The hour from which on there are ``count`` calls, by the hourly sums; None when there are not as many.

    Sums come after their calls, never before them: what the sums know of is in the table.
    """
    rows = selectors.hourly_statistics(actor).filter(**wanted).order_by("-hour")
    for hour, made in rows.values_list("hour", "calls").iterator(_SUMS_AT_ONCE):
        count -= made
        if count <= 0:
            return hour
    return None


def visible(actor: Actor) -> tuple[list[str], list[Any]]:
    """Conditions on the call table that leave what the actor may see, with their values."""
    if selectors.sees_all_calls(actor):
        return [], []
    asking, asked = selectors.call_scope(actor)
    parts = [
        f"{column} IN ({', '.join('?' * len(codes))})"
        for column, codes in (("application", asking), ("interface", asked))
        if codes
    ]
    return [f"({' OR '.join(parts)})" if parts else "1 = 0"], [*asking, *asked]
