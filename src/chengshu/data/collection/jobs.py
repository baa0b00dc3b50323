"""Background work of the collection plans."""

from typing import Any

from chengshu.data.collection.models import Reconciliation, Run
from chengshu.data.collection.services import backfill, reconciliation, runs, scheduling
from chengshu.data.ingest.facade import clear
from chengshu.kernel.jobs.registration import JobContext, job


@job(runs.RUN, name="归集任务运行")
def run_plan(context: JobContext, *, run: str) -> dict[str, Any]:
    """Execute one run; a repeat after a crash finishes what was begun, once."""
    item = Run.objects.select_related(
        "plan__resource__provider", "plan__source", "batch", "job"
    ).get(pk=run)
    result = runs.execute(context, item)
    clear(item.plan.source)
    if item.backfill_id:
        backfill.advance()
    if item.state == "succeeded" and item.plan.check_after:
        reconciliation.after_run(item)
    return result


@job("collection.tick", name="归集任务定时")
def tick(context: JobContext) -> dict[str, int]:
    """Start what is due; see :func:`scheduling.tick`."""
    del context
    made = scheduling.tick()
    backfill.advance()
    return {"runs": made}


@job("collection.check", name="对账")
def check(context: JobContext, *, reconciliation_id: str) -> dict[str, Any]:
    """Compare source and lake."""
    item = Reconciliation.objects.select_related("plan__resource__provider", "plan__source").get(
        pk=reconciliation_id
    )
    return reconciliation.execute(context, item)
