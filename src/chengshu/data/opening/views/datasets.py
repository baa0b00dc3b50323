"""Datasets in the console: list, draft, publish with live progress, withdraw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.data.catalog.facade import published, published_by_id
from chengshu.data.opening import selectors
from chengshu.data.opening.choices import TABULAR, ApprovalState, DatasetState, Theme
from chengshu.data.opening.description_fixes import Fix, proposed_fixes
from chengshu.data.opening.description_quality import Quality, QualityCheck, judge_description
from chengshu.data.opening.forms import DatasetForm, ReasonForm, initial_of
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.row_scope import describe
from chengshu.data.opening.services import datasets, descriptions
from chengshu.data.opening.views.approvals import approval_actions, approval_of, resource_of
from chengshu.data.opening.views.privacy import review_of
from chengshu.data.opening.views.verdicts import refused_fields, resource_facts
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.views import progress_of
from chengshu.kernel.oversight.presentation import action_name
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Stat,
    Table,
    TimelineEntry,
)
from chengshu.kernel.ui.tables import TableView

_HOME = "数据开放"
_CONFIRM = {
    False: "发布后任何人都能查看和下载，确定发布吗？",
    True: "发布后说明公开，数据只给申请并接受协议的人，确定发布吗？",
}


def _url(item: OpenDataset, name: str = "dataset") -> str:
    return reverse(f"opening:{name}", args=[item.slug])


def approval_word(item: OpenDataset) -> str:
    """The state of the newest request for approval; empty when none was made."""
    state = getattr(item, "approval_state", None)
    return ApprovalState(state).label if state else ""


class DatasetList(TableView[OpenDataset]):
    """Datasets in the actor's scope."""

    title = _HOME
    subtitle = "本单位向社会开放的数据集；发布前逐字段把关，发布后随新数据自动更新"
    key = "opening-datasets"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="名称", kind="main", sort="title", locked=True, url=_url),
        Column(key="provider", title="提供单位", value="resource.provider.short"),
        Column(key="state", title="状态", kind="status", label="get_state_display", sort="state"),
        Column(key="approval", title="审批", value=approval_word),
        Column(key="rows", title="记录", kind="number", sort="rows"),
        Column(key="release", title="版本", kind="number", value="current.number"),
        Column(key="downloads", title="下载", kind="number", sort="downloads"),
        Column(key="theme", title="主题", value="get_theme_display"),
        Column(
            key="published", title="最近发布", kind="ago", value="published_at", sort="published_at"
        ),
        Column(key="slug", title="网址名", kind="code", hidden=True),
    )
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=DatasetState.choices),
        Filter(
            key="approval", title="审批", choices=ApprovalState.choices[:3], lookup="approval_state"
        ),
        Filter(key="theme", title="主题", choices=Theme.choices),
    )
    search_fields = ("title", "summary", "slug", "resource__provider__short")
    search_hint = "搜名称、摘要、单位"
    default_sort = "title"
    export_name = "开放数据集"
    empty = EmptyState(
        title="还没有开放数据集", icon="world-share",
        text="从一个编目为“无条件开放”的资源开始，选好字段，发布后群众就能预览和下载。",
        action=Action(title="开放一个数据集", url="new/", icon="plus", primary=True),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[OpenDataset]:
        return selectors.with_approval_state(selectors.datasets(self.request.actor))  # type: ignore[attr-defined]

    def get_actions(self) -> Sequence[Action]:
        found = [Action(title="打开门户", url="/open/", icon="external-link")]
        if holds(self.request.actor, "opening.grant"):  # type: ignore[attr-defined]
            url = reverse("opening_agreements:accesses")
            found.append(Action(title="受限开放申请", url=url, icon="shield-lock"))
        if holds(self.request.actor, "opening.answer"):  # type: ignore[attr-defined]
            url = reverse("opening_voices:inbox")
            found.append(Action(title="公众来信", url=url, icon="message"))
        if holds(self.request.actor, "opening.manage"):  # type: ignore[attr-defined]
            url = reverse("opening:new")
            found.append(Action(title="开放一个数据集", url=url, icon="plus", primary=True))
        return found


def create(request: ActorRequest, code: str) -> HttpResponse:
    """Draft a dataset over one resource."""
    resource = published(code)
    initial = {
        "title": resource.title, "summary": resource.summary,
        "slug": resource.physical_name.replace("_", "-"),
    }  # fmt: skip
    form = DatasetForm(request.POST or None, resource=resource, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            item = datasets.create_dataset(
                actor=request.actor, resource_code=code, slug=form.cleaned_data["slug"],
                **form.content(),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "草稿已保存。核对无误后就可以发布。")
            return redirect(_url(item))
    return _form_page(request, form, "开放一个数据集", reverse("opening:new"), "保存草稿")


def edit(request: ActorRequest, slug: str) -> HttpResponse:
    """Change a dataset."""
    item = selectors.dataset(request.actor, slug)
    resource = published_by_id(item.resource_id)
    form = DatasetForm(
        request.POST or None, resource=resource, dataset=item, initial=initial_of(item)
    )
    if request.method == "POST" and form.is_valid():
        try:
            datasets.update_dataset(
                actor=request.actor, dataset=item,
                revision=form.cleaned_data["revision"] or 0, **form.content(),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已保存。字段和记录范围的变化在下次发布时生效。")
            return redirect(_url(item))
    return _form_page(request, form, f"修改：{item.title}", _url(item), "保存修改")


def _form_page(
    request: ActorRequest, form: DatasetForm, title: str, back: str, submit: str
) -> HttpResponse:
    context = {
        "title": title, "form": form, "cancel_url": back, "submit": submit,
        "subtitle": f"{form.resource.provider_name} · {form.resource.title}",
        "crumbs": [Crumb(_HOME, reverse("opening:datasets")), Crumb(title)],
        "facts": resource_facts(form.resource), "refused": refused_fields(form.resource, masked=True),
    }  # fmt: skip
    return render(request, "opening/form.html", context)


def detail(request: ActorRequest, slug: str) -> HttpResponse:
    """One dataset: state, releases, files, what the description lacks, history."""
    item = selectors.dataset(request.actor, slug)
    release = item.current
    context: dict[str, Any] = {
        "title": item.title, "dataset": item, "release": release,
        "subtitle": f"{item.resource.provider} · {item.get_theme_display()}",
        "crumbs": [Crumb(_HOME, reverse("opening:datasets")), Crumb(item.title)],
        "actions": _actions(request.actor, item), "facts": _facts(item),
        "releases": _releases(item), "trail": _trail(item), **_live(item),
        "approval": approval_of(item), "review": review_of(request.actor, item),
    }  # fmt: skip
    if release is not None:
        context["quality"] = judge_description(item, release)
        context["improvements"] = _improvements(request.actor, item, context["quality"])
        context["stats"] = [
            Stat(label="记录", value=release.rows, unit="条"),
            Stat(label="字段", value=len(release.columns), unit="个"),
            Stat(label="下载", value=item.downloads, unit="次"),
            Stat(label="描述质量", value=context["quality"].score, unit="分",
                 note=context["quality"].grade),
        ]  # fmt: skip
    return render(request, "opening/dataset.html", context)


@dataclass(frozen=True, slots=True)
class Improvement:
    """What is missing, what it would bring, and the value a click would put there."""

    check: QualityCheck
    gain: int
    fix: Fix | None


def _improvements(actor: Actor, item: OpenDataset, quality: Quality) -> list[Improvement]:
    fixes: dict[str, Fix] = {}
    if quality.missing and allows(actor, "opening.manage", item):
        resource = resource_of(item)
        assert item.current is not None
        fixes = proposed_fixes(item, item.current, resource) if resource else {}
    return [Improvement(c, quality.gain(c), fixes.get(c.key)) for c in quality.missing]


@require_POST
def mend(request: ActorRequest, slug: str) -> HttpResponse:
    """Take a proposed improvement of the description."""
    item = selectors.dataset(request.actor, slug)
    fix = descriptions.apply_fix(actor=request.actor, dataset=item, key=request.POST.get("key", ""))
    messages.success(request, f"已改好：{fix.shown}")
    return redirect(_url(item))


def progress(request: ActorRequest, slug: str) -> HttpResponse:
    """The live part of the page; the whole page is asked anew once the job has ended."""
    item = selectors.dataset(request.actor, slug)
    live = _live(item)
    response = render(request, "opening/live.html", {"dataset": item, **live})
    if live["job"] is None or live["job"].finished:
        response.headers["HX-Refresh"] = "true"
    return response


def _live(item: OpenDataset) -> dict[str, Any]:
    job = Job.objects.filter(id=item.job_id).first() if item.job_id else None
    waiting = job is not None and not job.finished
    failed = job is not None and job.finished and bool(item.error)
    return {
        "job": job if waiting or failed else None,
        "progress": progress_of(job) if job else None,
    }


def _actions(actor: Actor, item: OpenDataset) -> list[Action]:
    found = []
    if item.public:
        url = f"/open/{'restricted' if item.restricted else 'datasets'}/{item.slug}/"
        found.append(Action(title="在门户查看", url=url, icon="external-link"))
    if allows(actor, "opening.manage", item):
        found.append(Action(title="修改", url=_url(item, "edit"), icon="pencil"))
        found.append(Action(title="评估要求", url=_url(item, "privacy"), icon="settings"))
        if datasets.running_job(item) is None:
            found.append(
                Action(title="检查", url=_url(item, "look"), icon="shield-check", method="post")
            )
    found += approval_actions(actor, item)
    if allows(actor, "opening.publish", item):
        if item.public:
            found.append(
                Action(title="撤回", url=_url(item, "withdraw"), icon="arrow-back-up", danger=True)
            )
        if datasets.running_job(item) is None:
            found.append(
                Action(
                    title="发布新版本" if item.current_id else "发布", url=_url(item, "publish"),
                    icon="send", method="post", primary=True,
                    confirm=_CONFIRM[item.restricted],
                )
            )  # fmt: skip
    return found


def _facts(item: OpenDataset) -> list[Fact]:
    titles = {c["name"]: c["title"] for c in item.current.columns} if item.current else {}
    return [
        Fact("数据资源", item.resource.title, reverse("catalog:resource", args=[item.resource_id])),
        Fact("网址名", item.slug, mono=True),
        Fact("开放方式", "按协议开放" if item.restricted else "向所有人开放"),
        Fact("许可", item.get_licence_display()),
        Fact("关键词", "、".join(item.keywords)),
        Fact("开放字段", f"{len(item.fields)} 个"),
        Fact("脱敏字段", f"{len(item.masks)} 个" if item.masks else ""),
        Fact("记录范围", describe(item.row_filter, titles)),
        Fact("最近发布", item.published_at),
    ]


def _releases(item: OpenDataset) -> Table:
    columns = (
        Column(key="number", title="版本", kind="number"),
        Column(key="published_at", title="发布时间", kind="datetime"),
        Column(key="rows", title="记录", kind="number"),
        Column(key="columns", title="字段", kind="number", value=lambda r: len(r.columns)),
        Column(key="csv", title="CSV", kind="size", value=lambda r: r.files["csv"]["bytes"]),
        Column(key="approved", title="审批人", value=lambda r: r.approval.get("by", "")),
        Column(key="lake_version", title="入库版本", kind="number"),
        Column(key="kept", title="文件", value=lambda r: "可下载" if r.files_kept else "已清理"),
    )
    return Table.plain(
        key="releases", columns=columns, rows=list(item.releases.all()[:12]), caption="版本",
        empty=EmptyState(
            title="还没有发布过", icon="versions",
            text=f"发布时会生成 {'、'.join(f.label for f in TABULAR)}，有位置的还有 GeoJSON，并记下校验值。",
        ),
    )  # fmt: skip


def _trail(item: OpenDataset) -> list[TimelineEntry]:
    return [
        TimelineEntry(
            title=action_name(record.action),
            at=record.at,
            who=record.actor_name,
            text=record.reason,
        )
        for record in selectors.history(item)
    ]


@require_POST
def publish(request: ActorRequest, slug: str) -> HttpResponse:
    """Queue the next release."""
    item = selectors.dataset(request.actor, slug)
    datasets.publish(actor=request.actor, dataset=item)
    messages.success(request, "已开始发布，进度就在下面；可以离开，完成后自动上门户。")
    return redirect(_url(item))


def withdraw(request: ActorRequest, slug: str) -> HttpResponse:
    """Take a dataset off the portal."""
    item = selectors.dataset(request.actor, slug)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        datasets.withdraw(actor=request.actor, dataset=item, reason=form.cleaned_data["reason"])
        messages.success(request, "已撤回，门户上立即不可见。")
        return redirect(_url(item))
    title = f"撤回：{item.title}"
    context = {
        "title": title, "form": form, "submit": "撤回", "cancel_url": _url(item),
        "subtitle": "撤回后，门户页面、下载和接口立即停止；版本记录保留。",
        "crumbs": [
            Crumb(_HOME, reverse("opening:datasets")), Crumb(item.title, _url(item)), Crumb("撤回"),
        ],
    }  # fmt: skip
    return render(request, "opening/reason.html", context)
