"""Scenes of the portal's tests, made of those of opening."""

from collections.abc import Iterator
from typing import Any

import pytest

from chengshu.data.catalog.models import Resource
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.ingest.facade import loading
from chengshu.data.opening.choices import TABULAR
from chengshu.data.opening.models import DatasetRelease, OpenDataset
from chengshu.data.opening.tests.cast import MASKED_FIELDS, Scene, catalogued, release
from chengshu.data.opening.tests.conftest import bound, scene, sensitive

__all__ = ["bound", "scene", "sensitive"]


@pytest.fixture
def public(scene: Scene) -> Scene:
    """60 facilities, published."""
    scene.public()
    return scene


@pytest.fixture
def masked(sensitive: Scene) -> Scene:
    """60 facilities with keepers, published masked."""
    release(sensitive.approved(slug="facility-keepers", fields=MASKED_FIELDS))
    return sensitive


@pytest.fixture
def collecting() -> Iterator[None]:
    """Collection opens this test's lake, not the one an earlier test left in its cache."""
    loading.lake.cache_clear()
    yield
    loading.lake.cache_clear()


@pytest.fixture
def three(db: None) -> list[OpenDataset]:
    """Three public datasets that differ in theme, keywords and title; known to the records only, without files."""
    resource = catalogued(catalog_cast.assemble())
    return [
        shelve(resource, "public-facility", "便民设施", theme="living", keywords=["公厕", "位置"]),
        shelve(resource, "bus-stops", "公交站点", theme="transport", keywords=["公交", "位置"]),
        shelve(resource, "clinics", "医疗机构", theme="health", keywords=["医院"]),
    ]


def shelve(resource: Resource, slug: str, title: str, **more: Any) -> OpenDataset:
    """A public dataset with a release that nobody built."""
    files = {form.value: {"bytes": 100, "sha256": "0" * 64} for form in TABULAR}
    item = OpenDataset.objects.create(
        slug=slug, title=title, summary=f"{title}的位置", resource=resource, formats=list(files),
        search_text=f"{title}\n座位数 seats".lower(), **more,
    )  # fmt: skip
    release = DatasetRelease.objects.create(
        dataset=item, number=1, catalogue_version=1, lake_version=1, open_table="open/none",
        open_version=1, rows=60, files=files, spec="", folder=f"{slug}/1",
        columns=[{"name": "seats", "title": "座位数", "type": "integer", "key": False}],
    )  # fmt: skip
    item.current, item.state, item.published_at = release, "published", release.published_at
    item.save()
    return item
