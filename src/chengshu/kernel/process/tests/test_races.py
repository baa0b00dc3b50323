"""Many at once, and a process killed in the middle of a step: one wins, nothing is half done."""

import json
import os
import signal
import subprocess
import sys

import pytest

from chengshu.kernel.conftest import FileCity

pytestmark = [pytest.mark.crash, pytest.mark.service]

DECLARE = '\nCITY_PACKAGES = [*CITY_PACKAGES, "chengshu.kernel.process.tests.seal"]\n'
SEAL = """
from chengshu.kernel.process.tests.conftest import actor, make_seal
from chengshu.kernel.process.models import HumanTask, ProcessCase, TraceEntry
from chengshu.kernel.process.services import completing
from chengshu.kernel.errors import ChengshuError
"""
RACE = (
    SEAL
    + """
import json, threading
from collections import Counter
from django.db import connection
from chengshu.kernel.identity.tests.cast import make_account
seal = make_seal()
people = [make_account(f"p{n}", f"审批{n}", seal.cast.department_a, role="approver") for n in range(8)]
cases = [seal.start() for _ in range(10)]
for case in cases:
    seal.apply(case)
tasks = [seal.task(case, "review").pk for case in cases]
told, lock = Counter(), threading.Lock()

def contend(person):
    try:
        for key in tasks:
            try:
                completing.complete(actor=actor(person), task_id=key, outcome="agree")
                word = "won"
            except ChengshuError as error:
                word = "told" if "已由审批" in error.message else repr(error)
            with lock:
                told[word] += 1
    finally:
        connection.close()

threads = [threading.Thread(target=contend, args=(person,)) for person in people]
[t.start() for t in threads]
[t.join() for t in threads]
steps = HumanTask.objects.filter(state="open").values_list("case", "step")
print(json.dumps([dict(told), len(steps), len(set(steps))]))
"""
)
BEGIN = SEAL + "seal = make_seal()\nfor n in range(60):\n    seal.apply(seal.start())\n"
WORK = (
    "import django; django.setup()\n"
    + SEAL
    + """
from chengshu.kernel.identity.models import Account
who = Account.objects.get(username="approver")
print("ready", flush=True)
for key in HumanTask.objects.filter(step="review", state="open").values_list("pk", flat=True):
    completing.complete(actor=actor(who), task_id=key, outcome="agree")
    print(key, flush=True)
"""
)
LOOK = (
    SEAL
    + """
import json
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.audit.verification import verify
from chengshu.kernel.process.engine import Marking
done = HumanTask.objects.filter(step="review", state="done").count()
wrong = []
for case in ProcessCase.objects.all():
    steps = sorted(t.step for t in Marking.of(case.marking).tokens if t.step != "remind")
    waiting = sorted(HumanTask.objects.filter(case=case, state="open").values_list("step", flat=True))
    lines = TraceEntry.objects.filter(case=case).count()
    if steps != waiting or lines != case.steps:
        wrong.append([case.pk, steps, waiting, lines, case.steps])
acts = AuditRecord.objects.filter(action="process.task.completed").count()
print(json.dumps([done, acts, wrong, verify().problems]))
"""
)


@pytest.fixture
def seal_city(file_city: FileCity) -> FileCity:
    with (file_city.folder / "city_on_disk.py").open("a") as settings:
        settings.write(DECLARE)
    return file_city


def test_of_many_who_complete_one_task_one_wins_and_the_others_are_told(
    seal_city: FileCity,
) -> None:
    told, waiting, distinct = json.loads(seal_city.python(RACE))
    assert told == {"won": 10, "told": 70}
    assert waiting == distinct == 20


def test_a_process_killed_in_a_step_leaves_every_case_whole(seal_city: FileCity) -> None:
    seal_city.python(BEGIN)
    finished = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WORK], env=seal_city.environment, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for _ in range(5):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
        process.stdout.close()
        done, acts, wrong, problems = json.loads(seal_city.python(LOOK))
        assert (wrong, problems) == ([], [])
        # 60 applications and what was reviewed: each act with its record, none without.
        assert acts == 60 + done
        assert done >= finished + 5
        finished = done
