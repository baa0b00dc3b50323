"""From failures to six dimensions, a score, a grade, and what to fix first.

A dimension's score is the share of records without a loss in it: a record loses by its worst failure of that
dimension (severe, normal, slight each take a share of the record, see :class:`Policy`). The dimensions are those of
GB/T 36344-2018; five grades follow the idea of DB11/T 2317-2024. Weights, shares and thresholds are *our defaults*,
not figures of those standards, and can be changed by the data bureau.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from chengshu.data.quality.choices import Dimension, Grade, Severity
from chengshu.data.quality.engine.model import Masks, has_bit

FULL = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How failures become scores. ``loss`` is the share of a record, ``penalty`` that of a whole dimension for a
    broken table-level rule; ``thresholds`` the lowest score of each grade but the last.
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: {
            Dimension.CONFORMITY: 20, Dimension.COMPLETENESS: 20, Dimension.ACCURACY: 25,
            Dimension.CONSISTENCY: 15, Dimension.TIMELINESS: 10, Dimension.ACCESSIBILITY: 10,
        }
    )  # fmt: skip
    loss: Mapping[str, float] = field(
        default_factory=lambda: {Severity.SEVERE: 1.0, Severity.NORMAL: 0.6, Severity.SLIGHT: 0.3}
    )
    penalty: Mapping[str, float] = field(
        default_factory=lambda: {Severity.SEVERE: 0.1, Severity.NORMAL: 0.05, Severity.SLIGHT: 0.02}
    )
    thresholds: Mapping[str, float] = field(
        default_factory=lambda: {
            Grade.EXCELLENT: 99,
            Grade.GOOD: 97,
            Grade.FAIR: 92,
            Grade.WEAK: 80,
        }
    )
    floor: float = 60.0
    """A dimension below it keeps the grade at 中 at most: a good average must not hide one that fails."""

    def grade(self, scores: "Scores") -> Grade:
        """The grade of a score."""
        found = next(
            (Grade(g) for g, least in self.thresholds.items() if scores.total >= least), Grade.POOR
        )
        low = any(value < self.floor for value in scores.dimensions.values())
        return Grade.FAIR if low and found in (Grade.EXCELLENT, Grade.GOOD) else found


@dataclass(frozen=True, slots=True)
class Scores:
    """Score per evaluated dimension (0–100) and the weighted total."""

    dimensions: Mapping[str, float]
    total: float


def weighted(dimensions: Mapping[str, float], policy: Policy) -> Scores:
    """The total over those dimensions that were evaluated."""
    weight = sum(policy.weights.get(d, 0) for d in dimensions)
    if not weight:
        return Scores(dimensions, 0.0)
    total = sum(value * policy.weights.get(d, 0) for d, value in dimensions.items()) / weight
    return Scores(dimensions, total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A rule as scoring sees it. ``failed`` counts records, or is 1 for a broken table-level rule."""

    key: str
    title: str
    dimension: Dimension
    severity: Severity
    table_level: bool = False
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an evaluation knows about a table.

    ``groups`` and ``sizes`` hold stored and quarantined records alike; check *i* is ``rules[i]``. ``table_rules``
    follow without a bit. ``freshness`` (0–1) scales timeliness, ``access`` (0–1) is accessibility; None: not measured.
    """

    rules: Sequence[Judged]
    groups: Masks
    sizes: npt.NDArray[np.int64]
    table_rules: Sequence[Judged] = ()
    freshness: float | None = None
    access: float | None = None

    @property
    def records(self) -> int:
        """Stored and quarantined records."""
        return int(self.sizes.sum())


def score(evidence: Evidence, policy: Policy) -> Scores:
    """The dimensions and total of a table."""
    found: dict[str, float] = {}
    for dimension in Dimension:
        value = _dimension(evidence, policy, dimension)
        if value is not None:
            found[dimension] = round(value, 4)
    return weighted(found, policy)


def _dimension(evidence: Evidence, policy: Policy, dimension: Dimension) -> float | None:
    if dimension is Dimension.ACCESSIBILITY:
        return None if evidence.access is None else FULL * evidence.access
    own = [(i, rule) for i, rule in enumerate(evidence.rules) if rule.dimension is dimension]
    broken = [rule for rule in evidence.table_rules if rule.dimension is dimension]
    timed = dimension is Dimension.TIMELINESS and evidence.freshness is not None
    if not own and not broken and not timed:
        return None
    worst = np.zeros(len(evidence.sizes))
    for index, rule in own:
        if not rule.failed:
            continue
        failing = has_bit(evidence.groups, index)
        worst = np.maximum(worst, np.where(failing, policy.loss[rule.severity], 0.0))
    records = evidence.records
    value = FULL * (1 - float(worst @ evidence.sizes) / records) if records else FULL
    for rule in broken:
        if rule.failed:
            value *= 1 - policy.penalty[rule.severity]
    return value * (evidence.freshness or 0.0) if timed else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One thing to put right and what it would truly do: the table scored again without it."""

    key: str
    title: str
    dimension: str
    failed: int
    before: float
    after: float
    total_before: float
    total_after: float
    grade_before: Grade
    grade_after: Grade

    @property
    def gain(self) -> float:
        """Points of the total."""
        return self.total_after - self.total_before


FRESHNESS, ACCESS = "*freshness", "*access"


def fixes(evidence: Evidence, policy: Policy) -> list[Fix]:
    """Every broken rule by its effect: grade first, then points, then fewer rows."""
    now = score(evidence, policy)
    found = []
    for index, rule in enumerate(evidence.rules):
        if rule.failed:
            found.append(_fix(now, _without(evidence, index), rule, policy))
    for position, rule in enumerate(evidence.table_rules):
        if rule.failed:
            kept = [
                replace(r, failed=0) if n == position else r
                for n, r in enumerate(evidence.table_rules)
            ]
            found.append(_fix(now, replace(evidence, table_rules=kept), rule, policy))
    if evidence.freshness is not None and evidence.freshness < 1:
        late = Judged(
            key=FRESHNESS, title="按更新周期补交数据", dimension=Dimension.TIMELINESS,
            severity=Severity.SEVERE,
        )  # fmt: skip
        found.append(_fix(now, replace(evidence, freshness=1.0), late, policy))
    if evidence.access is not None and evidence.access < 1:
        shut = Judged(
            key=ACCESS, title="让归集和接口恢复正常", dimension=Dimension.ACCESSIBILITY,
            severity=Severity.SEVERE,
        )  # fmt: skip
        found.append(_fix(now, replace(evidence, access=1.0), shut, policy))
    order = list(Grade)
    rises = [f for f in found if f.gain > 0]
    return sorted(
        rises, key=lambda f: (order.index(f.grade_after), -round(f.gain, 4), f.failed, f.key)
    )


def _without(evidence: Evidence, index: int) -> Evidence:
    groups = evidence.groups.copy()
    word, bit = divmod(index, 64)
    groups[:, word] &= ~np.uint64(1 << bit)
    return replace(evidence, groups=groups)


def _fix(now: Scores, fixed: Evidence, rule: Judged, policy: Policy) -> Fix:
    then = score(fixed, policy)
    return Fix(
        key=rule.key, title=rule.title, dimension=rule.dimension, failed=rule.failed,
        before=now.dimensions[rule.dimension], after=then.dimensions[rule.dimension],
        total_before=now.total, total_after=then.total,
        grade_before=policy.grade(now), grade_after=policy.grade(then),
    )  # fmt: skip
