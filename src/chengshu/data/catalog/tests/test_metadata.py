"""All metadata of an entry travels whole: form, Excel (old templates too), API, versions; elements in the editor."""

import io
from dataclasses import fields, replace
from datetime import UTC, date, datetime

import pytest
import xlsxwriter

from chengshu.data.catalog.content import ItemContent, VersionContent, version_content
from chengshu.data.catalog.diff import compare
from chengshu.data.catalog.excel.layout import ITEMS, RESOURCES
from chengshu.data.catalog.models import DataElement, Resource
from chengshu.data.catalog.services import elements, exchange, registers
from chengshu.data.catalog.services.registers import BusinessContent
from chengshu.data.catalog.tests.cast import PENSION, PERSON, draft, published
from chengshu.data.catalog.tests.test_elements import ID_NUMBER, in_force
from chengshu.data.catalog.validation import draft_problems, missing
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import InvalidInput

ROOT = "/console/catalog"


@pytest.fixture
def full(cast):
    """Content in which no attribute has its default."""
    in_force(cast)
    registers.register_business_item(
        actor=cast.officer, code="SX1", department=cast.hr,
        content=BusinessContent(name="参保登记", kind="service"),
    )  # fmt: skip
    other = published(cast, name="other")
    person = replace(PERSON, element="DE00001", english="id number", unit="个")
    return replace(
        PENSION, kind="interface", keywords=("养老", "参保"), theme="employment",
        spatial="330383", temporal_start=date(2020, 1, 1), temporal_end=date(2025, 6, 30),
        related=(other.code,), is_lead=True, source_name="社保前置库",
        source_table="sb.person", access_protocol="REST/JSON", access_method="GET",
        access_address="https://rs.example.org/api/pension", business_codes=("SX1",), sharing_basis="条例第十条",
        open_basis="省令 381 号", level_floor="L3", level_basis="含个人信息", national_class="important",
        sharing_method="batch", items=(person, *PENSION.items[1:]),
    )  # fmt: skip


def test_the_fixture_really_sets_everything(full):
    plain = VersionContent(title="")
    same = {
        f.name for f in fields(VersionContent) if getattr(full, f.name) == getattr(plain, f.name)
    }
    assert same == {"change_note"}
    bare = ItemContent()
    assert all(
        getattr(full.items[0], n) != getattr(bare, n) for n in ("element", "english", "unit")
    )


def test_editing_on_the_page_keeps_everything(cast, client, full):
    entry = draft(cast, content=full)
    client.force_login(cast.officer.account)
    url = f"{ROOT}/resources/{entry.pk}/edit/"
    page = client.get(url)
    form, rows = page.context["form"], page.context["rows"]
    data = {"then": "save", "item": [str(n) for n in range(len(rows))]}
    for bound in form:
        value = (
            bound.field.prepare_value(bound.value())
            if hasattr(bound.field, "prepare_value")
            else bound.value()
        )
        if value not in (None, False, ""):
            data[bound.name] = value
    for number, row in enumerate(rows):
        data |= {f"item-{number}-{n}": v for n, v in row.values.items() if n != "nullable" and v}
        if row.required:
            data[f"item-{number}-required"] = "1"
    saved = client.post(url, data)
    assert saved.status_code == 302, saved.content.decode()
    stored = version_content(Resource.objects.get(pk=entry.pk).working)
    assert compare(full, stored).is_empty
    assert stored == full


def test_excel_out_and_in_changes_nothing(cast, full):
    published(cast, content=full)
    todo = exchange.preview(actor=cast.officer, content=exchange.export_file(actor=cast.officer))
    assert todo.errors == []
    assert {r.act for r in todo.resources} == {"unchanged"}


