"""Counts the gateway's audited calls back into the platform: every call a row in the lake, every hour a sum.

Call rows go to the lake table ``ops/share_calls`` and hourly sums to the database. A run reads from where the last
one stopped; the commit key of the lake and the cursor in the database make a killed run count nothing twice.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.db.models import F

from chengshu.data.sharing.models import CallCursor, CallStatistic
from chengshu.data.sharing.publishing import gateway_dir
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.audit_reader import Call, read_calls
from chengshu_lake import Lake

TABLE = "ops/share_calls"
SCHEMA = pa.schema(
    [
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
)
CURSOR = "gateway"
BATCH = 50_000

Sums = Counter[tuple[datetime, str, str, str]]


def open_table() -> Lake:
    """The lake, with the call table in place."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(TABLE):
        lake.create(TABLE, SCHEMA, description="共享调用明细")
    return lake


def collect(*, limit: int = BATCH) -> int:
    """Take over calls that are new since the last run; return how many."""
    cursor, _created = CallCursor.objects.get_or_create(name=CURSOR)
    folder = gateway_dir() / "audit"
    if not folder.is_dir():
        return 0
    found = list(islice(read_calls(folder, cursor.position), limit))
    if not found:
        return 0
    lake = open_table()
    table = pa.Table.from_pylist([_row(call) for _position, call in found], schema=SCHEMA)
    # A killed run repeats with the same cursor, therefore the same key, therefore writes nothing new. Were the
    # rows of the repeat more than those of the first try, the limit below keeps both equal.
    result = lake.append(TABLE, table, commit_key=f"calls-{cursor.batch}", source="gateway audit")
    if result.replayed:
        found = found[: result.inserted]
    add_statistics(
        ((c.time, c.app, c.interface, c.outcome, 1, c.micros) for _p, c in found),
        cursor=(cursor.batch, found[-1][0]),
    )
    return len(found)


def add_statistics(
    rows: Iterable[tuple[datetime, str, str, str, int, int]],
    *,
    cursor: tuple[int, str] | None = None,
) -> int:
    """Add ``(time, application, interface, outcome, calls, microseconds)`` to the hourly sums; return the calls."""
    calls: Sums = Counter()
    micros: Sums = Counter()
    for time, application, interface, outcome, count, spent in rows:
        hour = time.replace(minute=0, second=0, microsecond=0)
        key = (hour, application[:64] or "-", interface[:64] or "-", outcome[:40])
        calls[key] += count
        micros[key] += spent
    with unit_of_work():
        for key, count in calls.items():
            hour, application, interface, outcome = key
            item, created = CallStatistic.objects.get_or_create(
                hour=hour, application=application, interface=interface, outcome=outcome,
                defaults={"calls": count, "micros": micros[key]},
            )  # fmt: skip
            if not created:
                CallStatistic.objects.filter(pk=item.pk).update(
                    calls=F("calls") + count, micros=F("micros") + micros[key]
                )
        if cursor is not None:
            CallCursor.objects.filter(name=CURSOR, batch=cursor[0]).update(
                batch=cursor[0] + 1, position=cursor[1]
            )
    return sum(calls.values())


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
