"""One interface in the console: publish from a resource, its page, follow the snapshot, take offline."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.data.catalog.facade import published, published_queryset
from chengshu.data.sharing import selectors, shelf, usage
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.declarations import source_of
from chengshu.data.sharing.forms import InterfaceForm, ReasonForm
from chengshu.data.sharing.models import Application, BundlePublication, ShareInterface
from chengshu.data.sharing.services import interfaces
from chengshu.data.sharing.suitability import key_choices, suitable
from chengshu.data.sharing.views.presentation import (
    day_chart,
    grants_table,
    interface_url,
    tag_of,
    trail,
    usage_stats,
)
from chengshu.data.sharing.views.samples import own_sample
from chengshu.data.sharing.views.shelf import (
    apply_actions,
    fresh_of,
    grade_of,
    sharing_word,
    tabs,
)
from chengshu.data.sharing.views.sources import source_facts
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, scope
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.views import progress_of
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Table,
)

HOME = "共享接口"
REPORT = "sharing_corrections.report"
DAYS = 30


def create(request: ActorRequest, code: str) -> HttpResponse:
    """Publish one resource as an interface."""
    resource = published(code)
    verdict = suitable(resource.sharing_type, resource.lake_table)
    choices = key_choices(resource.columns)
    initial = {
        "title": resource.title, "code": resource.physical_name.replace("_", "-"),
        "key_column": choices[0][0] if choices else "",
    }  # fmt: skip
    form = InterfaceForm(request.POST or None, choices=choices, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            item = interfaces.create_interface(
                actor=request.actor, resource_code=code, code=data["code"], title=data["title"],
                key_column=data["key_column"],
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已开始发布，快照生成后就能授权和调用。")
            return redirect(interface_url(item))
    context = {
        "title": "发布共享接口", "subtitle": f"{resource.provider_name} · {resource.title}",
        "crumbs": [Crumb(HOME, reverse("sharing:interfaces")), Crumb("发布共享接口")],
        "form": form, "submit": "发布接口", "cancel_url": reverse("sharing:interface-new"),
        "refusal": verdict.reason if not verdict.fits else "" if choices else (
            "这个资源没有文本字段，不能按字段查询。请先在目录里补充编号一类的文本数据项。"
        ),
        "facts": [
            Fact("数据资源", resource.title, reverse("catalog:resource", args=[resource.id])),
            Fact("资源代码", resource.code, mono=True), Fact("级别", resource.level),
            Fact("数据项", f"{len(resource.columns)} 项"),
            Fact("主键", "、".join(resource.key) or "无"),
        ],
    }  # fmt: skip
    return render(request, "sharing/interface_new.html", context)


def detail(request: ActorRequest, code: str) -> HttpResponse:
    """One interface: state, data, fields, who may call it, how to call it."""
    item = shelf.one(request.actor, code)
    own = allows(request.actor, "sharing.view", item)
    grants = list(selectors.grants(request.actor).filter(interface=item).exclude(state="revoked"))
    source = source_of(item)
    in_service = published_queryset().filter(pk=item.resource_id).exists()
    context: dict[str, Any] = {
        "title": item.title, "interface": item, "in_service": in_service,
        "subtitle": f"{item.resource.provider.name} · {item.code}",
        "crumbs": [Crumb(HOME, reverse("sharing:interfaces")), Crumb(item.title)],
        "actions": [*apply_actions(request, item), *_actions(request.actor, item)],
        "facts": _facts(item) if source is None else [*_basics(item), *source_facts(source, own=own)],
        "tag": tag_of(item), "marks": _marks(item),
        "tabs": tabs(item, "interface"), "users": _users_table(item),
        "columns": _columns_table(item), "own": own,
        "grants": grants_table(grants, by="application", empty=EmptyState(
            title="还没有授权", icon="key", text="授权后，应用才能调用这个接口。")),
        "sample": own_sample(request.actor, item, grants),
        "trail": trail(selectors.history(item)) if own else [],
        **_live(item),
    }  # fmt: skip
    if own:
        rows = selectors.statistics(request.actor).filter(
            interface=item.code, day__gte=usage.first_day(DAYS)
        )
        context["stats"] = usage_stats(usage.totals(rows), f"近 {DAYS} 天")
        context["chart"] = day_chart(usage.by_day(rows, DAYS))
    if allows(request.actor, "sharing.grant.manage", item):
        newest = BundlePublication.objects.first()
        context["problems"] = [p for p in newest.problems if item.title in p] if newest else []
    return render(request, "sharing/interface.html", context)


def progress(request: ActorRequest, code: str) -> HttpResponse:
    """The live part of the page; the whole page is asked anew once the job has ended."""
    item = selectors.interface(request.actor, code)
    live = _live(item)
    response = render(request, "sharing/interface_live.html", {"interface": item, **live})
    if live["job"] is None:
        response.headers["HX-Refresh"] = "true"
    return response


def _live(item: ShareInterface) -> dict[str, Any]:
    job = Job.objects.filter(id=item.job_id).first() if item.job_id else None
    waiting = job is not None and not job.finished
    return {
        "job": job if waiting else None,
        "progress": progress_of(job) if job is not None and waiting else None,
    }


def _received(actor: Actor, item: ShareInterface) -> bool:
    """Whether an application of the reader's own unit may have received data of this interface."""
    own = scope(actor, REPORT, Application.objects.all())
    return own.filter(grants__interface=item).exists()


