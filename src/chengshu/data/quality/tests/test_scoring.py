"""Scores, grades and fixes: what the points mean, and that a fix is worth what it says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.quality.choices import Dimension, Grade, Severity
from chengshu.data.quality.engine.model import has_bit
from chengshu.data.quality.engine.scoring import (
    FRESHNESS,
    Evidence,
    Judged,
    Policy,
    fixes,
    score,
)

DIMENSIONS = (Dimension.CONFORMITY, Dimension.ACCURACY, Dimension.ACCURACY, Dimension.TIMELINESS)
SEVERITIES = (Severity.SEVERE, Severity.SEVERE, Severity.SLIGHT, Severity.NORMAL)


def evidence(groups: dict[int, int], **more: float) -> Evidence:
    masks = np.array([[mask] for mask in groups], np.uint64).reshape(-1, 1)
    sizes = np.array(list(groups.values()), np.int64)
    rules = [
        Judged(
            key=f"r{n}", title=f"规则{n}", dimension=dimension, severity=severity,
            failed=int(sizes[has_bit(masks, n)].sum()),
        )
        for n, (dimension, severity) in enumerate(zip(DIMENSIONS, SEVERITIES, strict=True))
    ]  # fmt: skip
    return Evidence(rules=rules, groups=masks, sizes=sizes, **more)


def test_a_record_loses_by_its_worst_failure_of_a_dimension_once() -> None:
    found = score(evidence({0b0000: 90, 0b0110: 10}), Policy())
    assert found.dimensions[Dimension.ACCURACY] == pytest.approx(90)
    assert found.dimensions[Dimension.CONFORMITY] == pytest.approx(100)


def test_dimensions_that_were_not_evaluated_do_not_count() -> None:
    found = score(evidence({0: 10}), Policy())
    assert Dimension.ACCESSIBILITY not in found.dimensions
    assert Dimension.COMPLETENESS not in found.dimensions
    assert found.total == pytest.approx(100)


def test_late_data_pull_timeliness_down_and_bringing_them_is_a_fix() -> None:
    late = evidence({0: 10}, freshness=0.5, access=1.0)
    assert score(late, Policy()).dimensions[Dimension.TIMELINESS] == pytest.approx(50)
    assert fixes(late, Policy())[0].key == FRESHNESS


def test_a_good_average_does_not_hide_a_dimension_that_fails() -> None:
    policy = Policy(weights=dict.fromkeys(Dimension, 1) | {Dimension.TIMELINESS: 0.01})
    scores = score(evidence({0: 10}, freshness=0.1), policy)
    assert scores.total > policy.thresholds[Grade.EXCELLENT]
    assert policy.grade(scores) is Grade.FAIR


GROUPS = st.dictionaries(st.integers(0, 15), st.integers(1, 500), min_size=1)


@given(groups=GROUPS)
def test_a_fix_is_worth_what_a_new_evaluation_of_the_mended_data_gives(
    groups: dict[int, int],
) -> None:
    before = evidence(groups, freshness=0.7, access=0.9)
    for fix in fixes(before, Policy()):
        if not fix.key.startswith("r"):
            continue
        bit = 1 << int(fix.key[1:])
        mended: dict[int, int] = {}
        for mask, rows in groups.items():
            mended[mask & ~bit] = mended.get(mask & ~bit, 0) + rows
        after = score(evidence(mended, freshness=0.7, access=0.9), Policy())
        assert fix.total_after == pytest.approx(after.total)
        assert fix.after == pytest.approx(after.dimensions[fix.dimension])
        assert fix.gain > 0


@given(groups=GROUPS)
def test_scores_stay_between_nothing_and_full_and_fixes_come_best_first(
    groups: dict[int, int],
) -> None:
    found = evidence(groups)
    scores = score(found, Policy())
    assert all(0 <= value <= 100 for value in (*scores.dimensions.values(), scores.total))
    order = list(Grade)
    steps = fixes(found, Policy())
    ranks = [(order.index(fix.grade_after), -round(fix.gain, 4)) for fix in steps]
    assert ranks == sorted(ranks)


def test_nothing_stored_is_nothing_wrong() -> None:
    empty = replace(
        evidence({0: 1}), groups=np.zeros((0, 1), np.uint64), sizes=np.zeros(0, np.int64)
    )
    assert score(empty, Policy()).total == pytest.approx(100)
    assert fixes(empty, Policy()) == []
