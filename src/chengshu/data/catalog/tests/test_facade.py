"""What other packages get from the catalogue."""

from dataclasses import replace

import pytest

from chengshu.data.catalog import facade
from chengshu.data.catalog.models import ThematicLibrary
from chengshu.data.catalog.search import KINDS, resource_documents, sources
from chengshu.data.catalog.services import lifecycle
from chengshu.data.catalog.tests.cast import PAID, PENSION, PERSON, changed, draft, published
from chengshu.kernel.errors import Conflict, NotFound


def test_a_published_resource_compiles_into_a_contract_with_code_tables(
    cast, django_assert_num_queries
):
    code = published(cast).code
    with django_assert_num_queries(3):
        found = facade.published(code)
    assert (found.physical_name, found.lake_table) == ("rs_pension", "std/rs_pension")
    assert found.key == ("id_number",)
    assert found.contract.key == ("id_number",)
    assert dict(found.column("sex").codes) == {"1": "男性", "2": "女性"}
    assert (found.level, found.provider_name, found.version) == ("L3", "龙港市人社局", 1)
    assert facade.contract_of(published(cast, name="b").published).schema.names == [
        "id_number",
        "sex",
        "paid",
    ]


def test_only_what_is_in_service_is_handed_out(cast):
    entry = draft(cast)
    with pytest.raises(Conflict, match="未发布"):
        facade.published(entry.code)
    with pytest.raises(NotFound):
        facade.published("9/99")
    entry = published(cast, name="b")
    lifecycle.suspend(actor=cast.admin, resource=entry, reason="核查")
    with pytest.raises(Conflict, match="已暂停（核查）"):
        facade.published_by_id(entry.pk)
    assert facade.list_published() == []


def test_a_pending_change_takes_effect_nowhere(cast):
    entry = changed(cast, published(cast), replace(PENSION, items=(PERSON,)))
    assert len(facade.published(entry.code).columns) == 3


def test_lists_take_three_queries_whatever_their_number(cast, django_assert_num_queries):
    for number in range(4):
        published(cast, name=f"t{number}")
    harmless = replace(PENSION, items=(replace(PAID, is_key=True, sensitivity="L1"),))
    only = published(cast, name="harmless", content=harmless)
    library = ThematicLibrary.objects.create(code="zz", name="政治生态")
    library.resources.add(only)
    with django_assert_num_queries(3):
        assert len(facade.list_published()) == 5
    assert [r.physical_name for r in facade.list_published(max_level="L1")] == ["harmless"]
    assert [r.physical_name for r in facade.list_published(library="zz")] == ["harmless"]
    assert facade.counters() == {
        "systems": 1,
        "entries": 5,
        "items": 13,
        "warehouses": 1,
        "libraries": 1,
    }


def test_the_search_box_finds_entries_by_their_items_and_forgets_retired_ones(cast):
    entry = published(cast)
    assert {s.kind for s in sources()} == set(KINDS)
    (document,) = resource_documents(None)
    assert "缴费金额 paid" in document.parts.splitlines()
    assert document.permission == "catalog.resource.view"
    lifecycle.retire(actor=cast.admin, resource=entry, reason="下线")
    assert list(resource_documents([str(entry.pk)])) == []
