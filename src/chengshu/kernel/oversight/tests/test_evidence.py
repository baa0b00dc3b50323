"""Handing the trail out from the console: asked for with a reason, built, fetched, proven, gone after a week."""

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.audit import anchor_keys
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job
from chengshu.kernel.oversight import evidence
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_evidence.verify import verify

ClientFor = Callable[[Account], Client]
HOME = "/console/audit/evidence/"
FIELDS = {"since": "", "until": "", "application": "", "reason": "交审计局年度核查"}


@pytest.fixture
def trail(cast: Cast, data_dir: Path) -> Cast:
    with unit_of_work():
        for n in range(4):
            record(actor=platform(), action="test.act", object_name=f"对象 {n}")
    return cast


def done(client: Client, url: str, fields: dict[str, object]) -> tuple[Job, str]:
    """What a person asked for, after the worker's round; with the page's address."""
    where = client.post(url, fields)["Location"]
    job = Job.objects.get(id=where.rstrip("/").rsplit("/", 1)[-1])
    assert "排队中" in client.get(where).content.decode()
    run_job.func(str(job.id))
    job.refresh_from_db()
    return job, where


def packed(client: Client, where: str) -> bytes:
    return b"".join(client.get(f"{where}download/").streaming_content)  # type: ignore[attr-defined]


def test_an_export_is_asked_for_built_fetched_and_proven_by_somebody_else(
    trail: Cast, client_for: ClientFor, tmp_path: Path
) -> None:
    auditor = client_for(trail.auditor)
    job, where = done(auditor, HOME, FIELDS)
    text = auditor.get(where).content.decode()
    assert "交审计局年度核查" in text
    content = packed(auditor, where)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "theirs")
    public = b"".join(auditor.get(f"{HOME}key/").streaming_content)  # type: ignore[attr-defined]
    report = verify(tmp_path / "theirs", public_pem=public)
    assert (report.findings, report.records, report.anchors) == ([], 4, 1)
    told = AuditRecord.objects.filter(action__startswith="audit.evidence").order_by("seq")
    assert [(r.action, r.actor_id, r.reason) for r in told] == [
        ("audit.evidence_exported", "auditor", "交审计局年度核查"),
        ("audit.evidence_downloaded", "auditor", "交审计局年度核查"),
    ]
    assert job.title in auditor.get(HOME).content.decode()
    assert sorted(path.suffix for path in evidence.folder().iterdir()) == [".zip"]


def test_what_is_brought_back_is_proven_on_the_page_and_every_bend_is_named(
    trail: Cast, client_for: ClientFor
) -> None:
    auditor = client_for(trail.auditor)
    content = packed(auditor, done(auditor, HOME, FIELDS)[1])
    bent = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(bent, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace("对象 2".encode(), "对象 9".encode()))
    outside = io.BytesIO()
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../../escaped.txt", b"x")
    for brought, told in (
        (content, "核验通过"),
        (bent.getvalue(), "operations/00/00000001.jsonl:3"),
        (outside.getvalue(), "文件夹之外"),
        (b"no archive", "不是完整的压缩包"),
    ):
        upload = SimpleUploadedFile("back.zip", brought, "application/zip")
        _job, where = done(auditor, f"{HOME}check/", {"file": upload})
        assert told in auditor.get(where).content.decode()
    # Nothing of what was brought stays; the export itself does.
    assert len(list(evidence.folder().iterdir())) == 1
    assert not list(evidence.folder().parent.parent.rglob("escaped.txt"))
    assert auditor.post(f"{HOME}check/", {}).status_code == 200


def test_an_export_is_gone_after_a_week_and_a_download_then_says_so(
    trail: Cast, client_for: ClientFor, actor_for: Callable[[Account], Actor]
) -> None:
    auditor = client_for(trail.auditor)
    job, where = done(auditor, HOME, FIELDS)
    assert evidence.remove_expired(timezone.now() + timedelta(days=6)) == 0
    assert evidence.remove_expired(timezone.now() + timedelta(days=8)) == 1
    assert auditor.get(f"{where}download/").status_code == 409
    assert AuditRecord.objects.filter(action="audit.evidence_removed").count() == 1
    job.result = {**job.result, "expires": (timezone.now() - timedelta(hours=1)).isoformat()}
    with pytest.raises(Conflict):
        evidence.fetch(actor=actor_for(trail.auditor), job=job)


