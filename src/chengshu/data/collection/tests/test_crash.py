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

ROWS, WRONG, GONE, CHANGED = 150_000, 300, 500, 100
KILLS = 10
# Seconds into a run; a run of so many rows takes longer than this on a quick machine too.
WITHIN = 0.6
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
made = {}
for mode, pk in json.loads(sys.argv[1]).items():
    made[mode] = str(runs.run_now(actor=platform("测试"), plan=Plan.objects.get(pk=pk)).pk)
print(json.dumps(made))
"""
LOOK = """
from chengshu.data.collection.models import Run, Lease
found = {}
for mode, pk in json.loads(sys.argv[1]).items():
    run = Run.objects.select_related("plan__resource", "batch", "job").get(pk=pk)
    table, batch = run.plan.resource.lake_table, run.batch
    lake = loading.lake()
    found[mode] = {
        "state": run.state, "message": run.message, "attempts": run.job.attempts,
        "deleted": run.deleted, "leases": Lease.objects.count(),
        "balance": [batch.source_rows, batch.accepted, batch.quarantined, batch.duplicates],
        "written": [batch.inserted, batch.updated, batch.unchanged],
        "rows": lake.count(table),
        "distinct": lake.sql("SELECT count(DISTINCT person_no) AS n FROM t", tables={"t": table})
            .read_all().to_pylist()[0]["n"],
        "commits": len([h for h in lake.history(table) if h.commit_key == f"batch:{batch.pk}"]),
    }
print(json.dumps(found))
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


def _ask(town: City, run: str) -> tuple[str, str, str]:
    """State of a run, of its job, and who works on it: from the file, starting Django takes longer than a run."""
    query = (
        "SELECT r.state, j.state, j.worker FROM collection_run r JOIN jobs_job j ON j.id = r.job_id "
        "WHERE r.id = ?"
    )
    with closing(sqlite3.connect(f"file:{town.folder}/chengshu.sqlite3?mode=ro", uri=True)) as base:
        row = base.execute(query, [run.replace("-", "")]).fetchone()
    return str(row[0]), str(row[1]), str(row[2])


def _kill_each(town: City, plans: dict[str, int], chance: random.Random) -> dict[str, Any]:
    """Run every plan, kill the process that works on it some random time after it began, wait for the end.

    A killed run goes back to the queue, behind the others: so each is looked for whenever it turns up.
    """
    started = town.python(START, json.dumps(plans))
    spared = set(started.values())

    def ended() -> bool:
        for run in started.values():
            state, job, _ = _ask(town, run)
            if run in spared and state == "running" and job == "running":
                spared.discard(run)
                time.sleep(chance.uniform(0, WITHIN))
                _, job, worker = _ask(town, run)
                if job == "running":
                    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
        return all(_ask(town, run)[0] not in {"queued", "running"} for run in started.values())

    wait_for(ended, seconds=400, pause=0.005)
    found: dict[str, Any] = town.python(LOOK, json.dumps(started))
    return found


def test_ten_kills_at_random_moments_lose_and_double_nothing(town: City, people: str) -> None:
    chance = random.Random(383)
    made = town.python(BUILD, json.dumps(_options(people)), ",".join(MODES))
    good, attempts = ROWS - WRONG, 0
    town.start()
    try:
        for mode, found in _kill_each(town, made, chance).items():
            assert found["state"] == "succeeded", found
            assert found["balance"] == [ROWS, good, WRONG, 0], mode
            assert found["written"] == [good, 0, 0], mode
            assert (found["rows"], found["distinct"], found["commits"]) == (good, good, 1), mode
            assert found["leases"] == 0
            attempts += found["attempts"]
        _change(people)
        for mode, found in _kill_each(town, made, chance).items():
            assert found["state"] == "succeeded", found
            left = good - GONE if mode in {"snapshot", "full"} else good
            assert (found["rows"], found["distinct"], found["commits"]) == (left, left, 1), mode
            source, accepted, quarantined, duplicates = found["balance"]
            assert source == accepted + quarantined + duplicates
            assert accepted == sum(found["written"])
            expected = {"merge": CHANGED, "snapshot": CHANGED, "incremental": CHANGED}
            assert found["written"][1] == expected.get(mode, 0), mode
            if mode == "snapshot":
                assert found["deleted"] == GONE
            attempts += found["attempts"]
    finally:
        town.stop()
    # Kills must really have hit runs at work, or this test proves nothing.
    assert attempts >= KILLS + KILLS // 2


def _change(address: str) -> None:
    """Rows go, rows change."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DELETE FROM crash.people WHERE no > %s", [f"P{ROWS - GONE:07d}"])
        connection.execute(
            "UPDATE crash.people SET amount = 1, changed = changed + INTERVAL '30 days' "
            "WHERE no BETWEEN %s AND %s",
            [f"P{WRONG + 1:07d}", f"P{WRONG + CHANGED:07d}"],
        )
