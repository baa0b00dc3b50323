"""What each kind of entry lets in, and what people are told to do instead."""

from typing import Any

import pytest
from django.urls import reverse

from chengshu.data.catalog.facade import Way, ways_of
from chengshu.data.catalog.models import Resource
from chengshu.data.ingest.facade import connectors
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.data.ingest.services import collecting, pushing
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import row, table
from chengshu.kernel.errors import Conflict

pytestmark = pytest.mark.django_db


def turned(resource: Resource, kind: str, items: Any = factories.ITEMS) -> Resource:
    """The entry as one of another kind, in its next version."""
    return factories.publish(resource.provider, items, resource=resource, kind=kind)


def test_every_kind_of_source_brings_rows_in_a_way_the_catalogue_knows():
    assert {Way(c.way) for c in connectors().values()} == set(Way) - {Way.PUSH}


@pytest.mark.parametrize(
    "expected",
    [
        ("table", set(), ""),
        ("interface", {"file", "database"}, "可以从接口取数，或由对方推送"),
        ("file", {"database", "endpoint", "push"}, "可以从文件归集"),
        ("stream", {"file", "database", "endpoint", "push"}, "落成库表或文件"),
    ],
    ids=lambda found: found[0],
)
def test_each_kind_is_collected_in_its_ways_only_and_says_the_next_step(
    cast, officer, resource, expected
):
    kind, refused, advice = expected
    resource = turned(resource, kind)
    assert ways_of(kind) == {Way(w) for w in Way} - refused
    token = pushing.issue_token(actor=officer, name="t", owner=cast.department_a)[0]
    sources = {
        way: DataSource.objects.create(name=way, owner=cast.department_a, kind=key)
        for way, key in (("database", "postgresql"), ("endpoint", "rest"))
    }
    attempts = {
        "file": lambda: factories.upload(officer, resource, table([row(1)])),
        "push": lambda: pushing.begin(token=token, resource_code=resource.code),
        **{
            way: lambda source=source: collecting.collect(
                actor=officer, resource_code=resource.code, source=source, name="t",
                mapping={"a": "person_no", "b": "full_name"},
            )
            for way, source in sources.items()
        },
    }  # fmt: skip
    for way, attempt in attempts.items():
        if way in refused:
            with pytest.raises(Conflict) as told:
                attempt()
            assert told.value.kept == "没有归集任何数据。"
            assert advice in told.value.advice
        else:
            attempt()
    assert Batch.objects.filter(resource=resource).count() == 3 - len(
        refused & {"file", "database", "endpoint"}
    )


def test_a_file_entry_without_items_says_what_is_missing(officer, resource):
    turned(resource, "file", ())
    with pytest.raises(Conflict, match="还没有登记数据项"):
        factories.upload(officer, resource, table([row(1)]))


def test_the_pages_offer_only_what_can_be(cast, client_for, resource):
    client = client_for(cast.officer_a)
    url = reverse("ingest:new", args=[resource.pk])
    for name, kind in (("前置库", "postgresql"), ("对方接口", "rest")):
        DataSource.objects.create(
            name=name, owner=cast.department_a, kind=kind,
            options={"host": "h", "port": 1, "database": "d", "url": "https://x.example.org/"},
        )  # fmt: skip
    assert "前置库" in client.get(url).content.decode()
    turned(resource, "interface")
    page = client.get(url).content.decode()
    assert "接口资源不从文件归集" in page
    assert "前置库" not in page
    assert "对方接口" in page
    wizard = client.get(reverse("collection:new-source", args=[resource.pk])).content.decode()
    assert "对方接口" in wizard
    assert "前置库" not in wizard
    turned(resource, "stream")
    for refused in (url, reverse("collection:new-source", args=[resource.pk])):
        answer = client.get(refused)
        assert answer.status_code == 409
        assert "落成库表或文件" in answer.content.decode()