def test_a_file_of_the_old_template_leaves_what_it_does_not_know(cast, full):
    published(cast, content=full)
    old = ("physical_name", "title", "provider", "category", "summary", "system", "warehouse",
           "sharing_type", "sharing_condition", "sharing_basis", "sharing_method", "open_type",
           "open_condition", "update_cycle", "level_floor", "national_class", "formats")  # fmt: skip
    content = exchange.export_file(actor=cast.officer)
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        _copy(book, content, RESOURCES, old, {"sharing_basis": "不予共享的依据"})
        _copy(book, content, ITEMS, [c.field for c in ITEMS.columns[:16]], {})
    todo = exchange.preview(actor=cast.officer, content=target.getvalue())
    assert todo.errors == []
    assert {(r.physical_name, r.act) for r in todo.resources} == {
        ("rs_pension", "unchanged"), ("other", "unchanged"),
    }  # fmt: skip


def _copy(book, content, sheet, names, renamed):
    from python_calamine import CalamineWorkbook

    rows = (
        CalamineWorkbook.from_filelike(io.BytesIO(content))
        .get_sheet_by_name(sheet.title)
        .to_python()
    )
    target = book.add_worksheet(sheet.title)
    columns = [(i, c) for i, c in enumerate(sheet.columns) if c.field in names]
    for place, (index, column) in enumerate(columns):
        target.write_string(0, place, renamed.get(column.field, column.title))
        for line, row in enumerate(rows[1:], 1):
            target.write(line, place, row[index] if index < len(row) else "")


def test_wrong_references_in_a_file_are_told_by_cell(cast, full):
    from chengshu.data.catalog.tests.test_excel import ENTRY, ITEM, book

    bad = {**ENTRY, "system": "rs-sb", "related": ("9/9",), "business_codes": ("SX9",)}
    content = book(systems=(), entries=(bad,), items=({**ITEM, "element": "DE9"},))
    found = exchange.preview(actor=cast.officer, content=content).errors
    assert {(e.sheet, e.column) for e in found} == {
        ("数据资源", "关联资源"), ("数据资源", "业务事项"), ("数据项", "数据元"),
    }  # fmt: skip


def test_the_api_reads_what_it_wrote(cast, client, full):
    client.force_login(cast.officer.account)
    body = {
        "provider": "330383-RS", "category": "1/01/001/01", "physical_name": "rs_api",
        **{f.name: getattr(full, f.name) for f in fields(VersionContent) if f.name != "items"},
        "items": [{"name": "id", "title": "编号", "type": "text", "element": "DE00001", "unit": "个"}],
    }  # fmt: skip
    del body["change_note"]
    made = client.post("/api/v1/catalog/resources", body, content_type="application/json")
    assert made.status_code == 201, made.content.decode()
    answer = made.json()
    for name in (
        "kind",
        "theme",
        "spatial",
        "is_lead",
        "source_table",
        "open_basis",
        "level_basis",
    ):
        assert answer[name] == getattr(full, name)
    assert answer["keywords"] == ["养老", "参保"]
    assert answer["temporal_end"] == "2025-06-30"
    items = client.get("/api/v1/catalog/resource/items", {"code": answer["code"]}).json()
    assert (items[0]["element"], items[0]["unit"]) == ("DE00001", "个")


def test_what_is_wrong_is_told(cast):
    content = replace(
        PENSION,
        keywords=("长" * 31,),
        temporal_start=date(2025, 1, 2),
        temporal_end=date(2025, 1, 1),
    )
    assert set(draft_problems(content)) == {"keywords", "temporal_end"}
    with pytest.raises(InvalidInput, match="没有代码为“9/9”的数据资源"):
        draft(cast, content=replace(PENSION, related=("9/9",)))


def test_only_tables_need_a_key_and_files_need_no_items():
    keyless = tuple(replace(i, is_key=False, code_table="") for i in PENSION.items)
    assert "items" in missing(replace(PENSION, items=keyless), {})
    stream = replace(PENSION, items=keyless, kind="stream")
    assert set(missing(stream, {})) == {"access_protocol", "access_address"}
    assert missing(replace(stream, access_protocol="MQTT", access_address="rs/paid"), {}) == {}
    assert "items" in missing(replace(PENSION, items=(), kind="interface"), {})
    file = replace(PENSION, items=(), kind="file", open_type="forbidden")
    assert missing(file, {}) == {"access_address": "请填写路径与文件名，如 /报送/2026/*.csv"}
    assert missing(replace(file, access_address="/报送/*.csv"), {}) == {}


