"""Data elements: what they demand of items, which one a column probably is, and their life."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.catalog import facade, standards
from chengshu.data.catalog.content import ItemContent, item_content
from chengshu.data.catalog.elements import (
    ElementContent,
    deviating,
    deviations,
    element_content,
    proposed,
)
from chengshu.data.catalog.models import CodeTable, DataElement, DataItem, ElementVersion, Resource
from chengshu.data.catalog.services import elements as services
from chengshu.data.catalog.suggestions import ElementIndex, KnownElement, suggest_elements
from chengshu.data.catalog.tests.cast import PENSION, PERSON, published
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed

ID_NUMBER = ElementContent(
    title="公民身份号码", english="citizen identification number", name="id_number",
    definition="公安机关为公民编制的身份代码", object_class="人员", property_word="身份",
    representation="号码", length=18, format="id_number", sensitivity="L3", source="公安部门",
    synonyms=("身份证号", "身份证号码"),
)  # fmt: skip


def in_force(cast, content=ID_NUMBER, identifier="DE00001"):
    element = services.create_element(
        actor=cast.admin, identifier=identifier, owner=cast.hr, content=content
    )
    services.submit_element(actor=cast.admin, element=element)
    services.publish_element(actor=cast.second_admin, element=element)
    return DataElement.objects.get(pk=element.pk)


def bound(**changes):
    items = (replace(PERSON, element="DE00001", **changes), *PENSION.items[1:])
    return replace(PENSION, items=items)


def test_binding_takes_over_what_the_element_says_and_keeps_a_stricter_level():
    item = proposed(ItemContent(title="身份证号", sensitivity="L4"), ID_NUMBER, "DE00001")
    assert (item.length, item.format, item.name) == (18, "id_number", "id_number")
    assert (item.element, item.sensitivity, item.title) == ("DE00001", "L4", "身份证号")
    assert deviations(item, ID_NUMBER) == ()


def test_a_departure_is_told_in_words_and_open_attributes_demand_nothing():
    item = replace(PERSON, length=20, sensitivity="L2", minimum="1")
    assert [d.sentence for d in deviations(item, ID_NUMBER)] == [
        "长度应为 18，现为 20", "敏感级别应为 L3 较敏感，现为 L2 低敏感",
    ]  # fmt: skip


SAID = {
    "type": ("text", "integer"), "length": (None, 18), "format": ("", "id_number"),
    "code_table": (None, "gender", "sex2"), "unit": ("", "元"), "sensitivity": ("L1", "L2", "L3"),
}  # fmt: skip


def test_the_database_counts_exactly_the_items_that_depart(cast):
    """Every combination of what elements say with what items say, behind the services' back."""
    tables = {t.key: t for t in (CodeTable.objects.get(key="gender"), CodeTable(key="sex2"))}
    tables["sex2"].save()
    combinations = [dict(zip(SAID, values, strict=True)) for values in product(*SAID.values())]
    for values in combinations:
        values["code_table"] = tables.get(values["code_table"])
    elements = DataElement.objects.bulk_create(
        DataElement(identifier=f"E{n}", title="e", owner=cast.hr) for n in range(len(combinations))
    )
    versions = ElementVersion.objects.bulk_create(
        ElementVersion(element=element, number=1, state="published", title="e", **values)
        for element, values in zip(elements, combinations, strict=True)
    )
    for element, version in zip(elements, versions, strict=True):
        element.published = version
    DataElement.objects.bulk_update(elements, ["published"])
    shown = published(cast).published
    items = DataItem.objects.bulk_create(
        DataItem(version=shown, order=1, name=f"n{n}_{m}", element=element, **values)
        for n, element in enumerate(elements[::5])
        for m, values in enumerate(combinations)
    )
    departing = set(DataItem.objects.filter(deviating()).values_list("pk", flat=True))
    wrong = [
        item
        for item in items
        if bool(deviations(item_content(item), element_content(item.element.published)))
        != (item.pk in departing)
    ]
    assert not wrong
    assert 0 < len(departing) < len(items)


