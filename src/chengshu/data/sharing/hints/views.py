"""Hints in the console: the list, the evidence, the judgement."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from chengshu.data.sharing.forms import ServiceForm
from chengshu.data.sharing.hints import selectors, services
from chengshu.data.sharing.hints.models import CallHint, HintKind, HintState
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Filter, Table
from chengshu.kernel.ui.tables import TableView

HOME = "调用异常提示"
TONES = {HintState.OPEN: "pending", HintState.DISMISSED: "closed", HintState.HANDLED: "succeeded"}
RULES = {
    HintKind.VOLUME: "和这个应用前 12 周同一星期几、同一钟点比，远高于通常的波动。",
    HintKind.HOURS: "这个应用平时在这些钟点几乎不调用，这次却很多。",
    HintKind.SCAN: "一天里查不到的比往常多得多，而且几乎都是不同的主键，像在逐个试。主键只存散列，看不出是不是连号。",
    HintKind.GUESS: "同一条记录当天核验不符次数过多，被网关多次拒绝，像在逐个试值。",
}


class JudgeForm(ServiceForm):
    """What it is, and why."""

    state = forms.ChoiceField(
        label="判断", widget=forms.RadioSelect,
        choices=[(s.value, s.label) for s in (HintState.DISMISSED, HintState.HANDLED)],
    )  # fmt: skip
    reason = forms.CharField(
        label="理由", max_length=300, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="如：集中办理入学资格核验，已与使用单位核实；或：已暂停授权、约谈使用单位。",
    )  # fmt: skip


class HintList(TableView[CallHint]):
    """Cases, newest first."""

    request: ActorRequest
    title = HOME
    subtitle = "每小时和应用自己的过去比一次；一案一条，是不是问题由人判断"
    key = "sharing-hints"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="application", title="应用", kind="main", value="application.name", locked=True,
               url=lambda r: r.get_absolute_url(), sort="application__name"),
        Column(key="kind", title="看到了什么", value="get_kind_display", sort="kind"),
        Column(key="state", title="状态", kind="status", sort="state",
               value=lambda r: TONES[HintState(r.state)], label=lambda r: r.get_state_display()),
        Column(key="owner", title="使用单位", value="application.owner.short"),
        Column(key="first", title="从", kind="date", value="first_day", sort="first_day"),
        Column(key="last", title="到", kind="date", value="last_day", sort="last_day"),
        Column(key="reason", title="判断理由", value="reason"),
    )  # fmt: skip
    filters = (
        Filter(key="state", title="状态", choices=HintState.choices),
        Filter(key="kind", title="类别", choices=HintKind.choices),
    )
    search_fields = ("application__name", "application__code", "reason")
    search_hint = "搜应用、理由"
    empty = EmptyState(
        title="没有异常", icon="shield-check",
        text="每小时检查一次调用量、时段和主键；有不像往常的，会出现在这里，并通知您。",
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[CallHint]:
        return selectors.hints(self.request.actor)

    def get_crumbs(self) -> Sequence[Crumb]:
        return [Crumb("调用统计", reverse("sharing:calls")), Crumb(HOME)]


def detail(request: ActorRequest, pk: int) -> HttpResponse:
    """What was found, and the judgement."""
    item = selectors.hint(request.actor, pk)
    form = JudgeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.judge(
                actor=request.actor, hint=item, state=form.cleaned_data["state"],
                reason=form.cleaned_data["reason"],
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已记下您的判断。同一情况七天内不再提示，明显加重的除外。")
            return redirect(item.get_absolute_url())
    query = urlencode({"application": item.application.code})
    context: dict[str, Any] = {
        "title": str(item), "item": item, "tag": TONES[HintState(item.state)],
        "word": item.get_state_display(), "rule": RULES[HintKind(item.kind)],
        "subtitle": f"{item.application.owner.name} · {item.application.code}",
        "crumbs": [Crumb(HOME, reverse("sharing_hints:hints")), Crumb(str(item))],
        "actions": [
            Action(title="看调用明细", url=f"{reverse('sharing:records')}?{query}", icon="list"),
            Action(title="看应用", icon="apps",
                   url=reverse("sharing:application", args=[item.application.code])),
        ],
        "evidence": evidence_table(item), "form": form if item.state == HintState.OPEN else None,
        "facts": _facts(item),
    }  # fmt: skip
    return render(request, "hints/hint.html", context)


def _facts(item: CallHint) -> list[Fact]:
    decided = f"{item.decided_by}，{item.decided_at:%Y-%m-%d %H:%M}" if item.decided_at else ""
    return [
        Fact("应用", item.application.name), Fact("使用单位", item.application.owner.name),
        Fact("发现", f"{item.found_at:%Y-%m-%d %H:%M}"),
        Fact("哪几天", f"{item.first_day} 至 {item.last_day}"),
        Fact("判断", decided), Fact("理由", item.reason),
    ]  # fmt: skip


def evidence_table(item: CallHint) -> Table:
    """The evidence as rows: hours with what is usual, or days with their keys."""
    if item.kind in (HintKind.VOLUME, HintKind.HOURS):
        rows = [
            {**hour, "day": day}
            for day, found in item.evidence.items()
            for hour in found.get("hours", [])
        ]
        columns: tuple[Column, ...] = (
            Column(key="day", title="日期", kind="main", value=lambda r: r["day"]),
            Column(key="hour", title="钟点", value=lambda r: f"{r['hour']} 点"),
            Column(key="calls", title="调用", kind="number", value=lambda r: r["calls"]),
            Column(key="usual", title="通常（中位数）", kind="number", value=lambda r: r["usual"]),
            Column(key="most", title="以往最多", kind="number", value=lambda r: r["most"]),
            Column(key="score", title="超出几倍波动", kind="number", value=lambda r: r["score"]),
        )  # fmt: skip
    else:
        rows = [{**found, "day": day} for day, found in item.evidence.items()]
        columns = (
            Column(key="day", title="日期", kind="main", value=lambda r: r["day"]),
            Column(key="calls", title="查询", kind="number", value=lambda r: r.get("calls")),
            Column(key="misses", title="没有查到", kind="number", value=lambda r: r.get("misses")),
            Column(key="missing", title="其中不同主键", kind="number", value=lambda r: r.get("missing")),
            Column(key="usual", title="通常查不到（中位数）", kind="number", value=lambda r: r.get("usual")),
            Column(key="guesses", title="试值被拒", kind="number", value=lambda r: r.get("guesses")),
        )  # fmt: skip
    return Table.plain(key="evidence", columns=columns, rows=rows, caption="依据")
