"""The process engine: durable completions, a long loop, a race, the to-do list of a million tasks, waiting timers.

Goals: ≥ 100 durable completions/s on two cores with PostgreSQL; step 1,000 ≤ 1.5 × step 1; of 40 who complete one task
at once exactly one wins, 200 times; the lists < 100 ms with 1,000,000 tasks; timers p99 < 2 s late, 100,000 waiting.

CHENGSHU_TEST_DATABASE_URL names an empty PostgreSQL database (SQLite in a temporary folder without it); TASKS and
TIMERS make it smaller; PARTS chooses among steps, loop, race, lists, timers. CPU is user and system time of this
program and its children; that of the server is the sum over all PostgreSQL processes of the machine, others' included.
"""

import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

TASKS = int(os.environ.get("TASKS", "1000000"))
TIMERS = int(os.environ.get("TIMERS", "100000"))
CASES = int(os.environ.get("CASES", "400"))
PARTS = os.environ.get("PARTS", "steps,loop,race,lists,timers").split(",")
WORKERS, CONTENDERS, CONTESTED = 2, 40, 200
TIMER_SECONDS = 20
DUE = int(os.environ.get("DUE", "100"))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chengshu-bench-") as folder:
        os.environ["CHENGSHU_TEST_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "chengshu.conf.settings.test"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        print(f"database {connection.vendor}")
        prepare()
        parts = {"steps": steps, "loop": loop, "race": race, "lists": lists, "timers": timers}
        for name in PARTS:
            parts[name]()


def declare() -> None:
    """The seal process of the tests, beside the real packages."""
    from chengshu.kernel.process.tests.seal.manifest import MANIFEST
    from chengshu.kernel.registry import registry

    real = registry.manifests()
    registry.manifests = lambda: (*real, MANIFEST)  # type: ignore[assignment]


def prepare() -> None:
    from chengshu.kernel.identity.models import Account

    declare()
    if not Account.objects.filter(username="clerk").exists():
        from chengshu.kernel.process.tests.conftest import make_seal

        make_seal()


def actor(name: str) -> Any:
    from chengshu.kernel.access.actor import Actor
    from chengshu.kernel.identity.models import Account

    account = Account.objects.get(username=name)
    return Actor(account=account, name=account.display_name)


def start(count: int) -> list[int]:
    """Cases that wait for their review; return the tasks."""
    from chengshu.kernel.process.models import HumanTask
    from chengshu.kernel.process.services import completing, starting

    who, keys = actor("clerk"), []
    for _ in range(count):
        case = starting.start(actor=who, process="seal", title="合同用印", data={"signers": []})
        task = HumanTask.objects.get(case=case, state="open")
        completing.complete(actor=who, task_id=task.pk, outcome="submit", values={"copies": "1"})
        keys.append(HumanTask.objects.get(case=case, state="open").pk)
    return keys


def cpu() -> float:
    found = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        found += used.ru_utime + used.ru_stime
    return found


def server_cpu() -> float:
    """CPU seconds of all PostgreSQL processes that can be seen; 0 without any."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        if "(postgres)" in text:
            fields = text.rpartition(")")[2].split()
            ticks += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return ticks / os.sysconf("SC_CLK_TCK")


def complete_all(keys: list[int]) -> None:
    from django.db import connection

    from chengshu.kernel.process.services import completing

    connection.close()
    who = actor("approver")
    for key in keys:
        completing.complete(actor=who, task_id=key, outcome="agree")


def steps() -> None:
    """Reviews, each of which ends a step and opens two."""
    from django.db import connection

    keys = start(CASES)
    connection.close()
    context = multiprocessing.get_context("fork")
    own, server, began = cpu(), server_cpu(), time.perf_counter()
    workers = [
        context.Process(target=complete_all, args=(keys[n::WORKERS],)) for n in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    seconds = time.perf_counter() - began
    used, served = cpu() - own, server_cpu() - server
    print(
        f"steps: {CASES} completions by {WORKERS} processes in {seconds:.2f} s = {CASES / seconds:.0f}/s, "
        f"CPU {used / CASES * 1000:.1f} ms program + {served / CASES * 1000:.1f} ms server each "
        f"(two free cores: {2 / ((used + served) / CASES):.0f}/s)"
    )


def loop() -> None:
    """One case sent back and done again: does the thousandth turn cost what the first did?"""
    from chengshu.kernel.process.models import HumanTask, ProcessCase
    from chengshu.kernel.process.services import completing, moving

    (key,) = start(1)
    case = HumanTask.objects.get(pk=key).case
    clerk, reviewer = actor("clerk"), actor("approver")
    spent = []
    for _ in range(500):
        began = time.process_time()
        task = HumanTask.objects.get(case=case, state="open", step="review")
        moving.send_back(actor=reviewer, task_id=task.pk, step="apply", comment="再改")
        task = HumanTask.objects.get(case=case, state="open", step="apply")
        completing.complete(actor=clerk, task_id=task.pk, outcome="submit", values={"copies": "1"})
        spent.append((time.process_time() - began) * 1000 / 2)
    first, last = statistics.median(spent[:25]), statistics.median(spent[-25:])
    size = len(str(ProcessCase.objects.get(pk=case.pk).marking))
    print(
        f"loop: step 1–50 {first:.2f} ms CPU, step 951–1,000 {last:.2f} ms CPU = {last / first:.2f} ×; "
        f"state of the case {size} bytes"
    )


def race() -> None:
    """Forty complete each of two hundred tasks."""
    from django.db import connection

    from chengshu.kernel.errors import ChengshuError
    from chengshu.kernel.process.models import HumanTask
    from chengshu.kernel.process.services import completing

    keys = start(CONTESTED)
    told: Counter[str] = Counter()
    guard = threading.Lock()

    def contend() -> None:
        who = actor("approver")
        for key in keys:
            try:
                completing.complete(actor=who, task_id=key, outcome="agree")
                word = "won"
            except ChengshuError as error:
                word = "told" if "已由" in error.message else repr(error)
            with guard:
                told[word] += 1
        connection.close()

    threads = [threading.Thread(target=contend) for _ in range(CONTENDERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    double = HumanTask.objects.filter(opened_by__in=keys).count() - 2 * CONTESTED
    print(
        f"race: {CONTESTED} × {CONTENDERS} in {time.perf_counter() - began:.1f} s: {dict(told)}, "
        f"double transitions {double}"
    )
    assert told == {"won": CONTESTED, "told": CONTESTED * (CONTENDERS - 1)}
    assert double == 0


def fill() -> None:
    """A million tasks: one in ten open, a third of those with terms; 400 groups, 2,000 people."""
    from django.db import connection

    from chengshu.kernel.identity.models import Account, Organization
    from chengshu.kernel.process.models import CandidateGroup

    place = Organization.objects.get(code="330383-SHSY")
    Account.objects.bulk_create(
        (
            Account(username=f"w{n}", display_name=f"人员{n}", organization=place)
            for n in range(2000)
        ),
        ignore_conflicts=True,
    )
    people = list(Account.objects.order_by("pk").values_list("pk", flat=True))
    CandidateGroup.objects.bulk_create(
        CandidateGroup(kind="role", key=f"role{n}", organization=place) for n in range(400)
    )
    groups = list(CandidateGroup.objects.order_by("pk").values_list("pk", flat=True))
    series = (
        f"generate_series(1, {TASKS}) AS s(n)"
        if connection.vendor == "postgresql"
        else f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {TASKS}) SELECT n FROM c) s"
    )
    later = (
        "now() + (n % 2000 - 500) * interval '1 hour'"
        if connection.vendor == "postgresql"
        else "datetime('now', (n % 2000 - 500) || ' hours')"
    )
    no = "false" if connection.vendor == "postgresql" else "0"
    low, span, first, many = people[0], len(people), groups[0], len(groups)
    reviewer = Account.objects.get(username="approver").pk
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO process_humantask
              (owner_kind, owner_key, kind, step, name, matter, matter_key, title, url, token, slot, state, held,
               group_id, assignee_id, organization_id, opened_at, finished_at, finished_by_id, outcome, comment, batch,
               due_at, urged, back_to)
            SELECT 'bench', CAST(n AS varchar), 'step', 's', '审核', '测试事项', 'bench',
               '第 ' || n || ' 号申请', '/', 0, 0,
               CASE WHEN n % 10 = 0 THEN 'open' ELSE 'done' END, {no},
               {first} + n % {many},
               CASE WHEN n % 20 = 0 THEN NULL WHEN n % 50 = 10 THEN {reviewer} ELSE {low} + n % {span} END,
               {place.pk}, {later}, CASE WHEN n % 10 = 0 THEN NULL ELSE {later} END,
               CASE WHEN n % 10 = 0 THEN NULL WHEN n % 30 = 1 THEN {reviewer} ELSE {low} + n % {span} END, '', '', '',
               CASE WHEN n % 3 = 0 THEN {later} END, 0, ''
            FROM {series}
            """
        )
        cursor.execute("ANALYZE process_humantask")


