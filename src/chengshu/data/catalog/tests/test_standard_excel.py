"""Data elements and code tables by Excel: the round trip, every bad cell told, four eyes before anything counts."""

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chengshu.data.catalog import facade
from chengshu.data.catalog.elements import ELEMENT_FIELDS, element_content
from chengshu.data.catalog.excel import reading
from chengshu.data.catalog.excel.standard_layout import (
    CODE_TABLES,
    CODES,
    ELEMENTS,
    STANDARD_SHEETS,
)
from chengshu.data.catalog.excel.writing import workbook
from chengshu.data.catalog.models import CodeTable, DataElement
from chengshu.data.catalog.services import code_tables, elements
from chengshu.data.catalog.services import standard_exchange as services
from chengshu.data.catalog.tests.cast import published
from chengshu.data.catalog.tests.test_elements import ID_NUMBER, in_force
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.files.services import store

ELEMENT = {name: getattr(ID_NUMBER, name) for name in ELEMENT_FIELDS} | {
    "identifier": "DE00001", "owner": "330383-RS 人社局",
}  # fmt: skip
BLOOD = {"key": "blood", "name": "血型代码", "standard": "WS 364.3", "owner": "330383-RS"}
TYPES = (
    {"key": "blood", "code": "01", "name": "A 型"},
    {"key": "blood", "code": "02", "name": "B 型"},
)


def book(found=(ELEMENT,), tables=(BLOOD,), codes=TYPES):
    rows = {ELEMENTS.title: found, CODE_TABLES.title: tables, CODES.title: codes}
    return workbook(rows, {}, examples=True, sheets=STANDARD_SHEETS)


def carried_out(actor, content, *, submit=False):
    plan = services.preview(actor=actor, content=content)
    assert plan.errors == []
    file = store(actor=actor, name="标准.xlsx", chunks=[content], purpose=services.PURPOSE)
    return services.import_file(actor=actor, file=file, digest=plan.digest, submit=submit)


def test_a_filled_template_becomes_drafts_that_a_second_person_publishes(cast):
    content = book(found=({**ELEMENT, "code_table": "blood"},))
    done = carried_out(cast.admin, content, submit=True)
    assert (done.count("create"), done.examples_skipped) == (2, 4)
    element, table = DataElement.objects.get(), CodeTable.objects.get(key="blood")
    assert element_content(element.working) == replace(ID_NUMBER, code_table="blood")
    assert (element.state, table.state, table.values.count()) == ("draft", "draft", 0)
    with pytest.raises(NotAllowed):
        elements.publish_element(actor=cast.admin, element=element)
    code_tables.publish_codes(actor=cast.second_admin, table=table)
    elements.publish_element(actor=cast.second_admin, element=element)
    assert list(table.values.values_list("code", flat=True)) == ["01", "02"]
    assert facade.element_infos()["DE00001"].title == "公民身份号码"


def test_an_export_reads_back_unchanged_and_a_change_becomes_a_new_version(cast):
    element = in_force(cast)
    content = services.export_file(actor=cast.admin)
    plan = services.preview(actor=cast.admin, content=content)
    assert (plan.errors, plan.count("unchanged"), plan.count("change")) == ([], 2, 0)

    found = reading.read(content, STANDARD_SHEETS)
    rows = {title: [r.values for r in records] for title, records in found.records.items()}
    rows[ELEMENTS.title][0] |= {"length": 20, "change_note": "按新国标"}
    rows[CODES.title].append({"key": "gender", "code": "9", "name": "未说明"})
    rows[CODE_TABLES.title][0] |= {"change_note": "加未说明"}
    edited = workbook(rows, {}, examples=False, sheets=STANDARD_SHEETS)
    plan = services.preview(actor=cast.admin, content=edited)
    assert [c.changed for c in plan.elements] == [("长度", "修订说明")]
    assert [t.difference.summary for t in plan.tables] == ["新增 1 个"]
    entry = published(cast)
    carried_out(cast.admin, edited, submit=True)
    element.refresh_from_db()
    assert (element.published.length, element.working.length, element.working.number) == (18, 20, 2)
    assert "9" not in facade.published(entry.code).column("sex").codes
    code_tables.publish_codes(actor=cast.second_admin, table=CodeTable.objects.get(key="gender"))
    assert facade.published(entry.code).column("sex").codes["9"] == "未说明"


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"found": ({**ELEMENT, "title": ""},)}, ("数据元", 3, "中文名称"), "必填"),
        ({"found": ({**ELEMENT, "identifier": "身份"},)}, ("数据元", 3, "标识符"), "最多 40"),
        ({"found": (ELEMENT, ELEMENT)}, ("数据元", 4, "标识符"), "第 3 行重复"),
        ({"found": ({**ELEMENT, "owner": "330383-XX"},)}, ("数据元", 3, "管理单位"), "没有这个机构"),
        ({"found": ({**ELEMENT, "type": "汉字"},)}, ("数据元", 3, "数据类型"), "可选"),
        ({"found": ({**ELEMENT, "length": "很长"},)}, ("数据元", 3, "长度"), "整数"),
        ({"found": ({**ELEMENT, "pattern": "["},)}, ("数据元", 3, "正则"), "正则写法有误"),
        ({"found": ({**ELEMENT, "name": "ID Number"},)}, ("数据元", 3, "建议字段名"), "不对"),
        ({"found": ({**ELEMENT, "code_table": "no"},)}, ("数据元", 3, "代码表"), "没有这个代码表"),
        ({"tables": ({**BLOOD, "key": "血"},), "codes": ()}, ("代码表", 3, "代码表标识"), "最多 60"),
        ({"codes": ()}, ("代码表", 3, "代码表标识"), "“代码”表里没有它的代码"),
        ({"tables": ()}, ("代码", 4, "代码表标识"), "“代码表”里没有这个标识"),
        ({"codes": (*TYPES, TYPES[0])}, ("代码", 6, "代码"), "与第 4 行重复"),
        ({"codes": (*TYPES, {**TYPES[0], "code": "0 3"})}, ("代码", 6, "代码"), "空格或逗号"),
        ({"codes": (*TYPES, {**TYPES[0], "code": "03", "name": ""})}, ("代码", 6, "含义"), "必填"),
    ],
)  # fmt: skip
def test_every_bad_cell_is_named_and_nothing_is_written(cast, change, place, reason):
    plan = services.preview(actor=cast.admin, content=book(**change))
    told = [e for e in plan.errors if (e.sheet, e.row, e.column) == place]
    assert told, plan.errors
    assert reason in told[0].reason
    file = store(actor=cast.admin, name="a.xlsx", chunks=[book(**change)], purpose=services.PURPOSE)
    with pytest.raises(InvalidInput, match="处错误"):
        services.import_file(actor=cast.admin, file=file, digest=plan.digest)
    assert (DataElement.objects.count(), CodeTable.objects.count()) == (0, 1)


