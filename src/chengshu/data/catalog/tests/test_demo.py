"""The demo city's catalogue in the exact counts of the city, and harmless to load twice."""

from dataclasses import dataclass, field, replace
from functools import cache

import pytest

from chengshu.data.catalog import demo, facade, selectors, standards
from chengshu.data.catalog.content import version_content
from chengshu.data.catalog.contract import code_values
from chengshu.data.catalog.models import (
    BusinessItem,
    Category,
    CodeTableVersion,
    DataElement,
    Resource,
)
from chengshu.data.catalog.services import drafts
from chengshu.data.catalog.tests.cast import PENSION
from chengshu.data.catalog.validation import missing
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import NotFound
from chengshu.kernel.identity.models import Organization
from chengshu_demo import city as whole_city


@dataclass
class Context:
    scale: str = "small"
    actor: Actor = field(default_factory=lambda: platform("演示数据"))
    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)


@cache
def source():
    return whole_city()


@pytest.fixture
def units(db):
    root = Organization.objects.create(
        code="330383", name="龙港市", short="龙港市", kind="municipal"
    )
    for unit in source().organisations:
        if unit.kind == "department":
            Organization.objects.create(
                code=unit.code, name=unit.name, short=unit.short, kind="department", parent=root
            )


def test_the_whole_city_loads_once_in_its_own_counts(units):
    context = Context()
    demo.load(context)
    assert facade.counters() == {
        "systems": 17, "entries": 273, "items": 11_315, "warehouses": 10, "libraries": 2,
    }  # fmt: skip
    demo.load(context)
    assert facade.counters()["items"] == 11_315
    assert AuditRecord.objects.filter(action="catalog.demo_loaded").count() == 1
    assert "17 个信息系统" in context.said[0]
    assert "0 个数据目录" in context.said[1]


def test_what_is_loaded_would_also_pass_the_review(units):
    some = source().entries[::9]
    demo.load_city(replace(source(), entries=some, libraries=()), actor=platform())
    entries = Resource.objects.select_related("published__system", "published__warehouse")
    codes = code_values(t.key for t in source().code_tables)
    for entry in entries:
        assert missing(version_content(entry.published), codes) == {}, entry
    assert len(facade.list_published()) == len(some)


def test_new_entries_get_codes_behind_the_loaded_ones(units):
    entry = source().entries[-1]
    demo.load_city(replace(source(), entries=(entry,), libraries=()), actor=platform())
    category = Category.objects.get(code=entry.code.rpartition("/")[0])
    made = drafts.create_resource(
        actor=platform(), provider=Organization.objects.get(code=entry.provider), category=category,
        physical_name="brand_new", content=replace(PENSION, system="", warehouse="", items=()),
    )  # fmt: skip
    assert made.code > entry.code
    assert made.code.rpartition("/")[0] == category.code


def test_without_its_organisations_nothing_is_loaded(db):
    with pytest.raises(NotFound, match="还没有这些机构"):
        demo.load(Context())
    assert selectors.count_systems() == 0


def test_the_citys_items_are_bound_to_elements_across_departments(units):
    demo.load(Context())
    assert DataElement.objects.filter(state="published").count() >= 60
    bound = facade.items_of_element()
    assert len(bound) > 4_000
    people = [b for b in bound if b.identifier == "DE00001"]
    assert {b.title for b in people} == {"公民身份号码"}
    assert len({b.provider_id for b in people}) > 10
    departing = [b for b in bound if b.deviates]
    assert 0 < len(departing) < 50
    assert standards.departing_items().count() == len(departing)
    assert all(v.codes for v in CodeTableVersion.objects.all())
    served = BusinessItem.objects.filter(systems__isnull=False, resources__isnull=False).distinct()
    assert served.count() == BusinessItem.objects.count() > 50
