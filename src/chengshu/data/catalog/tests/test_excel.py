"""Excel in and out: the round trip, and every kind of bad sheet told with sheet, row and column."""

import io
import zipfile
from dataclasses import replace

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.catalog.content import version_content
from chengshu.data.catalog.excel import reading
from chengshu.data.catalog.excel.layout import ITEMS, RESOURCES, SHEETS, SYSTEMS
from chengshu.data.catalog.excel.writing import workbook
from chengshu.data.catalog.models import InformationSystem, Resource
from chengshu.data.catalog.services import exchange, lifecycle
from chengshu.data.catalog.tests.cast import PENSION, changed, draft, published
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.files.services import store

SYSTEM = {
    "code": "rs-new",
    "name": "就业系统",
    "owner": "330383-RS",
    "purpose": "就业登记",
    "security_level": "2",
}
ENTRY = {
    "physical_name": "rs_job", "title": "就业登记信息", "provider": "330383-RS 人社局",
    "category": "1/01/001/01 养老保险", "summary": "全市劳动者的就业登记情况", "system": "rs-new",
    "warehouse": "dw-people", "sharing_type": "unconditional", "open_type": "forbidden",
    "update_cycle": "daily", "formats": ("table", "sheet"),
}  # fmt: skip
ITEM = {
    "physical_name": "rs_job",
    "name": "job_no",
    "title": "登记号",
    "type": "text",
    "is_key": True,
    "length": 20,
}


def book(systems=(SYSTEM,), entries=(ENTRY,), items=(ITEM,)):
    rows = {SYSTEMS.title: systems, RESOURCES.title: entries, ITEMS.title: items}
    return workbook(rows, {}, examples=True)


