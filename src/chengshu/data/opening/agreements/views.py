"""What officials see: applications, one application with its decision, and the agreement."""

from collections.abc import Sequence
from typing import ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.opening.agreements import selectors, services
from chengshu.data.opening.agreements.forms import AgreementForm, DecisionForm
from chengshu.data.opening.agreements.models import AccessState, RestrictedAccess
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Filter
from chengshu.kernel.ui.tables import TableView

_TONES = {
    AccessState.WAITING: "pending", AccessState.GRANTED: "active", AccessState.REFUSED: "inactive",
    AccessState.WITHDRAWN: "inactive",
}  # fmt: skip
_ACTS = {
    AccessState.WAITING: [("grant", "同意"), ("refuse", "不同意")],
    AccessState.GRANTED: [("withdraw", "收回授权")],
}


def _word(item: RestrictedAccess) -> str:
    if item.state == AccessState.GRANTED and item.expired:
        return "已过期"
    return str(item.get_state_display())


class AccessList(TableView[RestrictedAccess]):
    """受限开放申请: what is due first comes first."""

    request: ActorRequest
    title = "受限开放申请"
    subtitle = "实名申请、接受协议的人，同意后用自己的密钥下载；收回和到期即时生效"
    key = "opening-accesses"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="dataset", title="数据集", kind="main", value="dataset.title", locked=True,
               url=lambda a: a.get_absolute_url()),
        Column(key="account", title="申请人", value="accepted_by"),
        Column(key="unit", title="单位"),
        Column(key="state", title="状态", kind="status", value=lambda a: _TONES[a.state], label=_word,
               sort="state"),
        Column(key="due", title="答复期限", kind="date", value="due_at", sort="due_at"),
        Column(key="until", title="有效期至", kind="date", value="expires_on", sort="expires_on"),
        Column(key="fetched", title="下载", kind="number", sort="fetched"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=AccessState.choices),
    )
    search_fields = ("dataset__title", "accepted_by", "unit", "purpose")
    search_hint = "搜数据集、申请人、单位、用途"
    default_sort = "due"
    empty = EmptyState(
        title="还没有受限开放申请", icon="shield-lock",
        text="数据集选了“按协议开放”并发布后，要用的人在门户上申请，会出现在这里。",
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[RestrictedAccess]:
        return selectors.received(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        url = reverse("opening_agreements:agreement")
        return (Action(title="数据利用协议", url=url, icon="file-text"),)

    def get_crumbs(self) -> list[Crumb]:
        return [Crumb("数据开放", reverse("opening:datasets")), Crumb(self.title)]


def access(request: ActorRequest, pk: int) -> HttpResponse:
    """One application; the decision is taken here."""
    item = selectors.access(request.actor, pk)
    acts = _ACTS.get(AccessState(item.state), [])
    form = DecisionForm(request.POST or None)
    form.fields["act"].choices = acts  # type: ignore[attr-defined]
    if item.state != AccessState.WAITING:
        del form.fields["until"]
    if request.method == "POST" and form.is_valid():
        try:
            _act(request, item, form)
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已办理，申请人会收到消息。")
            return redirect(item.get_absolute_url())
    listing = reverse("opening_agreements:accesses")
    context = {
        "title": f"{item.accepted_by}申请“{item.dataset.title}”", "access": item, "word": _word(item),
        "tone": _TONES[AccessState(item.state)], "form": form if acts else None, "cancel_url": listing,
        "crumbs": [
            Crumb("数据开放", reverse("opening:datasets")), Crumb("受限开放申请", listing), Crumb(item.accepted_by),
        ],
        "facts": [
            Fact("数据集", item.dataset.title, reverse("opening:dataset", args=[item.dataset.slug])),
            Fact("申请人", item.accepted_by), Fact("单位", item.unit),
            Fact("协议", str(item.agreement)), Fact("签署时间", item.accepted_at),
            Fact("协议校验值", item.accepted_digest[:16], mono=True), Fact("答复期限", item.due_at),
            Fact("答复人", str(item.decided_by or "")), Fact("说明", item.remark),
            Fact("有效期至", item.expires_on), Fact("下载", f"{item.fetched:,} 次"),
            Fact("最近下载", item.fetched_at),
        ],
    }  # fmt: skip
    return render(request, "agreements/access.html", context)


def _act(request: ActorRequest, item: RestrictedAccess, form: DecisionForm) -> None:
    data = form.cleaned_data
    match data["act"]:
        case "grant":
            if data.get("until") is None:
                raise InvalidInput("没有同意。", fields={"until": "请填写有效期"})
            services.grant(
                actor=request.actor, access=item, until=data["until"], remark=data["remark"]
            )
        case "refuse":
            services.refuse(actor=request.actor, access=item, remark=data["remark"])
        case _:
            services.withdraw(actor=request.actor, access=item, remark=data["remark"])


def agreement(request: ActorRequest) -> HttpResponse:
    """The text in force, and a new version of it."""
    current = selectors.current_agreement()
    form = AgreementForm(request.POST or None, initial={"text": current.text})
    listing = reverse("opening_agreements:accesses")
    if request.method == "POST" and form.is_valid():
        try:
            made = services.publish_agreement(actor=request.actor, text=form.cleaned_data["text"])
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, f"已发布第 {made.number} 版，之后的申请按这一版签署。")
            return redirect(listing)
    context = {
        "title": "数据利用协议", "subtitle": f"现行第 {current.number} 版", "form": form, "cancel_url": listing,
        "submit": "发布新版本",
        "crumbs": [
            Crumb("数据开放", reverse("opening:datasets")), Crumb("受限开放申请", listing), Crumb("数据利用协议"),
        ],
    }  # fmt: skip
    return render(request, "opening/reason.html", context)
