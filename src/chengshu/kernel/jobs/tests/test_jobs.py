from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs import schedule, selectors, services
from chengshu.kernel.jobs.models import Job, JobState, ScheduleRun
from chengshu.kernel.jobs.registration import KINDS, JobContext, job
from chengshu.kernel.jobs.services import cancel, enqueue, reap, retry, run_job
from chengshu.kernel.registry import registry
from chengshu.kernel.registry.manifest import Schedule

pytestmark = pytest.mark.django_db
ActorFor = Callable[[Account], Actor]
ClientFor = Callable[[Account], Client]


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kept = dict(KINDS)
    monkeypatch.setattr(services, "HEARTBEAT_SECONDS", 60)
    yield
    KINDS.clear()
    KINDS.update(kept)


def run(item: Job) -> Job:
    """Run a job as the worker's queue would."""
    run_job.func(str(item.id))
    item.refresh_from_db()
    return item


def queued(item: Job) -> int:
    return DBTaskResult.objects.filter(
        args_kwargs__args__0=str(item.id), status=TaskResultStatus.READY
    ).count()


def test_a_job_runs_with_its_arguments_and_keeps_its_result() -> None:
    @job("test.add", name="相加")
    def add(context: JobContext, a: int, b: int) -> dict[str, int]:
        context.progress(done=2, total=2, counts={"rows": 2})
        return {"sum": a + b}

    item = enqueue("test.add", actor=platform(), arguments={"a": 1, "b": 2})
    assert (item.state, queued(item)) == (JobState.QUEUED, 1)
    run(item)
    assert (item.state, item.result, item.percent) == (JobState.SUCCEEDED, {"sum": 3}, 100)
    assert (item.done, item.counts, item.attempts) == (2, {"rows": 2}, 1)


def test_a_queue_entry_delivered_twice_runs_the_job_once() -> None:
    runs: list[int] = []
    job("test.once", name="一次")(lambda _context: runs.append(1))
    item = enqueue("test.once", actor=platform())
    run(item)
    run(item)
    assert runs == [1]


def test_the_same_key_is_queued_once() -> None:
    job("test.once", name="一次")(lambda _context: None)
    first = enqueue("test.once", actor=platform(), key="batch:7")
    assert enqueue("test.once", actor=platform(), key="batch:7") == first
    assert Job.objects.count() == 1


def test_an_unknown_kind_is_a_mistake_of_the_program() -> None:
    with pytest.raises(LookupError):
        enqueue("test.unknown", actor=platform())


def test_progress_is_visible_while_the_job_runs() -> None:
    seen: list[tuple[Any, ...]] = []

    @job("test.slow", name="慢")
    def slow(context: JobContext) -> None:
        context.progress(total=1000, stage="读取", force=True)
        context.progress(done=250, counts={"accepted": 240, "quarantined": 10}, force=True)
        row = Job.objects.get(id=context.job.id)
        seen.append((row.state, row.stage, row.done, row.percent, row.counts))

    run(enqueue("test.slow", actor=platform()))
    assert seen == [("running", "读取", 250, 25, {"accepted": 240, "quarantined": 10})]


def test_rate_and_remaining_time_come_from_the_run_so_far() -> None:
    start = timezone.now()
    item = Job(state=JobState.RUNNING, started_at=start, done=200, total=1000)
    with time_machine.travel(start + timedelta(seconds=10), tick=False):
        assert (item.rate, item.remaining_seconds, item.percent) == (20.0, 40.0, 20)


def test_what_people_can_mend_fails_at_once_with_the_sentence_they_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @job("test.input", name="输入")
    def fails(_context: JobContext) -> None:
        raise InvalidInput("第 3 行少一列。", advice="请补齐后重新上传。")

    item = run(enqueue("test.input", actor=platform()))
    assert (item.state, item.attempts, queued(item)) == (JobState.FAILED, 1, 1)
    assert item.error == "第 3 行少一列。请补齐后重新上传。"
    assert [(r.levelname, r.exc_info) for r in caplog.records] == [("WARNING", None)]


def test_other_errors_are_tried_again_with_growing_pauses_then_kept() -> None:
    @job("test.flaky", name="不稳")
    def fails(_context: JobContext) -> None:
        raise OSError("network")

    item = enqueue("test.flaky", actor=platform())
    waits = []
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(2):
            run(item)
            assert item.state == JobState.QUEUED
            assert item.run_after is not None
            waits.append((item.run_after - timezone.now()).total_seconds())
            assert DBTaskResult.objects.filter(run_after=item.run_after).count() == 1
    run(item)
    assert waits == [10, 60]
    assert (item.state, item.attempts) == (JobState.DEAD, 3)
    assert "OSError" in item.error


