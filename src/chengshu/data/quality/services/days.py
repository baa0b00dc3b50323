"""Scores of departments and of the city, kept once a day: the trend is made of real evaluations only."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from chengshu.data.quality.choices import Dimension, Grade
from chengshu.data.quality.engine.scoring import Policy, Scores, weighted
from chengshu.data.quality.models import Evaluation, ScoreDay
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

CITY = "city"


@dataclass(frozen=True, slots=True)
class Summary:
    """The score of a set of resources."""

    scores: Scores
    grade: Grade
    resources: int
    grades: dict[str, int]


def summarise(evaluations: Iterable[Evaluation], policy: Policy) -> Summary | None:
    """The mean over resources, each counted once: a small register matters as much as a large log. None for none."""
    rows = list(evaluations)
    if not rows:
        return None
    dimensions = {}
    for dimension in Dimension:
        values = [row.dimensions[dimension] for row in rows if dimension in row.dimensions]
        if values:
            dimensions[str(dimension)] = round(sum(values) / len(values), 4)
    scores = weighted(dimensions, policy)
    return Summary(scores, policy.grade(scores), len(rows), dict(Counter(r.grade for r in rows)))


def renew_days(provider_ids: Collection[int], policy: Policy) -> None:
    """Write today's scores of the departments and of the city from the latest evaluations."""
    latest = list(
        Evaluation.objects.filter(latest=True, resource__state="published").select_related(
            "resource"
        )
    )
    today = timezone.localdate()
    units = Organization.objects.in_bulk(list(provider_ids))
    with unit_of_work():
        _write(CITY, None, summarise(latest, policy), today)
        for key, unit in units.items():
            own = [row for row in latest if row.resource.provider_id == key]
            _write(f"organization:{key}", unit, summarise(own, policy), today)


def _write(scope: str, unit: Organization | None, summary: Summary | None, day: date) -> None:
    if summary is None:
        return
    ScoreDay.objects.update_or_create(
        scope=scope, day=day,
        defaults={
            "organization": unit, "score": round(summary.scores.total, 4), "grade": summary.grade,
            "dimensions": dict(summary.scores.dimensions), "resources": summary.resources,
            "grades": summary.grades,
        },
    )  # fmt: skip
