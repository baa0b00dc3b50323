"""The audit browser: filter, open, export with a watermark, prove the chain."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import NotFound
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.oversight import presentation
from chengshu.kernel.registry import registry
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Filter
from chengshu.kernel.ui.formatting import date_time
from chengshu.kernel.ui.tables import TableView
from chengshu.kernel.unit_of_work import unit_of_work

PERIODS = {"today": ("今天", 0), "7": ("最近 7 天", 6), "30": ("最近 30 天", 29)}
MONTHS = 24
DECEMBER = 12


def record_url(item: AuditRecord) -> str:
    """Where a record's page is."""
    return reverse("audit:record", args=[item.seq])


def _periods() -> list[tuple[str, str]]:
    """The last days, then the last two years month by month."""
    choices = [(key, word) for key, (word, _days) in PERIODS.items()]
    year, month = timezone.localtime().year, timezone.localtime().month
    for _ in range(MONTHS):
        choices.append((f"{year}-{month:02}", f"{year} 年 {month} 月"))
        year, month = (year, month - 1) if month > 1 else (year - 1, DECEMBER)
    return choices


def _within(rows: QuerySet[AuditRecord], period: str) -> QuerySet[AuditRecord]:
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    if period in PERIODS:
        return rows.filter(at__gte=today - timedelta(days=PERIODS[period][1]))
    year, month = map(int, period.split("-"))
    start = today.replace(year=year, month=month, day=1)
    following = (year, month + 1) if month < DECEMBER else (year + 1, 1)
    end = start.replace(year=following[0], month=following[1])
    return rows.filter(at__gte=start, at__lt=end)


def _actions() -> list[tuple[str, str]]:
    """Acts that occur, by name: an index-only walk, not every act that could occur."""
    keys = AuditRecord.objects.order_by().values_list("action", flat=True).distinct()
    return sorted(((key, registry.action_name(key)) for key in keys), key=lambda pair: pair[1])


def _object_types() -> list[tuple[str, str]]:
    keys = AuditRecord.objects.order_by().values_list("object_type", flat=True).distinct()
    return [(key, presentation.object_type_name(key)) for key in keys if key]


class RecordList(TableView[AuditRecord]):
    """Who did what, when, on which object."""

    request: ActorRequest
    title = "审计记录"
    key = "audit"
    template_name = "oversight/records.html"
    columns = (
        Column(
            key="at", title="时间", kind="datetime", sort="at", locked=True, url=record_url
        ),
        Column(key="actor_name", title="谁", kind="main"),
        Column(key="actor_id", title="账号", kind="code", hidden=True),
        Column(key="actor_org", title="单位"),
        Column(
            key="action", title="做了什么", value=lambda r: registry.action_name(r.action)
        ),
        Column(key="object_name", title="对象"),
        Column(
            key="object_type", title="对象类别", hidden=True,
            value=lambda r: presentation.object_type_name(r.object_type),
        ),
        Column(key="reason", title="原因"),
        Column(key="address", title="来源地址", kind="code"),
        Column(key="seq", title="序号", kind="number", hidden=True),
    )  # fmt: skip
    filters = (
        Filter(key="period", title="时间", choices=_periods, apply=_within),
        Filter(key="action", title="动作", choices=_actions),
        Filter(key="object_type", title="对象类别", choices=_object_types),
    )  # fmt: skip
    search_fields = ("actor_name", "actor_id", "object_name", "object_id", "address", "reason")
    search_hint = "搜索人员、对象、地址、原因"
    empty = EmptyState(title="还没有审计记录", icon="fingerprint")
    export_name = "审计记录"

    def get_queryset(self) -> QuerySet[AuditRecord]:
        rows: QuerySet[AuditRecord] = AuditRecord.objects.all()
        return rows

    def get_actions(self) -> Sequence[Action]:
        found = []
        if holds(self.request.actor, "audit.evidence"):
            found.append(
                Action(title="导出留痕", url=reverse("audit:evidence"), icon="certificate")
            )
        if holds(self.request.actor, "audit.verify"):
            found.append(Action(
                title="校验链条", url=reverse("audit:verify"), icon="shield-check", method="post",
                primary=True,
            ))  # fmt: skip
        return found

    def get_context(self) -> dict[str, Any]:
        return {"chain": _chain()}

    def before_export(self, *, file_format: str, rows: int) -> str:
        """Write down who took how much under which conditions, and mark the file with it."""
        actor = self.request.actor
        conditions = {key: value for key, value in self.request.GET.items() if key != "export"}
        with unit_of_work():
            written = record(
                actor=actor, action="audit.export", object_type="audit", object_name="审计记录",
                after={"format": file_format, "rows": rows, "conditions": conditions},
            )  # fmt: skip
        who = f"{actor.name}（{actor.account.username}）" if actor.account else actor.name
        return f"导出人：{who}　导出时间：{date_time(timezone.now())}　留痕编号：{written.seq}　仅限内部使用"


