"""Pages about handing the trails out: ask, follow, fetch, prove one that came back, and the keys that sign."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.audit import anchor_keys
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.oversight import evidence
from chengshu.kernel.oversight.forms import CheckForm, EvidenceForm, KeyForm
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    StatusTag,
    Table,
    status_tag,
)
from chengshu.kernel.ui.formatting import date_time
from chengshu_evidence.keychain import Span

_TITLE = "留痕导出"


def index(request: ActorRequest) -> HttpResponse:
    """Ask for an export; what was exported before, how it is verified, which keys sign."""
    form = EvidenceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            job = evidence.ask(actor=request.actor, **form.cleaned_data)
        except InvalidInput as error:
            form.show(error)
        else:
            return redirect("audit:evidence-job", pk=job.id)
    return _index(request, form, CheckForm())


def job_page(request: ActorRequest, pk: Any) -> HttpResponse:
    """One export: its progress, then the download and what the third party does with it."""
    job = evidence.job_of(pk, evidence.EXPORT)
    result = job.result or {}
    end = evidence.expires(job)
    facts = [
        Fact("记录", f"{result.get('records', 0):,} 条"),
        Fact("压缩包摘要（SHA-256）", result.get("sha256", ""), mono=True),
        Fact("现用公钥编号", result.get("key", ""), mono=True),
        Fact("原因", job.arguments.get("reason", "")),
        Fact("谁要的", job.created_by.display_name if job.created_by else "平台"),
        Fact("删除时间", end or ""),
    ]
    return _job(request, job, "oversight/evidence_job.html", {"facts": facts, "expires": end})


def download(request: ActorRequest, pk: Any) -> HttpResponseBase:
    """Hand out a finished export; recorded first."""
    job = evidence.job_of(pk, evidence.EXPORT)
    path = evidence.fetch(actor=request.actor, job=job)
    name = f"留痕导出-{job.created_at:%Y%m%d}-{str(job.id)[:8]}.zip"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name)


def public_key(request: ActorRequest) -> HttpResponseBase:
    """Hand out the public key in force: whoever verifies needs it by another way than the export."""
    del request
    anchor_keys.anchor_key()
    return FileResponse(
        anchor_keys.public_key_file().open("rb"), as_attachment=True, filename="anchor-public.pem"
    )


@require_POST
def check(request: ActorRequest) -> HttpResponse:
    """Take an export that somebody brings back, and prove it."""
    form = CheckForm(request.POST, request.FILES)
    if not form.is_valid():
        return _index(request, EvidenceForm(), form)
    brought = form.cleaned_data["file"]
    try:
        job = evidence.bring(actor=request.actor, name=brought.name, chunks=brought.chunks())
    except InvalidInput as error:
        form.show(error)
        return _index(request, EvidenceForm(), form)
    return redirect("audit:evidence-check", pk=job.id)


def check_page(request: ActorRequest, pk: Any) -> HttpResponse:
    """The outcome of a check."""
    return _job(request, evidence.job_of(pk, evidence.CHECK), "oversight/evidence_check.html", {})


def keys(request: ActorRequest) -> HttpResponse:
    """Renew the key in force, or declare a retired one compromised."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _change_key(request, form.cleaned_data)
        except InvalidInput as error:
            form.show(error)
        except Conflict as error:
            form.add_error(None, error.detail)
        else:
            return redirect("audit:evidence")
    context = {
        "title": "更换锚点密钥", "form": form, "submit": "确认", "cancel_url": reverse("audit:evidence"),
        "subtitle": "新密钥由旧密钥签名接续，旧私钥随即删除，旧证据照样可以核验。"
        "换好后请把新公钥交给核验方，并备份 keys 文件夹。",
        "crumbs": [*_crumbs(), Crumb("更换锚点密钥")],
    }  # fmt: skip
    return render(request, "ui/form.html", context)


