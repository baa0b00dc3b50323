"""Precision and recall of the detectors on the demo city, with formats and levels hidden from them."""

import pytest

from chengshu.data.classification.tests.foreign_values import MAKERS, measure_foreign
from chengshu.data.classification.tests.ground_truth import measure

# Enough departments to see every kind of data, few enough for a unit test.
ENTRIES = 36


@pytest.fixture(scope="module")
def scores():
    return measure(scale="small", entries=ENTRIES)


def test_every_kind_of_the_city_is_measured(scores):
    assert set(scores) >= {"id_number", "name", "mobile", "bank_card", "address", "uscc", "phone"}


def test_precision_and_recall_reach_the_goal_for_every_kind(scores):
    for kind, score in scores.items():
        assert score.recall >= 0.99, (kind, score)
        assert score.precision >= 0.99, (kind, score)


def test_numbers_and_names_hidden_in_remarks_are_found_and_nothing_else(scores):
    from chengshu.data.classification.tests.ground_truth import measure_remarks

    for kind, score in measure_remarks(columns=60, rows=400).items():
        assert score.recall >= 0.95, (kind, score)
        assert score.precision >= 0.95, (kind, score)


def test_values_alone_tell_the_kind_where_the_city_did_not_make_them():
    scores = measure_foreign(per_kind=25)
    assert set(scores) == set(MAKERS)
    for kind, score in scores.items():
        assert score.recall >= 0.95, (kind, score)
        assert score.precision >= 0.95, (kind, score)


def test_the_city_s_columns_are_told_with_their_names_hidden():
    for kind, score in measure(scale="small", entries=12, named=False, limit=500).items():
        assert score.recall >= 0.95, (kind, score)
        assert score.precision >= 0.95, (kind, score)
