import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from django.test import Client
from django.utils import timezone

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.accounts.services import save_organization, set_account_state
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.audit.services import record
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job
from chengshu.kernel.unit_of_work import unit_of_work

ActorFor = Callable[[Account], Actor]
ClientFor = Callable[[Account], Client]


@pytest.fixture
def trail(cast: Cast, actor_for: ActorFor, data_dir: Path) -> Cast:
    operator = actor_for(cast.operator)
    set_account_state(actor=operator, account=cast.officer_b, active=False, reason="离职")
    save_organization(
        actor=operator, organization=cast.department_a, code=cast.department_a.code, kind="department",
        name="社会事业发展局", short="社事局", parent=cast.city,
    )  # fmt: skip
    return cast


def rows(page: object) -> list[dict[str, object]]:
    table = page.context["table"]  # type: ignore[attr-defined]
    return [{cell.column.key: cell.value for cell in row.cells} for row in table.rows]


def test_people_read_names_not_codes(trail: Cast, client_for: ClientFor) -> None:
    page = client_for(trail.auditor).get("/console/audit/")
    first, second = rows(page)
    assert (first["action"], first["object_name"]) == ("修改机构", "社事局")
    assert (second["action"], second["reason"]) == ("启用、停用或解锁账号", "离职")
    assert "identity.account_state" not in page.content.decode().split("<table")[1]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("action=identity.account_state", 1),
        ("object_type=identity.organization", 1),
        ("q=林运维", 2),
        ("q=离职", 1),
        ("q=127.0.0.1", 2),
        ("period=today", 2),
        ("period=LAST", 0),
        ("period=THIS", 2),
        ("period=1999-01", 2),  # not among the choices: no condition
    ],
)
def test_filters_narrow_by_actor_action_object_and_time(
    trail: Cast, client_for: ClientFor, query: str, count: int
) -> None:
    now = timezone.localtime()
    last = now.replace(day=1) - timedelta(days=1)
    query = query.replace("THIS", f"{now:%Y-%m}").replace("LAST", f"{last:%Y-%m}")
    assert len(rows(client_for(trail.auditor).get(f"/console/audit/?{query}"))) == count


def test_the_detail_shows_before_and_after_of_what_changed_only(
    trail: Cast, client_for: ClientFor
) -> None:
    page = client_for(trail.auditor).get("/console/audit/2/")
    changes = {c.title: (c.old, c.new) for c in page.context["difference"].changes}
    assert changes == {"全称": ("社会事业局", "社会事业发展局"), "简称": ("社会事业局", "社事局")}


def test_booleans_and_declared_names_read_as_words(trail: Cast, client_for: ClientFor) -> None:
    page = client_for(trail.auditor).get("/console/audit/1/")
    changes = {c.title: (c.old, c.new) for c in page.context["difference"].changes}
    assert changes == {"启用": ("是", "否")}


def test_an_export_is_watermarked_and_audited(trail: Cast, client_for: ClientFor) -> None:
    page = client_for(trail.auditor).get("/console/audit/?q=林运维&export=csv")
    text = b"".join(page.streaming_content).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    written = AuditRecord.objects.get(action="audit.export")
    assert len(lines) == 4
    assert "金安全（auditor）" in lines[-1][0]
    assert f"留痕编号：{written.seq}" in lines[-1][0]
    assert written.after == {"format": "csv", "rows": 2, "conditions": {"q": "林运维"}}


def test_an_excel_export_opens_and_runs_no_formula(trail: Cast, client_for: ClientFor) -> None:
    with unit_of_work():
        record(actor=platform(), action="test.act", object_name="=1+1", reason="@SUM(A1)")
    page = client_for(trail.auditor).get("/console/audit/?export=xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(page.streaming_content))).active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert any("金安全" in str(cell.value) for cell in cells)


def test_only_those_with_the_permission_see_the_trail(trail: Cast, client_for: ClientFor) -> None:
    for account in (trail.officer_a, trail.operator, trail.stranger):
        assert client_for(account).get("/console/audit/").status_code == 403
    assert client_for(trail.admin).get("/console/audit/").status_code == 200
    assert client_for(trail.admin).post("/console/audit/verify/").status_code == 403


def test_the_chain_is_proved_by_a_job_and_the_outcome_shown(
    trail: Cast, client_for: ClientFor
) -> None:
    auditor = client_for(trail.auditor)
    url = auditor.post("/console/audit/verify/")["Location"]
    assert "排队中" in auditor.get(url).content.decode()
    assert auditor.post("/console/audit/verify/")["Location"] == url
    run_job.func(str(Job.objects.get().id))
    text = auditor.get(url).content.decode()
    assert "链条完整" in text
    assert AuditRecord.objects.filter(action="audit.verified").exists()
    assert "完整" in auditor.get("/console/audit/").content.decode()


def test_a_broken_chain_is_told_in_words(trail: Cast, client_for: ClientFor) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditrecord SET reason = %s WHERE seq = 1", ["调动"])
    auditor = client_for(trail.auditor)
    url = auditor.post("/console/audit/verify/")["Location"]
    run_job.func(str(Job.objects.get().id))
    assert (
        "第 1 号记录（identity.account_state）的内容被改动过" in auditor.get(url).content.decode()
    )


def test_a_running_check_answers_with_its_progress_and_then_reloads(
    trail: Cast, client_for: ClientFor
) -> None:
    auditor = client_for(trail.auditor)
    url = auditor.post("/console/audit/verify/")["Location"]
    live = auditor.get(url, headers={"HX-Request": "true"})
    assert "<html" not in live.content.decode()
    run_job.func(str(Job.objects.get().id))
    assert auditor.get(url, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_an_unknown_number_says_so(trail: Cast, client_for: ClientFor) -> None:
    page = client_for(trail.auditor).get("/console/audit/999/")
    assert page.status_code == 404
    assert "没有第 999 号审计记录" in page.content.decode()
