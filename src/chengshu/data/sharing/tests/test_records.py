"""Pages of single calls are whole and in order, though each reads no older calls than it needs."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from chengshu.data.sharing import calls, records, statistics
from chengshu.data.sharing.statistics import Sum
from chengshu.kernel.access.actor import platform
from chengshu.kernel.unit_of_work import unit_of_work

START = datetime(2026, 3, 1, tzinfo=UTC)
COUNT = 120


@pytest.fixture
def history(db, settings, data_dir):
    """Two calls an hour for sixty hours; every fifth found nothing."""
    settings.LAKE_ROOT = str(data_dir / "lake")
    made = [
        {
            "called_at": START + timedelta(minutes=30 * n), "application": "a", "interface": "i",
            "outcome": "ok" if n % 5 else "no_record", "status": 200, "micros": n,
            "request_id": f"00-{n:03d}",
        }
        for n in range(COUNT)
    ]  # fmt: skip
    table = pa.Table.from_pylist(made, schema=calls.SCHEMA)
    calls.open_table().append(calls.TABLE, table)
    with unit_of_work():
        statistics.add(
            Sum(row["called_at"].replace(minute=0), "a", "i", row["outcome"], 1, 1) for row in made
        )


@pytest.mark.parametrize("outcome", ["", "no_record"])
def test_pages_hold_every_call_once_newest_first(history, outcome):
    seen, page, more = [], 0, True
    while more:
        page += 1
        found = records.latest(platform(), page=page, size=7, outcome=outcome)
        seen += [row.micros for row in found.rows]
        more = found.more
    wanted = [n for n in reversed(range(COUNT)) if not outcome or n % 5 == 0]
    assert seen == wanted


def test_a_page_asks_only_for_the_hours_it_needs(history):
    newest = START + timedelta(hours=59)
    assert records._oldest_needed(platform(), {}, 2) == newest
    assert records._oldest_needed(platform(), {}, 3) == newest - timedelta(hours=1)
    assert records._oldest_needed(platform(), {"outcome": "no_record"}, 1) == START + timedelta(
        hours=57
    )
    assert records._oldest_needed(platform(), {}, COUNT + 1) is None
