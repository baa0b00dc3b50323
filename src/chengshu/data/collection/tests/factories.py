"""Plans and runs for tests."""

from typing import Any

from chengshu.data.catalog.models import Resource
from chengshu.data.collection.models import Plan, Run
from chengshu.data.collection.services import plans, runs
from chengshu.data.collection.tests.shop import MAPPING
from chengshu.data.ingest.facade import DataSource, loading
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.jobs.services import run_job

ITEMS: tuple[dict[str, Any], ...] = (
    {"name": "person_no", "title": "人员编号", "is_key": True, "nullable": False, "length": 20},
    {"name": "full_name", "title": "姓名", "nullable": False, "length": 30, "sensitivity": "L3"},
    {"name": "gender", "title": "性别", "code_table": "gender"},
    {"name": "registered_on", "title": "登记日期", "type": "date"},
    {"name": "amount", "title": "金额", "type": "decimal", "precision": 12, "scale": 2},
    {"name": "changed_at", "title": "更新时间", "type": "datetime"},
)
LOG_ITEMS = tuple({**item, "is_key": False} for item in ITEMS)


def make_plan(actor: Actor, resource: Resource, source: DataSource, **changes: Any) -> Plan:
    """A plan of the fake source; incremental ones use ``changed``."""
    depends_on = changes.pop("depends_on", ())
    values: dict[str, Any] = {"name": f"计划{Plan.objects.count() + 1}", "mode": "merge"} | changes
    if values["mode"] == "incremental":
        values = {"cursor_column": "changed", "cursor_kind": "datetime"} | values
    return plans.create(
        actor=actor, resource_id=resource.pk, source=source, object_name="main.people",
        mapping=MAPPING, settings=plans.Settings(**values), depends_on=depends_on,
    )  # fmt: skip


def go(actor: Actor, plan: Plan) -> Run:
    """Run a plan as the worker would."""
    return work(runs.run_now(actor=actor, plan=plan))


def work(run: Run) -> Run:
    """Execute a queued run."""
    run.refresh_from_db()
    run_job.func(str(run.job_id))
    return Run.objects.select_related("batch", "plan__resource__provider").get(pk=run.pk)


def books(run: Run) -> tuple[int, int, int, int, int, int, int]:
    """source, accepted, quarantined, inserted, updated, unchanged, deleted."""
    b = run.batch
    assert b is not None
    assert b.source_rows == b.accepted + b.quarantined + b.duplicates
    return (
        b.source_rows, b.accepted, b.quarantined, b.inserted, b.updated, b.unchanged, run.deleted,
    )  # fmt: skip


def held(table: str) -> dict[str, dict[str, Any]]:
    """The rows of the lake by key."""
    rows = loading.lake().read(table).read_all().to_pylist()
    return {row["person_no"]: row for row in rows}
