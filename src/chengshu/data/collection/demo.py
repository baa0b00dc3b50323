"""Three plans of the demo city that really run: departments drop files, the platform collects them.

What is dropped are rows of the generator: first a part, then all of them, then a delivery that has lost most
rows (held for confirmation) and one that has lost a column (stopped). The lake's rows stay those of the city.
"""

import csv
from datetime import time
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.conf import settings

from chengshu.data.catalog.facade import (
    PublishedResource,
    Warehouse,
    published_by_id,
    published_queryset,
)
from chengshu.data.collection.choices import Mode, ScheduleKind
from chengshu.data.collection.models import Plan
from chengshu.data.collection.services import plans, reconciliation, runs
from chengshu.data.ingest.facade import DataSource, propose_mapping, register_source
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.jobs.services import run_job
from chengshu_demo import Scale, rows

MOST_ROWS = 20_000
_TIMES = ("07:00", "07:20", "18:30")
# Entry, mode, and what the third delivery lacks.
_PLANS = (
    ("gjt_bus_line", Mode.MERGE, ""),
    ("ss_care_institution", Mode.SNAPSHOT, "rows"),
    ("ny_village_coop", Mode.MERGE, "column"),
)


def load(context: Any) -> None:
    """Make the plans and run them, once."""
    resources = {r.physical_name: r.pk for r in published_queryset()}
    made = 0
    for (key, mode, lacking), at in zip(_PLANS, _TIMES, strict=True):
        if key in resources and not Plan.objects.filter(resource_id=resources[key]).exists():
            _plan(context, published_by_id(resources[key]), mode, lacking, at)
            made += 1
    context.say(f"  归集任务 {made} 个，各运行三次")


def _plan(context: Any, resource: PublishedResource, mode: str, lacking: str, at: str) -> None:
    name = resource.physical_name
    folder = Path(settings.DATA_DIR) / "drops" / name
    folder.mkdir(parents=True, exist_ok=True)
    lines = _lines(resource, context.scale)
    _drop(folder, name, 1, resource, lines[: len(lines) * 6 // 10])
    source = _source(context.actor, resource)
    found = plans.look_at(source, f"{name}_*.csv")
    plan = plans.create(
        actor=context.actor, resource_id=resource.id, source=source, object_name=f"{name}_*.csv",
        mapping=propose_mapping(resource.code, found),
        settings=plans.Settings(
            name=f"{resource.title}每日归集", mode=mode, schedule=ScheduleKind.WORKDAY,
            at_time=time.fromisoformat(at), max_lost_percent=20 if lacking else 50,
        ),
    )  # fmt: skip
    # The city's own load has put all rows there: the first part alone must not count as a deletion.
    if mode != Mode.SNAPSHOT:
        _run(context.actor, plan)
    else:
        (folder / f"{name}_1.csv").unlink()
    _drop(folder, name, 2, resource, lines)
    _run(context.actor, plan)
    if lacking == "rows":
        _drop(folder, name, 3, resource, lines[: len(lines) // 3])
    elif lacking == "column":
        _drop(folder, name, 3, resource, lines, without=len(resource.columns) - 1)
    _run(context.actor, plan)
    if not lacking:
        item = reconciliation.ask(actor=context.actor, plan=plan)
        run_job.func(str(item.job_id))


def _run(actor: Actor, plan: Plan) -> None:
    run = runs.run_now(actor=actor, plan=plan)
    run_job.func(str(run.job_id))


def _source(actor: Actor, resource: PublishedResource) -> DataSource:
    name = f"{resource.title}投递"[:80]
    known = DataSource.objects.filter(name=name).first()
    if known is not None:
        return known
    return register_source(
        actor=actor, kind="folder", name=name, secrets={},
        owner=Organization.objects.get(pk=resource.provider_id),
        warehouse=Warehouse.objects.filter(resources__pk=resource.id).first(),
        options={
            "folder": resource.physical_name, "pattern": f"{resource.physical_name}_*.csv",
            "complete": "ok", "order": "name", "encoding": "utf-8",
        },
    )  # fmt: skip


def _lines(resource: PublishedResource, scale: Scale) -> list[list[str]]:
    """Rows as text in the order of the columns."""

    def cells(batch: pa.RecordBatch) -> Any:
        lists = [batch.column(c.name).to_pylist() for c in resource.columns]
        return ([cell or "" for cell in row] for row in zip(*lists, strict=True))

    delivered = chain.from_iterable(map(cells, rows(resource.physical_name, scale=scale)))
    return list(islice(delivered, MOST_ROWS))


def _drop(
    folder: Path,
    name: str,
    number: int,
    resource: PublishedResource,
    lines: list[list[str]],
    *,
    without: int | None = None,
) -> None:
    """A file with its marker, as a department's job would leave it."""
    path = folder / f"{name}_{number}.csv"
    headers = [c.title for c in resource.columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for line in [headers, *lines]:
            writer.writerow([cell for n, cell in enumerate(line) if n != without])
    path.with_name(path.name + ".ok").touch()