def test_a_second_try_may_succeed() -> None:
    tries: list[int] = []

    @job("test.flaky", name="不稳")
    def flaky(_context: JobContext) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("network")
        return "好了"

    item = enqueue("test.flaky", actor=platform())
    run(item)
    run(item)
    assert (item.state, item.result, item.error) == (JobState.SUCCEEDED, "好了", "")


def test_a_waiting_job_is_cancelled_at_once(cast: Cast, actor_for: ActorFor) -> None:
    job("test.wait", name="等")(lambda _context: pytest.fail("must not run"))
    officer = actor_for(cast.officer_a)
    item = enqueue("test.wait", actor=officer)
    assert cancel(actor=officer, job=item).state == JobState.CANCELLED
    run(item)
    with pytest.raises(Conflict, match="已经结束"):
        cancel(actor=officer, job=item)


def test_a_running_job_stops_at_its_next_report(cast: Cast, actor_for: ActorFor) -> None:
    officer = actor_for(cast.officer_a)
    reached: list[str] = []

    @job("test.loop", name="循环")
    def loop(context: JobContext) -> None:
        cancel(actor=officer, job=context.job)
        context.progress(done=1, force=True)
        reached.append("after")

    item = run(enqueue("test.loop", actor=officer))
    assert (item.state, reached) == (JobState.CANCELLED, [])
    assert "按要求取消" in item.error


def test_others_cancel_and_retry_only_with_the_right(cast: Cast, actor_for: ActorFor) -> None:
    job("test.wait", name="等")(lambda _context: None)
    item = enqueue("test.wait", actor=actor_for(cast.officer_a))
    with pytest.raises(NotAllowed):
        cancel(actor=actor_for(cast.officer_b), job=item)
    cancel(actor=actor_for(cast.operator), job=item)
    with pytest.raises(NotAllowed):
        retry(actor=actor_for(cast.officer_a), job=item)
    assert retry(actor=actor_for(cast.operator), job=item).state == JobState.QUEUED
    assert run(item).state == JobState.SUCCEEDED


def test_dead_letters_start_anew_and_finished_ones_do_not(cast: Cast, actor_for: ActorFor) -> None:
    job("test.wait", name="等")(lambda _context: None)
    operator = actor_for(cast.operator)
    item = enqueue("test.wait", actor=platform())
    Job.objects.update(state=JobState.DEAD, attempts=3, error="坏了")
    item = retry(actor=operator, job=item)
    assert (item.attempts, run(item).state) == (0, JobState.SUCCEEDED)
    with pytest.raises(Conflict, match="失败或已取消"):
        retry(actor=operator, job=item)


def orphan(**more: Any) -> Job:
    job("test.wait", name="等")(lambda _context: "完成")
    item = enqueue("test.wait", actor=platform())
    fields = {
        "state": JobState.RUNNING, "worker": "host:1", "heartbeat_at": timezone.now(), "attempts": 1,
    }  # fmt: skip
    Job.objects.filter(id=item.id).update(**(fields | more))
    DBTaskResult.objects.update(status=TaskResultStatus.RUNNING)
    return item


def test_the_reaper_gives_back_what_a_silent_worker_held() -> None:
    item = orphan(heartbeat_at=timezone.now() - timedelta(seconds=61))
    assert reap() == 1
    item.refresh_from_db()
    assert (item.state, queued(item)) == (JobState.QUEUED, 1)
    assert run(item).result == "完成"


def test_the_reaper_leaves_the_living_alone_but_not_the_known_dead() -> None:
    orphan()
    assert reap() == 0
    assert reap(dead_worker="host:2") == 0
    assert reap(dead_worker="host:1") == 1


def test_a_job_that_kills_its_worker_again_and_again_is_kept_as_dead() -> None:
    item = orphan(attempts=3)
    reap(dead_worker="host:1")
    item.refresh_from_db()
    assert item.state == JobState.DEAD
    assert "多次意外中断" in item.error


def test_a_worker_that_wakes_up_late_does_not_speak_for_the_new_run() -> None:
    @job("test.sleepy", name="睡过头")
    def sleepy(context: JobContext) -> str:
        # Meanwhile the reaper gave the job back and another worker started it.
        Job.objects.filter(id=context.job.id).update(attempts=2, worker="host:2")
        return "来自旧的一次"

    item = run(enqueue("test.sleepy", actor=platform()))
    assert (item.state, item.result) == (JobState.RUNNING, None)


def test_a_job_whose_worker_died_before_starting_it_is_queued_again() -> None:
    job("test.wait", name="等")(lambda _context: None)
    item = enqueue("test.wait", actor=platform())
    old = timezone.now() - timedelta(minutes=5)
    DBTaskResult.objects.update(status=TaskResultStatus.RUNNING, started_at=old)
    assert reap() == 0  # it may have been taken just now
    Job.objects.update(created_at=old)
    assert reap() == 1
    assert queued(item) == 1
    assert reap() == 0


