"""The search page: entries with their matching items, the other kinds, facets in the address, offers while typing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chengshu.data.catalog.content import ItemContent
from chengshu.data.catalog.finding import selectors
from chengshu.data.catalog.freshness import Freshness, freshness_case, freshness_of
from chengshu.data.catalog.models import BusinessItem, CodeTable, Resource
from chengshu.data.catalog.search import ITEM, RESOURCE
from chengshu.data.catalog.services import lifecycle
from chengshu.data.catalog.tests.cast import PENSION, SEX, Cast, draft, published
from chengshu.data.catalog.tests.test_elements import in_force
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.search import index
from chengshu.kernel.search.services import rebuild

Browse = Callable[[Actor], Client]
URL = "/console/catalog/search/"
DRAIN = replace(
    PENSION, title="排水许可证发放记录", summary="城镇污水排入排水管网许可的发放情况", open_type="forbidden",
    items=(ItemContent(name="licence_no", title="许可证编号", length=30, is_key=True, nullable=False), SEX),
)  # fmt: skip


@pytest.fixture
def filled(cast: Cast) -> Cast:
    published(cast)
    published(cast, name="pw_drain", content=DRAIN)
    BusinessItem.objects.create(
        code="330383-RS-001", name="养老保险参保登记", department=cast.hr, kind="payment"
    )
    rebuild()
    return cast


def ask(client: Client, **question: object) -> str:
    response = client.get(URL, question)
    assert response.status_code == 200
    return response.content.decode()


def test_an_entry_shows_the_items_that_match_inside(filled: Cast, browse: Browse) -> None:
    found = selectors.find(actor=filled.officer, query="养老 身份证", chosen={})
    assert [e.hit.title for e in found.entries] == [PENSION.title]
    assert [name for _title, name in found.entries[0].items] == ["id_number"]
    assert "<mark>身份证号</mark>" in ask(browse(filled.officer), q="养老 身份证")


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("许可", DRAIN.title), ("psxkz", DRAIN.title), ("paishui", DRAIN.title),
        ("xkzbh", DRAIN.title), ("licence", DRAIN.title), ("公民身份号码", PENSION.title),
        ("社会保险系统", PENSION.title), ("pw_drain", DRAIN.title),
    ],
)  # fmt: skip
def test_words_codes_pinyin_and_synonyms_lead_to_entries(
    filled: Cast, query: str, title: str
) -> None:
    found = selectors.find(actor=filled.officer, query=query, chosen={})
    assert title in [entry.hit.title for entry in found.entries]


@pytest.mark.parametrize(
    ("kind", "queries"),
    [
        (RESOURCE, ("养老", "养老保险", "yanglao", "chengxiangjumin", "cxjm", "参保信息")),
        (ITEM, ("缴费", "缴费金额", "jiaofei", "jiaofeijine", "jfje", "paid")),
        ("catalog.element", ("身份", "身份号码", "gongminshenfenhaoma", "gmsfhm", "身份证", "id_number")),
        ("catalog.code-table", ("性别", "性别代码", "xingbiedaima", "xbdm", "gender", "男性")),
        ("catalog.system", ("社会", "社会保险", "shehuibaoxian", "shbx", "rs-sb", "社保")),
        ("catalog.business", ("登记", "参保登记", "canbaodengji", "cbdj", "330383-RS-001", "参保")),
    ],
)  # fmt: skip
def test_everything_is_found_by_two_to_four_characters_whole_pinyin_initials_code_and_synonym(
    filled: Cast, kind: str, queries: tuple[str, ...]
) -> None:
    in_force(filled)
    rebuild()
    for query in queries:
        found = selectors.find(actor=filled.officer, query=query, kind=kind, chosen={})
        assert found.results.total >= 1, query


def test_every_facet_is_counted_and_narrows(filled: Cast) -> None:
    found = selectors.find(actor=filled.officer, query="性别", chosen={})
    assert set(selectors.facet_words()) <= set(found.results.facets)
    chosen = {
        "unit": ["330383-RS"], "class": ["1"], "form": ["table"], "sharing": ["conditional"],
        "level": ["L3"], "fresh": ["never"],
    }  # fmt: skip
    for facet, values in chosen.items():
        one = selectors.find(actor=filled.officer, query="性别", chosen={facet: values})
        assert PENSION.title in [e.hit.title for e in one.entries], facet
        other = {facet: [v for v in found.results.facets[facet] if v not in values] or ["none"]}
        away = selectors.find(actor=filled.officer, query="性别", chosen=other)
        assert PENSION.title not in [e.hit.title for e in away.entries], facet
    CodeTable.objects.filter(key="gender").update(owner=filled.hr)
    rebuild()
    mine = selectors.find(
        actor=filled.officer,
        query="性别",
        kind="catalog.code-table",
        chosen={"unit": ["330383-RS"]},
    )
    assert mine.results.total == 1


def test_all_kinds_are_found_and_can_be_chosen(filled: Cast, browse: Browse) -> None:
    client = browse(filled.officer)
    page = ask(client, q="养老保险")
    assert PENSION.title.removeprefix("城乡居民") in page.replace("<mark>", "").replace(
        "</mark>", ""
    )
    assert "业务事项" in page
    only = ask(client, q="性别", kind=ITEM)
    assert "2 个目录" in only.replace("</mark>", "").replace("<mark>", "")
    assert "性别代码" in ask(client, q="性别").replace("</mark>", "").replace("<mark>", "")


def test_facets_narrow_and_stay_in_the_address(filled: Cast, browse: Browse) -> None:
    client = browse(filled.officer)
    page = ask(client, q="性别")
    assert "level=L3" in page
    narrowed = ask(client, q="性别", level="L2")
    assert DRAIN.title in narrowed
    assert "城乡居民养老保险参保信息" not in narrowed
    both = ask(client, q="性别", level=["L2", "L3"])
    assert "城乡居民养老保险参保信息" in both
    assert "这些条件下没有找到" in ask(client, q="许可证", level="L3")
    # What does not exist narrows nothing.
    assert DRAIN.title in ask(client, q="性别", level="L9")


def test_nothing_found_offers_a_likelier_word(filled: Cast, browse: Browse) -> None:
    client = browse(filled.officer)
    assert "您要找的是不是" in ask(client, q="排水许可正")
    assert "没有找到" in ask(client, q="火箭发动机")
    assert "想找什么数据" in ask(client)


def test_offers_while_typing(filled: Cast, browse: Browse) -> None:
    client = browse(filled.officer)
    offered = client.get(f"{URL}suggest/", {"q": "排"}).content.decode()
    assert "许可证发放记录" in offered
    assert client.get(f"{URL}suggest/", {"q": ""}).content.decode().strip() == ""
    assert client.get(f"{URL}suggest/", {"q": "<script>"}).content.decode().strip() == ""


@pytest.mark.parametrize("page", ["0", "-1", "x", "99", "９"])
def test_a_strange_page_number_does_no_harm(filled: Cast, browse: Browse, page: str) -> None:
    ask(browse(filled.officer), q="性别", page=page)


def test_a_search_costs_the_same_for_any_number(filled: Cast, browse: Browse) -> None:
    client = browse(filled.officer)
    counts = []
    for more in (0, 12):
        for number in range(more):
            published(filled, name=f"t{number}", content=replace(DRAIN, title=f"排水{number}号"))
        rebuild()
        with CaptureQueriesContext(connection) as queries:
            ask(client, q="排水")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_those_without_the_catalogue_find_nothing(filled: Cast, browse: Browse) -> None:
    assert browse(filled.nobody).get(URL, {"q": "养老"}).status_code == 403
    # A leader of the city reads everything; another department's systems stay hidden from its officers.
    found = selectors.find(
        actor=filled.stranger, query="社会保险系统", kind="catalog.system", chosen={}
    )
    assert found.results.total == 0


class Told:
    """An event as the outbox delivers it."""

    def __init__(self, kind: str, entry: Resource) -> None:
        self.type, self.subject, self.data = kind, entry.code, {"id": entry.pk}


def test_what_is_retired_disappears_with_the_names_of_its_items(filled: Cast) -> None:
    entry = Resource.objects.get(physical_name="pw_drain")
    lifecycle.retire(actor=filled.admin, resource=entry, reason="停办")
    index.follow(Told("city.catalog.resource.retired", entry))
    found = selectors.find(actor=filled.officer, query="许可证编号", chosen={})
    assert not {kind for kind, _name, _count in found.kinds} & {RESOURCE, ITEM}
    (hit,) = selectors.find(actor=filled.officer, query="性别", kind=ITEM, chosen={}).results.hits
    assert "1 个目录" in hit.summary_html


def test_new_data_renews_the_freshness_that_is_searched(filled: Cast) -> None:
    entry = Resource.objects.get(physical_name="pw_drain")
    now = datetime.now(UTC)
    Resource.objects.filter(pk=entry.pk).update(fresh_at=now, due_at=now + timedelta(days=20))
    told = Told("city.ingest.batch.loaded", entry)
    told.data = {}
    index.refresh(RESOURCE, set(index.sources()[RESOURCE].objects(told)))
    found = selectors.find(actor=filled.officer, query="性别", chosen={"fresh": ["on_time"]})
    assert [e.hit.title for e in found.entries] == [DRAIN.title]


def test_the_list_shows_counts_beside_conditions_and_narrows(filled: Cast, browse: Browse) -> None:
    client = browse(filled.officer)
    url = reverse("catalog:resources")
    page = client.get(url).content.decode()
    assert "从未归集" in page
    narrowed = client.get(url, {"level": "L2", "class": "1", "fresh": "never", "kind": "table"})
    text = narrowed.content.decode()
    assert DRAIN.title in text
    assert PENSION.title not in text
    # The other level is still offered, with what it would add.
    assert "L3 较敏感" in text
    part = client.get(
        url, {"q": "许可"}, headers={"HX-Request": "true", "HX-Target": "catalog-resources-results"}
    )
    assert 'hx-swap-oob="true"' in part.content.decode()
    assert DRAIN.title in client.get(url, {"q": "psxkz"}).content.decode()


def test_the_database_calls_it_fresh_as_the_page_does(cast: Cast) -> None:
    entry = draft(cast)
    now = datetime(2026, 5, 1, tzinfo=UTC)
    words = set()
    for age in (None, 0, 5, 100, 300):
        for left in (None, -1, 0, 1, 5, 7, 70, 80, 200):
            fresh = None if age is None else now - timedelta(hours=age)
            due = None if left is None else now + timedelta(hours=left)
            Resource.objects.filter(pk=entry.pk).update(fresh_at=fresh, due_at=due)
            stored = Resource.objects.annotate(word=freshness_case(now)).get(pk=entry.pk)
            assert stored.word == freshness_of(fresh, due, now), (age, left)
            words.add(stored.word)
    assert words == set(Freshness.values)
