"""Decisions about very many quarantined rows run as jobs: watched, cancelled, killed, repeated; few are immediate."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest import groups
from chengshu.data.ingest.choices import DecisionKind
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services import background, deciding, quarantine
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import row, table
from chengshu.data.ingest.ticketing import group_url
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, NotAllowed
from chengshu.kernel.events.models import Event
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs import services as jobs
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.jobs.services import run_job

pytestmark = pytest.mark.django_db
WRONG = "约50"


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes thousands of rows in a city takes five here; two rows a transaction."""
    monkeypatch.setattr(background, "LARGE", 4)
    monkeypatch.setattr(background, "STEP", 2)


@pytest.fixture
def batch(officer: Actor, resource: Resource) -> Batch:
    """A good row and five with the same wrong amount (rows 3 to 7)."""
    rows = [row(1), *(row(n, 金额=WRONG) for n in range(2, 7))]
    return factories.load(officer, resource, table(rows))


@pytest.fixture
def client(cast: Cast, client_for: Callable[[Account], Client]) -> Client:
    """The browser of the data officer."""
    return client_for(cast.officer_a)


def amounts(actor: Actor, resource: Resource) -> groups.Group:
    return groups.group(actor, resource_id=resource.pk, rule="type", column="amount")


def start(actor: Actor, resource: Resource) -> Job:
    """The correction of the five rows, waiting."""
    item = amounts(actor, resource)
    found = background.correct_value(actor=actor, group=item, value=WRONG, replacement="50")
    assert isinstance(found, Job)
    return found


def run(job: Job) -> Job:
    run_job.func(str(job.pk))
    job.refresh_from_db()
    return job


def text(answer: Any) -> str:
    return str(answer.content.decode())


def trail(action: str) -> list[Any]:
    return [r.after for r in AuditRecord.objects.filter(action=action).order_by("seq")]


def balance(actor: Actor, batch: Batch) -> groups.Books:
    """The books of the quarantine, which must add up with those of the batch."""
    batch.refresh_from_db()
    assert batch.source_rows == batch.accepted + batch.quarantined + batch.duplicates
    books = groups.books(actor)
    assert books.quarantined == batch.quarantined
    return books


def test_a_small_correction_is_done_within_the_request(
    officer: Actor, resource: Resource, client: Client
) -> None:
    batch = factories.load(
        officer, resource, table([row(1), row(2, 金额=WRONG), row(3, 金额="无")])
    )
    data = {"rule": "type", "column": "amount", "value": WRONG, "replacement": "50"}
    answer = client.post(
        reverse("ingest:quarantine-correct", args=[resource.pk]), data, follow=True
    )
    assert "已更正 1 行" in text(answer)
    assert batch.decisions.get().values == {"amount": "50"}
    assert not Job.objects.filter(kind=background.CORRECT).exists()


def test_a_rare_value_of_a_large_group_is_done_at_once(
    officer: Actor, resource: Resource, batch: Batch
) -> None:
    factories.load(officer, resource, table([row(8, 金额="七十")]))
    item = amounts(officer, resource)
    done = background.correct_value(actor=officer, group=item, value="七十", replacement="70")
    assert not isinstance(done, Job)
    assert batch.decisions.count() == 0


