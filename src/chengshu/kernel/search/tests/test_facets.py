"""Facets, synonyms people keep, suggestions and likelier spellings."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from chengshu.kernel.access.actor import ANONYMOUS, Actor, platform
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.search import segmentation, synonyms
from chengshu.kernel.search.facets import decode, encode, tally
from chengshu.kernel.search.models import SearchPlace, SynonymGroup
from chengshu.kernel.search.services import index, matching_keys, search, suggest
from chengshu.kernel.search.source import Document

pytestmark = pytest.mark.django_db
ROWS = (
    ("养老保险参保信息", "L3", "rs"),
    ("养老机构名录", "L1", "mz"),
    ("养老待遇发放", "L3", "rs"),
    ("养老服务补贴", "L2", "mz"),
    ("排水许可证", "L1", "jt"),
)


@pytest.fixture
def filled() -> None:
    index(
        Document(
            kind="entry", object_id=str(n), title=title, url="/x/", parts="公民身份号码\n姓名",
            facets={"level": level, "unit": unit},
        )
        for n, (title, level, unit) in enumerate(ROWS)
    )  # fmt: skip
    index([Document(kind="system", object_id="s", title="养老保险系统", url="/s/")])


@pytest.fixture(autouse=True)
def own_synonyms() -> Iterator[None]:
    yield
    segmentation.use_groups(())
    synonyms._seen.clear()


@pytest.mark.usefixtures("filled")
def test_facets_are_counted_for_the_query_and_follow_the_choice() -> None:
    found = search(ANONYMOUS, "养老", within=["entry"])
    assert found.total == 4
    assert found.facets["level"] == {"L1": 1, "L2": 1, "L3": 2}
    assert found.facets["unit"] == {"rs": 2, "mz": 2}

    narrowed = search(ANONYMOUS, "养老", within=["entry"], chosen={"level": ["L3"]})
    assert narrowed.total == 2
    assert {hit.title for hit in narrowed.hits} == {"养老保险参保信息", "养老待遇发放"}
    assert narrowed.facets["unit"] == {"rs": 2}
    # What the other levels would add stays visible.
    assert narrowed.facets["level"] == {"L1": 1, "L2": 1, "L3": 2}

    several = search(
        ANONYMOUS, "养老", within=["entry"], chosen={"level": ["L1", "L2"], "unit": ["mz"]}
    )
    assert {hit.title for hit in several.hits} == {"养老机构名录", "养老服务补贴"}


@pytest.mark.usefixtures("filled")
def test_kinds_outside_are_neither_found_nor_counted() -> None:
    assert search(ANONYMOUS, "养老").facets["kind"] == {"entry": 4, "system": 1}
    assert search(ANONYMOUS, "养老", within=["entry"]).facets["kind"] == {"entry": 4}


@given(
    rows=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from("12"))),
    unit=st.sets(st.sampled_from("xyz")), level=st.sets(st.sampled_from("12")),
)  # fmt: skip
def test_counts_are_what_counting_by_hand_gives(
    rows: list[tuple[str, str, str]], unit: set[str], level: set[str]
) -> None:
    groups = [(kind, encode({"unit": u, "level": lv}), 1) for kind, u, lv in rows]
    counts, total = tally(groups, {"unit": unit, "level": level})
    fits = [r for r in rows if (not unit or r[1] in unit) and (not level or r[2] in level)]
    assert total == len(fits)
    for value in "xyz":
        others = [r for r in rows if r[1] == value and (not level or r[2] in level)]
        assert counts.get("unit", {}).get(value, 0) == len(others)


def test_a_facet_cannot_forge_another() -> None:
    assert decode(encode({"a": "1", "b": ""})) == {"a": "1"}
    with pytest.raises(ValueError, match="may not contain"):
        encode({"level": "L1|unit=rs"})


def test_indexing_again_moves_the_facets() -> None:
    for level in ("L1", "L4"):
        index(
            [Document(kind="entry", object_id="1", title="名录", url="/", facets={"level": level})]
        )
    assert [p.facets for p in SearchPlace.objects.all()] == ["|level=L4|"]


@pytest.mark.usefixtures("filled")
def test_a_part_is_found_by_words_pinyin_and_initials() -> None:
    for typed in ("公民身份号码", "gmsfhm", "gongminshenfen", "姓名"):
        assert search(ANONYMOUS, typed, within=["entry"]).total == len(ROWS), typed


@pytest.mark.usefixtures("filled")
def test_list_pages_get_all_ids() -> None:
    found = matching_keys(ANONYMOUS, "养老", "entry")
    assert sorted(row["key"] for row in found) == [0, 1, 2, 3]
    assert not matching_keys(ANONYMOUS, "", "entry")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("typed", ["养", "养老服", "ylfw", "yanglaof"])
def test_titles_are_suggested_while_typing(typed: str) -> None:
    assert "养老服务补贴" in [hit.title for hit in suggest(ANONYMOUS, typed)]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [("养老宝险", "养老保险"), ("排水许可正", "排水许可证"), ("养老机沟", "养老机构")],
)
def test_a_wrong_character_gets_a_likelier_spelling(typed: str, meant: str) -> None:
    assert search(ANONYMOUS, typed).did_you_mean == meant


@pytest.mark.usefixtures("filled")
def test_nothing_like_it_gets_no_spelling() -> None:
    assert search(ANONYMOUS, "火箭发动机").did_you_mean == ""


@pytest.mark.usefixtures("filled")
def test_pinyin_marks_the_characters_it_stands_for() -> None:
    (hit,) = search(ANONYMOUS, "psxk").hits
    assert hit.title_html == "<mark>排水许可</mark>证"


@pytest.mark.usefixtures("filled")
def test_a_kept_synonym_works_at_once_and_is_forgotten_when_removed(
    cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    admin = actor_for(cast.admin)
    assert search(ANONYMOUS, "下水证", within=["entry"]).total == 0
    group = synonyms.save_group(actor=admin, text="下水证 = 排水许可证")
    assert [hit.title for hit in search(ANONYMOUS, "下水证").hits] == ["排水许可证"]
    synonyms.remove_group(actor=admin, group=group)
    assert search(ANONYMOUS, "下水证", within=["entry"]).total == 0


def test_synonyms_are_checked_and_kept_by_administrators(
    cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    admin = actor_for(cast.admin)
    for wrong in ("一个", "啊 甲乙", "甲乙 " + "很" * 30, "甲乙，<b>"):
        with pytest.raises(InvalidInput):
            synonyms.save_group(actor=admin, text=wrong)
    synonyms.save_group(actor=admin, text="低保，最低生活保障")
    with pytest.raises(Conflict):
        synonyms.save_group(actor=admin, text="最低生活保障、低保")
    with pytest.raises(NotAllowed):
        synonyms.save_group(actor=actor_for(cast.officer_a), text="甲乙，乙甲")
    synonyms.save_group(actor=platform(), text="甲乙，乙甲")


def test_the_page_of_synonyms(cast: Cast, client_for: Callable[[Account], Client]) -> None:
    client = client_for(cast.admin)
    assert client.post("/console/synonyms/new/", {"words": "一"}).status_code == 422
    client.post("/console/synonyms/new/", {"words": "驾照，机动车驾驶证"})
    group = SynonymGroup.objects.get()
    page = client.get("/console/synonyms/").content.decode()
    assert "驾照 = 机动车驾驶证" in page
    assert "平台自带的" in page
    client.post(f"/console/synonyms/{group.pk}/", {"words": "驾照，驾驶证明"})
    assert "驾驶证明" in client.get(f"/console/synonyms/{group.pk}/").content.decode()
    client.post(f"/console/synonyms/{group.pk}/remove/")
    assert not SynonymGroup.objects.exists()
    assert client_for(cast.officer_a).get("/console/synonyms/").status_code == 403
