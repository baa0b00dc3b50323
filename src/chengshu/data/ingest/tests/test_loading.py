"""From a file to the lake: what is loaded, what is refused, and that the books always balance."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest import loading
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch, Collected, RegionCount
from chengshu.data.ingest.services import closing, uploads
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import HEADERS, ITEMS, row, table, workbook
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import ChengshuError, Conflict, InvalidInput, NotAllowed, Unavailable
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs import services as jobs

pytestmark = pytest.mark.django_db
BAD_ID = "339983198001010010"


def lake_rows(resource: Resource) -> list[dict[str, Any]]:
    return loading.lake().read(resource.lake_table, order_by=["person_no"]).read_all().to_pylist()


def balance(batch: Batch) -> tuple[int, int, int, int]:
    return batch.source_rows, batch.accepted, batch.quarantined, batch.duplicates


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_file_in_any_encoding_arrives_in_the_lake_as_it_was_written(
    officer: Actor, resource: Resource, encoding: str
) -> None:
    names = ("王小明", "李建国", "陈美丽", "欧阳锋")
    content = table([row(i, 姓名=name) for i, name in enumerate(names)]).encode(encoding)

    batch = factories.load(officer, resource, content)

    assert batch.state == BatchState.LOADED, batch.error
    assert balance(batch) == (4, 4, 0, 0)
    found = lake_rows(resource)
    assert [r["full_name"] for r in found] == list(names)
    assert found[0]["id_number"] == factories.id_number(0)


def test_a_workbook_is_loaded_and_numbers_stay_text(officer: Actor, resource: Resource) -> None:
    batch = factories.load(officer, resource, workbook([row(1), row(2)]), "人员.xlsx")
    assert balance(batch) == (2, 2, 0, 0)
    assert lake_rows(resource)[0]["mobile"] == "15400000001"


def test_every_row_is_accepted_quarantined_or_a_duplicate(
    officer: Actor, resource: Resource
) -> None:
    rows = [
        row(1), row(2), row(2), row(3, 身份证号=BAD_ID), row(4, 登记日期="2026年13月1日"),
        row(5, 性别="9"), row(2, 姓名="另一人"), [*row(6), "多一列"],
    ]  # fmt: skip
    batch = factories.load(officer, resource, table(rows))

    assert balance(batch) == (8, 2, 5, 1)
    assert (batch.inserted, batch.updated, batch.unchanged) == (2, 0, 0)
    told = {(p.rule, p.column): p.rows for p in batch.problems.all()}
    assert told == {
        ("check_digit", "id_number"): 1, ("type", "registered_on"): 1, ("code", "gender"): 1,
        ("key_conflict", "person_no"): 1, ("ragged", ""): 1,
    }  # fmt: skip
    held = Collected.objects.get(resource=resource)
    assert held.rows == 2
    assert AuditRecord.objects.filter(action="ingest.batch_loaded", object_id=batch.pk).exists()


def test_the_database_refuses_a_loaded_batch_that_does_not_balance(resource: Resource) -> None:
    with pytest.raises(IntegrityError, match="balances"):
        Batch.objects.create(
            resource=resource, origin="file", state=BatchState.LOADED, source_rows=3, accepted=1,
            inserted=1, quarantined=1,
        )  # fmt: skip


def test_the_same_file_again_changes_nothing(officer: Actor, resource: Resource) -> None:
    content = table([row(i) for i in range(20)])
    first = factories.load(officer, resource, content)
    second = factories.load(officer, resource, content)

    assert (first.inserted, first.unchanged) == (20, 0)
    assert (second.inserted, second.updated, second.unchanged) == (0, 0, 20)
    assert Collected.objects.get(resource=resource).rows == 20


def test_a_new_data_item_widens_the_table_and_old_rows_stay(
    officer: Actor, resource: Resource, cast: Cast
) -> None:
    factories.load(officer, resource, table([row(1)]))
    wider = (*ITEMS, {"name": "grade", "title": "等级", "nullable": False})
    factories.publish(cast.department_a, wider, resource=resource)

    batch = factories.load(officer, resource, table([[*row(2), "甲"]], (*HEADERS, "等级")))

    assert batch.state == BatchState.LOADED, batch.error
    assert batch.catalogue_version == 2
    assert [r["grade"] for r in lake_rows(resource)] == [None, "甲"]


def test_a_data_item_given_up_by_the_catalogue_does_not_stop_collection(
    officer: Actor, resource: Resource, cast: Cast
) -> None:
    factories.load(officer, resource, table([row(1)]))
    factories.publish(cast.department_a, ITEMS[:-1], resource=resource)

    batch = factories.load(officer, resource, table([row(1, 姓名="改名"), row(2)]))

    assert batch.state == BatchState.LOADED, batch.error
    assert (batch.updated, batch.inserted) == (1, 1)


def test_records_are_counted_by_community(officer: Actor, resource: Resource, cast: Cast) -> None:
    first = [row(1), row(2), row(2), row(3, 区划代码="330383999000"), row(4, 区划代码="")]
    for rows, counted in ((first, 2), ([row(2), row(5)], 3)):
        factories.load(officer, resource, table(rows))
        found = list(RegionCount.objects.values_list("region_id", "rows"))
        assert found == [(cast.community.code, counted)]


def misnamed(content: str) -> tuple[bytes, str]:
    return content.encode(), "人员.xlsx"


def bomb() -> bytes:
    import io
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (32 << 20))
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "空.csv", "空的"),
        (table([row(1)]).encode(), "人员.xlsx", "扩展名是 .xlsx"),
        (b"%PDF-1.7 ...", "人员.csv", "其实是PDF"),
        (b"PK\x03\x04broken", "人员.xlsx", "已损坏"),
        (b"<html><table></table></html>", "人员.xls", "网页"),
        (bomb(), "人员.xlsx", "压缩炸弹"),
    ],
    ids=["empty", "misnamed", "pdf", "damaged", "html", "bomb"],
)
def test_a_file_that_is_no_table_is_refused_in_words_and_leaves_no_batch(
    officer: Actor, resource: Resource, content: bytes, name: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        factories.upload(officer, resource, content, name)
    assert words in refusal.value.detail
    assert not Batch.objects.exists()


def test_a_file_beyond_the_limit_is_refused_while_it_streams(
    officer: Actor, resource: Resource, settings: Any
) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    taken = []

    def chunks() -> Any:
        for number in range(100):
            taken.append(number)
            yield b"x" * 400

    with pytest.raises(InvalidInput, match="超过上限"):
        uploads.upload(actor=officer, resource_code=resource.code, name="大.csv", chunks=chunks())
    assert len(taken) == 3
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("content", "choices", "words"),
    [
        (table([row(1)], ("人员编号", "姓名", "姓名", *HEADERS[3:])), {}, "表头重复"),
        (table([], ("甲", "乙")), {}, "必填的数据项"),
        (table([row(1)]), {"header_row": 2}, "必填的数据项"),
        (table([row(1, 姓名="张某某")] * 30), {"encoding": "utf-16"}, "编码选错了"),
        (table([row(1)]), {"encoding": "klingon"}, "不支持编码"),
        (table([row(1)]), {"delimiter": "::"}, "分隔符只能是"),
        (table([row(1)]), {"header_row": 4000}, "表头所在的行"),
    ],
)
def test_a_reading_that_cannot_work_is_refused_before_it_is_queued(
    officer: Actor, resource: Resource, content: str, choices: dict[str, Any], words: str
) -> None:
    batch = factories.upload(officer, resource, content)

    def start() -> None:
        mapping = uploads.inspect(actor=officer, batch=batch, **choices).mapping
        uploads.confirm(actor=officer, batch=batch, mapping=mapping, **choices)

    with pytest.raises(InvalidInput) as refusal:
        start()
    assert words in refusal.value.detail
    batch.refresh_from_db()
    assert batch.state == BatchState.DRAFT
    assert batch.job is None
    assert not loading.lake().exists(resource.lake_table)


def test_an_uncertain_encoding_must_be_chosen_by_a_person(
    officer: Actor, resource: Resource
) -> None:
    narrow = ("person_no,full_name\n1,䶮\n").encode("gb18030")
    batch = factories.upload(officer, resource, narrow)
    look = uploads.inspect(actor=officer, batch=batch)
    assert look.report.needs_confirmation
    with pytest.raises(InvalidInput, match="编码不能确定"):
        uploads.confirm(actor=officer, batch=batch, mapping=look.mapping)
    done = factories.run(
        uploads.confirm(actor=officer, batch=batch, mapping=look.mapping, encoding="gb18030")
    )
    assert lake_rows(resource)[0]["full_name"] == "䶮"
    assert done.state == BatchState.LOADED


def test_an_unclosed_quote_loads_nothing_and_says_where(officer: Actor, resource: Resource) -> None:
    content = table([row(1), row(2, 姓名='"张三'), row(3), row(4)])
    batch = factories.load(officer, resource, content)
    assert batch.state == BatchState.FAILED
    assert "引号没有闭合" in batch.error
    assert "没有载入任何数据" in batch.error
    assert not loading.lake().exists(resource.lake_table)
    assert not batch.folder.exists()


def test_ids_that_excel_turned_into_numbers_dates_and_wide_digits(
    officer: Actor, resource: Resource
) -> None:
    lost: list[Any] = row(1)
    lost[2] = 339983198001010010.0
    habits = ["2026/11/23", "2026.11.23", "20261123", "2026年11月23日", "2026-11-23"]
    rows = [lost, *(row(i + 2, 登记日期=text) for i, text in enumerate(habits))]
    rows.append(row(9, 手机号="１５４０００００００９"))
    batch = factories.load(officer, resource, workbook(rows), "人员.xlsx")

    assert balance(batch) == (7, 6, 1, 0)
    assert batch.problems.get().rule == "id_as_number"
    found = lake_rows(resource)
    assert {str(r["registered_on"]) for r in found} == {"2026-11-23"}
    assert found[-1]["mobile"] == "15400000009"


def test_the_second_of_two_who_confirm_is_told(officer: Actor, resource: Resource) -> None:
    batch = factories.upload(officer, resource, table([row(1)]))
    mapping = uploads.inspect(actor=officer, batch=batch).mapping
    uploads.confirm(actor=officer, batch=batch, mapping=mapping)
    with pytest.raises(Conflict, match="已经确认过"):
        uploads.confirm(actor=officer, batch=batch, mapping=mapping)


def test_another_department_and_strangers_are_refused(
    resource: Resource, cast: Cast, actor_for: Callable[[Account], Actor]
) -> None:
    for account in (cast.officer_b, cast.stranger, cast.leader):
        with pytest.raises(NotAllowed):
            factories.upload(actor_for(account), resource, table([row(1)]))
    assert not StoredFile.objects.exists()


def test_a_run_that_was_killed_after_the_merge_is_completed_once(
    officer: Actor, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = factories.upload(officer, resource, table([row(1), row(2)]))
    mapping = uploads.inspect(actor=officer, batch=batch).mapping
    batch = uploads.confirm(actor=officer, batch=batch, mapping=mapping)

    def die(**_: Any) -> None:
        raise SystemExit(9)

    with monkeypatch.context() as patch:
        patch.setattr(loading, "finish", die)
        with pytest.raises(SystemExit):
            jobs.run_job.func(str(batch.job_id))
    assert loading.lake().count(resource.lake_table) == 2
    assert batch.job is not None
    # A wish to cancel that comes between the kill and the restart comes too late.
    type(batch.job).objects.filter(pk=batch.job_id).update(
        state="queued", cancel_requested=True, attempts=1
    )
    monkeypatch.setattr(jobs.JobContext, "check_cancelled", lambda _self: None)
    done = factories.run(batch)

    assert done.state == BatchState.LOADED
    assert (balance(done), done.inserted) == ((2, 2, 0, 0), 2)
    assert loading.lake().count(resource.lake_table) == 2


def test_a_fault_after_the_merge_is_never_called_not_loaded(
    officer: Actor, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = factories.upload(officer, resource, table([row(1)]))
    mapping = uploads.inspect(actor=officer, batch=batch).mapping
    batch = uploads.confirm(actor=officer, batch=batch, mapping=mapping)
    assert batch.job is not None
    type(batch.job).objects.filter(pk=batch.job_id).update(attempts=2)

    with monkeypatch.context() as patch:
        patch.setattr(loading, "measure", lambda **_: 1 / 0)
        failed = factories.run(batch)
    assert failed.state == BatchState.FAILED
    assert "继续完成" in failed.error

    done = factories.run(closing.resume(actor=officer, batch=failed))
    assert (done.state, done.inserted) == (BatchState.LOADED, 1)


def test_cancelling_a_waiting_batch_closes_it(officer: Actor, resource: Resource) -> None:
    batch = factories.upload(officer, resource, table([row(1)]))
    mapping = uploads.inspect(actor=officer, batch=batch).mapping
    batch = uploads.confirm(actor=officer, batch=batch, mapping=mapping)
    assert closing.cancel(actor=officer, batch=batch).state == BatchState.CANCELLED
    with pytest.raises(Conflict, match="已经结束"):
        closing.cancel(actor=officer, batch=batch)


def test_a_job_cancelled_or_dead_elsewhere_does_not_leave_its_batch_waiting(
    officer: Actor, resource: Resource
) -> None:
    batch = factories.upload(officer, resource, table([row(1)]))
    mapping = uploads.inspect(actor=officer, batch=batch).mapping
    batch = uploads.confirm(actor=officer, batch=batch, mapping=mapping)
    assert batch.job is not None
    jobs.cancel(actor=officer, job=batch.job)
    assert closing.settle() == 1
    batch.refresh_from_db()
    assert batch.state == BatchState.CANCELLED


def test_cancelling_in_the_middle_loads_nothing_and_can_be_repeated(
    officer: Actor, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = factories.upload(officer, resource, table([row(i) for i in range(50)]))
    mapping = uploads.inspect(actor=officer, batch=batch).mapping
    batch = uploads.confirm(actor=officer, batch=batch, mapping=mapping)
    with monkeypatch.context() as patch:
        patch.setattr(jobs.JobContext, "cancel_requested", lambda _self: True)
        stopped = factories.run(batch)
    assert stopped.state == BatchState.CANCELLED
    assert not loading.lake().exists(resource.lake_table)
    assert not stopped.folder.exists()

    fresh = closing.again(actor=officer, batch=stopped)
    assert fresh.state == BatchState.DRAFT
    done = factories.run(uploads.confirm(actor=officer, batch=fresh, mapping=mapping))
    assert done.accepted == 50


def test_a_full_disk_is_refused_cleanly(
    officer: Actor, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(total=10, used=10, free=0)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _path: full)
        with pytest.raises(Unavailable, match="磁盘空间不足"):
            factories.upload(officer, resource, table([row(1)]))
    assert not StoredFile.objects.exists()

    batch = factories.upload(officer, resource, table([row(1)]))
    mapping = uploads.inspect(actor=officer, batch=batch).mapping
    batch = uploads.confirm(actor=officer, batch=batch, mapping=mapping)
    monkeypatch.setattr("chengshu_lake.storage.shutil.disk_usage", lambda _path: full)
    failed = factories.run(batch)
    assert failed.state == BatchState.FAILED
    assert "空间" in failed.error
    assert not failed.folder.exists()


def test_refused_uploads_are_swept_and_used_ones_stay(
    officer: Actor, resource: Resource, lake_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = factories.upload(officer, resource, table([row(1)]))
    with pytest.raises(ChengshuError):
        factories.upload(officer, resource, b"%PDF-1.7", "坏.csv")
    monkeypatch.setattr(closing, "UNUSED_FOR", closing.UNUSED_FOR * -1)
    assert closing.sweep() == 1
    assert kept.file is not None
    assert kept.file.path.is_file()
    assert StoredFile.objects.get() == kept.file
