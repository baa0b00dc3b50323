"""Corrections in the console: report, follow, see who was told."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.sharing import selectors as sharing
from chengshu.data.sharing.corrections import selectors, services
from chengshu.data.sharing.corrections.forms import ReportForm
from chengshu.data.sharing.corrections.models import Correction, Outcome
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.calendar.working_days import last_day
from chengshu.kernel.errors import Conflict, InvalidInput
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

HOME = "校核纠错"
TONES = {Outcome.OPEN: "pending", Outcome.CORRECTED: "succeeded", Outcome.REJECTED: "closed"}


def tone(item: Correction) -> str:
    """The state's colour and icon."""
    return TONES[Outcome(item.outcome)]


class CorrectionList(TableView[Correction]):
    """Reports of one's own applications, about one's own data, and those one was told of."""

    request: ActorRequest
    title = HOME
    subtitle = "查到的数据有误就报给数源单位，限期更正或说明；更正后，用过错值的应用都会收到通知"
    key = "sharing-corrections"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="interface", title="接口", kind="main", value="interface.title",
               sort="interface__title", url=lambda r: r.get_absolute_url(), locked=True),
        Column(key="column", title="字段", value="column_title"),
        Column(key="outcome", title="结果", kind="status", value=tone, sort="outcome",
               label=lambda r: r.get_outcome_display()),
        Column(key="application", title="报告应用", value="application.name"),
        Column(key="owner", title="报告单位", value="application.owner.short"),
        Column(key="provider", title="数源单位", value="interface.resource.provider.short"),
        Column(key="due", title="最晚答复", kind="datetime", value="ticket.due_at"),
        Column(key="reported", title="报告时间", kind="ago", value="reported_at", sort="reported_at"),
        Column(key="ticket", title="工单", kind="code", value="ticket.number"),
    )  # fmt: skip
    filters = (Filter(key="outcome", title="结果", choices=Outcome.choices),)
    search_fields = ("interface__title", "application__name", "ticket__number")
    search_hint = "搜接口、应用、工单编号"
    empty = EmptyState(
        title="还没有人报告数据有误", icon="circle-check",
        text="在“调用明细”里找到那次调用，点“报告有误”；或在接口页面报告。",
        action=Action(title="去看调用明细", url="../calls/records/", icon="list", primary=True),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[Correction]:
        return selectors.corrections(self.request.actor)

    def get_crumbs(self) -> Sequence[Crumb]:
        return [Crumb("调用统计", reverse("sharing:calls")), Crumb(HOME)]


def new(request: ActorRequest, code: str) -> HttpResponse:
    """Report a wrong value received through an interface."""
    item = sharing.interface(request.actor, code)
    applications = selectors.reportable(request.actor).filter(grants__interface=item).distinct()
    if not applications.exists():
        raise Conflict(
            "本单位没有应用获得过这个接口的授权，没有可报告的数据。",
            advice="数据是从别处得来的，请直接联系提供单位。",
        )
    initial = {"application": applications.filter(code=request.GET.get("application", "")).first()}
    form = ReportForm(
        request.POST or None, interface=item, applications=applications, initial=initial
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = services.report(
                actor=request.actor, application=form.cleaned_data["application"], interface=item,
                content=form.content(),
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已报给数源单位，结果会通知您。")
            return redirect(made.get_absolute_url())
    context = {
        "title": "报告数据有误", "form": form, "submit": "报给数源单位",
        "subtitle": f"{item.title} · {item.resource.provider.short}，"
        f"{services.TERM_DAYS} 个工作日内更正或说明",
        "crumbs": [Crumb(HOME, reverse("sharing_corrections:corrections")), Crumb("报告数据有误")],
        "cancel_url": reverse("sharing_corrections:corrections"),
    }  # fmt: skip
    return render(request, "ui/form.html", context)


def detail(request: ActorRequest, pk: int) -> HttpResponse:
    """One report: where it stands, what was answered, who was told."""
    return _page(request, selectors.correction(request.actor, pk), None)


def values(request: ActorRequest, pk: int) -> HttpResponse:
    """The same page with the sealed values; that it was asked for is on record."""
    item = selectors.correction(request.actor, pk)
    return _page(request, item, services.reveal(actor=request.actor, item=item))


def _page(
    request: ActorRequest, item: Correction, shown: tuple[str, str, str] | None
) -> HttpResponse:
    actor, ticket = request.actor, item.ticket
    may_see = services.may_report(actor, item.application) or services.handles(actor, ticket)
    key, wrong, right = shown or ("••••••", "••••••", "••••••")
    handled = services.handles(actor, ticket)
    reveal = Action(title="查看原值", url=reverse("sharing_corrections:values", args=[item.pk]),
                    icon="eye", method="post")  # fmt: skip
    told = selectors.informed(item)
    context: dict[str, Any] = {
        "title": str(item), "item": item, "tag": tone(item), "word": item.get_outcome_display(),
        "subtitle": f"{item.application.owner.short} → {item.interface.resource.provider.short}",
        "crumbs": [Crumb(HOME, reverse("sharing_corrections:corrections")), Crumb(str(item))],
        "actions": [reveal] if may_see and shown is None else [],
        "next_step": next_step(item, informed=len(told)),
        "content": [
            Fact("记录主键", key, mono=True), Fact("有误的字段", item.column_title),
            Fact("查到的值", wrong), Fact("应为", right), Fact("依据", item.evidence),
        ],
        "facts": [
            Fact("接口", item.interface.title, reverse("sharing:interface", args=[item.interface.code])),
            Fact("报告应用", item.application.name), Fact("报告单位", item.application.owner.name),
            Fact("报告时间", f"{item.reported_at:%Y-%m-%d %H:%M}"),
            Fact("工单", ticket.number, ticket.get_absolute_url() if handled else ""),
        ],
        "informed": _informed_table(told) if item.outcome == Outcome.CORRECTED else None,
    }  # fmt: skip
    return render(request, "corrections/correction.html", context)


def next_step(item: Correction, *, informed: int) -> str:
    """One sentence about what happens now."""
    provider = item.interface.resource.provider.short
    if item.outcome == Outcome.OPEN:
        due = f"，最晚 {last_day(item.ticket.due_at)} 前" if item.ticket.due_at else ""
        return f"{provider}正在查证{due}答复。在源系统更正并重新归集后自动办结。"
    if item.outcome == Outcome.REJECTED:
        return f"不予更正：{item.answer}"
    if item.informed_at is None:
        return f"{item.answer}。接口换上更正后的数据后，立即通知用过错值的应用。"
    return f"{item.answer}。用过错值的 {informed} 个应用已收到通知，请重新查询。"


def _informed_table(told: Sequence[Any]) -> Table:
    columns = (
        Column(key="application", title="应用", kind="main", value=lambda r: r[0].application.name),
        Column(key="owner", title="单位", value=lambda r: r[0].application.owner.short),
        Column(key="uses", title="查过次数", kind="number", value=lambda r: r[0].uses),
        Column(key="last", title="最近一次", kind="datetime", value=lambda r: r[0].last_at),
        Column(key="at", title="通知时间", kind="datetime", value=lambda r: r[0].at),
        Column(key="again", title="通知后", value=lambda r: "已重新查询" if r[1] else "还没有重新查询"),
    )  # fmt: skip
    empty = EmptyState(
        title="没有应用用过错值", icon="circle-check", text="留痕里没有查到过这条记录的调用。"
    )
    return Table.plain(
        key="informed", columns=columns, rows=list(told), caption="已通知的应用", empty=empty
    )