def _chain() -> dict[str, Any]:
    head = AuditHead.objects.filter(id=1).first()
    return {
        "seq": head.seq if head else 0,
        "hash": head.hash if head else "",
        "checkpoint": AuditCheckpoint.objects.first(),
        "last": Job.objects.filter(kind="audit.verify", state=JobState.SUCCEEDED)
        .order_by("-finished_at")
        .first(),
    }


def record_page(request: ActorRequest, seq: int) -> HttpResponse:
    """One record: facts, before and after, its place in the chain, what else happened to the object."""
    item = AuditRecord.objects.filter(seq=seq).first()
    if item is None:
        raise NotFound(f"没有第 {seq} 号审计记录。", advice="请从列表中重新选择。")
    related = AuditRecord.objects.filter(
        object_type=item.object_type, object_id=item.object_id
    ).exclude(seq=seq)[:10]
    context = {
        "title": registry.action_name(item.action),
        "subtitle": f"#{item.seq} · {item.actor_name} · {date_time(item.at)}",
        "crumbs": [Crumb("审计记录", reverse("audit:records")), Crumb(f"#{item.seq}")],
        "item": item,
        "facts": presentation.facts(item),
        "difference": presentation.difference(item),
        "chain": presentation.chain_facts(item),
        "related": [
            {"title": registry.action_name(r.action), "at": r.at, "who": r.actor_name, "url": record_url(r)}
            for r in related
        ]
        if item.object_id
        else [],
    }  # fmt: skip
    return render(request, "oversight/record.html", context)


@require_POST
def verify(request: ActorRequest) -> HttpResponse:
    """Start a verification as a job; one that waits or runs is shown instead of a second one."""
    with unit_of_work():
        running = Job.objects.filter(
            kind="audit.verify", state__in=(JobState.QUEUED, JobState.RUNNING)
        ).first()
        if running is None:
            record(actor=request.actor, action="audit.verify_started", object_type="audit")
            moment = datetime.now(tz=timezone.get_current_timezone())
            running = enqueue(
                "audit.verify", actor=request.actor, unit="条",
                title=f"校验审计链条（{date_time(moment)}）",
                object_url=reverse("audit:records"),
            )  # fmt: skip
    return HttpResponseRedirect(reverse("audit:verification", args=[running.id]))


def verification(request: ActorRequest, pk: Any) -> HttpResponse:
    """The outcome of a verification, live while it runs."""
    job = Job.objects.filter(id=pk, kind="audit.verify").first()
    if job is None:
        raise NotFound("没有这次校验。", advice="请从审计记录页面重新发起。")
    live = request.headers.get("HX-Request") and not job.finished
    context = {
        "title": "校验审计链条",
        "crumbs": [Crumb("审计记录", reverse("audit:records")), Crumb("校验")],
        "job": job,
        "result": job.result or {},
    }
    name = "oversight/verification_live.html" if live else "oversight/verification.html"
    response = render(request, name, context)
    if request.headers.get("HX-Request") and job.finished:
        response = HttpResponse(status=204)
        response.headers["HX-Refresh"] = "true"
    return response
