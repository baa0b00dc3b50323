"""Clues in the console: the list, the panel of the calls page, the evidence, the judgement."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.sharing.forms import ServiceForm
from chengshu.data.sharing.hints import presentation, selectors, services
from chengshu.data.sharing.hints.models import CallHint, HintKind, HintState, Severity
from chengshu.data.sharing.selectors import applications, interfaces
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Crumb, Filter
from chengshu.kernel.ui.tables import TableView

HOME = "异常线索"
SHOWN = 5


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
    subtitle = "网关拒绝的，和应用自己的过去不一样的，都在这里；一案一条，是不是问题由人判断"
    key = "sharing-clues"
    columns = presentation.columns()
    filters = (
        Filter(key="state", title="状态", choices=HintState.choices),
        Filter(key="severity", title="程度", choices=Severity.choices),
        Filter(key="kind", title="类别", choices=HintKind.choices),
    )
    search_fields: ClassVar[Sequence[str]] = (
        "application__name", "caller", "interface__title", "reason",
    )  # fmt: skip
    search_hint = "搜应用、接口、理由"
    empty = presentation.EMPTY

    def get_filters(self) -> Sequence[Filter]:
        actor = self.request.actor
        asking = applications(actor).order_by("name").values_list("code", "name")
        asked = interfaces(actor).order_by("title").values_list("code", "title")
        return (
            *self.filters,
            Filter(key="application", title="应用", choices=list(asking), lookup="caller"),
            Filter(key="interface", title="接口", choices=list(asked), lookup="asked"),
        )

    def get_queryset(self) -> QuerySet[CallHint]:
        return selectors.hints(self.request.actor)

    def get_crumbs(self) -> Sequence[Crumb]:
        return [Crumb("调用统计", reverse("sharing:calls")), Crumb(HOME)]


def panel(request: ActorRequest) -> HttpResponse:
    """The newest open clues, severe ones first, for the calls page."""
    rows = selectors.hints(request.actor).filter(state=HintState.OPEN).order_by("-severity", "-pk")
    found = list(rows[: SHOWN + 1])
    context = {"table": presentation.panel_table(found[:SHOWN]), "more": len(found) > SHOWN}
    return render(request, "hints/panel.html", context)


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
    open_to_me = item.state == HintState.OPEN and selectors.may_judge(request.actor)
    others = selectors.hints(request.actor).filter(caller=item.caller).exclude(pk=item.pk)
    context: dict[str, Any] = {
        "title": str(item), "item": item, "tag": presentation.TONES[HintState(item.state)],
        "word": item.get_state_display(), "severity": presentation.severity(item),
        "rule": presentation.RULES[HintKind(item.kind)], "seen": presentation.seen(item),
        "advice": presentation.ADVICE[HintKind(item.kind)],
        "subtitle": f"{presentation.interface_name(item)} · {item.caller or '不明来源'}",
        "crumbs": [
            Crumb("调用统计", reverse("sharing:calls")),
            Crumb(HOME, reverse("sharing_hints:hints")), Crumb(str(item)),
        ],
        "actions": presentation.actions(item), "evidence": presentation.evidence_table(item),
        "form": form if open_to_me else None, "facts": presentation.facts(item),
        "others": list(others.order_by("-last_day", "-pk")[:SHOWN]),
    }  # fmt: skip
    return render(request, "hints/hint.html", context)
