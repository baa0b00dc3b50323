"""The client that everybody uses, unchanged, against a live portal."""

from collections.abc import Iterator
from typing import Any

import pytest

from chengshu.data.opening.tests.cast import Scene

pytestmark = [pytest.mark.service, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ckanapi() -> Any:
    return pytest.importorskip("ckanapi", reason="ckanapi is not installed (make test installs it)")


@pytest.fixture(params=[False, True], ids=["post", "get"])
def portal(public: Scene, live_server: Any, ckanapi: Any, request: Any) -> Iterator[Any]:
    """A connection that sends everything in one of the client's two ways, with a key of its own."""
    with ckanapi.RemoteCKAN(live_server.url, apikey="a-key", get_only=request.param) as connection:
        yield connection


def test_ckanapi_finds_shows_and_reads(portal: Any, ckanapi: Any) -> None:
    assert portal.action.site_read() is True
    assert portal.action.package_list() == ["public-facility"]
    found = portal.action.package_search(q="便民", fq="res_format:CSV", rows=5, start=0)
    [shown] = found["results"]
    assert portal.action.package_show(id=shown["id"])["name"] == "public-facility"
    [file] = [r for r in shown["resources"] if r["datastore_active"]]
    page = portal.action.datastore_search(resource_id=file["id"], limit=7, sort="facility_no desc")
    assert [row["facility_no"] for row in page["records"]] == [
        f"BM{i:05}" for i in range(59, 52, -1)
    ]
    with pytest.raises(ckanapi.NotFound, match="没有找到这个数据集"):
        portal.action.package_show(id="nothing")
    with pytest.raises(ckanapi.ValidationError) as refused:
        portal.action.datastore_search(resource_id=file["id"], sort="nowhere")
    assert "sort" in refused.value.error_dict
    with pytest.raises(ckanapi.SearchQueryError, match="nowhere"):
        portal.action.package_search(q="nowhere:1")
    with pytest.raises(ckanapi.NotAuthorized):
        portal.action.package_create(name="mine")
