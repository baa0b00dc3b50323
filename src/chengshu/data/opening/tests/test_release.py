"""A release: four formats that say the same, published by one swap, safe against a kill."""

import csv
import hashlib
import json
from decimal import Decimal
from uuid import uuid4

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chengshu.data.opening.choices import DatasetState
from chengshu.data.opening.models import DatasetRelease, OpenDataset
from chengshu.data.opening.release import building
from chengshu.data.opening.release.places import places_of
from chengshu.data.opening.release.values import neutral
from chengshu.data.opening.release.writers import ColumnNote, XlsxWriter
from chengshu.data.opening.services import datasets
from chengshu.data.opening.tests.cast import OPEN, Scene, collect, release, rows
from chengshu.kernel.access.actor import platform
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput, Unavailable
from chengshu_lake import Lake


def _json(item: OpenDataset) -> list[dict]:
    assert item.current is not None
    return json.loads(item.current.file("json").read_text("utf-8"), parse_float=Decimal)


def test_all_formats_hold_the_same_rows(scene: Scene) -> None:
    collect(scene.resource, rows(3, remark='老城区,"靠近\n公园"'))
    current = scene.public().current
    assert current is not None
    records = _json(current.dataset)
    assert [r["facility_no"] for r in records] == [f"BM{i:05}" for i in range(60)]
    assert list(records[0]) == OPEN

    raw = current.file("csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(raw.decode("utf-8-sig").splitlines(keepends=True)))

    def text(value):
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    assert [{k: text(v) for k, v in r.items()} for r in records] == lines

    table = pq.read_table(current.file("parquet"))
    assert table.column("longitude").to_pylist() == [r["longitude"] for r in records]
    assert table.column("seats").to_pylist() == [r["seats"] for r in records]
    assert table.column("remark").to_pylist() == [r["remark"] for r in records]
    assert table.schema.field("facility_no").metadata == {b"title": "设施编号".encode()}

    book = openpyxl.load_workbook(current.file("xlsx"), read_only=True)
    sheet = list(book["数据"].iter_rows(values_only=True))
    assert sheet[0][0] == "设施编号"
    for record, row in zip(records, sheet[1:], strict=True):
        shown = [v.replace("\r\n", "\n") if isinstance(v, str) else v for v in row]
        wanted = [float(v) if isinstance(v, Decimal) else v for v in record.values()]
        assert shown == wanted
    assert book.sheetnames == ["数据", "字段说明"]
    book.close()


def test_checksums_and_sizes_are_those_of_the_files(scene: Scene) -> None:
    current = scene.public().current
    assert current is not None
    for entry in current.file_list:
        content = current.file(entry["format"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()


def test_formulas_are_neutralised_where_spreadsheets_would_run_them(scene: Scene) -> None:
    attack = "=cmd|' /C calc'!A0"
    collect(scene.resource, rows(1, remark=attack))
    current = scene.public().current
    assert current is not None
    lines = list(csv.DictReader(current.file("csv").read_text("utf-8-sig").splitlines()))
    assert lines[0]["remark"] == f"'{attack}"
    assert _json(current.dataset)[0]["remark"] == attack
    book = openpyxl.load_workbook(current.file("xlsx"))
    cell = book["数据"].cell(row=2, column=OPEN.index("remark") + 1)
    assert (cell.value, cell.data_type) == (attack, "s")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_every_way_to_begin_a_formula_is_neutralised(start: str) -> None:
    assert neutral(pa.array([f"{start}1", "无害", None])).to_pylist() == [
        f"'{start}1",
        "无害",
        None,
    ]


def test_instants_carry_the_offset_of_the_city(scene: Scene) -> None:
    assert _json(scene.public())[0]["checked_at"] == "2026-03-01T12:30:00+08:00"


def test_row_scope_narrows_every_format(scene: Scene) -> None:
    item = scene.public(
        row_filter={"and": [{"prefix": ["facility_no", "BM0001"]}, {"eq": ["is_free", True]}]}
    )
    assert item.rows == 5
    assert {r["is_free"] for r in _json(item)} == {True}


def test_full_worksheets_continue_on_the_next(tmp_path) -> None:
    path = tmp_path / "data.xlsx"
    writer = XlsxWriter(path, [ColumnNote("a", "甲")], [], sheet_rows=4)
    for start in (0, 5):
        writer.write(pa.record_batch({"a": [f"{i}" for i in range(start, start + 5)]}))
    writer.close()
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["数据", "数据2", "数据3", "字段说明"]
    values = [c.value for name in book.sheetnames[:3] for c in book[name]["A"][1:]]
    assert values == [str(i) for i in range(10)]


def test_long_numbers_stay_exact_in_spreadsheets(tmp_path) -> None:
    path = tmp_path / "data.xlsx"
    writer = XlsxWriter(path, [ColumnNote("a", "甲")], [])
    writer.write(pa.record_batch({"a": pa.array([330383000001000123, 12], pa.int64())}))
    writer.close()
    values = [c.value for c in openpyxl.load_workbook(path)["数据"]["A"]]
    assert values == ["甲", "330383000001000123", 12]


def test_the_release_counts_over_all_rows(scene: Scene) -> None:
    current = scene.public().current
    assert current is not None
    fields = current.profile["fields"]
    assert fields["seats"] == {"filled": 48, "distinct": 7, "min": 0, "max": 6}
    assert fields["kind"]["values"] == [["01", 20], ["02", 20], ["03", 20]]
    assert fields["opened_on"]["years"] == [[2020, 15], [2021, 15], [2022, 15], [2023, 15]]
    assert current.profile["places"] == 60
    points = json.loads((current.path / building.POINTS).read_text())
    assert len(points) == 60
    assert points[0] == [120.5, 27.55, "便民设施0号"]


def test_new_data_makes_the_next_release_and_the_same_data_none(scene: Scene) -> None:
    item = scene.public()
    assert release(item)["unchanged"] is True
    collect(scene.resource, rows(61))
    assert release(item) == {"release": 2, "rows": 61}
    item.refresh_from_db()
    assert (item.rows, item.current.number) == (61, 2)
    old = DatasetRelease.objects.get(dataset=item, number=1)
    assert len(json.loads(old.file("json").read_text("utf-8"))) == 60
    assert Lake.count(building.lake(), old.open_table, as_of=old.open_version) == 60


def test_the_same_job_run_again_publishes_once(scene: Scene) -> None:
    item = scene.dataset()
    job = uuid4()
    for _ in range(2):
        building.publish_release(dataset=item, actor=platform(), job_id=job, context=None)
    assert item.releases.count() == 1


@pytest.mark.parametrize("stop", ["write_files", "profile", "_swap"])
def test_a_run_that_dies_leaves_the_old_release_and_the_rerun_completes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    item = scene.public()
    collect(scene.resource, rows(70))
    before = {f: item.current.file(f).read_bytes() for f in item.current.files}
    job = uuid4()

    def die(*_args, **_kwargs):
        raise KeyboardInterrupt  # not an Exception: nothing in the job tidies up after it, as after a kill

    item = OpenDataset.objects.select_related("current").get(pk=item.pk)
    with monkeypatch.context() as patch:
        patch.setattr(building, stop, die)
        with pytest.raises(KeyboardInterrupt):
            building.publish_release(dataset=item, actor=platform(), job_id=job, context=None)
    item.refresh_from_db()
    assert (item.current.number, item.rows) == (1, 60)
    assert {f: item.current.file(f).read_bytes() for f in item.current.files} == before
    assert building.publish_release(dataset=item, actor=platform(), job_id=job, context=None) == {
        "release": 2, "rows": 70,
    }  # fmt: skip
    assert not list((building.opening_root() / item.slug).glob(".building-*"))


def test_an_older_run_never_replaces_a_newer_release(scene: Scene, monkeypatch) -> None:
    item = scene.public()
    collect(scene.resource, rows(70))
    late = OpenDataset.objects.select_related("current").get(pk=item.pk)
    swap = building._swap

    def overtaken(*args, **named):
        monkeypatch.setattr(building, "_swap", swap)
        collect(scene.resource, rows(80))
        release(item)
        return swap(*args, **named)

    monkeypatch.setattr(building, "_swap", overtaken)
    with pytest.raises(Conflict, match="更新的版本"):
        building.publish_release(dataset=late, actor=platform(), job_id=uuid4(), context=None)
    item.refresh_from_db()
    assert item.rows == 80


def test_a_dataset_withdrawn_while_it_is_built_stays_withdrawn(scene: Scene, monkeypatch) -> None:
    item = scene.public()
    collect(scene.resource, rows(70))
    write = building.write_files

    def withdrawn(*args):
        OpenDataset.objects.filter(pk=item.pk).update(state=DatasetState.WITHDRAWN)
        write(*args)

    monkeypatch.setattr(building, "write_files", withdrawn)
    with pytest.raises(Conflict, match="撤回"):
        release(item)
    item.refresh_from_db()
    assert item.state == DatasetState.WITHDRAWN
    assert item.releases.count() == 1


def test_personal_data_inside_harmless_fields_stops_the_release(scene: Scene) -> None:
    item = scene.public()
    collect(scene.resource, rows(2, remark="找老王 13812345678"))
    with pytest.raises(InvalidInput, match="“备注”有 2 行像手机号") as caught:
        release(item)
    assert "13812345678" not in caught.value.detail
    item.refresh_from_db()
    assert (item.rows, item.public) == (60, True)


def test_a_full_disk_refuses_the_release_and_keeps_the_old_one(scene: Scene, monkeypatch) -> None:
    item = scene.public()
    collect(scene.resource, rows(70))
    monkeypatch.setattr(building, "RESERVE_BYTES", 2**62)
    with pytest.raises(Unavailable, match="磁盘空间不足"):
        release(item)
    item.refresh_from_db()
    assert item.rows == 60
    assert sorted(p.name for p in (building.opening_root() / item.slug).iterdir()) == [
        item.current.folder.rpartition("/")[2]
    ]


def test_nothing_collected_and_nothing_in_scope_are_told(scene: Scene) -> None:
    item = scene.dataset(row_filter={"eq": ["facility_no", "没有"]})
    with pytest.raises(Conflict, match="没有任何记录"):
        release(item)
    building.lake().drop(scene.resource.lake_table)
    with pytest.raises(ChengshuError, match="还没有归集数据"):
        release(item)


def test_a_field_that_changed_its_type_does_not_break_the_published_version(scene: Scene) -> None:
    item = scene.public()
    lake = building.lake()
    lake.drop(scene.resource.lake_table)
    schema = pa.schema(
        [pa.field("facility_no", pa.string(), nullable=False), pa.field("seats", pa.string())]
    )
    lake.create(scene.resource.lake_table, schema, key=["facility_no"])
    for key in ("x", "y", "z"):
        lake.append(scene.resource.lake_table, pa.table({"facility_no": [key], "seats": ["三"]}))
    old = item.current
    release(item)
    item.refresh_from_db()
    assert item.current.open_table == f"{old.open_table}_2"
    assert lake.count(old.open_table, as_of=old.open_version) == 60


def test_only_the_newest_releases_keep_their_files(scene: Scene, monkeypatch) -> None:
    monkeypatch.setattr(building, "KEEP_FILES", 2)
    item = scene.public()
    for count in (61, 62):
        collect(scene.resource, rows(count))
        release(item)
    kept = list(item.releases.order_by("number").values_list("files_kept", flat=True))
    assert kept == [False, True, True]
    assert not item.releases.get(number=1).path.exists()


def test_places_are_written_as_rfc_7946_points_and_shifted_ones_are_not(scene: Scene) -> None:
    collect(scene.resource, [rows(1)[0] | {"longitude": None}, *rows(3)[1:]])
    current = scene.public().current
    assert current is not None
    told = json.loads(current.file("geojson").read_text("utf-8"), parse_float=Decimal)
    assert (told["type"], len(told["features"]), "crs" in told) == ("FeatureCollection", 60, False)
    assert [f["geometry"] for f in told["features"][:2]] == [
        None, {"type": "Point", "coordinates": [Decimal("120.501000"), Decimal("27.550500")]},
    ]  # fmt: skip
    assert [f["properties"] for f in told["features"]] == _json(current.dataset)
    columns = building.published_by_id(scene.resource.pk).columns
    shifted = places_of(columns, {"longitude": "高德地图取点，GCJ-02"})
    assert shifted is not None
    assert (shifted.datum, shifted.as_wgs84) == ("GCJ-02", False)


def test_a_release_says_what_it_changed(scene: Scene) -> None:
    item = scene.public()
    collect(scene.resource, [*rows(2, remark="新"), *rows(63)[60:]])
    datasets.update_dataset(
        actor=scene.officer, dataset=item, revision=item.revision, title=item.title,
        summary=item.summary, theme=item.theme, fields=[f for f in OPEN if f != "cost"],
    )  # fmt: skip
    release(item)
    item.refresh_from_db()
    assert item.current is not None
    told = item.current.profile["changes"]
    assert {k: told[k] for k in ("since", "added", "removed", "changed")} == {
        "since": 1, "added": 3, "removed": 0, "changed": 2,
    }  # fmt: skip
    assert told["fields"] == {"came": [], "went": ["造价"], "altered": []}