def test_an_officer_imports_elements_of_the_own_unit_only_and_no_code_tables(cast):
    plan = services.preview(actor=cast.officer, content=book())
    assert [(e.sheet, e.reason) for e in plan.errors] == [
        ("代码表", "您没有维护代码表的权限，请由数据管理员导入")
    ]
    other = book(found=({**ELEMENT, "owner": "330383-SJ"},), tables=(), codes=())
    assert "权限" in services.preview(actor=cast.officer, content=other).errors[0].reason
    carried_out(cast.officer, book(tables=(), codes=()))
    assert DataElement.objects.get().working.edited_by == cast.officer.account
    with pytest.raises(NotAllowed):
        services.template_file(actor=cast.leader)


def test_what_waits_for_publication_or_is_retired_is_not_changed_by_a_file(cast):
    element = in_force(cast)
    longer = book(found=({**ELEMENT, "length": 20},), tables=(), codes=())
    elements.revise_element(actor=cast.admin, element=element)
    edited = replace(ID_NUMBER, length=19, change_note="改")
    elements.edit_element(actor=cast.admin, element=element, revision=1, content=edited)
    elements.submit_element(actor=cast.admin, element=element)
    assert "等待发布" in services.preview(actor=cast.admin, content=longer).errors[0].reason
    same = book(tables=(), codes=())
    assert services.preview(actor=cast.admin, content=same).count("unchanged") == 1
    elements.discard_element(actor=cast.admin, element=element)
    elements.retire_element(actor=cast.admin, element=element, reason="并入国标")
    assert "已废止" in services.preview(actor=cast.admin, content=longer).errors[0].reason


def test_submitting_at_once_takes_all_or_nothing(cast):
    with pytest.raises(InvalidInput, match="请填写定义") as refused:
        carried_out(cast.admin, book(found=({**ELEMENT, "definition": ""},)), submit=True)
    assert refused.value.kept == "没有导入任何内容。"
    assert (DataElement.objects.count(), CodeTable.objects.count()) == (0, 1)


def test_standards_that_changed_since_the_preview_are_not_overwritten(cast):
    content = book(tables=(), codes=())
    plan = services.preview(actor=cast.admin, content=content)
    in_force(cast)
    file = store(actor=cast.admin, name="a.xlsx", chunks=[content], purpose=services.PURPOSE)
    with pytest.raises(Conflict, match="新的变化"):
        services.import_file(actor=cast.admin, file=file, digest=plan.digest)


def test_the_pages_from_template_to_draft(cast, client):
    client.force_login(cast.admin.account)
    root = "/console/catalog/standards/import/"
    assert "批量导入" in client.get("/console/catalog/elements/").content.decode()
    assert "数据元、代码表、代码" in client.get(root).content.decode()
    template = client.get(f"{root}template/")
    assert template["Content-Type"].endswith("sheet")
    refused = client.post(root, {"file": SimpleUploadedFile("a.xlsx", b"no workbook")})
    assert refused.status_code == 422
    bad = client.post(root, {"file": SimpleUploadedFile("a.xlsx", book(codes=(*TYPES, TYPES[0])))})
    assert "与第 4 行重复" in client.get(bad.url).content.decode()
    good = client.post(root, {"file": SimpleUploadedFile("a.xlsx", book())})
    page = client.get(good.url)
    assert "确认导入为草案" in page.content.decode()
    digest = page.context["plan"].digest
    done = client.post(good.url, {"digest": digest, "submit": "1"}, follow=True)
    assert "已提请发布，由另一位数据管理员核对" in done.content.decode()
    assert DataElement.objects.get().working.state == "submitted"
    exported = client.get("/console/catalog/standards/export/")
    assert exported.status_code == 200
    client.force_login(cast.leader.account)
    assert client.get(root).status_code == 403