def test_old_queue_entries_and_routine_jobs_go_people_s_jobs_stay(
    cast: Cast, actor_for: ActorFor
) -> None:
    job("test.wait", name="等")(lambda _context: None)
    mine = run(enqueue("test.wait", actor=actor_for(cast.officer_a)))
    routine = run(enqueue("test.wait", actor=platform()))
    shown = run(enqueue("test.wait", actor=platform()))
    long_ago = timezone.now() - timedelta(days=40)
    for hours, done in ((0, routine), (1, shown)):
        ScheduleRun.objects.create(name="s", slot=long_ago + timedelta(hours=hours), job=done)
    Job.objects.update(finished_at=long_ago)
    DBTaskResult.objects.update(status=TaskResultStatus.SUCCESSFUL, finished_at=long_ago)
    services.purge()
    assert set(Job.objects.all()) == {mine, shown}
    assert not DBTaskResult.objects.exists()
    assert ScheduleRun.objects.count() == 1


# ---- the clock


def shanghai(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo("Asia/Shanghai"))  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("cron", "moment", "expected"),
    [
        ("* * * * *", shanghai(2026, 11, 23, 14, 5), True),
        ("20 3 * * *", shanghai(2026, 11, 23, 3, 20), True),
        ("20 3 * * *", shanghai(2026, 11, 23, 3, 21), False),
        ("*/15 * * * *", shanghai(2026, 11, 23, 3, 45), True),
        ("*/15 * * * *", shanghai(2026, 11, 23, 3, 50), False),
        ("0 8-18/2 * * 1-5", shanghai(2026, 11, 23, 10, 0), True),  # a Monday
        ("0 8-18/2 * * 1-5", shanghai(2026, 11, 22, 10, 0), False),  # a Sunday
        ("0 0 * * 7", shanghai(2026, 11, 22, 0, 0), True),
        ("0 0 * * 0", shanghai(2026, 11, 22, 0, 0), True),
        ("0 0 1 * 1", shanghai(2026, 11, 23, 0, 0), True),  # day of month OR weekday, as cron does
        ("0 0 1 * 1", shanghai(2026, 12, 1, 0, 0), True),
        ("0 0 1 * 1", shanghai(2026, 12, 2, 0, 0), False),
        ("0 9 1,15 1-6 *", shanghai(2026, 6, 15, 9, 0), True),
        ("0 9 1,15 1-6 *", shanghai(2026, 7, 15, 9, 0), False),
        # The same moment in UTC: the schedule follows the city's clock.
        ("20 3 * * *", datetime(2026, 11, 22, 19, 20, tzinfo=ZoneInfo("UTC")), True),
    ],
)
def test_cron_reads_as_people_expect(cron: str, moment: datetime, expected: bool) -> None:
    assert schedule.due(cron, moment) is expected


@pytest.mark.parametrize(
    "cron",
    [
        "", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "a * * * *",
        "*/0 * * * *", "5-1 * * * *",
    ],
)  # fmt: skip
def test_a_wrong_cron_is_refused(cron: str) -> None:
    with pytest.raises(ValueError):
        schedule.parse(cron)


def test_every_schedule_of_the_platform_has_a_right_cron_and_a_known_job() -> None:
    for item in registry.schedules():
        schedule.parse(item.cron)
        assert item.job in KINDS, item


@pytest.fixture
def nightly(monkeypatch: pytest.MonkeyPatch) -> None:
    job("test.night", name="夜间")(lambda _context: None)
    item = Schedule(key="night", name="夜间整理", cron="0 3 * * *", job="test.night")
    monkeypatch.setattr(registry, "schedules", lambda: (item,))


@pytest.mark.usefixtures("nightly")
def test_a_slot_is_run_exactly_once_however_often_the_clock_is_asked() -> None:
    three = shanghai(2026, 11, 23, 3, 0)
    assert schedule.tick(three - timedelta(minutes=1)) == 0
    assert [schedule.tick(three + timedelta(seconds=s)) for s in (0, 20, 59, 60)] == [1, 0, 0, 0]
    assert schedule.tick(three + timedelta(days=1)) == 1
    assert Job.objects.count() == 2


