"""Counts the gateway's audited calls back into the platform: every call a row in the lake, every hour a sum.

Call rows go to the lake table ``ops/share_calls`` and hourly sums to the database, in three steps: reserve the
stretch of the trail in the cursor, append it to the lake under a key made of the stretch, then add the sums and
move the cursor in one transaction. A run killed between any two of them repeats the same stretch with the same key
and counts nothing twice; two runs at once take over the same stretch, and one of them counts.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from django.conf import settings

from chengshu.data.sharing.models import CallCursor
from chengshu.data.sharing.publishing import gateway_dir
from chengshu.data.sharing.statistics import Sum, add
from chengshu.kernel.errors import Conflict
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.audit_reader import Call, read_calls
from chengshu_lake import Lake

TABLE = "ops/share_calls"
_FIELDS: list[Any] = [
    pa.field("called_at", pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field("application", pa.string(), nullable=False),
    pa.field("interface", pa.string(), nullable=False),
    pa.field("outcome", pa.string(), nullable=False),
    pa.field("status", pa.int32(), nullable=False),
    pa.field("micros", pa.int64(), nullable=False),
    pa.field("key_hash", pa.string()),
    pa.field("request_id", pa.string()),
    pa.field("purpose", pa.string()),
]
SCHEMA = pa.schema(_FIELDS)
CURSOR = "gateway"
BATCH = 50_000
KEEP_HOURS = 24
"""Longer than any reader takes."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the trail that is being taken over: from ``start`` to ``end``, the reader's positions.

    ``last`` holds the last sequence number per worker when it was reserved: what came in since is not part of it.
    """

    batch: int
    start: str
    end: str
    last: dict[int, int]


def open_table() -> Lake:
    """The lake, with the call table in place."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(TABLE):
        lake.create(TABLE, SCHEMA, description="共享调用明细")
    return lake


def compact() -> tuple[int, int]:
    """Fold the small files that a run every minute leaves into few; returns files before and after.

    No row changes, what was taken over stays known, and a run that takes calls over meanwhile waits for its turn.
    Files of before go a day later: nobody asks for an older version of this table, and each folding leaves one.
    """
    lake = open_table()
    done = lake.compact(TABLE)
    lake.vacuum(TABLE, keep_hours=KEEP_HOURS)
    return done.files_before, done.files_after


def collect(*, limit: int = BATCH) -> int:
    """Take over calls that are new since the last run; return how many this run counted."""
    stretch = reserve(limit=limit)
    if stretch is None:
        return 0
    found = read(stretch)
    if not found:
        raise Conflict(
            "已登记的一段调用记录读不到了，没有汇总。", kept="已汇总的调用没有变化。",
            advice="请先核验共享调用留痕，并检查网关的数据目录。",
        )  # fmt: skip
    rows = pa.Table.from_pylist([_row(call) for call in found], schema=SCHEMA)
    open_table().append(TABLE, rows, commit_key=_commit_key(stretch, found), source="gateway audit")
    return settle(stretch, found)


def lock() -> CallCursor:
    """Keep other writers of statistics out until the caller's transaction ends; returns the cursor."""
    CallCursor.objects.get_or_create(name=CURSOR)
    return CallCursor.objects.select_for_update().get(name=CURSOR)


def reserve(*, limit: int = BATCH) -> Stretch | None:
    """Fix which stretch is taken over next: the one a killed run left, else what is new; None when nothing is."""
    folder = gateway_dir() / "audit"
    with unit_of_work():
        cursor = lock()
        if cursor.pending is None and folder.is_dir():
            last: dict[str, int] = {}
            position = ""
            for position, call in read_calls(folder, cursor.position, limit=limit):  # noqa: B007
                last[str(call.worker)] = call.seq
            if last:
                cursor.pending = {"position": position, "last": last}
                cursor.save(update_fields=["pending"])
    if cursor.pending is None:
        return None
    numbers = {int(worker): seq for worker, seq in cursor.pending["last"].items()}
    return Stretch(cursor.batch, cursor.position, cursor.pending["position"], numbers)


def read(stretch: Stretch) -> list[Call]:
    """The calls of a reserved stretch, the same whenever it is read."""
    found: list[Call] = []
    left = set(stretch.last)
    for _position, call in read_calls(gateway_dir() / "audit", stretch.start):
        final = stretch.last.get(call.worker, -1)
        if call.seq <= final:
            found.append(call)
        if call.seq >= final:
            left.discard(call.worker)
        if not left:
            break
    return found


def _commit_key(stretch: Stretch, found: list[Call]) -> str:
    """Names the stretch by where it lies and what it holds: another trail at the same place has another key."""
    first, final = found[0], found[-1]
    parts = (
        stretch.start, stretch.end, first.request_id, first.time.isoformat(), final.request_id,
        final.time.isoformat(), str(len(found)),
    )  # fmt: skip
    return "calls-" + hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]


def settle(stretch: Stretch, found: Iterable[Call]) -> int:
    """Add the sums and move the cursor, together; 0 when another run has done so already."""
    with unit_of_work():
        moved = CallCursor.objects.filter(name=CURSOR, batch=stretch.batch).update(
            batch=stretch.batch + 1, position=stretch.end, pending=None
        )
        if not moved:
            return 0
        return add(
            Sum(
                _hour(c.time), c.app, c.interface, c.outcome, 1, c.micros,
                c.cost if c.counted else 0,
            )
            for c in found
        )  # fmt: skip


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _row(call: Call) -> dict[str, Any]:
    return {
        "called_at": call.time,
        "application": call.app,
        "interface": call.interface,
        "outcome": call.outcome,
        "status": call.status,
        "micros": call.micros,
        "key_hash": call.key_hash,
        "request_id": call.request_id,
        "purpose": call.purpose,
    }
