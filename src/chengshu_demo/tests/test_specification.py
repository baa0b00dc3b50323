"""The reader of the specification files refuses what it does not understand."""

import pytest

from chengshu_demo.semantics import semantic
from chengshu_demo.specification import entry_specs, parse_item, vocabularies


def test_an_item_line_says_column_title_generator_and_level() -> None:
    item = parse_item("id_number 公民身份号码* p.id! @L4")
    assert (item.column, item.title, item.generator) == ("id_number", "公民身份号码", "p.id")
    assert (item.required, item.key, item.level) == (True, True, "L4")
    assert not parse_item("remark 备注 text:remark").required


def test_a_line_without_generator_is_refused() -> None:
    with pytest.raises(ValueError, match="备注"):
        parse_item("remark 备注")


def test_an_unknown_generator_is_refused() -> None:
    with pytest.raises(ValueError, match="horoscope"):
        semantic("horoscope:1-12")


def test_every_generator_and_word_list_that_entries_use_exists() -> None:
    topics = vocabularies()
    for spec in entry_specs():
        for item in spec.items:
            assert semantic(item.generator)
            name, _, argument = item.generator.partition(":")
            if name in ("text", "ref"):
                assert argument.partition(".")[0] in topics
            if name == "end":
                base = argument.partition("+")[0]
                assert any(other.column == base for other in spec.items)
