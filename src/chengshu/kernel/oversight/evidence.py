"""Trails handed to a third party from the console: asked for with a reason, built by a job, fetched, let expire.

The files lie under ``audit/exports`` of the data folder, named by their job; the job's result says what is in them.
"""

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit import anchor_keys, trails
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_evidence.export import Period
from chengshu_evidence.verify import Report, verify

PERMISSION = "audit.evidence"
EXPORT, CHECK = "audit.export_evidence", "audit.check_evidence"
KEPT = timedelta(days=7)
MOST_UPLOADED = 2 << 30
MOST_FILES = 20_000
_SHOWN_FINDINGS = 50
_CHUNK = 1 << 20
_RESERVE = 200 << 20
_OPEN = (JobState.QUEUED, JobState.RUNNING)


def folder() -> Path:
    """Where finished exports lie until they expire."""
    return Path(settings.DATA_DIR) / "audit" / "exports"


def ask(
    *, actor: Actor, since: date | None, until: date | None, application: str, reason: str
) -> Job:
    """Ask for an export; the same person's unfinished one is returned instead of a second.

    Raises:
        NotAllowed: the permission is missing. InvalidInput: no reason, days the wrong way round, no such application.
    """
    check(actor, PERMISSION)
    problems = {}
    if not reason.strip():
        problems["reason"] = "请写明交给谁、为什么，会写进审计记录"
    if since and until and since > until:
        problems["until"] = "应不早于起始日期"
    if application and application not in dict(trails.applications()):
        problems["application"] = "没有这个应用"
    if problems:
        raise InvalidInput("没有开始导出。", advice="请按提示修改。", fields=problems)
    with unit_of_work():
        running = Job.objects.filter(kind=EXPORT, state__in=_OPEN, created_by=actor.account).first()
        if running is not None:
            return running
        name = dict(trails.applications()).get(application, "")
        days = f"{since or '最早'} 至 {until or '现在'}"
        return enqueue(
            EXPORT, actor=actor, unit="条", title=f"导出留痕：{days}{'，' + name if name else ''}",
            arguments={
                "since": since.isoformat() if since else "", "until": until.isoformat() if until else "",
                "application": application, "reason": reason,
            },
            object_url=reverse("audit:evidence"), awaited=True,
        )  # fmt: skip


