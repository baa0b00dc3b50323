"""Single calls as they lie in the lake, newest first, within what a person may see."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from chengshu.data.sharing import calls, selectors
from chengshu.kernel.access.actor import Actor
from chengshu_lake import Lake

PAGE = 50
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
    conditions, values = _visible(actor)
    for column, wanted in (
        ("application", application), ("interface", interface), ("outcome", outcome),
    ):  # fmt: skip
        if wanted:
            conditions.append(f"{column} = ?")
            values.append(wanted)
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


def _visible(actor: Actor) -> tuple[list[str], list[Any]]:
    if selectors.sees_all_calls(actor):
        return [], []
    asking, asked = selectors.call_scope(actor)
    parts = [
        f"{column} IN ({', '.join('?' * len(codes))})"
        for column, codes in (("application", asking), ("interface", asked))
        if codes
    ]
    return [f"({' OR '.join(parts)})" if parts else "1 = 0"], [*asking, *asked]