def test_another_unit_or_code_table_breaks_those_who_use_the_data():
    paid = replace(PENSION.items[2], unit="元")
    old = replace(PENSION, items=(PENSION.items[0], PENSION.items[1], paid))
    sex = replace(PENSION.items[1], code_table="sex2")
    new = replace(old, items=(PENSION.items[0], sex, replace(paid, unit="万元")), kind="file")
    assert list(compare(old, new).breaking) == [
        "“性别”的代码表由 gender 改为 sex2", "“缴费金额”的计量单位由“元”改为“万元”",
        "资源类型由库表改为文件",
    ]  # fmt: skip


def test_the_editor_binds_by_name_and_shows_where_a_row_departs(cast, client):
    in_force(cast)
    client.force_login(cast.officer.account)
    rows = {
        "item": ["0", "1"],
        "item-0-title": "身份证号", "item-0-type": "integer", "item-0-sensitivity": "L1",
        "item-1-title": "居民身份号码", "item-1-type": "text", "item-1-sensitivity": "L1",
    }  # fmt: skip
    found = client.post(
        f"{ROOT}/resources/new/", {**rows, "row": "match"}, headers={"HX-Request": "true"}
    )
    first, second = found.context["rows"]
    assert (first.values["element"], first.values["length"]) == ("DE00001", "18")
    assert first.values["sensitivity"] == "L3"
    assert [s.identifier for s in second.suggestions] == ["DE00001"]
    bound = {**rows, "item-1-element": "DE00001", "item-1-length": "20", "row": "add:1"}
    found = client.post(f"{ROOT}/resources/new/", bound, headers={"HX-Request": "true"})
    assert "与数据元不一致：长度应为 18，现为 20" in found.content.decode()
    unknown = {**rows, "item-1-element": "DE9", "row": "bind:1"}
    found = client.post(f"{ROOT}/resources/new/", unknown, headers={"HX-Request": "true"})
    assert "没有数据元“DE9”" in found.content.decode()


def test_money_in_another_unit_is_not_bound_without_asking(cast, client):
    capital = replace(ID_NUMBER, title="注册资本", synonyms=(), type="decimal", length=None, format="",
                      precision=16, scale=2, unit="万元", name="registered_capital")  # fmt: skip
    in_force(cast, capital, "DE00033")
    client.force_login(cast.officer.account)
    rows = {"item": ["0", "1"], "item-0-title": "注册资本(元)", "item-1-title": "注册资本（万元）"}
    answer = client.post(
        f"{ROOT}/resources/new/", {**rows, "row": "match"}, headers={"HX-Request": "true"}
    )
    first, second = answer.context["rows"]
    assert (first.values["element"], [s.identifier for s in first.suggestions]) == ("", ["DE00033"])
    assert (second.values["element"], second.values["unit"]) == ("DE00033", "万元")


def test_the_pages_of_elements_from_proposal_to_departures(cast, client):
    client.force_login(cast.officer.account)
    values = {name: getattr(ID_NUMBER, name) or "" for name in ID_NUMBER.__dataclass_fields__}
    values |= {"identifier": "DE00001", "owner": "330383-RS", "synonyms": "身份证号、身份证号码"}
    made = client.post(f"{ROOT}/elements/new/", values)
    assert made.status_code == 302, made.content.decode()
    element = DataElement.objects.get()
    one = f"{ROOT}/elements/{element.pk}/"
    client.post(f"{one}submit/")
    assert client.get(f"{one}publish/").status_code == 403
    client.force_login(cast.admin.account)
    assert "发布 v1" in client.get(f"{one}publish/").content.decode()
    assert "请告诉起草人" in client.post(f"{one}step/return/", {"reason": ""}).content.decode()
    client.post(f"{one}publish/")
    item = replace(PERSON, element="DE00001", length=17, format="")
    published(cast, content=replace(PENSION, items=(item, *PENSION.items[1:])))
    page = client.get(one).content.decode()
    assert "其中 1 个与它不一致" in page
    assert "长度应为 18，现为 17" in client.get(f"{ROOT}/elements/departures/").content.decode()
    entry = Resource.objects.get()
    assert "与数据元不一致" in client.get(f"{ROOT}/resources/{entry.pk}/").content.decode()
    client.post(f"{one}revise/")
    edited = values | {"length": "20", "change_note": "加长", "revision": 1}
    assert client.post(f"{one}edit/", edited).status_code == 302
    client.post(f"{one}submit/")
    assert "要由另一位数据管理员核对" in client.get(one).content.decode()
    shown = client.get(f"{one}publish/").content.decode()
    assert "长度应为 20，现为 17" in shown
    assert "城乡居民养老保险参保信息" in shown
    client.post(f"{one}discard/")
    client.post(f"{one}step/retire/", {"reason": "改用新标准"})
    assert "已废止：改用新标准" in client.get(one).content.decode()
    client.force_login(cast.leader.account)
    assert "公民身份号码" in client.get(f"{ROOT}/elements/").content.decode()
    assert client.get(f"{ROOT}/elements/new/").status_code == 403


