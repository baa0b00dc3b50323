"""Files from a folder source: each delivered once, a failed one waits for its batch to be repeated."""

import os
import time
from pathlib import Path

import pytest

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.data.ingest.services import closing, collecting, extraction
from chengshu.data.ingest.services import sources as services
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import HEADERS, row, table
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Unavailable
from chengshu.kernel.identity.tests.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def drop(lake_dir: Path) -> Path:
    folder = lake_dir / "drops" / "sb"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def source(officer: Actor, cast: Cast, drop: Path) -> DataSource:
    return services.register_source(
        actor=officer, kind="folder", name="投递", owner=cast.department_a,
        options={"folder": "sb", "pattern": "*.csv", "complete": "stable", "order": "name"},
        secrets={},
    )  # fmt: skip


def put(drop: Path, name: str, content: str, age: int = 3600) -> None:
    path = drop / name
    path.write_text(content, encoding="utf-8")
    os.utime(path, (time.time() - age, time.time() - age))


def collect(officer: Actor, resource: Resource, source: DataSource) -> Batch:
    mapping = dict(zip(HEADERS, [s["name"] for s in factories.ITEMS], strict=True))
    return factories.run(
        collecting.collect(
            actor=officer, resource_code=resource.code, source=source, name="*.csv", mapping=mapping
        )
    )


def test_every_file_is_delivered_once(
    officer: Actor, resource: Resource, source: DataSource, drop: Path
) -> None:
    put(drop, "1.csv", table([row(1), row(2)]))
    put(drop, "2.csv", table([row(3)]))
    first = collect(officer, resource, source)
    assert (first.state, first.source_rows, first.error) == (BatchState.LOADED, 3, "")
    assert [len(f.sha256) for f in first.taken_files.all()] == [64, 64]
    assert extraction.pending_files(source, resource.pk, "*.csv") == []
    put(drop, "3.csv", table([row(4)]))
    second = collect(officer, resource, source)
    assert (second.source_rows, [f.name for f in second.taken_files.all()]) == (1, ["3.csv"])
    assert sorted(p.name for p in drop.iterdir()) == ["1.csv", "2.csv", "3.csv"]


def test_a_file_only_touched_is_not_delivered_again_but_a_changed_one_is(
    officer: Actor, resource: Resource, source: DataSource, drop: Path
) -> None:
    put(drop, "1.csv", table([row(1)]))
    collect(officer, resource, source)
    put(drop, "1.csv", table([row(1)]), age=1800)
    touched = collect(officer, resource, source)
    assert (touched.source_rows, touched.taken_files.get().repeated) == (0, True)
    put(drop, "1.csv", table([row(1), row(2)]), age=900)
    assert collect(officer, resource, source).source_rows == 2


def test_a_failed_file_waits_and_its_batch_can_be_repeated(
    officer: Actor, resource: Resource, source: DataSource, drop: Path
) -> None:
    put(drop, "1.csv", "别的表头\n1\n")
    failed = collect(officer, resource, source)
    assert (failed.state, "1.csv" in failed.error) == (BatchState.FAILED, True)
    assert extraction.pending_files(source, resource.pk, "*.csv") == []
    again = factories.run(closing.again(actor=officer, batch=failed))
    assert (again.state, again.taken_files.get().name) == (BatchState.FAILED, "1.csv")
    put(drop, "1.csv", table([row(1)]), age=60)
    assert collect(officer, resource, source).source_rows == 1


def test_a_folder_outside_the_allowed_one_cannot_be_registered(
    officer: Actor, cast: Cast, drop: Path
) -> None:
    with pytest.raises(Unavailable, match="投递目录之下没有"):
        services.register_source(
            actor=officer, kind="folder", name="外面", owner=cast.department_a, secrets={},
            options={"folder": "/etc", "pattern": "*", "complete": "stable", "order": "name"},
        )  # fmt: skip