def lists() -> None:
    """The lists of somebody with thousands of tasks, as the pages ask for them."""
    from django.test import Client

    from chengshu.kernel.identity.models import Account, Organization, RoleAssignment
    from chengshu.kernel.process import selectors
    from chengshu.kernel.process.models import HumanTask

    began = time.perf_counter()
    # A database that was filled before is asked again.
    if not HumanTask.objects.filter(owner_kind="bench", owner_key="1").exists():
        fill()
    place = Organization.objects.get(code="330383-SHSY")
    account = Account.objects.get(username="approver")
    for number in range(40):
        RoleAssignment.objects.get_or_create(
            account=account, role=f"role{number}", organization=place
        )
    who = actor("approver")
    print(
        f"lists: {TASKS:,} tasks filled in {time.perf_counter() - began:.0f} s; "
        f"{selectors.todo(who).count():,} wait for this person, {selectors.done(who).count():,} done"
    )
    asked: list[tuple[str, Callable[[], object]]] = [
        ("badge", lambda: selectors.waiting_for(who)),
        (
            "to-do, first 50 by term",
            lambda: list(selectors.todo(who).order_by("due_at", "pk")[:51]),
        ),
        ("to-do, newest 50", lambda: list(selectors.todo(who).order_by("-pk")[:51])),
        (
            "to-do, search",
            lambda: list(selectors.todo(who).filter(title__icontains="77").order_by("-pk")[:51]),
        ),
        ("done, newest 50", lambda: list(selectors.done(who).order_by("-finished_at", "-pk")[:51])),
        (
            "done, search",
            lambda: list(
                selectors.done(who)
                .filter(title__icontains="77")
                .order_by("-finished_at", "-pk")[:51]
            ),
        ),
    ]
    client = Client()
    client.force_login(account, backend="chengshu.kernel.identity.backends.AccountBackend")
    for name, path in (("page 待办", ""), ("page 待办 q=77", "?q=77"), ("page 已办", "done/")):
        asked.append((name, lambda path=path: client.get(f"/console/process/{path}")))  # type: ignore[misc]
    for name, ask in asked:
        ask()
        times = []
        for _ in range(11):
            moment = time.perf_counter()
            ask()
            times.append((time.perf_counter() - moment) * 1000)
        print(
            f"  {name:<26}{statistics.median(times):>8.1f} ms median {max(times):>8.1f} ms worst (goal 100)"
        )


