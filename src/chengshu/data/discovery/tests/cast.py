"""Entries, lake tables and sources for the tests of discovery."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from django.conf import settings

from chengshu.data.catalog.facade import Resource
from chengshu.data.catalog.models import Category, CodeTable, CodeValue
from chengshu.data.ingest.models import DataSource
from chengshu.data.ingest.tests.factories import publish
from chengshu.kernel.identity.models import Organization
from chengshu_lake import Lake

LEAF = "3/01/002/01"


def id_number(sequence: int) -> str:
    """A valid fictitious identity number (GB 11643; nobody has the division 390383)."""
    body = f"390383{1950 + sequence % 60}{1 + sequence % 12:02d}{1 + sequence % 28:02d}{sequence % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(d) * w for d, w in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def category() -> Category:
    """A leaf category to register under."""
    found, _ = Category.objects.get_or_create(code=LEAF, defaults={"name": "人员", "level": 4})
    return found


def gender_codes() -> CodeTable:
    """The city's code table of sexes."""
    table, made = CodeTable.objects.get_or_create(key="gender", defaults={"name": "性别代码"})
    if made:
        for code, name in (("1", "男"), ("2", "女")):
            CodeValue.objects.create(table=table, code=code, name=name)
    return table


def entry(
    provider: Organization, name: str, title: str, items: Sequence[dict[str, Any]]
) -> Resource:
    """A published entry."""
    return publish(provider, items, title=title, physical_name=name)


def put(resource: Resource, columns: Mapping[str, Sequence[Any]]) -> None:
    """Rows of an entry in the lake."""
    table = pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()})
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(resource.lake_table):
        lake.create(resource.lake_table, table.schema)
    lake.overwrite(resource.lake_table, table)


def source(owner: Organization, name: str = "人口库") -> DataSource:
    """A registered source; tests say what it answers."""
    return DataSource.objects.create(name=name, owner=owner, kind="postgresql")