def test_who_may_not_hand_out_the_trail_gets_nothing(trail: Cast, client_for: ClientFor) -> None:
    _job, where = done(client_for(trail.admin), HOME, FIELDS)
    for account in (trail.operator, trail.officer_a, trail.leader, trail.stranger):
        client = client_for(account)
        for url in (HOME, where, f"{where}download/", f"{HOME}key/", "/console/audit/keys/"):
            assert client.get(url).status_code == 403, url
    assert client_for(trail.admin).get("/console/audit/keys/").status_code == 403
    assert "更换锚点密钥" not in client_for(trail.admin).get(HOME).content.decode()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reason": " "}, "必填"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "不早于起始日期"),
        ({"application": "nobody"}, "选"),
    ],
)
def test_what_cannot_be_exported_is_said_beside_the_field(
    trail: Cast, client_for: ClientFor, changes: dict[str, str], told: str
) -> None:
    page = client_for(trail.auditor).post(HOME, {**FIELDS, **changes})
    assert page.status_code == 200
    assert told in page.content.decode()
    assert not Job.objects.exists()


def test_two_clicks_make_one_export_and_an_export_that_failed_leaves_no_file(
    trail: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor = client_for(trail.auditor)
    first = auditor.post(HOME, FIELDS)["Location"]
    assert auditor.post(HOME, FIELDS)["Location"] == first
    live = auditor.get(first, headers={"HX-Request": "true"})
    assert "<html" not in live.content.decode()

    def full(*_arguments: object) -> str:
        raise Conflict("磁盘空间不足，没有导出。")

    monkeypatch.setattr(evidence, "_pack", full)
    run_job.func(str(Job.objects.get().id))
    assert "磁盘空间不足" in auditor.get(first).content.decode()
    assert not list(evidence.folder().iterdir())
    assert auditor.get(first, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_the_key_is_renewed_and_a_retired_one_declared_compromised_on_the_page(
    trail: Cast, client_for: ClientFor
) -> None:
    auditor = client_for(trail.auditor)
    url = "/console/audit/keys/"
    anchor_keys.anchor_key()
    assert auditor.post(url, {"key": "", "reason": "年度更换", "since": ""}).status_code == 302
    first, second = anchor_keys.known_keys()
    text = auditor.get(HOME).content.decode()
    assert second.key in text
    assert "已停用" in text
    missing = auditor.post(url, {"key": first.key, "reason": "备份遗失", "since": ""})
    assert "请填写时间" in missing.content.decode()
    future = auditor.post(url, {"key": first.key, "reason": "x", "since": "2999-01-01T00:00"})
    assert "现在之前" in future.content.decode()
    declared = {"key": first.key, "reason": "备份遗失", "since": "2026-01-01T08:00"}
    assert auditor.post(url, declared).status_code == 302
    assert "2026-01-01 08:00 起泄露" in auditor.get(HOME).content.decode()
    acts = AuditRecord.objects.filter(action__startswith="audit.key").order_by("seq")
    assert [(r.action, r.actor_id) for r in acts] == [
        ("audit.key_renewed", "auditor"), ("audit.key_compromised", "auditor"),
    ]  # fmt: skip


def test_the_page_asks_the_database_as_often_with_twenty_exports_as_with_one(
    trail: Cast, client_for: ClientFor
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    auditor = client_for(trail.auditor)
    auditor.get(HOME)
    counts = []
    for count in (1, 19):
        for n in range(count):
            Job.objects.create(kind=evidence.EXPORT, title=f"导出 {n}", created_by=trail.admin)
        with CaptureQueriesContext(connection) as asked:
            auditor.get(HOME)
        counts.append(len(asked))
    assert counts[0] == counts[1]