def raw(**sheets):
    """A workbook of plain cells: sheet title → rows."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as handle:
        for title, rows in sheets.items():
            sheet = handle.add_worksheet(title)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return target.getvalue()


def stored(actor, content):
    return store(actor=actor, name="目录.xlsx", chunks=[content], purpose=exchange.PURPOSE)


def places(plan):
    return [(e.sheet, e.row, e.column) for e in plan.errors]


def test_a_filled_template_becomes_drafts_and_the_examples_are_skipped(cast):
    content = book()
    plan = exchange.preview(actor=cast.officer, content=content)
    assert (plan.errors, plan.examples_skipped) == ([], 4)
    assert (plan.count("create"), plan.count("change"), plan.count("unchanged")) == (2, 0, 0)
    exchange.import_file(actor=cast.officer, file=stored(cast.officer, content), digest=plan.digest)
    entry = Resource.objects.get(physical_name="rs_job")
    assert entry.state == "draft"
    assert entry.system == InformationSystem.objects.get(code="rs-new")
    assert entry.working.formats == ["table", "sheet"]
    item = entry.working.items.get()
    assert (item.length, item.is_key, item.nullable) == (20, True, False)
    again = exchange.preview(actor=cast.officer, content=content)
    assert again.count("unchanged") == 2


def test_an_export_reads_back_unchanged_and_a_change_becomes_a_new_draft(cast):
    entry = published(cast)
    draft(cast, name="rs_draft")
    content = exchange.export_file(actor=cast.officer)
    plan = exchange.preview(actor=cast.officer, content=content)
    assert plan.errors == []
    assert (plan.count("unchanged"), plan.count("create"), plan.count("change")) == (3, 0, 0)

    found = reading.read(content)
    for record in found.records[RESOURCES.title]:
        if record.values["physical_name"] == "rs_pension":
            record.values |= {"update_cycle": "weekly", "change_note": "改为每周"}
    rows = {title: [r.values for r in records] for title, records in found.records.items()}
    edited = workbook(rows, {}, examples=False)
    plan = exchange.preview(actor=cast.officer, content=edited)
    assert [c.difference.summary for c in plan.resources if c.act == "change"] == [
        "修改基本信息 1 处"
    ]
    exchange.import_file(actor=cast.officer, file=stored(cast.officer, edited), digest=plan.digest)
    entry.refresh_from_db()
    assert entry.published.update_cycle == "daily"
    assert (entry.working.number, entry.working.state) == (2, "draft")
    assert version_content(entry.working) == replace(
        PENSION, update_cycle="weekly", change_note="改为每周"
    )


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"systems": ({**SYSTEM, "security_level": ""},)}, ("信息系统", 3, "等保级别"), "必填"),
        ({"systems": ({**SYSTEM, "security_level": "九级"},)}, ("信息系统", 3, "等保级别"), "可选"),
        ({"systems": ({**SYSTEM, "owner": "330383-XX"},)}, ("信息系统", 3, "责任单位"), "没有这个机构"),
        ({"systems": ({**SYSTEM, "owner": "330383-SJ"},)}, ("信息系统", 3, "责任单位"), "权限"),
        ({"systems": ({**SYSTEM, "online_since": "去年"},)}, ("信息系统", 3, "上线日期"), "日期"),
        ({"systems": (SYSTEM, SYSTEM)}, ("信息系统", 4, "系统代码"), "第 3 行重复"),
        ({"entries": ({**ENTRY, "title": ""},)}, ("数据资源", 3, "资源名称"), "必填"),
        ({"entries": ({**ENTRY, "physical_name": "Rs-Job"},), "items": ({**ITEM, "physical_name": "Rs-Job"},)},
         ("数据资源", 3, "物理表名"), "小写字母"),
        ({"entries": (ENTRY, ENTRY)}, ("数据资源", 4, "物理表名"), "第 3 行重复"),
        ({"entries": ({**ENTRY, "provider": "330383-SJ"},)}, ("数据资源", 3, "提供单位"), "权限"),
        ({"entries": ({**ENTRY, "category": "1/01"},)}, ("数据资源", 3, "资源分类"), "细目"),
        ({"entries": ({**ENTRY, "system": "none"},)}, ("数据资源", 3, "所属系统"), "没有登记过"),
        ({"entries": ({**ENTRY, "warehouse": "none"},)}, ("数据资源", 3, "数据仓"), "没有这个"),
        ({"entries": ({**ENTRY, "code": "1/1"},)}, ("数据资源", 3, "资源代码"), "留空"),
        ({"entries": ({**ENTRY, "formats": ("照片",)},)}, ("数据资源", 3, "数据格式"), "可选"),
        ({"items": ()}, ("数据资源", 3, "物理表名"), "没有它的数据项"),
        ({"items": (ITEM, {**ITEM, "title": "又一个"})}, ("数据项", 5, "字段名"), "第 1 项重复"),
        ({"items": ({**ITEM, "name": "登记号"},)}, ("数据项", 4, "字段名"), "小写字母"),
        ({"items": ({**ITEM, "type": "图片"},)}, ("数据项", 4, "类型"), "可选"),
        ({"items": ({**ITEM, "length": "二十"},)}, ("数据项", 4, "长度"), "整数"),
        ({"items": ({**ITEM, "code_table": "none"},)}, ("数据项", 4, "代码表"), "没有这个代码表"),
        ({"items": ({**ITEM, "type": "date", "format": "uscc"},)}, ("数据项", 4, "类型"), "类型必须是文本"),
        ({"items": (ITEM, {**ITEM, "physical_name": "other"})}, ("数据项", 5, "物理表名"), "没有这个物理表名"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_told_with_its_place_and_nothing_is_imported(cast, change, place, reason):
    content = book(**change)
    plan = exchange.preview(actor=cast.officer, content=content)
    assert place in places(plan)
    assert any(reason in e.reason for e in plan.errors if (e.sheet, e.row, e.column) == place)
    with pytest.raises(InvalidInput):
        exchange.import_file(
            actor=cast.officer, file=stored(cast.officer, content), digest=plan.digest
        )
    assert not Resource.objects.exists()
    assert not InformationSystem.objects.filter(code="rs-new").exists()


def test_existing_entries_keep_their_owner_their_category_and_their_review(cast):
    entry = published(cast, name="rs_job")
    plan = exchange.preview(
        actor=cast.admin, content=book(entries=({**ENTRY, "provider": "330383-SJ"},))
    )
    assert "导入不能改归属" in plan.errors[0].reason
    plan = exchange.preview(actor=cast.admin, content=book(entries=({**ENTRY, "code": "1/2"},)))
    assert entry.code in plan.errors[0].reason
    changed(cast, entry, replace(PENSION, title="改名"))
    plan = exchange.preview(actor=cast.officer, content=book())
    assert "正在审核" in plan.errors[0].reason
    exported = exchange.export_file(actor=cast.officer)
    assert exchange.preview(actor=cast.officer, content=exported).errors == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a zip", "不是 Excel"),
        (raw(Sheet1=[["a"]]), "没有“信息系统”"),
    ],
)
def test_a_file_that_is_something_else_is_refused(cast, content, message):
    with pytest.raises(InvalidInput, match=message):
        exchange.preview(actor=cast.officer, content=content)


def test_a_plain_zip_and_a_zip_bomb_are_refused_before_they_are_unpacked(cast, monkeypatch):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(InvalidInput, match="不是 Excel 工作簿"):
        exchange.preview(actor=cast.officer, content=target.getvalue())
    monkeypatch.setattr(reading, "MAX_UNPACKED", 1000)
    with pytest.raises(InvalidInput, match="解压后过大"):
        exchange.preview(actor=cast.officer, content=book())


def test_wrong_headers_are_told(cast):
    content = raw(信息系统=[["系统代码*", "系统代码*", "名字"], ["a", "b", "c"]])
    plan = exchange.preview(actor=cast.officer, content=content)
    reasons = " ".join(e.reason for e in plan.errors)
    assert "出现了两次" in reasons
    assert "不认识的列名" in reasons
    assert "缺少这个必填列" in reasons


def test_an_empty_template_has_nothing_to_import(cast):
    plan = exchange.preview(actor=cast.officer, content=exchange.template_file(actor=cast.officer))
    assert [e.reason for e in plan.errors] == ["文件里没有可导入的内容"]


def test_a_catalogue_that_changed_after_the_preview_is_not_overwritten(cast):
    content = book()
    plan = exchange.preview(actor=cast.officer, content=content)
    draft(cast, name="rs_job")
    with pytest.raises(Conflict, match="新的变化"):
        exchange.import_file(
            actor=cast.officer, file=stored(cast.officer, content), digest=plan.digest
        )
    assert not InformationSystem.objects.filter(code="rs-new").exists()


def test_a_retired_entry_is_not_changed(cast):
    entry = published(cast, name="rs_job")
    lifecycle.retire(actor=cast.admin, resource=entry, reason="下线")
    plan = exchange.preview(actor=cast.officer, content=book())
    assert "已撤销" in plan.errors[0].reason


def test_numbers_and_dates_typed_by_excel_are_read_as_meant(cast):
    header = [c.header for c in ITEMS.columns][:5]
    content = raw(数据项=[header, ["rs_job", "a", "甲", "文本", 18.0]])
    (record,) = reading.read(content).records[ITEMS.title]
    assert record.values["length"] == 18


def test_the_preview_costs_the_same_for_one_and_for_many_rows(cast, django_assert_max_num_queries):
    entries = [{**ENTRY, "physical_name": f"rs_job{n}"} for n in range(40)]
    items = [{**ITEM, "physical_name": f"rs_job{n}"} for n in range(40)]
    with django_assert_max_num_queries(12):
        plan = exchange.preview(actor=cast.officer, content=book(entries=entries, items=items))
    assert plan.errors == []
    assert len(plan.resources) == 40
    for number in range(4):
        published(cast, name=f"t{number}")
    content = exchange.export_file(actor=cast.officer)
    with django_assert_max_num_queries(13):
        assert exchange.preview(actor=cast.officer, content=content).count("unchanged") == 5


def test_who_may_not_write_gets_no_template(cast):
    with pytest.raises(NotAllowed):
        exchange.template_file(actor=cast.leader)


texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"),
    min_size=1, max_size=30,
).map(str.strip).filter(lambda t: t and not t.startswith("示例"))  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(purpose=texts, name=texts)
def test_any_text_survives_the_file(purpose, name):
    content = workbook(
        {SYSTEMS.title: [{**SYSTEM, "purpose": purpose, "name": name}]}, {}, examples=False
    )
    (record,) = reading.read(content).records[SHEETS[0].title]
    assert (record.values["purpose"], record.values["name"]) == (purpose, name)
