import re
from typing import ClassVar

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import RequestFactory

from chengshu.kernel.errors import NotAllowed
from chengshu.kernel.ui.components import Column, Filter
from chengshu.kernel.ui.tables import TableView

pytestmark = pytest.mark.django_db


class KindList(TableView[ContentType]):
    title = "记录类型"
    key = "kinds"
    template_name = "ui/table/results.html"
    columns: ClassVar = (
        Column(key="model", title="名称", sort="model", locked=True),
        Column(key="app_label", title="模块", sort="app_label"),
        Column(key="id", title="编号", kind="number", hidden=True),
    )
    filters: ClassVar = (
        Filter(key="app_label", title="模块", choices=[("even", "双"), ("odd", "单")]),
    )
    search_fields: ClassVar = ("model",)
    default_sort = "model"
    page_size = 10
    export_name = "记录类型"

    def get_queryset(self):
        return ContentType.objects.filter(app_label__in=("even", "odd"))


class AuditedKindList(KindList):
    asked: ClassVar = []

    def before_export(self, *, file_format, rows):
        self.asked.append((file_format, rows))
        return "导出人：李晓东"


class ClosedKindList(KindList):
    export_name = ""


@pytest.fixture(autouse=True)
def bare_pages(settings):
    """The list alone: what the portals' shells need is not its business."""
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ]


@pytest.fixture
def kinds():
    made = ContentType.objects.bulk_create(
        ContentType(app_label="odd" if n % 2 else "even", model=f"kind{n:04}") for n in range(35)
    )
    made.append(ContentType.objects.create(app_label="even", model="=cmd|x"))
    return made


def ask(query="", *, view=KindList, cookies=None, **headers):
    request = RequestFactory().get(f"/kinds/{query}", headers=headers)
    request.COOKIES.update(cookies or {})
    instance = view()
    instance.setup(request)
    return instance, instance.get(request)


def names(view):
    return [row.cells[0].value for row in view.table.rows]


def test_following_next_shows_every_row_once(kinds):
    view, _ = ask()
    seen, steps = names(view), 1
    while view.table.pager.next_url:
        view, _ = ask(view.table.pager.next_url.removeprefix("/kinds/"))
        seen += names(view)
        steps += 1
    assert seen == sorted(kind.model for kind in kinds)
    assert steps == 4
    back, _ = ask(view.table.pager.previous_url.removeprefix("/kinds/"))
    assert names(back) == seen[20:30]


def test_search_filter_and_sort_work_together_and_are_kept_by_every_link(kinds):
    view, response = ask("?q=kind&app_label=odd&sort=-model")
    assert view.table.pager.total == 17
    assert names(view)[0] == "kind0033"
    html = response.content.decode()
    for url in re.findall(r'rel="next"[^>]* href="([^"]+)"', html):
        assert all(part in url for part in ("q=kind", "app_label=odd", "sort=-model", "cursor="))
    assert [chip.text for chip in view.table.chips] == ["搜索：kind", "模块：单"]


@pytest.mark.parametrize(
    "query", ["?app_label=secret", "?sort=password", "?cursor=%00", "?export=exe"]
)
def test_what_the_list_does_not_offer_is_ignored(kinds, query):
    view, response = ask(query)
    assert response.status_code == 200
    assert view.table.pager.total == 36
    assert names(view)[0] == "=cmd|x"


def test_percent_and_underscore_are_searched_as_written(kinds):
    assert ask("?q=%25")[0].table.pager.total == 0
    assert ask("?q=_")[0].table.pager.total == 0


def test_a_search_without_hits_offers_to_clear_it(kinds):
    _, response = ask("?q=nothing")
    assert "没有符合条件的记录" in response.content.decode()


def test_the_query_count_does_not_depend_on_the_rows(kinds, django_assert_num_queries):
    with django_assert_num_queries(2):
        ask()
    ContentType.objects.bulk_create(
        ContentType(app_label="odd", model=f"more{n}") for n in range(300)
    )
    with django_assert_num_queries(2):
        ask()


def test_htmx_gets_the_results_only_but_the_back_button_gets_the_page(kinds, settings):
    class WholePage(KindList):
        template_name = "ui/gallery/progress.html"  # any other template shows the difference

        def get_context(self):
            from chengshu.kernel.ui.gallery import samples

            return {"item": samples.progress()[0]}

    asked = {"HX-Request": "true", "HX-Target": "kinds-results"}
    part = ask(view=WholePage, **asked)[1].content.decode()
    assert 'id="kinds-results"' in part
    restored = ask(view=WholePage, **asked, **{"HX-History-Restore-Request": "true"})[1]
    assert 'id="kinds-results"' not in restored.content.decode()
    assert "HX-Request" in restored.headers["Vary"]


def test_chosen_columns_are_remembered_and_locked_ones_stay(kinds):
    view, response = ask("?choose=1&cols=id&density=compact")
    assert [head.column.key for head in view.table.headers] == ["model", "id"]
    kept = {name: morsel.value for name, morsel in response.cookies.items()}
    again, _ = ask(cookies=kept)
    assert [head.column.key for head in again.table.headers] == ["model", "id"]
    assert again.table.compact


def test_an_export_holds_all_matching_rows_disarmed_watermarked_and_audited(kinds):
    AuditedKindList.asked.clear()
    _, response = ask("?export=csv&app_label=even", view=AuditedKindList)
    lines = b"".join(response).decode("utf-8-sig").split("\r\n")
    assert AuditedKindList.asked == [("csv", 19)]
    assert lines[0] == "名称,模块"
    assert len(lines) == 1 + 19 + 1 + 1
    assert "'=cmd|x,even" in lines
    assert lines[-2] == "导出人：李晓东"


def test_a_list_without_export_refuses_it(kinds):
    with pytest.raises(NotAllowed):
        ask("?export=csv", view=ClosedKindList)


def test_a_long_list_says_more_than_instead_of_counting_on(kinds, monkeypatch):
    monkeypatch.setattr(KindList, "count_limit", 20)
    _, response = ask()
    assert "超过 20 条" in response.content.decode()
