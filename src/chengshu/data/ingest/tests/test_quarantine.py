"""Rejected rows: found fast, corrected here or in Excel, replayed once, or sent back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.data.catalog.models import Resource
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.ingest import loading, quarantined
from chengshu.data.ingest.choices import BatchState, DecisionKind
from chengshu.data.ingest.masking import hide_numbers, mask_kind, masks_of
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.pipeline import read_quarantine, workbook
from chengshu.data.ingest.pipeline.quarantine import PLACE
from chengshu.data.ingest.quarantined import OPEN, RowFilter
from chengshu.data.ingest.services import closing, exporting, quarantine
from chengshu.data.ingest.services.sealing import seal_plain
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import id_number, row, table
from chengshu.data.ingest.views import workbench
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.crypto.facade import is_sealed_file, open_sealed_file
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs import services as jobs

pytestmark = pytest.mark.django_db
BAD_ID = "339983198001010010"


@pytest.fixture
def batch(officer: Actor, resource: Resource) -> Batch:
    """Two good rows (2, 4), three bad ones: identity number (3), date and formula (5), ragged (6)."""
    rows = [
        row(1), row(2, 身份证号=BAD_ID), row(3), row(4, 登记日期="=cmd|' /C calc'!A0"),
        [*row(5), "多"],
    ]  # fmt: skip
    return factories.load(officer, resource, table(rows))


def accepted(resource: Resource) -> int:
    return loading.lake().count(resource.lake_table)


def test_a_row_corrected_in_place_is_replayed_under_its_own_number(
    officer: Actor, resource: Resource, batch: Batch
) -> None:
    assert (batch.accepted, batch.quarantined) == (2, 3)
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"id_number": id_number(2)})
    child = factories.run(quarantine.replay(actor=officer, batch=batch))

    assert child.state == BatchState.LOADED, child.error
    assert (child.source_rows, child.accepted, child.parent) == (1, 1, batch)
    assert accepted(resource) == 3
    decision = batch.decisions.get(row_number=3)
    assert (decision.kind, decision.replay) == (DecisionKind.REPLAYED, child)
    trail = AuditRecord.objects.get(action="ingest.row_corrected")
    assert trail.after == {"row": 3, "columns": ["id_number"]}


def test_a_row_still_wrong_after_correction_lands_in_the_replay_s_own_quarantine(
    officer: Actor, batch: Batch
) -> None:
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"id_number": "123"})
    child = factories.run(quarantine.replay(actor=officer, batch=batch))
    assert (child.state, child.accepted, child.quarantined) == (BatchState.LOADED, 0, 1)
    assert child.problems.get().rule == "format"
    again = quarantined.page(child, RowFilter(), size=10)
    assert [r.row.row for r in again.rows] == [3]


def test_a_replayed_row_cannot_be_decided_again(officer: Actor, batch: Batch) -> None:
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"id_number": id_number(2)})
    quarantine.replay(actor=officer, batch=batch)
    with pytest.raises(Conflict, match="已经回放"):
        quarantine.correct(actor=officer, batch=batch, row_number=3, values={"full_name": "改"})
    with pytest.raises(Conflict, match="已经回放"):
        quarantine.send_back(actor=officer, batch=batch, row_numbers=[5, 3], note="请核对原件")
    assert not batch.decisions.filter(row_number=5).exists()
    with pytest.raises(Conflict, match="还没有更正"):
        quarantine.replay(actor=officer, batch=batch)


def test_a_cancelled_replay_gives_its_rows_back_and_cannot_be_revived(
    officer: Actor, batch: Batch
) -> None:
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"id_number": id_number(2)})
    child = quarantine.replay(actor=officer, batch=batch)
    closing.cancel(actor=officer, batch=child)
    assert batch.decisions.get(row_number=3).kind == DecisionKind.CORRECTED

    second = factories.run(quarantine.replay(actor=officer, batch=batch))
    assert second.state == BatchState.LOADED
    assert child.job is not None
    jobs.Job.objects.filter(pk=child.job_id).update(state="queued", cancel_requested=False)
    assert factories.run(child).state == BatchState.FAILED
    assert batch.decisions.get(row_number=3).replay == second


def test_corrections_through_excel_leave_formulas_harmless(
    officer: Actor, resource: Resource, batch: Batch, tmp_path: Path
) -> None:
    target = tmp_path / "隔离.xlsx"
    _, rows = quarantine.export(actor=officer, batch=batch, target=target)
    assert rows == 3
    book = openpyxl.load_workbook(target)
    sheet = book.active
    assert sheet is not None
    heads = [cell.value for cell in sheet[1]]
    kinds = {cell.data_type for line in sheet.iter_rows() for cell in line if cell.value}
    assert kinds == {"s"}, "no cell may be a formula"
    by_row = {line[0].value: line for line in sheet.iter_rows(min_row=2)}
    shown = by_row["5"][heads.index("登记日期")].value
    assert str(shown).startswith("'=cmd")
    by_row["3"][heads.index("身份证号")].value = id_number(2)
    by_row["5"][heads.index("登记日期")].value = "2026-11-20"
    book.save(target)

    assert quarantine.import_corrections(actor=officer, batch=batch, workbook=target) == 2
    child = factories.run(quarantine.replay(actor=officer, batch=batch))
    assert (child.accepted, child.quarantined) == (2, 0)
    assert accepted(resource) == 4


def test_a_workbook_that_is_not_ours_changes_nothing(
    officer: Actor, batch: Batch, tmp_path: Path
) -> None:
    target = tmp_path / "别的.xlsx"
    target.write_bytes(factories.workbook([row(1)]))
    with pytest.raises(InvalidInput, match="不是导出的待修正表"):
        quarantine.import_corrections(actor=officer, batch=batch, workbook=target)
    assert not batch.decisions.exists()


def test_rows_are_sent_back_with_a_note_and_the_trail_says_so(officer: Actor, batch: Batch) -> None:
    with pytest.raises(InvalidInput, match="退回原因"):
        quarantine.send_back(actor=officer, batch=batch, row_numbers=[3], note=" ")
    assert quarantine.send_back(actor=officer, batch=batch, row_numbers=[3, 6], note="列错位") == 2
    kinds = dict(batch.decisions.values_list("row_number", "kind"))
    assert kinds == {3: DecisionKind.RETURNED, 6: DecisionKind.RETURNED}
    assert AuditRecord.objects.get(action="ingest.rows_returned").reason == "列错位"


def test_what_is_not_in_quarantine_cannot_be_decided(officer: Actor, batch: Batch) -> None:
    with pytest.raises(NotFound, match="第 2 行"):
        quarantine.correct(actor=officer, batch=batch, row_number=2, values={"full_name": "改"})
    with pytest.raises(InvalidInput, match="没有更正任何内容"):
        quarantine.correct(actor=officer, batch=batch, row_number=3, values={"_row": "1"})


def test_another_department_may_not_touch_the_quarantine(
    batch: Batch, cast: Cast, actor_for: Callable[[Account], Actor], tmp_path: Path
) -> None:
    for account in (cast.officer_b, cast.stranger, cast.leader):
        actor = actor_for(account)
        with pytest.raises(NotAllowed):
            quarantine.correct(actor=actor, batch=batch, row_number=3, values={"full_name": "改"})
        with pytest.raises(NotAllowed):
            quarantine.export(actor=actor, batch=batch, target=tmp_path / "x.xlsx")
        with pytest.raises(NotAllowed):
            quarantine.note_unmasking(actor=actor, obj=batch, reason="想看一看", shown="第 3 行")


def test_unmasking_needs_a_reason_and_is_recorded(officer: Actor, batch: Batch) -> None:
    with pytest.raises(InvalidInput, match="为什么"):
        quarantine.note_unmasking(actor=officer, obj=batch, reason="看", shown="第 3 行")
    quarantine.note_unmasking(actor=officer, obj=batch, reason="与原件核对", shown="第 3 行")
    assert AuditRecord.objects.get(action="ingest.personal.unmask").reason == "与原件核对"


def test_pages_and_filters_agree_with_the_whole_file(officer: Actor, resource: Resource) -> None:
    rows = [
        row(i, 身份证号=BAD_ID if i % 3 == 0 else "", 性别="7" if i % 5 == 0 else "1")
        for i in range(1, 121)
    ]
    batch = factories.load(officer, resource, table(rows))
    whole = list(read_quarantine(quarantined.quarantine_file(batch)))
    quarantine.send_back(actor=officer, batch=batch, row_numbers=[whole[0].row], note="核对一下")

    def walk(chosen: RowFilter) -> list[int]:
        seen, after = [], 0
        while True:
            part = quarantined.page(batch, chosen, size=30, after=after)
            seen += [r.row.row for r in part.rows]
            if part.after is None:
                return seen
            after = part.after

    assert walk(RowFilter()) == [r.row for r in whole]
    wrong_code = [r.row for r in whole if any(p.rule == "code" for p in r.problems)]
    assert walk(RowFilter(rule="code", column="gender")) == wrong_code
    assert quarantined.numbers(batch, RowFilter(rule="code", column="gender")) == wrong_code
    assert walk(RowFilter(status=OPEN)) == [r.row for r in whole[1:]]
    assert walk(RowFilter(status=DecisionKind.RETURNED)) == [whole[0].row]

    first = quarantined.page(batch, RowFilter(), size=7)
    second = quarantined.page(batch, RowFilter(), size=7, after=first.after or 0)
    back = quarantined.page(batch, RowFilter(), size=7, before=second.before)
    assert [r.row for r in back.rows] == [r.row for r in first.rows]
    assert (back.before, back.after) == (None, first.rows[-1].row.row)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(text=st.text(alphabet="0123456789xX-张， ", max_size=60))
def test_no_personal_number_survives_in_text_of_unknown_meaning(text: str) -> None:
    import re

    hidden = hide_numbers(text)
    for found in re.finditer(r"(?<!\d)\d{11}(?!\d)|(?<!\d)\d{17}[\dXx](?![\dXx])", text):
        assert found[0] not in hidden


def test_columns_are_masked_by_format_and_level() -> None:
    def kind(**values: Any) -> str:
        return mask_kind(ColumnSpec(**({"name": "c", "title": "字段"} | values)))

    assert kind(format="mobile") == "phone"
    assert kind(format="id_number", sensitivity="L1") == "id_number"
    assert kind(title="姓名", sensitivity="L3") == "name"
    assert kind(title="户主姓名", sensitivity="L2") == "name"
    assert kind(title="姓名", sensitivity="L1") == "none"
    assert kind(title="家庭住址", sensitivity="L3") == "address"
    assert kind(title="出生日期", type="date", sensitivity="L4") == "year"
    assert kind(title="病情", sensitivity="L4") == "full"
    assert kind(title="公司名称", sensitivity="L2", format="phone") == "none"
    assert not masks_of([ColumnSpec(name="c", title="区划", sensitivity="L1")])


def test_replay_takes_only_what_was_corrected(officer: Actor, batch: Batch) -> None:
    quarantine.send_back(actor=officer, batch=batch, row_numbers=[6], note="列错位了")
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"id_number": id_number(2)})
    child = quarantine.replay(actor=officer, batch=batch)
    assert list(child.replayed_rows.values_list("row_number", flat=True)) == [3]
    assert child.state == BatchState.QUEUED


def test_rejected_rows_are_sealed_at_rest_and_so_is_their_workbook(
    officer: Actor, batch: Batch
) -> None:
    path = quarantined.quarantine_file(batch)
    exporting.write_export(actor=officer, batch=batch)
    book = exporting.finished_export(batch)
    assert book is not None
    for file in (path, book):
        assert is_sealed_file(file)
        assert BAD_ID.encode() not in file.read_bytes()
    with exporting.download(actor=officer, batch=batch) as content:
        sheet = openpyxl.load_workbook(content).active
        assert sheet is not None
        assert sheet.max_row == 4
    assert sorted(p.name for p in batch.folder.iterdir()) == ["quarantine.xlsx", "stage"]


def test_rows_kept_from_before_the_sealing_are_sealed_in_place(batch: Batch) -> None:
    path = quarantined.quarantine_file(batch)
    with open_sealed_file(path, place=PLACE) as file:
        plain = file.read()
    path.write_bytes(plain)
    before = list(read_quarantine(path))
    assert (seal_plain(), seal_plain()) == (1, 0)
    assert is_sealed_file(path)
    assert list(read_quarantine(path)) == before
    assert len(before) == 3


def test_a_workbook_holds_the_first_rows_and_the_page_says_how_many(
    officer: Actor, batch: Batch, client_for: Callable[[Account], Client],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    assert officer.account is not None
    client, url = client_for(officer.account), f"/console/ingest/batches/{batch.pk}/quarantine/"
    assert "Excel 只含前" not in client.get(url).content.decode()
    monkeypatch.setattr(workbook, "EXPORT_ROWS", 2)
    monkeypatch.setattr(workbench, "EXPORT_ROWS", 2)
    _, rows = quarantine.export(actor=officer, batch=batch, target=tmp_path / "a.xlsx")
    assert rows == 2
    assert "Excel 只含前 2 行" in client.get(url).content.decode()
