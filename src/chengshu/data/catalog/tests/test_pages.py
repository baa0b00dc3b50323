"""The pages, for the officer, the reviewer, the reader and the one who must be refused."""

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from chengshu.data.catalog import facade, tabs
from chengshu.data.catalog.content import ITEM_FIELDS
from chengshu.data.catalog.models import CodeTable, Resource, ThematicLibrary
from chengshu.data.catalog.services import lifecycle, review
from chengshu.data.catalog.tests.cast import PENSION, changed, draft, published
from chengshu.data.catalog.tests.test_excel import book


@pytest.fixture
def browse(client):
    """Sign in as somebody of the cast."""

    def as_(actor):
        client.force_login(actor.account)
        return client

    return as_


def text(response, status=200):
    assert response.status_code == status, response.content.decode()[:2000]
    return response.content.decode()


def url(name, *args):
    return reverse(f"catalog:{name}", args=args)


def life(entry, verb):
    return reverse("catalog_changing:life", args=[entry, verb])


LISTS = ("resources", "items", "systems", "warehouses", "libraries", "code-tables")


@pytest.mark.parametrize("name", LISTS)
def test_lists_show_for_readers_and_refuse_the_rest(cast, browse, name):
    published(cast)
    ThematicLibrary.objects.create(code="zz", name="政治生态")
    for reader in (cast.officer, cast.admin, cast.leader):
        assert "<table" in text(browse(reader).get(url(name)))
    assert browse(cast.nobody).get(url(name)).status_code == 403


@pytest.mark.parametrize("name", [*LISTS, "reviews"])
def test_lists_take_the_same_queries_for_one_row_and_for_many(
    cast, browse, django_assert_num_queries, django_assert_max_num_queries, name
):
    client = browse(cast.admin)
    changed(cast, published(cast), replace(PENSION, title="改名"))
    with django_assert_max_num_queries(22) as first:
        text(client.get(url(name)))
    for number in range(3):
        changed(cast, published(cast, name=f"t{number}"), replace(PENSION, title="改名"))
    with django_assert_num_queries(len(first.captured_queries)):
        text(client.get(url(name)))


@pytest.mark.parametrize("words", ["养老", "缴费", "paid", "人社局", "一人一条", "养老 性别"])
def test_two_to_four_characters_find_an_entry_by_title_summary_department_or_item(
    cast, browse, words
):
    published(cast)
    published(
        cast,
        name="other",
        content=replace(
            PENSION, title="失业登记", summary="失业人员的登记情况表", items=PENSION.items[:1]
        ),
    )
    found = text(browse(cast.leader).get(url("resources"), {"q": words}))
    assert PENSION.title in found
    assert "失业登记" not in found or words == "人社局"


def test_filters_work_on_the_version_people_see(cast, browse):
    published(cast)
    draft(cast, name="t2", content=replace(PENSION, title="草稿一份", sharing_type="none"))
    client = browse(cast.officer)
    for query, shown, hidden in (
        ({"sharing": "none"}, "草稿一份", PENSION.title),
        ({"level": "L3", "state": "published"}, PENSION.title, "草稿一份"),
        (
            {"open": "restricted", "provider": "330383-RS", "state": "draft"},
            "草稿一份",
            PENSION.title,
        ),
    ):
        page = text(client.get(url("resources"), query))
        assert shown in page
        assert hidden not in page
    assert "没有符合条件" in text(
        client.get(url("resources"), {"warehouse": "dw-people", "q": "不存在"})
    )


@pytest.mark.parametrize(
    "name", ["resource", "resource-basics", "resource-versions", "resource-usage"]
)
def test_tabs_of_an_entry(cast, browse, name, django_assert_max_num_queries):
    entry = changed(cast, published(cast), replace(PENSION, title="改名"))
    client = browse(cast.officer)
    with django_assert_max_num_queries(17):
        page = text(client.get(url(name, entry.pk)))
    assert "待审核" in page
    assert "撤回" in page
    reader = text(browse(cast.leader).get(url(name, entry.pk)))
    assert "改名" not in reader
    assert "发起变更" not in reader


