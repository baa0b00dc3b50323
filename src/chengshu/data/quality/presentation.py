"""How grades, dimensions and fixes read on pages."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from chengshu.data.quality.choices import Dimension, Grade, RuleOrigin, Severity
from chengshu.data.quality.engine.scoring import ACCESS, FRESHNESS
from chengshu.data.quality.models import Evaluation, RuleResult
from chengshu.kernel.ui.components import StatusTag, Tone

_TONES: dict[str, Tone] = {
    Grade.EXCELLENT: "teal", Grade.GOOD: "teal", Grade.FAIR: "blue", Grade.WEAK: "amber",
    Grade.POOR: "red",
}  # fmt: skip
_ICONS = {
    Grade.EXCELLENT: "circle-check", Grade.GOOD: "circle-check", Grade.FAIR: "circle-dot",
    Grade.WEAK: "alert-triangle", Grade.POOR: "circle-x",
}  # fmt: skip


def grade_tag(grade: str) -> StatusTag:
    """The tag of a grade."""
    return StatusTag(Grade(grade).label, _TONES[grade], _ICONS[Grade(grade)])


def places(value: float) -> str:
    """A score as people read it: one place, two where it is close to full."""
    return f"{value:.2f}" if 99 <= value < 100 else f"{value:.1f}"  # noqa: PLR2004 - close to full


@dataclass(frozen=True, slots=True)
class FixLine:
    """One line of "what to fix first"."""

    title: str
    effect: str
    grade: str
    url: str


def fix_lines(evaluation: Evaluation) -> list[FixLine]:
    """The fixes of an evaluation, most rewarding first."""
    return [fix_line(evaluation, fix) for fix in evaluation.fixes]


def fix_line(evaluation: Evaluation, fix: dict[str, Any]) -> FixLine:
    """把 23 条身份号码校验位改正，准确性 91.2→97.8，等级 良→优."""
    before, after = Grade(fix["grade_before"]).label, Grade(fix["grade_after"]).label
    own = fix["key"] in (FRESHNESS, ACCESS)
    title = fix["title"] if own else f"改正 {fix['failed']:,} 条：{fix['title']}"
    # Late or failed collection is mended where collection is seen.
    url = (
        reverse("ingest:preview", args=[evaluation.resource_id]) if own
        else f"{reverse('quality:rows', args=[evaluation.resource_id])}?rule={fix['key']}"
    )  # fmt: skip
    return FixLine(
        title=title,
        effect=(
            f"{Dimension(fix['dimension']).label} {places(fix['before'])}→{places(fix['after'])}，"
            f"总分 {places(fix['total_before'])}→{places(fix['total_after'])}"
        ),
        grade=f"等级 {before}→{after}" if before != after else f"等级仍为{before}",
        url=url,
    )  # fmt: skip


def severity_tag(result: RuleResult) -> str:
    """The word of a severity."""
    return Severity(result.severity).label


def origin_word(result: RuleResult) -> str:
    """Where a rule comes from."""
    return RuleOrigin(result.origin).label


def rows_url(result: RuleResult) -> str:
    """The failing rows of a result; empty when there are none to show."""
    if not result.total or (result.position < 0 and not result.quarantined):
        return ""
    return f"{reverse('quality:rows', args=[result.evaluation.resource_id])}?rule={result.key}"
