"""The same faults at real servers: PostgreSQL, MariaDB and an HTTP interface that lies."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pymysql
import pytest
from django.utils import timezone

from chengshu.data.collection.choices import RunState
from chengshu.data.collection.models import Lease, Plan
from chengshu.data.collection.services import plans, runs
from chengshu.data.collection.tests.factories import ITEMS, books, go, held, work
from chengshu.data.ingest.facade import DataSource, loading, register_source
from chengshu.data.ingest.services.sources import change_secrets
from chengshu.data.ingest.sources.tests.test_rest import Site
from chengshu.data.ingest.tests import factories
from chengshu.kernel.access.actor import Actor, platform

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.service]
ROWS = 60_000
MAPPING = {
    "no": "person_no", "name": "full_name", "sex": "gender", "day": "registered_on",
    "amount": "amount", "changed": "changed_at",
}  # fmt: skip
NOTED = {**MAPPING, "note": "note"}
Make = Callable[..., Plan]


@pytest.fixture
def resource(cast, lake_dir):
    return factories.publish(cast.department_a, [*ITEMS, {"name": "note", "title": "备注"}])


@pytest.fixture
def people(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A department's schema; ``people`` is a view whose server ends the connection in the middle while told to."""
    schema = f"faults_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"SET search_path = {schema}")
        connection.execute("CREATE TABLE fault AS SELECT false AS present")
        connection.execute(
            "CREATE TABLE person (no text PRIMARY KEY, name text, sex text, day date, "
            "amount numeric(12, 2), changed timestamp, note text)"
        )
        connection.execute(
            f"CREATE VIEW people AS SELECT p.* FROM person p WHERE p.no <> 'P{ROWS - 9:07d}' "
            "OR NOT (SELECT present FROM fault) OR pg_terminate_backend(pg_backend_pid())"
        )
        yield connection
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


def schema_of(connection: psycopg.Connection[Any]) -> str:
    found = connection.execute("SELECT current_schema()").fetchone()
    assert found is not None
    return str(found[0])


def put(connection: psycopg.Connection[Any], first: int, last: int, changed: str) -> None:
    connection.execute(
        "INSERT INTO person SELECT 'P' || lpad(n::text, 7, '0'), '张三', '1', DATE '2026-01-01', 12.5, "
        f"{changed}, repeat('长', 120) FROM generate_series({first}, {last}) n"
    )


@pytest.fixture
def planned(cast, resource, people, postgres_url: str) -> Make:
    """A function that makes a plan over the schema."""
    known = psycopg.conninfo.conninfo_to_dict(postgres_url)
    source = register_source(
        actor=platform("测试"), kind="postgresql", name="业务库", owner=cast.department_a,
        options={
            "host": known.get("host", "127.0.0.1"), "port": int(known.get("port") or 5432),
            "database": known["dbname"], "user": known.get("user", ""),
        },
        secrets={"password": str(known.get("password") or "")},
    )  # fmt: skip

    def make(actor: Actor, table: str = "person", **settings: Any) -> Plan:
        return plans.create(
            actor=actor, resource_id=resource.pk, source=source, mapping=NOTED,
            object_name=f"{schema_of(people)}.{table}",
            settings=plans.Settings(**({"name": "甲", "mode": "merge"} | settings)),
        )  # fmt: skip

    return make


@pytest.mark.postgres
def test_a_server_that_goes_away_half_way_leaves_nothing_half_and_the_run_goes_on(
    planned: Make, people: psycopg.Connection[Any], resource, officer
):
    put(people, 1, ROWS, "now()::timestamp")
    people.execute("UPDATE fault SET present = true")
    run = go(officer, planned(officer, "people"))
    assert run.state == RunState.FAILED
    assert "断" in run.message
    assert not loading.lake().exists(resource.lake_table)
    assert not run.batch.folder.exists()
    assert not Lease.objects.exists()
    people.execute("UPDATE fault SET present = false")
    run = work(runs.resume(actor=officer, run=run))
    assert books(run)[:4] == (ROWS, ROWS, 0, ROWS)


@pytest.mark.postgres
def test_a_column_renamed_on_the_server_stops_the_run_and_a_new_mapping_resumes_it(
    planned: Make, people: psycopg.Connection[Any], resource, officer
):
    put(people, 1, 3, "now()::timestamp")
    plan = planned(officer)
    go(officer, plan)
    people.execute("DROP VIEW people")
    people.execute("ALTER TABLE person RENAME COLUMN amount TO total")
    people.execute("UPDATE person SET name = '李四'")
    run = go(officer, plan)
    assert run.state == RunState.DRIFTED
    assert "“amount”不见了（可能改名为“total”）" in run.message
    assert {row["full_name"] for row in held(resource.lake_table).values()} == {"张三"}
    mapping = {("total" if c == "amount" else c): item for c, item in NOTED.items()}
    plans.change(
        actor=officer, plan=plan, settings=plans.Settings(name="甲", mode="merge"), mapping=mapping
    )
    assert work(runs.resume(actor=officer, run=run)).state == RunState.SUCCEEDED
    assert {row["full_name"] for row in held(resource.lake_table).values()} == {"李四"}


@pytest.mark.postgres
def test_rows_ahead_of_the_clock_of_their_source_lose_nothing_of_the_meantime(
    planned: Make, people: psycopg.Connection[Any], resource, officer
):
    now = "(now() AT TIME ZONE 'Asia/Shanghai')"
    plan = planned(officer, mode="incremental", cursor_column="changed", cursor_kind="datetime")
    put(people, 1, 1, f"{now} - INTERVAL '1 hour'")
    put(people, 2, 2, f"{now} + INTERVAL '3 hours'")
    run = go(officer, plan)
    assert (run.state, run.future) == (RunState.SUCCEEDED, 1)
    assert run.skew_seconds == pytest.approx(3 * 3600, abs=60)
    assert "比来源自己的时钟快" in run.message
    # New rows lie before the one from the future.
    put(people, 3, 3, now)
    assert books(go(officer, plan))[3] == 1
    assert len(held(resource.lake_table)) == 3