def test_an_entry_out_of_sight_is_not_found(cast, browse):
    entry = draft(cast)
    assert browse(cast.stranger).get(url("resource", entry.pk)).status_code == 404
    assert browse(cast.stranger).get(url("edit", entry.pk)).status_code == 404
    assert browse(cast.leader).get(url("edit", entry.pk)).status_code == 403


def test_a_suspended_entry_says_why(cast, browse):
    entry = published(cast)
    lifecycle.suspend(actor=cast.admin, resource=entry, reason="数据核查")
    assert "数据核查" in text(browse(cast.leader).get(url("resource", entry.pk)))
    assert "不能新建接口" in text(browse(cast.leader).get(url("resource-usage", entry.pk)))


def test_other_packages_add_tabs_and_panels(cast, browse, monkeypatch):
    monkeypatch.setattr(tabs, "TABS", {})
    monkeypatch.setattr(tabs, "PANELS", {})
    monkeypatch.setattr("chengshu.data.catalog.views.pages.TABS", tabs.TABS)
    monkeypatch.setattr("chengshu.data.catalog.views.pages.PANELS", tabs.PANELS)
    facade.register_tab(
        key="x",
        title="归集情况",
        url_name="catalog:resource-basics",
        permission="catalog.resource.view",
    )
    facade.register_panel(
        key="y", title="在用接口", content=lambda _actor, entry: f"<p>接口 {entry.pk}</p>",
        permission="catalog.resource.edit",
    )  # fmt: skip
    entry = published(cast)
    page = text(browse(cast.officer).get(url("resource-usage", entry.pk)))
    assert "归集情况" in page
    assert f"<p>接口 {entry.pk}</p>" in page
    assert "在用接口" not in text(browse(cast.leader).get(url("resource-usage", entry.pk)))


def form_data(content=PENSION, **more):
    """What the browser posts for a content."""
    data = {
        n: getattr(content, n)
        for n in (
            "title", "summary", "system", "warehouse", "sharing_type", "sharing_condition", "sharing_basis",
            "sharing_method", "open_type", "open_condition", "update_cycle", "level_floor", "national_class",
        )
    }  # fmt: skip
    data |= {"formats": list(content.formats), "item": [str(i) for i in range(len(content.items))]}
    for index, item in enumerate(content.items):
        for name in ITEM_FIELDS:
            value = getattr(item, name)
            data[f"item-{index}-{name}"] = "" if value in (None, False) else str(value)
        data[f"item-{index}-required"] = "" if item.nullable else "1"
    return data | more


NEW = {"provider": "330383-RS", "category": "1/01/001/01", "physical_name": "rs_new"}


def test_register_in_the_browser_then_submit(cast, browse):
    client = browse(cast.officer)
    page = text(client.get(url("new")))
    assert "330383-RS" in page
    assert "330383-SJ" not in page
    response = client.post(url("new"), form_data(**NEW, then="submit"))
    entry = Resource.objects.get(physical_name="rs_new")
    assert response.url == url("resource", entry.pk)
    assert entry.working.state == "submitted"
    assert [i.name for i in entry.working.items.all()] == ["id_number", "sex", "paid"]


def test_saving_a_draft_keeps_what_is_there_and_submitting_lists_what_is_missing(cast, browse):
    client = browse(cast.officer)
    poor = replace(PENSION, summary="", items=(replace(PENSION.items[0], is_key=False, name=""),))
    response = client.post(url("new"), form_data(poor, **NEW, then="submit"), follow=True)
    page = text(response)
    assert "还不能提交审核" in page
    assert "请填写摘要" in page
    assert "请填写字段名" in page
    assert "主键" in page
    assert Resource.objects.get().working.state == "draft"
    again = client.post(url("submit", Resource.objects.get().pk))
    assert again.url.endswith("?check=1")


