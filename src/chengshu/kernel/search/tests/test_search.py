from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from chengshu.kernel.access.actor import ANONYMOUS, Actor, platform
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.search import index as indexing
from chengshu.kernel.search import presentation, services
from chengshu.kernel.search.models import SearchDocument
from chengshu.kernel.search.services import index, rebuild, remove, search
from chengshu.kernel.search.source import Document, SearchSource

pytestmark = pytest.mark.django_db
ActorFor = Callable[[Account], Actor]
TITLES = (
    "养老服务机构名录", "企业职工基本养老保险参保信息", "排水许可证发放记录", "农村宅基地审批信息",
    "公交一票通刷卡记录", "印刷包装企业名录", "社区网格员通讯录", "龙港市污水零直排区验收结果",
)  # fmt: skip


def document(number: int, title: str, **more: Any) -> Document:
    return Document(kind="test", object_id=str(number), title=title, url=f"/t/{number}/", **more)


@pytest.fixture
def filled() -> None:
    index(document(n, title) for n, title in enumerate(TITLES))


def titles(query: str, actor: Actor = ANONYMOUS, **more: Any) -> list[str]:
    return [hit.title for hit in search(actor, query, **more).hits]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("养老", "养老服务机构名录"),
        ("宅基地", "农村宅基地审批信息"),
        ("排水许可", "排水许可证发放记录"),
        ("网格", "社区网格员通讯录"),
        ("零直排", "龙港市污水零直排区验收结果"),
        ("印刷 名录", "印刷包装企业名录"),
        ("yljg", ""),
    ],
)
def test_words_of_two_to_four_characters_find(query: str, first: str) -> None:
    found = titles(query)
    assert (found[0] if found else "") == first


@pytest.mark.usefixtures("filled")
def test_all_words_first_then_any() -> None:
    both = search(ANONYMOUS, "企业 名录")
    assert (both.hits[0].title, both.loose, both.total) == ("印刷包装企业名录", False, 1)
    part = search(ANONYMOUS, "宅基地 公交")
    assert part.loose
    assert {hit.title for hit in part.hits} == {"农村宅基地审批信息", "公交一票通刷卡记录"}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "query", ["", "   ", "'\"(", "AND OR NOT", '养老" OR 1', "*", "a:b", "% _", "\x00", "NEAR(养老", "、。"]
)  # fmt: skip
def test_no_input_breaks_the_search(query: str) -> None:
    search(ANONYMOUS, query)


def test_the_title_counts_more_than_the_text() -> None:
    index([
        document(1, "年度统计", summary="含宅基地审批数量"),
        document(2, "农村宅基地审批信息汇总表"),
        document(3, "宅基地"),
        document(4, "宅基地审批"),
    ])  # fmt: skip
    assert titles("宅基地") == ["宅基地", "宅基地审批", "农村宅基地审批信息汇总表", "年度统计"]


def test_codes_are_found_by_their_beginning_and_with_other_separators() -> None:
    index(
        [
            document(1, "区划代码表", keywords="GB/T 2260-2007"),
            document(2, "行政村名录", keywords="330383001000"),
        ]
    )
    assert titles("2260") == ["区划代码表"]
    assert titles("33038300") == ["行政村名录"]


def test_indexing_again_replaces_and_removing_removes() -> None:
    index([document(1, "排水许可证")])
    index([document(1, "道路养护计划")])
    assert titles("排水") == []
    assert titles("养护") == ["道路养护计划"]
    remove("test", ["1"])
    assert titles("养护") == []
    assert not SearchDocument.objects.exists()


def test_twins_in_one_batch_do_no_harm() -> None:
    index([document(1, "旧名"), document(1, "新名")])
    assert titles("新名") == ["新名"]
    assert SearchDocument.objects.count() == 1


def test_readers_find_only_what_they_may_see(cast: Cast, actor_for: ActorFor) -> None:
    view = "identity.organization.view"
    index([
        document(1, "名录公开", permission=""),
        document(2, "名录甲局", permission=view, organization_path=cast.department_a.path),
        document(3, "名录乙局", permission=view, organization_path=cast.department_b.path),
        document(4, "名录审计", permission="audit.view", organization_path=cast.city.path),
        document(5, "名录共用", permission=view),
    ])  # fmt: skip

    def seen(actor: Actor) -> set[str]:
        return {title.removeprefix("名录") for title in titles("名录", actor)}

    assert seen(ANONYMOUS) == {"公开"}
    assert seen(actor_for(cast.stranger)) == {"公开"}
    assert seen(actor_for(cast.officer_a)) == {"公开", "甲局", "共用"}
    assert seen(actor_for(cast.operator)) == {"公开", "甲局", "乙局", "共用"}
    assert seen(actor_for(cast.admin)) == {"公开", "甲局", "乙局", "审计", "共用"}
    assert seen(platform()) == {"公开", "甲局", "乙局", "审计", "共用"}