@pytest.mark.postgres
def test_a_worker_whose_clock_is_behind_goes_by_the_clock_of_the_source_and_shows_the_difference(
    planned: Make, people: psycopg.Connection[Any], resource, officer, monkeypatch
):
    now = "(now() AT TIME ZONE 'Asia/Shanghai')"
    plan = planned(officer, mode="incremental", cursor_column="changed", cursor_kind="datetime")
    put(people, 1, 5, now)
    real = timezone.now
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: real() - timedelta(hours=2))
        run = go(officer, plan)
    assert (run.state, run.future, books(run)[3]) == (RunState.SUCCEEDED, 0, 5)
    plan.refresh_from_db()
    assert plan.high_water != ""
    plan.source.refresh_from_db()
    assert plan.source.clock_skew == pytest.approx(2 * 3600, abs=60)
    put(people, 6, 6, now)
    run = go(officer, plan)
    assert (books(run)[3], run.future) == (1, 0)
    assert len(held(resource.lake_table)) == 6


@pytest.mark.mariadb
def test_a_changed_password_stops_the_run_in_words_and_the_new_one_resumes_it(
    mariadb_url: str, cast, resource, officer
):
    parts, name = urlsplit(mariadb_url), f"faults_{uuid4().hex[:10]}"
    admin = pymysql.connect(
        host=parts.hostname or "", port=parts.port or 3306, user=parts.username,
        password=parts.password or "", charset="utf8mb4", autocommit=True,
    )  # fmt: skip
    with closing(admin), admin.cursor() as cursor:
        cursor.execute("SELECT SUBSTRING_INDEX(USER(), '@', -1)")
        user = f"{name}@'{(cursor.fetchone() or ('%',))[0]}'"
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            cursor.execute(f"CREATE USER {user} IDENTIFIED BY 'old-Secret1'")
            cursor.execute(f"GRANT SELECT ON {name}.* TO {user}")
            cursor.execute(
                f"CREATE TABLE {name}.person AS SELECT 'P1' AS no, '张三' AS name, '1' AS sex, "
                "DATE '2026-01-01' AS day, 12.50 AS amount, TIMESTAMP '2026-01-01 08:00:00' AS changed"
            )
            source = register_source(
                actor=platform("测试"), kind="mysql", name="业务库", owner=cast.department_a,
                options={
                    "host": parts.hostname, "port": parts.port or 3306, "database": name,
                    "user": name,
                },
                secrets={"password": "old-Secret1"},
            )  # fmt: skip
            plan = plans.create(
                actor=officer, resource_id=resource.pk, source=source,
                object_name=f"{name}.person", mapping=MAPPING,
                settings=plans.Settings(name="甲", mode="merge"),
            )  # fmt: skip
            assert go(officer, plan).state == RunState.SUCCEEDED
            cursor.execute(f"ALTER USER {user} IDENTIFIED BY 'new-Secret2'")
            cursor.execute(f"UPDATE {name}.person SET name = '李四'")
            run = go(officer, plan)
            assert run.state == RunState.FAILED
            assert "密码" in run.message
            assert "Secret" not in run.message
            assert held(resource.lake_table)["P1"]["full_name"] == "张三"
            change_secrets(actor=officer, source=source, secrets={"password": "new-Secret2"})
            run = work(runs.resume(actor=officer, run=run))
            assert run.state == RunState.SUCCEEDED
            assert held(resource.lake_table)["P1"]["full_name"] == "李四"
        finally:
            cursor.execute(f"DROP DATABASE {name}")
            cursor.execute(f"DROP USER IF EXISTS {user}")


def test_an_interface_that_lies_about_its_pages_loads_nothing_until_it_is_honest(
    cast, resource, officer, settings
):
    settings.SOURCES_MAY_BE_LOCAL = True
    people = [
        {"no": f"P{n}", "name": "张三", "sex": "1", "day": "2026-01-01", "amount": "1", "changed": None}
        for n in range(7)
    ]  # fmt: skip
    told = {"total": 9}

    def answer(_path: str, query: dict[str, str], _headers: dict[str, str]) -> Any:
        start = (int(query.get("page", 1)) - 1) * 3
        return 200, {}, {"rows": people[start : start + 3], "total": told["total"]}

    site = Site()
    try:
        site.handle = answer
        source = DataSource.objects.create(
            name="接口", owner=cast.department_a, kind="rest",
            options={
                "url": f"{site.url}/persons", "per_minute": 60_000, "timeout": 5, "paging": "page",
                "page_param": "page", "size_param": "size", "page_size": 3, "records": "rows",
                "total_path": "total",
            },
        )  # fmt: skip
        plan = plans.create(
            actor=officer, resource_id=resource.pk, source=source, object_name="/", mapping=MAPPING,
            settings=plans.Settings(name="甲", mode="merge"),
        )  # fmt: skip
        run = go(officer, plan)
        assert run.state == RunState.FAILED
        assert "说共有 9 条，只给了 7 条" in run.message
        assert not loading.lake().exists(resource.lake_table)
        assert not run.batch.folder.exists()
        told["total"] = 7
        assert books(work(runs.resume(actor=officer, run=run)))[:3] == (7, 7, 0)
    finally:
        site.close()
