"""Row filters as people write them are exactly what the gateway decides by."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.sharing import row_filter
from chengshu.data.sharing.masking import suggested_mask
from chengshu.data.sharing.row_filter import Condition, compose, decompose, from_json, sentence
from chengshu.kernel.errors import InvalidInput
from chengshu_gateway import masks, rowfilter

KINDS = {"code": "text", "age": "integer", "alive": "boolean", "paid": "decimal"}
TITLES = {"code": "代码", "age": "年龄", "alive": "是否健在"}
words = st.text("甲乙丙丁abc123", min_size=1, max_size=8)
conditions = st.one_of(
    st.builds(Condition, st.just("code"), st.sampled_from(["eq", "ne", "prefix", "lt", "ge"]), words),
    st.builds(Condition, st.just("code"), st.just("in"), st.lists(words, min_size=1, max_size=4).map("，".join)),
    st.builds(Condition, st.just("age"), st.sampled_from(["eq", "lt", "ge"]), st.integers(-999, 999).map(str)),
    st.builds(Condition, st.just("alive"), st.just("eq"), st.sampled_from(["是", "否"])),
    st.builds(Condition, st.sampled_from(["code", "age"]), st.just("is_null"), st.just("")),
)  # fmt: skip


@given(st.lists(conditions, max_size=row_filter.CONDITIONS))
def test_what_the_builder_makes_is_valid_and_reads_back_as_it_was_written(lines):
    made = compose(lines, KINDS)
    assert decompose(made) == lines
    if made is not None:
        rowfilter.validate(made, KINDS)
        assert from_json(json.dumps(made), KINDS) == made
        assert sentence(made, TITLES)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (Condition("age", "eq", "十"), "类型不符"),
        (Condition("alive", "eq", "也许"), "类型不符"),
        (Condition("age", "prefix", "1"), "prefix"),
        (Condition("paid", "ge", "10"), "小数字段"),
        (Condition("code", "in", "，"), "in 需要"),
        (Condition("code", "eq", " "), "请填写"),
        (Condition("gone", "eq", "1"), "不存在的字段"),
    ],
)
def test_a_condition_that_cannot_hold_is_refused_in_words(line, told):
    with pytest.raises(InvalidInput, match=told):
        compose([line], KINDS)


def test_what_the_builder_cannot_show_stays_json_and_says_itself():
    complex_one = {"or": [{"eq": ["code", "1"]}, {"is_null": ["age"]}]}
    assert decompose(complex_one) is None
    assert "or" in sentence(complex_one, TITLES)
    assert sentence(None, TITLES) == "全部记录"
    assert sentence({"ge": ["age", 60]}, TITLES) == "年龄不小于“60”"
    with pytest.raises(InvalidInput, match="JSON"):
        from_json("{", KINDS)


@pytest.mark.parametrize("kind", ["text", "integer", "real", "decimal", "date", "timestamp"])
@pytest.mark.parametrize("title", ["姓名", "现住地址", "备注", "银行账号", "法定代表人"])
@pytest.mark.parametrize("level", ["L3", "L4"])
def test_every_sensitive_field_is_proposed_a_mask_that_hides(kind, title, level):
    column = {"name": "x", "type": kind, "title": title, "sensitivity": level, "format": ""}
    assert masks.parse(suggested_mask(column)).hides


def test_open_fields_stay_bare_unless_their_format_says_otherwise():
    plain = {"name": "x", "type": "text", "title": "编号", "sensitivity": "L1", "format": ""}
    assert suggested_mask(plain) == "none"
    assert suggested_mask({**plain, "format": "mobile"}) == "phone"
