"""The choice of tests for a further database leaves no statement unasked."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.statements import fewest, shape

_tests = st.dictionaries(
    st.sampled_from([f"test_{n}" for n in range(12)]),
    st.sets(st.sampled_from("abcdefgh")),
    max_size=12,
)


@given(asked=_tests, always=st.sets(st.sampled_from(["test_0", "test_1"])), times=st.integers(1, 3))
def test_every_statement_is_asked_as_often_as_wanted_or_possible(asked, always, times):
    taken = fewest(asked, always, times)
    wanted = Counter(each for shapes in asked.values() for each in shapes)
    again = Counter(each for test in taken for each in asked.get(test, ()))
    assert all(again[each] >= min(times, count) for each, count in wanted.items())
    assert always <= taken <= always | asked.keys()


def test_none_is_taken_that_asks_nothing_new():
    asked = {"all": {"a", "b", "c"}, "same": {"a", "b"}, "other": {"d"}, "nothing": set()}
    assert fewest(asked, [], 1) == {"all", "other"}
    assert fewest(asked, ["nothing"], 1) == {"all", "other", "nothing"}


def test_a_statement_is_the_same_whatever_its_values():
    one = shape('SELECT "a" FROM "t" WHERE "id" IN (%s, %s) LIMIT 20')
    assert one == shape('SELECT "a" FROM "t" WHERE "id" IN (%s, %s, %s) LIMIT 21')
    assert one != shape('SELECT "b" FROM "t" WHERE "id" IN (%s, %s) LIMIT 20')
    assert shape('SAVEPOINT "s139_x1"') == shape('SAVEPOINT "s7_x22"')
