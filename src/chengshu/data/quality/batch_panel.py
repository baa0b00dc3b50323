"""The grade beside the books of a loaded batch: what the load did to it, and the two most rewarding fixes."""

from datetime import datetime, timedelta
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from chengshu.data.ingest.facade import Batch
from chengshu.data.quality import selectors
from chengshu.data.quality.models import Evaluation
from chengshu.data.quality.presentation import fix_lines, grade_tag, places
from chengshu.kernel.access.actor import Actor

FIXES = 2
# An evaluation that has not come this long after the load is no longer waited for on the page.
PATIENCE = timedelta(minutes=10)


def content(actor: Actor, batch: Batch) -> str:
    """The panel of a loaded batch."""
    if batch.finished_at is None:
        return ""
    return render_to_string(
        "quality/batch_grade.html", grade_since(actor, batch.resource_id, batch.finished_at)
    )


def grade_since(actor: Actor, resource_id: int, since: datetime) -> dict[str, Any]:
    """Template context: the latest grade, how it changed with the data of ``since``, whether one is still to come."""
    evaluation = selectors.latest(actor, resource_id)
    fresh = evaluation is not None and evaluation.at >= since
    context: dict[str, Any] = {
        "resource_id": resource_id, "since": since.isoformat(), "evaluation": evaluation,
        "waiting": not fresh and timezone.now() - since < PATIENCE, "fresh": fresh,
    }  # fmt: skip
    if evaluation is not None:
        context |= {
            "grade": grade_tag(evaluation.grade), "fixes": fix_lines(evaluation)[:FIXES],
            "change": _change(evaluation, since) if fresh else "",
        }  # fmt: skip
    return context


def _change(evaluation: Evaluation, since: datetime) -> str:
    """“比这次归集前高 1.2 分”; empty when nothing was evaluated before."""
    before = selectors.before(evaluation.resource_id, since)
    if before is None:
        return ""
    points = evaluation.score - before.score
    if abs(points) < 0.005:  # noqa: PLR2004 - below what the page shows
        return "和这次归集前一样"
    return f"比这次归集前{'高' if points > 0 else '低'} {places(abs(points))} 分"
