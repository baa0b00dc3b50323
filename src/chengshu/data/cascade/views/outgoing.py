"""上报: plans, their approval, deliveries with their receipts."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.cascade import selectors
from chengshu.data.cascade.choices import OutgoingState, PlanState
from chengshu.data.cascade.forms import PlanForm, ReasonForm
from chengshu.data.cascade.models import Outgoing, Plan
from chengshu.data.cascade.services import delivering, planning
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.cascade.views.presentation import (
    counted,
    differences_table,
    files_table,
    outgoing_balance,
    reasons_table,
    state_tag,
    tabs,
)
from chengshu.data.catalog.facade import published
from chengshu.data.protection.facade import NONE, mask_name
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.calendar.deadlines import describe, overdue
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import last_day
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Table,
)
from chengshu.kernel.ui.tables import TableView

TITLE, PLANS = "上报", "上报计划"


def due_words(item: Outgoing) -> str:
    """How the term of the receipt stands."""
    if item.state != OutgoingState.DELIVERED or item.receipt_due_at is None:
        return ""
    return describe(item.receipt_due_at, timezone.now(), table=stored_table())


def due_day(item: Outgoing) -> str:
    """The last day of the receipt's term, for lists: asks the calendar for nothing."""
    if item.state != OutgoingState.DELIVERED or item.receipt_due_at is None:
        return ""
    late = "，已超期" if overdue(item.receipt_due_at, timezone.now()) else ""
    return f"{last_day(item.receipt_due_at)}{late}"


class OutgoingList(TableView[Outgoing]):
    """Deliveries, newest first."""

    request: ActorRequest
    title = TITLE
    subtitle = "送往上级（或下级）平台的每一批：送出 = 收下 + 拒收 + 重复，以对方回执为准"
    key = "cascade-outgoing"
    template_name = "cascade/list.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="数据资源", kind="main", value="plan.resource.title",
               url=lambda r: r.get_absolute_url(), locked=True),
        Column(key="number", title="批次", kind="number", sort="number"),
        Column(key="state", title="状态", kind="status", value=state_tag, sort="state"),
        Column(key="platform", title="送往", value="plan.platform.name"),
        Column(key="rows", title="行数", kind="number", sort="rows"),
        Column(key="balance", title="对账", value=counted),
        Column(key="sent", title="送出时间", kind="ago", value="sent_at", sort="sent_at"),
        Column(key="due", title="回执期限", value=due_day),
        Column(key="mode", title="内容", value="get_mode_display", hidden=True),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=OutgoingState.choices),
        Filter(key="late", title="回执", choices=(("yes", "已超期"),),
               apply=lambda rows, value: selectors.late(rows) if value == "yes" else rows),
    )  # fmt: skip
    search_fields = ("plan__resource__title", "plan__dataset", "plan__platform__name")
    empty = EmptyState(
        title="还没有上报过数据", icon="upload", text="先写上报计划，由另一个人审批，再送出第一批。"
    )

    def get_queryset(self) -> QuerySet[Outgoing]:
        return selectors.outgoing(self.request.actor)

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs("outgoing")}


class PlanList(TableView[Plan]):
    """Plans of deliveries."""

    request: ActorRequest
    title = PLANS
    subtitle = "送什么、给谁、多久一次；编写和审批是两个人，L4 字段不能送"
    key = "cascade-plans"
    template_name = "cascade/list.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="数据资源", kind="main", value="resource.title",
               url=lambda r: r.get_absolute_url(), locked=True),
        Column(key="platform", title="送往", value="platform.name"),
        Column(key="state", title="状态", kind="status", value=state_tag, sort="state"),
        Column(key="cycle", title="周期", value="get_cycle_display"),
        Column(key="last", title="最近送出", kind="ago", value="last_sent"),
        Column(key="next", title="下次送出", kind="datetime", value="next_at"),
        Column(key="basis", title="依据"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=PlanState.choices),
    )
    search_fields = ("resource__title", "dataset", "platform__name")
    empty = EmptyState(
        title="还没有上报计划", icon="upload", text="在数据目录里打开一个资源，从“级联”面板新建。"
    )

    def get_queryset(self) -> QuerySet[Plan]:
        return selectors.plans(self.request.actor)

    def get_context(self) -> dict[str, Any]:
        return {"tabs": tabs("plans")}