@pytest.mark.parametrize("name", ["elements", "elements/departures", "business", "code-tables"])
def test_standard_lists_cost_the_same_for_one_and_for_many(
    cast, client, name, django_assert_num_queries, django_assert_max_num_queries
):
    client.force_login(cast.admin.account)

    def add(number):
        in_force(cast, replace(ID_NUMBER, length=17), f"DE{number}")
        registers.register_business_item(
            actor=cast.officer, code=f"SX{number}", department=cast.hr,
            content=BusinessContent(name="参保登记", kind="service"),
        )  # fmt: skip
        item = replace(PERSON, element=f"DE{number}")
        published(cast, name=f"t{number}", content=replace(PENSION, items=(item,)))

    add(1)
    with django_assert_max_num_queries(22) as first:
        client.get(f"{ROOT}/{name}/")
    for number in (2, 3, 4):
        add(number)
    with django_assert_num_queries(len(first.captured_queries)):
        assert client.get(f"{ROOT}/{name}/").status_code == 200


def test_a_retired_element_is_no_longer_offered(cast):
    element = in_force(cast)
    elements.retire_element(actor=cast.admin, element=element, reason="并入国标")
    assert exchange._options(cast.admin)["elements"] == []


def test_the_api_speaks_of_the_standards(cast, client, full):
    client.force_login(cast.leader.account)
    root = "/api/v1/catalog"
    found = client.get(f"{root}/elements", {"q": "身份"}).json()
    assert (found["total"], found["results"][0]["data_format"]) == (1, "c..18")
    one = client.get(f"{root}/element", {"identifier": "DE00001"}).json()
    assert (one["title"], one["version"], one["synonyms"]) == (
        "公民身份号码", 1, ["身份证号", "身份证号码"],
    )  # fmt: skip
    likely = client.get(f"{root}/elements/suggest", {"title": "身份证号"}).json()
    assert likely[0]["identifier"] == "DE00001"
    table = client.get(f"{root}/code-table", {"key": "gender"}).json()
    assert table["codes"][0] == {"code": "1", "name": "男性"}
    business = client.get(f"{root}/business-items").json()
    assert business["results"][0]["code"] == "SX1"
    Resource.objects.update(due_at=datetime(2025, 1, 1, tzinfo=UTC))
    late = client.get(f"{root}/overdue").json()
    assert late["total"] == 1
    assert late["results"][0]["days"] > 200
    for path in ("element?identifier=no", "code-table?key=no"):
        assert client.get(f"{root}/{path}").status_code == 404
    client.force_login(cast.nobody.account)
    assert client.get(f"{root}/elements").status_code == 403


def test_the_list_of_elements_is_exported_on_record(cast, client):
    in_force(cast)
    client.force_login(cast.admin.account)
    answer = client.get(f"{ROOT}/elements/", {"export": "csv"})
    assert "DE00001" in b"".join(answer.streaming_content).decode("utf-8-sig")
    assert AuditRecord.objects.filter(action="catalog.list_exported").count() == 1