def _actions(actor: Actor, item: ShareInterface) -> list[Action]:
    found = []
    # What is wrong is compared with the city's own copy; a proxied interface has none.
    if item.snapshot and _received(actor, item):
        url = reverse("sharing_corrections:new", args=[item.code])
        found.append(Action(title="报告数据有误", url=url, icon="alert-circle"))
    if allows(actor, "sharing.interface.manage", item):
        if item.state == InterfaceState.OFFLINE:
            found.append(
                Action(
                    title="重新上线",
                    url=interface_url(item, "interface-online"),
                    icon="player-play",
                    method="post",
                    confirm="用现有快照恢复应答，已有授权继续有效。",
                )
            )
        elif item.state == InterfaceState.ONLINE:
            found.append(
                Action(
                    title="下线",
                    url=interface_url(item, "interface-offline"),
                    icon="player-stop",
                    danger=True,
                )
            )
        found += _upkeep(item)
    if allows(actor, "sharing.grant.manage", item) and item.state == InterfaceState.ONLINE:
        url = interface_url(item, "grant-new")
        found.append(Action(title="授权给应用", url=url, icon="key"))
    return found


def _marks(item: ShareInterface) -> list[tuple[str, object]]:
    """What one looks at before applying: how good, how fresh, how it is shared."""
    published, score = item.resource.published, getattr(item, "score", None)
    return [
        ("质量", grade_of(item) or "未评价"),
        ("质量得分", "—" if score is None else f"{score:.1f}"),
        ("时效", fresh_of(item)),
        ("更新周期", published.get_update_cycle_display() if published else "—"),
        ("共享类型", sharing_word(item)),
        ("级别", published.level if published else "—"),
    ]


def _users_table(item: ShareInterface) -> Table:
    columns = (
        Column(key="name", title="单位", kind="main"),
        Column(key="applications", title="应用", kind="number"),
        Column(key="calls", title="近 30 天调用", kind="number"),
    )
    return Table.plain(
        key="users", columns=columns, rows=shelf.users([item])[item.pk], caption="谁在用",
        empty=EmptyState(title="还没有单位在用", icon="users",
                         text="您可以是第一个：加入申请车，填一张申请单。"),
    )  # fmt: skip