def test_wrong_input_comes_back_beside_the_field_with_everything_typed(cast, browse):
    client = browse(cast.officer)
    wrong = form_data(**{**NEW, "physical_name": "错"}) | {
        "item-0-length": "十八",
        "item-1-name": "SEX",
    }
    page = text(client.post(url("new"), wrong), 422)
    assert "要填整数" in page
    assert PENSION.title in page
    assert not Resource.objects.exists()
    page = text(client.post(url("new"), wrong | {"item-0-length": "18"}), 422)
    assert "物理表名“错”不对" in page
    assert "字段名“SEX”不对" in page


def test_rows_are_added_moved_and_removed_without_javascript_and_with_htmx(cast, browse):
    client = browse(cast.officer)
    page = text(client.post(url("new"), form_data(row="down:0")))
    assert page.index('-name" value="sex"') < page.index('-name" value="id_number"')
    page = text(client.post(url("new"), form_data(row="remove:0")))
    assert '-name" value="id_number"' not in page
    assert "共 2 项" in page
    fragment = text(client.post(url("new"), form_data(row="add:5"), headers={"HX-Request": "true"}))
    assert "共 8 项" in fragment
    assert "<html" not in fragment
    assert not Resource.objects.exists()


def test_the_second_editor_is_told_on_the_page_and_keeps_what_was_typed(cast, browse):
    entry = draft(cast)
    data = form_data(replace(PENSION, title="我的修改"), revision="1", then="save")
    assert browse(cast.admin).post(url("edit", entry.pk), data).status_code == 302
    late = form_data(replace(PENSION, title="晚到的修改"), revision="1", then="save")
    page = text(browse(cast.officer).post(url("edit", entry.pk), late), 422)
    assert "admin同志" in page
    assert "晚到的修改" in page
    assert Resource.objects.get().working.title == "我的修改"


def test_a_returned_draft_shows_the_remarks_in_the_editor(cast, browse):
    entry = draft(cast)
    review.submit(actor=cast.officer, version=entry.working)
    client = browse(cast.admin)
    page = text(client.get(url("review", entry.pk)))
    assert "首次发布" in page
    assert "通过并发布" in page
    page = text(
        client.post(
            url("review", entry.pk),
            {"decision": "return", "remark": "", "remark:summary": "写清范围"},
        ),
        422,
    )
    assert "写清范围" in page
    assert "改什么" in page
    data = {"decision": "return", "remark": "请补充", "remark:items.paid": "写明单位"}
    assert client.post(url("review", entry.pk), data).url == url("reviews")
    page = text(browse(cast.officer).get(url("edit", entry.pk)))
    assert "请补充" in page
    assert "数据项“缴费金额”（paid）：写明单位" in page
    assert "审核意见（待修改）：写明单位" in page


def test_review_shows_the_difference_and_publishes(cast, browse):
    entry = changed(
        cast, published(cast), replace(PENSION, update_cycle="weekly", items=PENSION.items[:2])
    )
    client = browse(cast.admin)
    assert "改" in text(client.get(url("reviews")))
    page = text(client.get(url("review", entry.pk)))
    assert "每周" in page
    assert "删除了数据项“缴费金额”" in page
    assert "按新政策调整" in page
    client.post(url("review", entry.pk), {"decision": "approve"})
    assert Resource.objects.get().published.number == 2
    assert client.get(url("review", entry.pk)).status_code == 409
    page = text(browse(cast.leader).get(url("diff", entry.pk), {"from": 1, "to": 2}))
    assert "缴费金额" in page
    assert "每日" in page
    assert "与 v1 的差异" in text(client.get(url("version", entry.pk, 2)))
    assert client.get(url("diff", entry.pk), {"from": "a"}).status_code == 422


