"""Files from a folder source: each delivered once, a failed one waits for its batch to be repeated."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest import jobs
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch, DataSource
from chengshu.data.ingest.services import clearing, closing, collecting, extraction
from chengshu.data.ingest.services import sources as services
from chengshu.data.ingest.services.clearing import register_readers
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import HEADERS, row, table
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Unavailable
from chengshu.kernel.identity.models import Account
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


def collect(officer: Actor, resource: Resource, source: DataSource, name: str = "*.csv") -> Batch:
    mapping = dict(zip(HEADERS, [s["name"] for s in factories.ITEMS], strict=True))
    return factories.run(
        collecting.collect(
            actor=officer, resource_code=resource.code, source=source, name=name, mapping=mapping
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


def putting(officer: Actor, source: DataSource, **after: str) -> None:
    services.change_settings(actor=officer, source=source, options={**source.options, **after})


def names(drop: Path) -> list[str]:
    return sorted(str(p.relative_to(drop)) for p in drop.rglob("*") if p.is_file())


def test_a_file_in_the_lake_is_moved_with_its_marker_and_a_failed_one_stays(
    officer: Actor, resource: Resource, source: DataSource, drop: Path
) -> None:
    putting(officer, source, after="move", after_name="已归集", complete="ok")
    for name in ("1.csv", "2.csv"):
        put(drop, name, table([row(int(name[0]))]))
        put(drop, f"{name[0]}.ok", "")
    put(drop, "3.csv", "还没有传完")
    assert collect(officer, resource, source).state == BatchState.LOADED
    assert names(drop) == ["3.csv", "已归集/1.csv", "已归集/1.ok", "已归集/2.csv", "已归集/2.ok"]
    put(drop, "3.ok", "")
    assert collect(officer, resource, source).state == BatchState.FAILED
    assert "3.csv" in names(drop)
    # The same name again is another delivery, and keeps its own place.
    put(drop, "1.csv", table([row(7)]), age=1800)
    put(drop, "1.ok", "", age=1800)
    again = collect(officer, resource, source)
    assert (again.state, again.source_rows) == (BatchState.LOADED, 1)
    moved = again.taken_files.get().cleared_to
    assert moved.startswith("已归集/")
    assert moved.endswith("-1.csv")
    assert (drop / moved).read_text() == table([row(7)])


def test_a_renamed_file_is_not_taken_again(
    officer: Actor, resource: Resource, source: DataSource, drop: Path
) -> None:
    putting(officer, source, after="rename", after_name="../x", pattern="*")
    put(drop, "1.csv", table([row(1)]))
    batch = collect(officer, resource, source, "*")
    assert names(drop) == ["1.csv.x"]
    assert batch.taken_files.get().cleared_to == "1.csv.x"
    assert extraction.pending_files(source, resource.pk, "*") == []


def test_a_kill_between_load_and_move_or_move_and_note_is_made_good(
    officer: Actor, resource: Resource, source: DataSource, drop: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    putting(officer, source, after="move", after_name="")
    put(drop, "1.csv", table([row(1)]))
    put(drop, "2.csv", table([row(2)]))
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "clear", lambda _source: 0)  # killed before
        batch = collect(officer, resource, source)
    assert names(drop) == ["1.csv", "2.csv"]
    (drop / "collected").mkdir()
    (drop / "1.csv").rename(drop / "collected" / "1.csv")  # killed behind the first move
    assert clearing.clear_all() == 2
    assert names(drop) == ["collected/1.csv", "collected/2.csv"]
    assert [t.cleared_to for t in batch.taken_files.order_by("pk")] == [
        "collected/1.csv", "collected/2.csv",
    ]  # fmt: skip
    assert clearing.clear_all() == 0


def test_a_file_written_anew_since_it_was_taken_is_left_for_the_next_run(
    officer: Actor, resource: Resource, source: DataSource, drop: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    putting(officer, source, after="move")
    put(drop, "1.csv", table([row(1)]))
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "clear", lambda _source: 0)
        collect(officer, resource, source)
    put(drop, "1.csv", table([row(1), row(2)]), age=1800)
    clearing.clear(source)
    assert names(drop) == ["1.csv"]
    assert collect(officer, resource, source).source_rows == 2
    assert names(drop) == ["collected/1.csv"]


def test_a_folder_of_two_resources_is_cleared_when_both_have_the_file(
    officer: Actor, resource: Resource, source: DataSource, drop: Path, cast: Cast
) -> None:
    other = factories.publish(cast.department_a, title="另一个", physical_name="other")
    register_readers("test", lambda _source: [(other.pk, "*.csv"), (0, "*.xlsx")])
    try:
        putting(officer, source, after="move")
        put(drop, "1.csv", table([row(1)]))
        collect(officer, resource, source)
        assert names(drop) == ["1.csv"]
        collect(officer, other, source)
        assert names(drop) == ["collected/1.csv"]
    finally:
        clearing.READERS.pop("test")


def test_what_cannot_be_moved_is_said_on_the_page_and_tried_again(
    *, officer: Actor, resource: Resource, source: DataSource, drop: Path, cast: Cast,
    client_for: Callable[[Account], Client],
) -> None:  # fmt: skip
    putting(officer, source, after="move", after_name="away")
    put(drop, "1.csv", table([row(1)]))
    (drop / "away").write_text("in the way")
    assert collect(officer, resource, source).state == BatchState.LOADED
    page = client_for(cast.officer_a).get(reverse("ingest:source", args=[source.pk]))
    assert "1 个已入库的文件没能移走" in page.content.decode()
    (drop / "away").unlink()
    assert clearing.clear_all() == 1
    assert clearing.stuck(source) == (0, "")


def test_a_linked_sub_folder_leads_nowhere(
    officer: Actor, resource: Resource, source: DataSource, drop: Path, tmp_path: Path
) -> None:
    putting(officer, source, after="move", after_name="away")
    (tmp_path / "outside").mkdir()
    (drop / "away").symlink_to(tmp_path / "outside")
    put(drop, "1.csv", table([row(1)]))
    collect(officer, resource, source)
    assert list((tmp_path / "outside").iterdir()) == []
    assert (drop / "1.csv").is_file()


def test_files_are_looked_at_chosen_and_collected_from_page_to_page(
    client_for: Callable[[Account], Client],
    cast: Cast,
    resource: Resource,
    source: DataSource,
    drop: Path,
) -> None:
    put(drop, "1.csv", table([row(1), row(2)]))
    client = client_for(cast.officer_a)
    seen = client.get(reverse("ingest:source-object", args=[source.pk]), {"name": "*.csv"})
    shown = seen.content.decode()
    assert HEADERS[0] in shown
    assert row(1)[HEADERS.index("身份证号")] not in shown, "personal numbers are hidden"
    where = reverse("ingest:tables", args=[source.pk])
    assert "*.csv" in client.get(where, {"resource": resource.pk}).content.decode()
    query = f"{where}?resource={resource.pk}&table=*.csv"
    page = client.get(query)
    assert page.context["missing"] == []
    chosen = {key: target for key, _, _, target in page.context["columns"]}
    assert client.post(query, {"map-0": "full_name"}).status_code == 422
    client.post(query, chosen)
    batch = factories.run(resource.batches.get())
    assert (batch.state, batch.accepted) == (BatchState.LOADED, 2)
