"""Background work of quality."""

from chengshu.data.quality.services.evaluation import evaluate
from chengshu.data.quality.services.references import build_references
from chengshu.data.quality.ticketing import recheck_open
from chengshu.kernel.jobs.registration import JobContext, job


@job("quality.evaluate", name="质量评价", patient=True)
def evaluate_resources(
    context: JobContext, *, resources: list[int] | None = None, full: bool = False
) -> dict[str, int]:
    """Evaluate some resources, or all; safe to run again: the newest evaluation simply replaces the one before."""

    def progress(done: int, total: int, title: str) -> None:
        context.progress(done=done, total=total, stage=title)

    done = evaluate(resource_ids=resources, full=full, progress=progress)
    recheck_open([evaluation.resource_id for evaluation in done])
    return {"resources": len(done)}


@job("quality.nightly", name="夜间全量质量评价", patient=True)
def evaluate_nightly(context: JobContext) -> dict[str, int]:
    """Build the references anew, then ask every rule of every table again."""
    context.progress(stage="建立参照", force=True)
    build_references()
    counts: dict[str, int] = evaluate_resources(context, full=True)
    return counts