def build(
    job: Job,
    *,
    since: str,
    until: str,
    application: str,
    reason: str,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Write, pack and describe an export; nothing half-made stays, whatever happens."""
    work = folder() / f"{job.id}.work"
    shutil.rmtree(work, ignore_errors=True)
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    packed = folder() / f"{job.id}.part"
    asker = job.created_by
    actor = Actor(account=asker, name=asker.display_name) if asker else platform("留痕导出")
    root = Organization.objects.filter(parent=None).order_by("pk").first()
    try:
        made = trails.export_trails(
            work, Period(_begin(since), _end(until)), owner=root.name if root else "本市",
            application=application, actor=actor, reason=reason, progress=progress,
        )  # fmt: skip
        digest = _pack(work, packed)
        size = packed.stat().st_size
        packed.replace(_file(job))
    finally:
        shutil.rmtree(work, ignore_errors=True)
        packed.unlink(missing_ok=True)
    return {
        "sha256": digest,
        "bytes": size,
        "chains": {c.name: [c.first, c.last] for c in made.chains},
        "records": sum(part.records for chain in made.chains for part in chain.parts),
        "expires": (timezone.now() + KEPT).isoformat(),
        "key": anchor_keys.known_keys()[-1].key,
    }


def exports(limit: int = 20) -> QuerySet[Job]:
    """The newest exports, with who asked."""
    return (
        Job.objects.filter(kind=EXPORT).select_related("created_by").order_by("-created_at")[:limit]
    )


def expires(job: Job) -> datetime | None:
    """When a finished export is removed; None when there is none."""
    text = (job.result or {}).get("expires", "")
    return datetime.fromisoformat(text) if text else None


def fetch(*, actor: Actor, job: Job) -> Path:
    """Return the file for a download, which is recorded before it begins.

    Raises:
        NotAllowed: the permission is missing. Conflict: it is not there yet, failed, or expired.
    """
    check(actor, PERMISSION)
    end, path = expires(job), _file(job)
    if end is None or end <= timezone.now() or not path.is_file():
        raise Conflict("这份导出还没有做好，或已经过期删除。", advice="请重新导出。")
    with unit_of_work():
        record(
            actor=actor, action="audit.evidence_downloaded", object_type="audit", object_id=str(job.id),
            object_name=job.title, reason=job.arguments.get("reason", ""),
            after={"sha256": (job.result or {}).get("sha256", "")},
        )  # fmt: skip
    return path


def remove_expired(now: datetime | None = None) -> int:
    """Remove files whose time is over, or that no job knows; returns how many."""
    moment, removed = now or timezone.now(), 0
    for path in folder().glob("*") if folder().is_dir() else ():
        age = moment - datetime.fromtimestamp(path.stat().st_mtime, tz=moment.tzinfo)
        if age < KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        removed += 1
        with unit_of_work():
            record(
                actor=platform("留痕导出"), action="audit.evidence_removed", object_type="audit",
                object_id=path.stem, object_name=path.name,
            )  # fmt: skip
    return removed


def bring(*, actor: Actor, name: str, chunks: Iterable[bytes]) -> Job:
    """Take an export that somebody brings back, to be proven by a job; it is deleted afterwards.

    Raises:
        NotAllowed: the permission is missing. InvalidInput: empty, too large, or no room for it.
    """
    check(actor, PERMISSION)
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with unit_of_work():
        job = enqueue(
            CHECK, actor=actor, unit="条", title=f"核验导出的留痕：{name[:80]}",
            object_url=reverse("audit:evidence"), awaited=True,
        )  # fmt: skip
        path = _file(job)
        size = 0
        with path.open("wb") as target:
            for chunk in chunks:
                size += len(chunk)
                if size > MOST_UPLOADED or shutil.disk_usage(path.parent).free < _RESERVE:
                    break
                target.write(chunk)
            else:
                return job
        path.unlink()
        raise InvalidInput(
            "文件太大，或磁盘空间不足，没有核验。", advice="请用命令 chengshu audit verify 核验。",
            fields={"file": "文件太大，或磁盘空间不足"},
        )  # fmt: skip


def prove(job: Job) -> dict[str, Any]:
    """Prove what was brought against the city's own keys, and delete it."""
    path, work = _file(job), folder() / f"{job.id}.work"
    try:
        public = anchor_keys.public_key_file()
        report = _proven(path, work, public.read_bytes() if public.is_file() else None)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        path.unlink(missing_ok=True)
    return {
        "ok": report.ok, "records": report.records, "files": report.files, "anchors": report.anchors,
        "keys": report.keys, "discounted": report.discounted, "withheld": report.withheld,
        "application": report.application,
        "findings": [f"{f.place}：{f.text}" for f in report.findings[:_SHOWN_FINDINGS]],
    }  # fmt: skip


def job_of(pk: Any, kind: str) -> Job:
    """An export or a check by its number; raises NotFound."""
    found = Job.objects.filter(id=pk, kind=kind).select_related("created_by").first()
    if found is None:
        raise NotFound("没有这次导出或核验。", advice="请从留痕导出页面重新选择。")
    return found


def _proven(path: Path, work: Path, public: bytes | None) -> Report:
    report = Report()
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            room = shutil.disk_usage(path.parent).free - _RESERVE
            if len(members) > MOST_FILES or sum(m.file_size for m in members) > room:
                report.add(
                    path.name, "unreadable", "压缩包里的文件太多或太大，请在自己的机器上核验。"
                )
                return report
            if any(m.filename.startswith("/") or ".." in Path(m.filename).parts for m in members):
                report.add(
                    path.name, "unreadable", "压缩包里有指向文件夹之外的文件，不是我们导出的。"
                )
                return report
            archive.extractall(work)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        report.add(path.name, "unreadable", f"不是完整的压缩包：{error}")
        return report
    return verify(work, public_pem=public)


def _pack(source: Path, target: Path) -> str:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(source).as_posix())
    state = hashlib.sha256()
    with target.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def _file(job: Job) -> Path:
    return folder() / f"{job.id}.zip"


def _begin(day: str) -> datetime | None:
    return timezone.make_aware(datetime.fromisoformat(day)) if day else None


def _end(day: str) -> datetime | None:
    return timezone.make_aware(datetime.combine(date.fromisoformat(day), time.max)) if day else None