def test_counts_and_kinds_do_not_leak_what_is_hidden(cast: Cast, actor_for: ActorFor) -> None:
    hidden = Document(kind="secret", object_id="1", title="名录", url="/", permission="audit.view")
    index([document(1, "名录"), hidden])
    results = search(actor_for(cast.officer_a), "名录")
    assert (results.total, [kind for kind, _n, _c in results.kinds]) == (1, ["test"])


def test_kinds_narrow_and_keep_all_counts(cast: Cast) -> None:
    other = [Document(kind="other", object_id=str(n), title=f"名录{n}", url="/") for n in range(3)]
    index([document(1, "名录"), *other])
    results = search(platform(), "名录", kinds=["other"])
    assert (results.total, {h.kind for h in results.hits}) == (3, {"other"})
    assert results.kinds == [("other", "other", 3), ("test", "test", 1)]


def test_pages_follow_each_other_without_gaps() -> None:
    now = timezone.now()
    index(document(n, f"名录第{n:03}号", updated_at=now - timedelta(minutes=n)) for n in range(45))
    pages = [titles("名录", limit=20, offset=start) for start in (0, 20, 40)]
    assert [title for page in pages for title in page] == [f"名录第{n:03}号" for n in range(45)]


def test_a_large_result_tells_how_much_of_it_can_be_reached() -> None:
    index(document(n, f"名录{n}") for n in range(services.CANDIDATES + 20))
    results = search(ANONYMOUS, "名录")
    assert (results.total, results.reachable) == (services.CANDIDATES + 20, services.CANDIDATES)


def test_hits_are_marked_and_everything_else_is_escaped() -> None:
    index([document(1, "<b>养老</b>金", summary="&" * 10 + "发放养老金的银行")])
    (hit,) = search(ANONYMOUS, "养老金").hits
    assert hit.title_html == "&lt;b&gt;<mark>养老</mark>&lt;/b&gt;金"
    assert hit.summary_html == "&amp;" * 10 + "发放<mark>养老金</mark>的银行"


def test_a_long_summary_is_cut_around_the_hit() -> None:
    index([document(1, "报告", summary="前" * 300 + "宅基地" + "后" * 300)])
    (hit,) = search(ANONYMOUS, "宅基地").hits
    assert "<mark>宅基地</mark>" in hit.summary_html
    assert hit.summary_html.startswith("…")
    assert hit.summary_html.endswith("…")
    assert len(hit.summary_html) < 160


def test_a_rebuild_adds_replaces_and_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"1": "海洋渔业局", "2": "社会事业局"}

    def documents(ids: Collection[str] | None) -> Iterator[Document]:
        for key, title in there.items():
            if ids is None or key in ids:
                yield document(int(key), title)

    source = SearchSource(kind="test", name="机构", documents=documents)
    monkeypatch.setattr(indexing, "sources", lambda: {"test": source})
    index([
        document(3, "不存在的局"),
        Document(kind="no.such.kind", object_id="1", title="火星勘探舱", url="/"),
    ])  # fmt: skip
    assert rebuild() == {"test": 2}
    assert titles("渔业") == ["海洋渔业局"]
    assert titles("不存在") == []
    assert titles("火星勘探") == []
    del there["1"]
    there["2"] = "民政事务局"
    indexing.refresh("test", ["1", "2"])
    assert titles("渔业") == []
    assert titles("民政") == ["民政事务局"]


def test_the_partial_shows_tabs_marks_and_a_word_when_nothing_is_found(cast: Cast) -> None:
    index([document(1, "养老服务名录")])
    found = presentation.context(search(platform(), "养老"), url="/console/search/", kind="test")
    text = render_to_string("search/results.html", found)
    assert "<mark>养老</mark>服务名录" in text
    assert "kind=test" in text
    nothing = presentation.context(search(platform(), "火星"), url="/console/search/")
    assert "没有找到" in render_to_string("search/results.html", nothing)


def test_a_search_costs_the_same_however_much_is_found(
    cast: Cast, actor_for: ActorFor, django_assert_num_queries: Callable[[int], Any]
) -> None:
    index(document(n, f"名录{n}") for n in range(100))
    actor = actor_for(cast.officer_a)
    # Synonyms, roles, matches, titles, documents, summaries; PostgreSQL is told twice how to read.
    with django_assert_num_queries(8 if connection.vendor == "postgresql" else 6):
        search(actor, "名录")
