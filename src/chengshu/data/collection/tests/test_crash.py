"""``kill -9`` of a real worker at ten random moments of collection runs: each is loaded once, and the books balance."""

import json
import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo

from chengshu.data.ingest.tests.test_crash import City, town, wait_for

__all__ = ["town"]

ROWS, WRONG, GONE = 60_000, 300, 500
KILLS = 10
MODES = ("merge", "incremental", "snapshot", "full", "append")

pytestmark = [
    pytest.mark.crash, pytest.mark.service, pytest.mark.postgres, pytest.mark.timeout(900),
]  # fmt: skip

BUILD = """
from chengshu.kernel.identity.tests.cast import make_cast
from chengshu.kernel.access.actor import platform
from chengshu.data.collection.services import plans
from chengshu.data.ingest.facade import register_source
from chengshu.data.ingest.tests import factories
from chengshu.data.collection.tests.factories import ITEMS
cast = make_cast()
options = json.loads(sys.argv[1])
actor = platform("测试")
source = register_source(
    actor=actor, kind="postgresql", name="业务库", owner=cast.department_a, options=options,
    secrets={"password": options.pop("password", "")},
)
mapping = {"no": "person_no", "name": "full_name", "sex": "gender", "day": "registered_on",
           "amount": "amount", "changed": "changed_at"}
made = {}
for mode in sys.argv[2].split(","):
    resource = factories.publish(cast.department_a, ITEMS, title=mode, physical_name=mode)
    plan = plans.create(
        actor=actor, resource_id=resource.pk, source=source, object_name="crash.people",
        mapping=mapping, settings=plans.Settings(
            name=mode, mode=mode, cursor_column="changed" if mode == "incremental" else "",
            cursor_kind="datetime" if mode == "incremental" else "", max_lost_percent=50,
        ),
    )
    made[mode] = plan.pk
print(json.dumps(made))
"""
START = """
from chengshu.kernel.access.actor import platform
from chengshu.data.collection.models import Plan
from chengshu.data.collection.services import runs
run = runs.run_now(actor=platform("测试"), plan=Plan.objects.get(pk=sys.argv[1]))
print(json.dumps(str(run.pk)))
"""
LOOK = """
from chengshu.data.collection.models import Run, Lease
run = Run.objects.select_related("plan__resource", "batch", "job").get(pk=sys.argv[1])
table, batch = run.plan.resource.lake_table, run.batch
lake = loading.lake()
there = lake.exists(table)
print(json.dumps({
    "state": run.state, "message": run.message, "attempts": run.job.attempts,
    "deleted": run.deleted, "high_water": run.plan.high_water, "leases": Lease.objects.count(),
    "balance": batch and [batch.source_rows, batch.accepted, batch.quarantined, batch.duplicates],
    "written": batch and [batch.inserted, batch.updated, batch.unchanged],
    "rows": lake.count(table) if there else 0,
    "distinct": lake.sql("SELECT count(DISTINCT person_no) AS n FROM t", tables={"t": table})
        .read_all().to_pylist()[0]["n"] if there else 0,
    "commits": len([h for h in lake.history(table) if h.commit_key == f"batch:{batch.pk}"])
        if there and batch else 0,
}))
"""


@pytest.fixture
def people(postgres_url: str) -> Any:
    """A department's table in a database of its own."""
    name = f"crash_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    address = conninfo.make_conninfo(postgres_url, dbname=name)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA crash")
        connection.execute(
            "CREATE TABLE crash.people AS SELECT 'P' || lpad(n::text, 7, '0') AS no, '张三' AS name, "
            f"CASE WHEN n <= {WRONG} THEN '9' ELSE '1' END AS sex, DATE '2026-01-01' AS day, "
            "12.50::numeric(12, 2) AS amount, "
            "TIMESTAMP '2026-01-01 00:00:00' + n * INTERVAL '1 second' AS changed "
            f"FROM generate_series(1, {ROWS}) n"
        )
    yield address
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _options(address: str) -> dict[str, Any]:
    known = conninfo.conninfo_to_dict(address)
    return {
        "host": known.get("host", "127.0.0.1"), "port": int(known.get("port") or 5432),
        "database": known["dbname"], "user": known.get("user", ""),
        "password": str(known.get("password") or ""),
    }  # fmt: skip


def _state(town: City, run: str) -> str:
    """The state of a run, read from the file: starting Django would take longer than the run."""
    with closing(sqlite3.connect(f"file:{town.folder}/chengshu.sqlite3?mode=ro", uri=True)) as base:
        row = base.execute(
            "SELECT state FROM collection_run WHERE id = ?", [run.replace("-", "")]
        ).fetchone()
    return str(row[0])


def _run_with_a_kill(town: City, plan: int, moment: float) -> dict[str, Any]:
    """Start a run, kill the working process some time after it began, and wait for the end."""
    run = town.python(START, str(plan))
    wait_for(lambda: _state(town, run) != "queued", pause=0.01)
    time.sleep(moment)
    os.kill(town.child(), signal.SIGKILL)
    wait_for(lambda: _state(town, run) not in {"queued", "running"}, pause=0.1)
    found: dict[str, Any] = town.python(LOOK, run)
    assert found["state"] == "succeeded", json.dumps(found, ensure_ascii=False)
    return found


def test_ten_kills_at_random_moments_lose_and_double_nothing(town: City, people: str) -> None:
    chance = random.Random(383)
    made = town.python(BUILD, json.dumps(_options(people)), ",".join(MODES))
    town.start()
    attempts = 0
    try:
        for mode in MODES:
            found = _run_with_a_kill(town, made[mode], chance.uniform(0, 1.2))
            good = ROWS - WRONG
            assert found["balance"] == [ROWS, good, WRONG, 0], mode
            assert found["written"] == [good, 0, 0], mode
            assert (found["rows"], found["distinct"], found["commits"]) == (good, good, 1), mode
            assert found["leases"] == 0
            attempts += found["attempts"]
        with psycopg.connect(people, autocommit=True) as connection:
            connection.execute(f"DELETE FROM crash.people WHERE no > 'P{ROWS - GONE:07d}'")
            connection.execute(
                "UPDATE crash.people SET amount = 1, changed = changed + INTERVAL '30 days' "
                f"WHERE no BETWEEN 'P{WRONG + 1:07d}' AND 'P{WRONG + 100:07d}'"
            )
        for mode in MODES:
            found = _run_with_a_kill(town, made[mode], chance.uniform(0, 1.2))
            left = good - GONE if mode in ("snapshot", "full") else good
            assert (found["rows"], found["distinct"], found["commits"]) == (left, left, 1), mode
            source, accepted, quarantined, duplicates = found["balance"]
            assert source == accepted + quarantined + duplicates
            assert accepted == sum(found["written"])
            if mode in ("merge", "snapshot", "incremental"):
                assert found["written"][1] == 100, mode
            if mode == "append":
                assert found["written"][:2] == [0, 0]
            if mode == "snapshot":
                assert found["deleted"] == GONE
            attempts += found["attempts"]
    finally:
        town.stop()
    # Most kills must really have hit a run at work, or this test proves nothing.
    assert attempts >= KILLS + 4