def test_a_large_correction_is_a_job_the_page_shows_live_until_it_is_done(
    officer: Actor, resource: Resource, batch: Batch, client: Client
) -> None:
    data = {"rule": "type", "column": "amount", "value": WRONG, "replacement": "50"}
    url = reverse("ingest:quarantine-correct", args=[resource.pk])
    page = client.post(url, data, follow=True)
    assert "按值更正" in text(page)
    assert 'hx-trigger="every 1s"' in text(page)
    assert batch.decisions.count() == 0
    job = Job.objects.get(kind=background.CORRECT)
    assert WRONG not in f"{job.arguments}{job.title}"
    live = group_url(resource.pk, "type", "amount") + "&live=1"
    waiting = client.get(live, headers={"HX-Request": "true"})
    assert "HX-Refresh" not in waiting.headers
    assert reverse("jobs:cancel", args=[job.pk]) in text(waiting)

    run(job)
    assert (job.state, job.done, job.total, job.percent) == (JobState.SUCCEEDED, 5, 5, 100)
    assert client.get(live, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert "已处理 5 行" in text(client.get(group_url(resource.pk, "type", "amount")))
    assert set(batch.decisions.values_list("kind", "decided_by")) == {
        (DecisionKind.CORRECTED, job.created_by_id)
    }
    [noted] = trail("ingest.value_corrected")
    assert noted == {"rows": 5, "columns": ["amount"], "rule": "type"}
    assert balance(officer, batch).corrected == 5
    child = factories.run(quarantine.replay(actor=officer, batch=batch))
    assert (child.accepted, child.quarantined) == (5, 0)


def test_a_second_request_waits_for_the_first(
    officer: Actor, resource: Resource, batch: Batch, client: Client
) -> None:
    job = start(officer, resource)
    with pytest.raises(Conflict, match="还没有结束"):
        start(officer, resource)
    data = {"rule": "type", "column": "amount", "value": WRONG, "replacement": "51"}
    refused = client.post(reverse("ingest:quarantine-correct", args=[resource.pk]), data)
    assert refused.status_code == 409
    assert "请等它完成" in text(refused)
    run(job)
    at = {"HX-Request": "true", "HX-Current-URL": f"https://city{refused.request['PATH_INFO']}"}
    done = client.get(group_url(resource.pk, "type", "amount") + "&live=1", headers=at)
    assert done.headers["HX-Redirect"] == group_url(resource.pk, "type", "amount")
    assert Job.objects.filter(kind=background.CORRECT).count() == 1
    assert batch.decisions.count() == 5


class _KilledError(BaseException):
    """Ends the program in the middle, like a kill: nothing is caught, nothing is told."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_killed_job_starts_again_loses_nothing_and_is_in_the_trail_once(
    officer: Actor, resource: Resource, batch: Batch, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    job, real, calls = start(officer, resource), background.decide_open, []

    def dying(*args: Any, **options: Any) -> int:
        calls.append(real(*args, **options))
        if len(calls) == after:
            raise _KilledError
        return calls[-1]

    with monkeypatch.context() as patch:
        patch.setattr(background, "decide_open", dying)
        patch.setattr(background, "_settle", lambda *_: 0)  # a kill runs no last words
        with pytest.raises(_KilledError):
            run_job.func(str(job.pk))
    assert trail("ingest.value_corrected") == []
    assert batch.decisions.count() == 2 * (after - 1)
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)
    assert run(job).state == JobState.SUCCEEDED
    assert (job.done, job.total, job.result) == (5, 5, {"rows": 5})
    assert [noted["rows"] for noted in trail("ingest.value_corrected")] == [5]
    # Killed between the record and the end of the job: the third run finds all done and says nothing again.
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)
    assert run(job).result == {"rows": 5}
    assert len(trail("ingest.value_corrected")) == 1
    assert balance(officer, batch).corrected == 5


def test_a_cancelled_job_keeps_what_it_did_and_says_so(
    officer: Actor, resource: Resource, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, real = start(officer, resource), JobContext.progress

    def stopping(self: JobContext, **told: Any) -> None:
        if told.get("done") == 2:
            jobs.cancel(actor=officer, job=job)
            told["force"] = True
        real(self, **told)

    with monkeypatch.context() as patch:
        patch.setattr(JobContext, "progress", stopping)
        assert run(job).state == JobState.CANCELLED
    assert "已处理的 2 行保留" in job.error
    assert (batch.decisions.count(), balance(officer, batch).open) == (2, 3)
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, cancel_requested=False)
    assert run(job).result == {"rows": 5}, "started again it does the rest"
    assert [noted["rows"] for noted in trail("ingest.value_corrected")] == [2, 3]


def test_what_somebody_decides_while_the_job_waits_stays(
    officer: Actor, resource: Resource, batch: Batch
) -> None:
    job = start(officer, resource)
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"amount": "49"})
    assert run(job).result == {"rows": 4}
    assert batch.decisions.get(row_number=3).values == {"amount": "49"}


def test_a_row_decided_between_search_and_write_stays(officer: Actor, batch: Batch) -> None:
    quarantine.give_up(actor=officer, batch=batch, row_numbers=[4], reason="已经注销")
    now = batch.decisions.get().decided_at
    values: dict[str, str | None] = {"amount": "50"}
    written = deciding.decide_open(officer, batch, [3, 4], values, DecisionKind.CORRECTED, at=now)
    assert written == 1
    assert batch.decisions.get(row_number=4).kind == DecisionKind.GIVEN_UP


def test_who_loses_the_right_before_the_job_runs_changes_nothing(
    officer: Actor, resource: Resource, batch: Batch, cast: Cast,
    actor_for: Callable[[Account], Actor],
) -> None:  # fmt: skip
    with pytest.raises((NotAllowed, Conflict)):
        background.send_back_open(
            actor=actor_for(cast.officer_b), batch=batch, chosen=background.RowFilter(), note="请核对",
        )  # fmt: skip
    job = start(officer, resource)
    Job.objects.filter(pk=job.pk).update(created_by=cast.leader)
    assert run(job).state == JobState.FAILED
    assert batch.decisions.count() == 0


def test_a_large_group_is_given_up_by_a_job(
    officer: Actor, resource: Resource, batch: Batch, client: Client
) -> None:
    url = reverse("ingest:quarantine-give-up", args=[resource.pk])
    data = {"rule": "type", "column": "amount", "note": "测试数据"}
    assert client.post(url, data | {"note": "无"}).status_code == 422
    assert "放弃" in text(client.post(url, data, follow=True))
    assert run(Job.objects.get(kind=background.GIVE_UP)).state == JobState.SUCCEEDED
    assert balance(officer, batch).given_up == 5
    assert [noted["count"] for noted in trail("ingest.rows_given_up")] == [5]
    assert set(batch.decisions.values_list("note", flat=True)) == {"测试数据"}


def test_all_rows_are_returned_by_a_job_with_one_event(
    officer: Actor, batch: Batch, client: Client
) -> None:
    data = {"scope": "all", "problem": "", "note": "金额请填数字"}
    page = client.post(reverse("ingest:send-back", args=[batch.pk]), data, follow=True)
    assert "退回" in text(page)
    live = reverse("ingest:quarantine", args=[batch.pk]) + "?live=1"
    assert "progress" in text(client.get(live, headers={"HX-Request": "true"}))
    assert run(Job.objects.get(kind=background.SEND_BACK)).state == JobState.SUCCEEDED
    assert balance(officer, batch).returned == 5
    [event] = Event.objects.filter(type="city.ingest.rows.returned")
    assert event.data["count"] == 5


def corrected_workbook(actor: Actor, batch: Batch, folder: Any) -> bytes:
    """The exported workbook with every amount mended."""
    target = folder / "隔离.xlsx"
    quarantine.export(actor=actor, batch=batch, target=target)
    book = openpyxl.load_workbook(target)
    sheet = book.active
    assert sheet is not None
    at = [cell.value for cell in sheet[1]].index("金额")
    for line in sheet.iter_rows(min_row=2):
        line[at].value = "50"
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def upload(client: Client, batch: Batch, content: bytes) -> Job:
    file = SimpleUploadedFile("隔离.xlsx", content)
    client.post(reverse("ingest:corrections", args=[batch.pk]), {"file": file})
    job: Job = Job.objects.filter(kind=background.ADOPT).latest("created_at")
    return job


def test_a_workbook_of_a_large_batch_is_adopted_by_a_job_all_of_it_once(
    officer: Actor, batch: Batch, client: Client, tmp_path: Any
) -> None:
    content = corrected_workbook(officer, batch, tmp_path)
    job = upload(client, batch, content)
    [kept] = (batch.folder / "corrections").iterdir()
    assert kept.read_bytes()[:2] != content[:2], "it waits sealed"
    assert run(job).state == JobState.SUCCEEDED
    assert (job.result, batch.decisions.count()) == ({"rows": 5}, 5)
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)
    assert run(job).result == {"rows": 5}
    assert trail("ingest.corrections_imported") == [{"rows": 5}]
    assert list((batch.folder / "corrections").iterdir()) == []


def test_a_workbook_does_not_undo_what_somebody_decided_after_it_was_handed_in(
    officer: Actor, batch: Batch, client: Client, tmp_path: Any
) -> None:
    job = upload(client, batch, corrected_workbook(officer, batch, tmp_path))
    quarantine.correct(actor=officer, batch=batch, row_number=3, values={"amount": "49"})
    assert run(job).state == JobState.FAILED
    assert "刚刚由" in job.error
    assert batch.decisions.get().values == {"amount": "49"}