INDEX = ElementIndex.of(
    [
        KnownElement(identifier="DE1", title="公民身份号码", name="id_number", synonyms=("身份证号",)),
        KnownElement(identifier="DE2", title="户主身份号码", name="head_id"),
        KnownElement(identifier="DE3", title="注册资本", name="registered_capital"),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("title", "name", "best", "reason"),
    [
        ("公民身份号码", "", "DE1", "名称相同"),
        ("身份证号（18 位）", "", "DE1", "是它的同义名称"),
        ("注册资本(万元)", "zczb", "DE3", "名称相同"),
        ("证件号", "ID_NUMBER", "DE1", "字段名相同"),
        ("居民身份号码", "", "DE1", "名称相近"),
    ],
)
def test_an_element_is_suggested_by_title_synonym_name_or_likeness(title, name, best, reason):
    found = suggest_elements(title, name, index=INDEX)
    assert (found[0].identifier, found[0].reason) == (best, reason)


def test_nothing_is_suggested_for_what_is_not_alike():
    assert suggest_elements("天气", "weather", index=INDEX) == []
    assert suggest_elements("", "", index=INDEX) == []


@given(st.lists(st.text("身份证号码人员姓名代", min_size=1, max_size=8), min_size=1, unique=True))
def test_a_known_title_is_always_found_first_and_no_score_leaves_its_bounds(titles):
    index = ElementIndex.of(
        KnownElement(identifier=f"E{n}", title=title) for n, title in enumerate(titles)
    )
    for number, title in enumerate(titles):
        found = suggest_elements(title, index=index, limit=50)
        assert (found[0].score, found[0].identifier) == (1.0, f"E{number}")
        assert all(0.5 <= s.score < 1 for s in found[1:])


def test_life_from_proposal_to_retirement(cast):
    element = services.create_element(
        actor=cast.officer, identifier="DE7", owner=cast.hr, content=replace(ID_NUMBER, english="")
    )
    with pytest.raises(InvalidInput, match="英文名称"):
        services.submit_element(actor=cast.officer, element=element)
    services.edit_element(actor=cast.officer, element=element, revision=1, content=ID_NUMBER)
    services.submit_element(actor=cast.officer, element=element)
    with pytest.raises(NotAllowed):
        services.publish_element(actor=cast.officer, element=element)
    with pytest.raises(Conflict, match="待发布"):
        services.edit_element(actor=cast.officer, element=element, revision=2, content=ID_NUMBER)
    assert standards.waiting_elements(cast.admin) == 1
    services.return_element(actor=cast.admin, element=element, remark="请补充值域")
    services.submit_element(actor=cast.officer, element=element)
    services.publish_element(actor=cast.admin, element=element)
    services.revise_element(actor=cast.officer, element=element)
    with pytest.raises(Conflict, match="还有未完成的修订"):
        services.retire_element(actor=cast.admin, element=element, reason="改用国标")
    services.discard_element(actor=cast.officer, element=element)
    services.retire_element(actor=cast.admin, element=element, reason="改用国标")
    stored = DataElement.objects.get(pk=element.pk)
    assert (stored.state, stored.state_reason, stored.published.number) == (
        "retired",
        "改用国标",
        1,
    )
    assert facade.element_infos() == {}


def test_nobody_publishes_what_he_proposed_himself(cast):
    element = services.create_element(
        actor=cast.admin, identifier="DE7", owner=cast.hr, content=ID_NUMBER
    )
    with pytest.raises(Conflict, match="不能发布"):
        services.publish_element(actor=cast.second_admin, element=element)
    services.submit_element(actor=cast.admin, element=element)
    assert (
        standards.waiting_elements(cast.admin),
        standards.waiting_elements(cast.second_admin),
    ) == (0, 1)
    with pytest.raises(NotAllowed, match="不能发布自己提请的标准"):
        services.publish_element(actor=cast.admin, element=element)
    assert DataElement.objects.get(pk=element.pk).state == "draft"
    services.publish_element(actor=cast.second_admin, element=element)
    assert DataElement.objects.get(pk=element.pk).state == "published"


def test_a_stranger_may_not_touch_another_units_element(cast):
    element = services.create_element(
        actor=cast.officer, identifier="DE7", owner=cast.hr, content=ID_NUMBER
    )
    with pytest.raises(NotAllowed):
        services.edit_element(actor=cast.stranger, element=element, revision=1, content=ID_NUMBER)
    assert standards.elements(actor=cast.stranger).count() == 0
    assert standards.elements(actor=cast.leader).count() == 0


def test_a_published_version_never_changes(cast):
    version = in_force(cast).published
    version.length = 20
    with pytest.raises(Conflict, match="已发布的标准版本不能改动"):
        version.save()
    with pytest.raises(Conflict):
        ElementVersion.objects.filter(pk=version.pk).update(length=20)
    with pytest.raises(Conflict):
        version.delete()


def test_a_new_version_tells_which_items_of_which_departments_would_depart(cast):
    element = in_force(cast)
    published(cast, content=bound())
    assert standards.departing_items().count() == 0
    wider = replace(ID_NUMBER, length=20, change_note="按新国标")
    hits = standards.hit_by(element, wider)
    assert [(h.item.name, h.item.version.resource.provider.short) for h in hits] == [
        ("id_number", "人社局")
    ]
    services.revise_element(actor=cast.admin, element=element)
    services.edit_element(actor=cast.admin, element=element, revision=1, content=wider)
    assert standards.departing_items().count() == 0
    services.submit_element(actor=cast.admin, element=element)
    services.publish_element(actor=cast.second_admin, element=element)
    assert standards.departing_items().count() == 1
    assert facade.published(published_code()).contract.columns[0].length == 18


def published_code():
    return Resource.objects.get().code


def test_other_packages_ask_which_items_of_all_departments_are_the_same_data(cast):
    in_force(cast)
    entry = published(cast, content=bound(length=17))
    published(cast, name="other")
    found = facade.items_of_element("DE00001")
    assert [(b.code, b.column, b.provider_name, b.deviates) for b in found] == [
        (entry.code, "id_number", "龙港市人社局", True)
    ]
    assert facade.element_of_item(entry.pk, "id_number") == "DE00001"
    assert facade.element_of_item(entry.pk, "sex") == ""
    assert facade.published(entry.code).elements == {"id_number": "DE00001"}
    assert facade.suggest_elements("身份证号", index=facade.element_index())[0].score == 0.95


def test_a_draft_may_not_name_an_element_that_does_not_exist(cast):
    with pytest.raises(InvalidInput, match="没有数据元“DE00001”"):
        published(cast, content=bound())