def test_ones_own_submission_has_no_approve_button(cast, browse):
    entry = draft(cast, actor=cast.admin)
    review.submit(actor=cast.admin, version=entry.working)
    page = text(browse(cast.admin).get(url("review", entry.pk)))
    assert "须由另一位审核人员发布" in page
    assert 'value="approve"' not in page
    assert (
        browse(cast.admin).post(url("review", entry.pk), {"decision": "approve"}).status_code == 403
    )


def test_the_buttons_of_an_entrys_life(cast, browse):
    entry = published(cast)
    client = browse(cast.officer)
    assert client.post(url("change", entry.pk)).url == url("edit", entry.pk)
    assert "变更说明" in text(client.get(url("edit", entry.pk)))
    assert client.post(url("discard", entry.pk)).url == url("resource", entry.pk)
    entry = changed(cast, entry, replace(PENSION, title="改名"))
    assert client.post(url("withdraw", entry.pk)).url == url("edit", entry.pk)
    admin = browse(cast.admin)
    assert "使用方会收到通知" in text(admin.get(life(entry.pk, "suspend")))
    assert "请写明原因" in text(admin.post(life(entry.pk, "suspend"), {"reason": ""}), 422)
    admin.post(life(entry.pk, "suspend"), {"reason": "核查"})
    assert Resource.objects.get().state == "suspended"
    assert admin.get(life(entry.pk, "explode")).status_code == 404


def test_systems_are_registered_and_edited(cast, browse):
    client = browse(cast.officer)
    data = {"code": "rs-job", "name": "就业系统", "owner": "330383-RS", "purpose": "就业", "status": "running",
            "security_level": "2"}  # fmt: skip
    assert "请选择" in text(client.get(url("system-new")))
    assert "已经登记过" in text(client.post(url("system-new"), data | {"code": "rs-sb"}), 422)
    target = client.post(url("system-new"), data).url
    assert "就业系统" in text(client.get(target))
    assert 'value="1"' in text(client.get(f"{target}edit/"))
    assert (
        client.post(f"{target}edit/", data | {"revision": "1", "cloud": "政务云"}).status_code
        == 302
    )
    assert "officer同志" in text(client.post(f"{target}edit/", data | {"revision": "1"}), 422)
    assert browse(cast.stranger).get(target).status_code == 404


def test_code_tables_show_their_codes_and_where_they_are_used(cast, browse):
    published(cast)
    page = text(browse(cast.leader).get(url("code-table", CodeTable.objects.get().pk)))
    assert "女性" in page
    assert PENSION.title in page


def test_the_import_wizard(cast, browse):
    client = browse(cast.officer)
    assert "下载模板" in text(client.get(url("import")))
    assert client.get(url("import-template")).content[:2] == b"PK"
    assert client.get(url("export")).content[:2] == b"PK"
    assert "请选择要上传" in text(client.post(url("import")), 422)
    bad = SimpleUploadedFile("a.xlsx", b"no")
    assert "不是 Excel" in text(client.post(url("import"), {"file": bad}), 422)
    wrong = SimpleUploadedFile("a.xlsx", book(items=()))
    page = text(client.post(url("import"), {"file": wrong}, follow=True))
    assert "没有它的数据项" in page
    assert "确认导入" not in page
    good = client.post(url("import"), {"file": SimpleUploadedFile("a.xlsx", book())})
    page = text(client.get(good.url))
    assert "确认导入为草稿" in page
    assert "就业登记信息" in page
    assert browse(cast.admin).get(good.url).status_code == 404
    digest = page.split('name="digest" value="')[1].split('"')[0]
    response = browse(cast.officer).post(good.url, {"digest": digest})
    assert response.status_code == 302
    assert Resource.objects.filter(physical_name="rs_job").exists()


def test_a_list_is_exported_with_a_watermark_and_audited(cast, browse):
    published(cast)
    response = browse(cast.officer).get(url("resources"), {"export": "csv"})
    content = b"".join(response.streaming_content).decode()
    assert PENSION.title in content
    assert "officer同志 导出" in content