@pytest.mark.usefixtures("nightly")
def test_a_slot_missed_during_a_short_pause_is_made_good_once() -> None:
    assert schedule.tick(shanghai(2026, 11, 23, 3, 7)) == 1
    assert ScheduleRun.objects.get().slot == shanghai(2026, 11, 23, 3, 0)
    assert schedule.tick(shanghai(2026, 11, 23, 3, 8)) == 0
    assert schedule.tick(shanghai(2026, 11, 24, 3, 11)) == 0


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * * * *", shanghai(2026, 11, 23, 14, 6)),
        ("20 3 * * *", shanghai(2026, 11, 24, 3, 20)),
        ("0 0 29 2 *", None),  # 2028: more than a year away
        ("0 9 1 1 *", shanghai(2027, 1, 1, 9, 0)),
    ],
)
def test_the_next_run_is_told(cron: str, expected: datetime | None) -> None:
    assert selectors.next_slot(cron, shanghai(2026, 11, 23, 14, 5)) == expected


# ---- pages


def test_one_sees_ones_own_jobs_and_those_of_ones_branch(cast: Cast, actor_for: ActorFor) -> None:
    job("test.wait", name="等")(lambda _context: None)
    a = enqueue("test.wait", actor=actor_for(cast.officer_a))
    b = enqueue("test.wait", actor=actor_for(cast.officer_b))
    own = enqueue("test.wait", actor=actor_for(cast.leader))
    city = enqueue("test.wait", actor=platform())
    people = ("officer_a", "leader", "operator", "citizen")
    seen = {name: set(selectors.jobs(actor_for(getattr(cast, name)))) for name in people}
    assert seen == {
        "officer_a": {a},
        "leader": {own},
        "operator": {a, b, own, city},
        "citizen": set(),
    }


def test_the_list_leaves_out_routine_and_shows_it_when_asked(
    cast: Cast, client_for: ClientFor, actor_for: ActorFor
) -> None:
    job("test.wait", name="等")(lambda _context: None)
    run(enqueue("test.wait", actor=platform(), title="每分钟的例行工作"))
    enqueue("test.wait", actor=actor_for(cast.officer_a), title="归集人口表")
    operator = client_for(cast.operator)
    text = operator.get("/console/jobs/").content.decode()
    assert "归集人口表" in text
    assert "每分钟的例行工作" not in text
    assert "每分钟的例行工作" in operator.get("/console/jobs/?all=1").content.decode()
    assert "每分钟的例行工作" in operator.get("/console/jobs/?state=succeeded").content.decode()


def test_the_detail_shows_live_progress_and_stops_asking_when_done(
    cast: Cast, client_for: ClientFor, actor_for: ActorFor
) -> None:
    job("test.wait", name="等")(lambda _context: {"accepted": 4534})
    item = enqueue("test.wait", actor=actor_for(cast.officer_a), title="归集人口表")
    Job.objects.update(
        state=JobState.RUNNING, done=250, total=1000, stage="校验", counts={"accepted": 240},
        started_at=timezone.now() - timedelta(seconds=10), attempts=1,
    )  # fmt: skip
    client = client_for(cast.officer_a)
    url = f"/console/jobs/{item.id}/"
    text = client.get(url).content.decode()
    for piece in ("25%", "250", "1,000", "校验", "入库", "每秒", "还需约", 'hx-trigger="every 1s"'):
        assert piece in text, piece
    Job.objects.update(state=JobState.QUEUED)
    run(item)
    live = client.get(url, headers={"HX-Request": "true"})
    assert "hx-get" not in live.content.decode()
    assert live["HX-Refresh"] == "true"
    assert "4,534" in client.get(url).content.decode()


def test_cancel_and_retry_in_the_browser(
    cast: Cast, client_for: ClientFor, actor_for: ActorFor
) -> None:
    job("test.wait", name="等")(lambda _context: None)
    item = enqueue("test.wait", actor=actor_for(cast.officer_a))
    client_for(cast.officer_a).post(f"/console/jobs/{item.id}/cancel/")
    item.refresh_from_db()
    assert item.state == JobState.CANCELLED
    assert client_for(cast.officer_a).post(f"/console/jobs/{item.id}/retry/").status_code == 403
    client_for(cast.operator).post(f"/console/jobs/{item.id}/retry/")
    item.refresh_from_db()
    assert item.state == JobState.QUEUED
    assert client_for(cast.officer_b).get(f"/console/jobs/{item.id}/").status_code == 404


def test_the_schedules_page_names_what_runs_next(cast: Cast, client_for: ClientFor) -> None:
    text = client_for(cast.operator).get("/console/jobs/schedules/").content.decode()
    assert "签署审计检查点" in text
    assert "每天 03:40" in text


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "每分钟"), ("*/5 * * * *", "每 5 分钟"), ("7 * * * *", "每小时的第 7 分"),
        ("20 3 * * *", "每天 03:20"), ("0 9 * * 1-5", "0 9 * * 1-5"),
    ],
)  # fmt: skip
def test_usual_rules_read_as_words(cron: str, words: str) -> None:
    assert selectors.in_words(cron) == words
