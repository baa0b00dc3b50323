"""The difference of two versions."""

from dataclasses import fields, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.catalog.choices import ItemFormat, ItemType
from chengshu.data.catalog.content import ItemContent, VersionContent
from chengshu.data.catalog.diff import compare
from chengshu.data.catalog.tests.cast import PAID, PENSION, PERSON, SEX
from chengshu.data.contract.facade import ColumnFormat, ColumnType

names = st.sampled_from(["a", "b", "c", "d", "e"])
items = st.builds(
    ItemContent,
    name=names,
    title=st.sampled_from(["甲", "乙"]),
    length=st.sampled_from([None, 10, 20]),
    nullable=st.booleans(),
    sensitivity=st.sampled_from(["L1", "L2", "L3"]),
)
contents = st.builds(
    VersionContent,
    title=st.sampled_from(["标题一", "标题二"]),
    items=st.lists(items, unique_by=lambda i: i.name, max_size=5).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contents, contents)
def test_a_difference_is_empty_exactly_when_the_contents_are_equal(old, new):
    assert compare(old, new).is_empty == (old == new)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contents, contents)
def test_what_one_direction_adds_the_other_removes(old, new):
    there, back = compare(old, new), compare(new, old)
    assert there.added == back.removed
    assert there.removed == back.added
    assert {c.name for c in there.changed} == {c.name for c in back.changed}


def test_metadata_and_items_are_told_with_old_and_new_in_words():
    new = replace(PENSION, sharing_type="none", items=(PERSON, replace(PAID, nullable=False), SEX))
    found = compare(PENSION, new)
    assert [(c.title, c.old, c.new) for c in found.fields] == [
        ("共享类型", "有条件共享", "不予共享")
    ]
    assert [(c.title, c.old, c.new) for c in found.changed[0].changes] == [("可空", "是", "否")]
    assert found.reordered
    assert found.breaking == ("“缴费金额”改为必填，空值将被拒收", "共享类型收紧为“不予共享”")


def test_a_level_that_rises_through_an_item_is_told():
    found = compare(PENSION, replace(PENSION, items=(replace(PERSON, sensitivity="L4"), SEX, PAID)))
    assert [(c.title, c.old, c.new) for c in found.fields] == [("安全级别", "L3 较敏感", "L4 敏感")]


def test_types_and_formats_are_those_of_the_load_contract():
    assert set(ItemType.values) == {t.value for t in ColumnType}
    assert set(ItemFormat.values) == {f.value for f in ColumnFormat}
    assert "items" in {f.name for f in fields(VersionContent)}