def delivery(request: ActorRequest, pk: int) -> HttpResponse:
    """One delivery: the equation, why rows were refused, the files."""
    item = selectors.delivery(request.actor, pk)
    sent = dict(item.parts.values_list("name", "sent_at"))
    retryable = item.state in (OutgoingState.FAILED, OutgoingState.REFUSED)
    actions = [
        Action(title="重新送出", icon="refresh", method="post", primary=True,
               url=reverse("cascade:delivery-retry", args=[item.pk]))
    ] if retryable and allows(request.actor, MANAGE, item) else []  # fmt: skip
    context: dict[str, Any] = {
        "title": str(item), "item": item, "tag": state_tag(item), "tabs": tabs("outgoing"),
        "subtitle": f"{item.plan.resource.provider.short} → {item.plan.platform.name}",
        "crumbs": [Crumb(TITLE, reverse("cascade:outgoing")), Crumb(str(item))],
        "actions": actions, "next_step": next_step(item), "balance": outgoing_balance(item),
        "reasons": reasons_table(item.receipt) if item.receipt else None,
        "differences": differences_table(item.receipt.get("differences", [])) if item.receipt else None,
        "files": files_table(item.note, sent) if item.note else None,
        "facts": [
            Fact("上报计划", str(item.plan), item.plan.get_absolute_url()),
            Fact("内容", item.get_mode_display()), Fact("数据版本", item.lake_version),
            Fact("行数", item.rows), Fact("送出时间", item.sent_at),
            Fact("回执期限", due_words(item)), Fact("回执时间", item.answered_at),
        ],
    }  # fmt: skip
    return render(request, "cascade/delivery.html", context)


def next_step(item: Outgoing) -> str:
    """One sentence about what happens now."""
    match item.state:
        case OutgoingState.BUILDING | OutgoingState.SENDING:
            return f"{item.error} 稍后自动再试。" if item.error else "正在准备和送出文件。"
        case OutgoingState.DELIVERED:
            return f"已送出，等对方回执，{due_words(item)}。"
        case OutgoingState.ACCEPTED:
            return "对方全部收下。"
        case OutgoingState.PARTLY:
            return "拒收的行已成为提供单位的工单；更正后随下一批送出。"
        case OutgoingState.REFUSED:
            return "对方一行也没有收。看差异，处理后点“重新送出”，批次号不变。"
        case OutgoingState.DISPUTED:
            return "回执说的不是这一批，或行数对不上；请与对方核对，平台不据此认定收下。"
    return f"没有送出：{item.error}"


def retry(request: ActorRequest, pk: int) -> HttpResponse:
    """Try again now."""
    item = selectors.delivery(request.actor, pk)
    delivering.retry(actor=request.actor, outgoing=item)
    messages.success(request, "已重新排队，几分钟内送出。")
    return redirect(item.get_absolute_url())


def plan(request: ActorRequest, pk: int) -> HttpResponse:
    """One plan: what leaves, how masked, who approved, the deliveries."""
    item = selectors.plan(request.actor, pk)
    resource = published(item.resource.code)
    columns = [c for c in resource.columns if c.name in item.fields]
    context: dict[str, Any] = {
        "title": str(item), "item": item, "tag": state_tag(item), "tabs": tabs("plans"),
        "crumbs": [Crumb(PLANS, reverse("cascade:plans")), Crumb(str(item))],
        "actions": _plan_actions(request, item), "fields": _fields_table(item, columns),
        "deliveries": _deliveries_table(list(selectors.outgoing(request.actor).filter(plan=item)[:20])),
        "facts": [
            Fact("数据资源", item.resource.title, reverse("catalog:resource", args=[item.resource_id])),
            Fact("送往", item.platform.name), Fact("数据集", item.dataset, mono=True),
            Fact("内容", item.get_mode_display()), Fact("周期", item.get_cycle_display()),
            Fact("下次送出", item.next_at), Fact("格式", item.get_file_format_display()),
            Fact("行范围", item.row_filter or "全部记录"), Fact("依据", item.basis),
            Fact("回执期限", f"{item.receipt_days} 个工作日"),
            Fact("编写", item.planned_by.display_name if item.planned_by else ""),
            Fact("审批", item.approved_by.display_name if item.approved_by else ""),
            Fact("审批时间", item.approved_at),
        ],
    }  # fmt: skip
    return render(request, "cascade/plan.html", context)


