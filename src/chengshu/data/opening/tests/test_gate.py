"""The gate: what may not be opened is refused, by name, with the reason and the way out."""

from dataclasses import replace

import pytest

from chengshu.data.catalog.contract import column_spec
from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening import gate
from chengshu.data.opening.row_scope import condition, describe
from chengshu.data.opening.tests.cast import ITEMS, OPEN
from chengshu.kernel.errors import Conflict, InvalidInput


@pytest.fixture(scope="module")
def resource() -> PublishedResource:
    codes = {"facility": {"01": "公共厕所"}}
    return PublishedResource(
        id=1, version_id=1, code="1/1", title="便民设施", summary="", provider_id=1,
        provider_name="执法局", provider_path="/", system_id=None, warehouse_id=None, version=1, level="L1",
        national_class="general", sharing_type="unconditional", sharing_condition="",
        open_type="unconditional", open_condition="", update_cycle="monthly",
        lake_table="std/facility", physical_name="facility",
        columns=tuple(column_spec(item, codes) for item in ITEMS),
    )  # fmt: skip


def with_column(resource: PublishedResource, **changes) -> PublishedResource:
    """The resource with its remark column changed."""
    columns = [replace(c, **changes) if c.name == "remark" else c for c in resource.columns]
    return replace(resource, columns=tuple(columns))


@pytest.mark.parametrize(
    ("open_type", "said"),
    [("forbidden", "禁止开放"), ("restricted", "受限开放"), ("", "还没有确定开放类型")],
)
def test_only_unconditionally_open_resources_pass(resource, open_type: str, said: str) -> None:
    with pytest.raises(Conflict, match=said) as caught:
        gate.require(replace(resource, open_type=open_type), OPEN)
    assert "目录" in caught.value.advice
    approved = gate.Terms(approved=True)
    with pytest.raises(Conflict, match=said):
        gate.require(replace(resource, open_type=open_type), OPEN, approved)


def test_an_agreement_opens_what_is_restricted_and_nothing_that_is_forbidden(resource) -> None:
    agreed = gate.Terms(approved=True, agreement=True)
    assert gate.require(replace(resource, open_type="restricted"), OPEN, agreed)
    for open_type in ("forbidden", ""):
        with pytest.raises(Conflict):
            gate.require(replace(resource, open_type=open_type), OPEN, agreed)


@pytest.mark.parametrize("national_class", ["important", "core"])
def test_important_and_core_data_stay_closed(resource, national_class: str) -> None:
    with pytest.raises(Conflict, match="重要数据或核心数据"):
        gate.require(replace(resource, national_class=national_class), OPEN)


@pytest.mark.parametrize("level", ["L2", "L3", "L4"])
def test_a_field_above_l1_is_named_with_its_level(resource, level: str) -> None:
    with pytest.raises(InvalidInput, match=f"“备注”是 {level} 级"):
        gate.require(with_column(resource, sensitivity=level), OPEN)


def test_a_field_without_a_level_is_refused(resource) -> None:
    with pytest.raises(InvalidInput, match="“备注”还没有定级"):
        gate.require(with_column(resource, sensitivity=None), OPEN)


def test_a_sensitive_field_that_is_not_chosen_does_not_matter(resource) -> None:
    chosen = [name for name in OPEN if name != "remark"]
    assert [c.name for c in gate.require(with_column(resource, sensitivity="L4"), chosen)] == chosen


@pytest.mark.parametrize("kind", ["id_number", "mobile", "bank_card", "plate", "email"])
def test_personal_formats_are_refused_even_when_catalogued_as_l1(resource, kind: str) -> None:
    with pytest.raises(InvalidInput, match=r"“备注”是.*属于个人信息"):
        gate.require(with_column(resource, format=kind), OPEN)


@pytest.mark.parametrize(
    "title",
    [
        "姓名",
        "法定代表人",
        "联系人",
        "户主身份证号",
        "家庭住址",
        "手机号码",
        "操作人",
        "巡查人员",
        "督导员",
        "河长",
        "主治医师",
    ],
)
def test_fields_named_like_a_person_are_refused(resource, title: str) -> None:
    with pytest.raises(InvalidInput, match=f"“{title}”看起来是个人"):
        gate.require(with_column(resource, title=title), OPEN)


@pytest.mark.parametrize(
    "title",
    [
        "单位名称",
        "服务电话",
        "企业名称",
        "统一社会信用代码",
        "养老机构名称",
        "是否就业困难人员",
        "护理人员数(人)",
        "全长",
        "审批时长",
        "人员状态",
    ],
)
def test_names_of_organisations_and_places_pass(title: str) -> None:
    assert gate.judge_field(ColumnSpec(name="x", title=title, sensitivity="L1")).allowed


def test_all_refused_fields_are_told_at_once(resource) -> None:
    with pytest.raises(InvalidInput, match="有 2 个字段不能开放") as caught:
        gate.require(resource, [*OPEN, "keeper", "keeper_mobile"])
    assert "责任人姓名" in caught.value.fields["fields"]
    assert "联系电话" in caught.value.fields["fields"]


def test_unknown_and_no_fields_are_refused(resource) -> None:
    with pytest.raises(InvalidInput, match="没有这些字段：gone"):
        gate.require(resource, ["facility_no", "gone"])
    with pytest.raises(InvalidInput, match="至少选择一个"):
        gate.require(resource, [])


def test_row_scope_becomes_sql_with_bound_values(resource) -> None:
    scope = {
        "or": [
            {"prefix": ["facility_no", "'; DROP"]},
            {"not": {"in": ["opened_on", ["2020-05-01"]]}},
        ]
    }
    assert condition(scope, resource.columns) == (
        '((starts_with("facility_no", ?)) OR (NOT ("opened_on" IN (CAST(? AS DATE)))))',
        ["'; DROP", "2020-05-01"],
    )
    titles = {"facility_no": "设施编号", "opened_on": "启用日期"}
    assert describe({"prefix": ["facility_no", "33"]}, titles) == "设施编号开头是33"


@pytest.mark.parametrize(
    "scope", [{"sql": "1=1"}, {"eq": ["nowhere", "x"]}, {"eq": ["seats", "five"]}, [], "1=1"]
)
def test_malformed_row_scopes_are_refused(resource, scope) -> None:
    with pytest.raises(InvalidInput, match="行范围写得不对"):
        condition(scope, resource.columns)