def _upkeep(item: ShareInterface) -> list[Action]:
    if source_of(item) is not None:
        url = interface_url(item, "interface-source")
        return [Action(title="变更代理接口", url=url, icon="route")]
    url, wanted = interface_url(item, "interface-refresh"), item.state == InterfaceState.WANTED
    found = [Action(title="建接口" if wanted else "更新快照", url=url, icon="refresh", method="post",
                    primary=wanted)]  # fmt: skip
    if item.columns and not wanted:
        url = interface_url(item, "interface-query")
        found.insert(0, Action(title="查询条件", url=url, icon="filter"))
    return found


def _basics(item: ShareInterface) -> list[Fact]:
    return [
        Fact("数据资源", item.resource.title, reverse("catalog:resource", args=[item.resource_id])),
        Fact("提供单位", item.resource.provider.name),
        Fact("调用地址", f"{settings.GATEWAY_URL}/share/v1/{item.code}/", mono=True),
    ]


def _facts(item: ShareInterface) -> list[Fact]:
    return [
        *_basics(item),
        Fact("查询字段", item.key_column, mono=True),
        Fact("查询条件", "、".join(item.query_columns), mono=True),
        Fact("记录", f"{item.rows:,} 条"),
        Fact("快照版本", item.snapshot, mono=True),
        Fact("入库版本", item.lake_version if item.lake_version is not None else ""),
        Fact("数据更新", item.published_at),
    ]


def _columns_table(item: ShareInterface) -> Table:
    use = "查询字段" if source_of(item) is None else "记录是关于谁的"
    columns = (
        Column(key="title", title="中文名称", kind="main"),
        Column(key="name", title="字段名", kind="code"),
        Column(key="type", title="类型", value=lambda c: TYPE_NAMES.get(c["type"], c["type"])),
        Column(key="sensitivity", title="级别", value=lambda c: c.get("sensitivity", "")),
        Column(
            key="use",
            title="用途",
            value=lambda c: use if c["name"] == item.key_column else "",
        ),
    )
    return Table.plain(
        key="columns", columns=columns, rows=item.columns, caption="字段",
        empty=EmptyState(title="快照生成后显示字段", icon="columns"),
    )  # fmt: skip


TYPE_NAMES = {
    "text": "文本", "integer": "整数", "real": "小数", "decimal": "定点小数", "boolean": "是否",
    "date": "日期", "timestamp": "时间",
}  # fmt: skip


@require_POST
def refresh(request: ActorRequest, code: str) -> HttpResponse:
    """Queue a fresh snapshot."""
    item = selectors.interface(request.actor, code)
    interfaces.refresh(actor=request.actor, interface=item)
    messages.success(request, "已开始更新快照；完成前，接口继续用原来的数据应答。")
    return redirect(interface_url(item))


def offline(request: ActorRequest, code: str) -> HttpResponse:
    """Take an interface offline."""
    item = selectors.interface(request.actor, code)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        interfaces.set_online(
            actor=request.actor, interface=item, online=False, reason=form.cleaned_data["reason"]
        )
        messages.success(request, "已下线，两秒内停止应答；授权保留，重新上线后继续有效。")
        return redirect(interface_url(item))
    context = {
        "title": f"下线：{item.title}", "form": form, "submit": "下线", "cancel_url": interface_url(item),
        "subtitle": "下线后所有应用的调用都会被拒绝，授权和快照保留。",
        "crumbs": [
            Crumb(HOME, reverse("sharing:interfaces")), Crumb(item.title, interface_url(item)),
            Crumb("下线"),
        ],
    }  # fmt: skip
    return render(request, "ui/form.html", context)


@require_POST
def online(request: ActorRequest, code: str) -> HttpResponse:
    """Bring an interface back."""
    item = selectors.interface(request.actor, code)
    interfaces.set_online(actor=request.actor, interface=item, online=True, reason="")
    messages.success(request, "已上线，两秒内恢复应答。")
    return redirect(interface_url(item))