def _plan_actions(request: ActorRequest, item: Plan) -> list[Action]:
    actor, made = request.actor, []

    def act(name: str, title: str, icon: str, *, primary: bool = False) -> Action:
        url = reverse("cascade:plan-act", args=[item.pk, name])
        return Action(title=title, icon=icon, method="post", primary=primary, url=url)

    may, approves = allows(actor, MANAGE, item), allows(actor, planning.APPROVE, item)
    if item.state == PlanState.SUBMITTED and approves and actor.account != item.planned_by:
        made.append(act("approve", "同意", "check", primary=True))
        made.append(
            Action(
                title="退回",
                icon="arrow-back-up",
                url=reverse("cascade:plan-return", args=[item.pk]),
            )
        )
    if may and item.state in (PlanState.DRAFT, PlanState.RETURNED):
        made.append(act("submit", "提交审批", "send", primary=True))
    if may and item.state == PlanState.ACTIVE:
        made.append(act("start", "现在送一批", "upload", primary=True))
        made.append(act("pause", "暂停", "player-pause"))
    if may and item.state == PlanState.PAUSED:
        made.append(act("resume", "恢复", "player-play", primary=True))
    return made


def _fields_table(item: Plan, columns: Sequence[Any]) -> Table:
    shown = (
        Column(key="title", title="字段", kind="main", value=lambda c: c.title),
        Column(key="level", title="级别", value=lambda c: c.sensitivity or "L1"),
        Column(key="mask", title="脱敏", value=lambda c: mask_name(item.masks.get(c.name, NONE))),
        Column(key="name", title="字段名", kind="code", value=lambda c: c.name),
    )  # fmt: skip
    return Table.plain(key="fields", columns=shown, rows=list(columns), caption="送出的字段")


def _deliveries_table(rows: list[Outgoing]) -> Table:
    columns = (
        Column(key="number", title="批次", kind="main", value=lambda r: f"第 {r.number} 批",
               url=lambda r: r.get_absolute_url()),
        Column(key="state", title="状态", kind="status", value=state_tag),
        Column(key="rows", title="行数", kind="number"), Column(key="balance", title="对账", value=counted),
        Column(key="sent", title="送出时间", kind="ago", value="sent_at"),
    )  # fmt: skip
    empty = EmptyState(title="还没有送出过", icon="upload")
    return Table.plain(
        key="deliveries", columns=columns, rows=rows, caption="最近 20 批", empty=empty
    )


def plan_new(request: ActorRequest) -> HttpResponse:
    """Write a plan for a resource."""
    resource = published(request.GET.get("resource", ""))
    columns = planning.may_leave(resource)
    choices = [(c.name, f"{c.title}（{c.sensitivity or 'L1'}）") for c in columns]
    initial = {"fields_chosen": [c.name for c in columns]}
    form = PlanForm(request.POST or None, columns=choices, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            item = planning.create(
                actor=request.actor, platform=form.cleaned_data["platform"],
                resource_code=resource.code, content=form.content(),
            )  # fmt: skip
        except InvalidInput as error:
            if "fields" in error.fields:
                error.fields["fields_chosen"] = error.fields.pop("fields")
            form.show(error)
        else:
            messages.success(request, "已保存。核对字段和脱敏后提交审批。")
            return redirect(item.get_absolute_url())
    context = {
        "title": f"上报“{resource.title}”", "form": form, "submit": "保存计划",
        "crumbs": [Crumb(PLANS, reverse("cascade:plans")), Crumb("新建上报计划")],
        "cancel_url": reverse("catalog:resource", args=[resource.id]),
    }  # fmt: skip
    return render(request, "ui/form.html", context)


def plan_act(request: ActorRequest, pk: int, act: str) -> HttpResponse:
    """Submit, approve, start, pause or resume."""
    item, actor = selectors.plan(request.actor, pk), request.actor
    if act == "submit":
        planning.submit(actor=actor, plan=item)
        told = "已提交，由另一个人审批。"
    elif act == "approve":
        planning.decide(actor=actor, plan=item, agree=True)
        told = "已同意。可以送出第一批。"
    elif act == "start":
        made = delivering.start(actor=actor, plan=item)
        messages.success(request, "已开始准备，几分钟内送出。")
        return redirect(made.get_absolute_url())
    elif act in ("pause", "resume"):
        planning.set_running(actor=actor, plan=item, active=act == "resume")
        told = "已恢复。" if act == "resume" else "已暂停。"
    else:
        raise NotFound("没有这种操作。")
    messages.success(request, told)
    return redirect(item.get_absolute_url())


def plan_return(request: ActorRequest, pk: int) -> HttpResponse:
    """Send a plan back with a reason."""
    item = selectors.plan(request.actor, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        planning.decide(actor=request.actor, plan=item, agree=False, reason=reason)
        messages.success(request, "已退回。")
        return redirect(item.get_absolute_url())
    context = {
        "title": f"退回“{item}”", "form": form, "submit": "退回",
        "crumbs": [Crumb(PLANS, reverse("cascade:plans")), Crumb("退回")],
        "cancel_url": item.get_absolute_url(),
    }  # fmt: skip
    return render(request, "ui/form.html", context)