def timers() -> None:
    """Many wait; some fall due every moment; how late are they served?"""
    from django.utils import timezone

    from chengshu.kernel.process import timers as served
    from chengshu.kernel.process.models import CaseTimer, HumanTask

    keys = start(100)
    cases = list(HumanTask.objects.filter(pk__in=keys).values_list("case_id", flat=True))
    CaseTimer.objects.filter(case__in=cases).delete()
    now = timezone.now()
    CaseTimer.objects.bulk_create(
        (
            CaseTimer(
                case_id=cases[n % 100], kind="warn", due_at=now + timedelta(days=1, seconds=n)
            )
            for n in range(TIMERS)
        ),
        batch_size=5000,
    )
    now = timezone.now() + timedelta(seconds=2)
    soon = [now + timedelta(seconds=TIMER_SECONDS * n / DUE) for n in range(DUE)]
    CaseTimer.objects.bulk_create(
        CaseTimer(case_id=cases[n % 100], kind="warn", due_at=due) for n, due in enumerate(soon)
    )
    late: list[float] = []
    left = {t.pk: t.due_at for t in CaseTimer.objects.filter(due_at__lt=now + timedelta(hours=1))}
    used = time.process_time()
    idle = 0
    while left:
        found = served.serve_due()
        moment = timezone.now()
        gone = (
            set(left)
            - set(CaseTimer.objects.filter(pk__in=list(left)).values_list("pk", flat=True))
            if found
            else set()
        )
        late += [(moment - left.pop(key)).total_seconds() for key in gone]
        if not found:
            idle += 1
            time.sleep(0.3)
    late.sort()
    print(
        f"timers: {TIMERS:,} waiting, {len(late)} due within {TIMER_SECONDS} s: late p50 {late[len(late) // 2]:.2f} s, "
        f"p99 {late[int(len(late) * 0.99)]:.2f} s, worst {late[-1]:.2f} s; "
        f"CPU {(time.process_time() - used) / len(late) * 1000:.1f} ms each, {idle} idle looks"
    )


if __name__ == "__main__":
    sys.exit(main())
