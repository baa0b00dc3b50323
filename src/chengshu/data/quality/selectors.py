"""Reads of quality within the actor's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from chengshu.data.quality.choices import Grade
from chengshu.data.quality.models import Evaluation, Rule, ScoreDay
from chengshu.data.quality.services.days import CITY
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound
from chengshu.kernel.identity.models import Organization

TREND_DAYS = 60


def evaluations(actor: Actor) -> QuerySet[Evaluation]:
    """The latest evaluations the actor may see."""
    rows = Evaluation.objects.filter(latest=True, resource__state="published")
    return scope(actor, "quality.view", rows.select_related("resource", "resource__provider"))


def latest(actor: Actor, resource_id: int) -> Evaluation | None:
    """The latest evaluation of one resource, if the actor may see it."""
    return evaluations(actor).filter(resource=resource_id).first()


def history(evaluation: Evaluation) -> list[Evaluation]:
    """The evaluations of the same resource, oldest first, as many as a trend shows."""
    rows = Evaluation.objects.filter(resource=evaluation.resource_id).order_by("-at")
    return list(reversed(rows[:TREND_DAYS]))


def before(resource_id: int, moment: datetime) -> Evaluation | None:
    """The last evaluation of a resource that was made before ``moment``."""
    rows = Evaluation.objects.filter(resource=resource_id, at__lt=moment)
    return rows.order_by("-at").first()


def rule(actor: Actor, pk: int) -> Rule:
    """One rule.

    Raises:
        NotFound: there is none, or it lies outside the actor's scope.
    """
    found = scope(actor, "quality.view", Rule.objects.select_related("resource")).filter(pk=pk)
    item = found.first()
    if item is None:
        raise NotFound("没有找到这条质量规则。", advice="它可能不在您的权限范围内。")
    return item


@dataclass(frozen=True, slots=True)
class Standing:
    """A department in the ranking, from its newest day."""

    organization: Organization
    day: ScoreDay


def departments(actor: Actor) -> list[Standing]:
    """Departments by score, best first (one query)."""
    rows = scope(actor, "quality.view", ScoreDay.objects.exclude(organization=None))
    newest: dict[int, ScoreDay] = {}
    for row in rows.select_related("organization").order_by("day"):
        newest[row.organization_id or 0] = row
    found = [Standing(row.organization, row) for row in newest.values() if row.organization]
    return sorted(found, key=lambda item: -item.day.score)


def department(actor: Actor, pk: int) -> Organization:
    """A department with a score.

    Raises:
        NotFound: nothing of it was evaluated, or it lies outside the actor's scope.
    """
    rows = scope(actor, "quality.view", ScoreDay.objects.filter(organization=pk))
    found = rows.select_related("organization").first()
    if found is None or found.organization is None:
        raise NotFound(
            "没有找到这个单位的质量评价。", advice="它可能还没有归集数据，或不在您的权限范围内。"
        )
    return found.organization


def trend(organization: Organization | None) -> list[ScoreDay]:
    """The days of a department, or of the city, oldest first."""
    key = f"organization:{organization.pk}" if organization else CITY
    rows = ScoreDay.objects.filter(scope=key).order_by("-day")
    return list(reversed(rows[:TREND_DAYS]))


@dataclass(frozen=True, slots=True)
class TopFix:
    """A fix with the resource it belongs to."""

    evaluation: Evaluation
    fix: dict[str, object]


def top_fixes(rows: Sequence[Evaluation], count: int = 10) -> list[TopFix]:
    """The most rewarding fixes over several resources: those that raise a grade first, then by points."""
    order = list(Grade)
    found = [TopFix(row, fix) for row in rows for fix in row.fixes[:3]]

    def worth(item: TopFix) -> tuple[bool, float]:
        fix = item.fix
        rises = order.index(Grade(str(fix["grade_after"]))) < order.index(
            Grade(str(fix["grade_before"]))
        )
        return rises, float(str(fix["total_after"])) - float(str(fix["total_before"]))

    return sorted(found, key=worth, reverse=True)[:count]


def city_score() -> float:
    """The city's newest score; 0 before the first evaluation."""
    newest = ScoreDay.objects.filter(scope=CITY).order_by("-day").first()
    return round(newest.score, 1) if newest else 0.0