def _change_key(request: ActorRequest, given: dict[str, Any]) -> None:
    if not given["key"]:
        name = anchor_keys.renew_key(
            reason=given["reason"], compromised_since=given["since"], actor=request.actor
        )
        messages.success(request, f"现用密钥换成了 {name}。请把新公钥交给核验方。")
        return
    if given["since"] is None:
        raise InvalidInput("没有宣布。", fields={"since": "请填写时间"})
    anchor_keys.declare_compromised(
        key=given["key"], since=given["since"], reason=given["reason"], actor=request.actor
    )
    messages.success(request, f"已宣布 {given['key']} 泄露。")


def _index(request: ActorRequest, form: EvidenceForm, checking: CheckForm) -> HttpResponse:
    may_change = holds(request.actor, "audit.keys")
    context: dict[str, Any] = {
        "title": _TITLE, "form": form, "checking": checking, "crumbs": _crumbs()[:1],
        "subtitle": "把一段留痕交给第三方；对方不需要平台的数据库和密码，就能核验没有增删改。",
        "exports": _exports_table(), "keys": _keys_table(anchor_keys.known_keys()),
        "actions": [Action(title="下载公钥", url=reverse("audit:public-key"), icon="download")]
        + ([Action(title="更换锚点密钥", url=reverse("audit:keys"), icon="key")] if may_change else []),
    }  # fmt: skip
    return render(request, "oversight/evidence.html", context)


def _job(request: ActorRequest, job: Job, name: str, more: dict[str, Any]) -> HttpResponse:
    """A job's page, live while it runs."""
    moving = bool(request.headers.get("HX-Request"))
    context = {
        "title": job.title, "crumbs": [*_crumbs(), Crumb("详情")], "job": job, "result": job.result or {},
        "live_url": request.path, **more,
    }  # fmt: skip
    if moving and job.finished:
        response = HttpResponse(status=204)
        response.headers["HX-Refresh"] = "true"
        return response
    return render(request, "oversight/evidence_live.html" if moving else name, context)


def _crumbs() -> list[Crumb]:
    return [Crumb("审计记录", reverse("audit:records")), Crumb(_TITLE, reverse("audit:evidence"))]


def _tag(job: Job) -> StatusTag:
    return status_tag(job.state, job.get_state_display())


def _exports_table() -> Table:
    columns = (
        Column(key="title", title="内容", kind="main",
               url=lambda job: reverse("audit:evidence-job", args=[job.id])),
        Column(key="state", title="状态", kind="status", value=_tag),
        Column(key="who", title="谁要的", value="created_by.display_name"),
        Column(key="reason", title="原因", value=lambda job: job.arguments.get("reason", "")),
        Column(key="asked", title="时间", kind="datetime", value="created_at"),
        Column(key="records", title="记录", kind="number",
               value=lambda job: (job.result or {}).get("records")),
        Column(key="expires", title="删除时间", kind="datetime", value=evidence.expires),
    )  # fmt: skip
    empty = EmptyState(
        title="还没有导出过", icon="download", text="在上面选好时间和应用，写明原因。"
    )
    rows = list(evidence.exports())
    return Table.plain(key="exports", columns=columns, rows=rows, caption="导出记录", empty=empty)


def _keys_table(spans: list[Span]) -> Table:
    columns = (
        Column(key="key", title="公钥编号", kind="code"),
        Column(key="state", title="状态", kind="status", value=_key_tag),
        Column(key="signed_in", title="启用时间", kind="datetime"),
        Column(key="anchors", title="签过的锚点", value=_anchors_of),
        Column(key="reason", title="为什么启用"),
    )
    empty = EmptyState(title="还没有密钥", icon="key", text="签第一个锚点时生成。")
    return Table.plain(
        key="keys", columns=columns, rows=spans[::-1], caption="锚点密钥", empty=empty
    )


def _key_tag(span: Span) -> StatusTag:
    if span.bad_since is not None:
        return status_tag("failed", f"{date_time(span.bad_since)} 起泄露")
    return status_tag("active", "现用") if span.until is None else status_tag("inactive", "已停用")


def _anchors_of(span: Span) -> str:
    if span.until is None:
        return f"第 {span.after + 1} 个起"
    return f"第 {span.after + 1} 至 {span.until} 个" if span.until > span.after else "没有签过"
