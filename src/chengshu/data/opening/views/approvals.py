"""Asking for approval and giving it: what the dataset's page shows, and the three acts."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.opening import selectors, terms
from chengshu.data.opening.choices import ApprovalState
from chengshu.data.opening.forms import ReasonForm
from chengshu.data.opening.models import Approval, OpenDataset
from chengshu.data.opening.services import approvals
from chengshu.data.opening.zone import masked_sample
from chengshu.data.protection.facade import mask_name
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import ChengshuError, InvalidInput
from chengshu.kernel.ui.components import Action, Column, Crumb, Fact, Table

_WORDS = {
    "": "还没有提交审批", ApprovalState.WAITING: "等待另一人审批", ApprovalState.APPROVED: "已经审批，可以发布",
    ApprovalState.RETURNED: "已退回，改好后重新提交", ApprovalState.REPLACED: "还没有提交审批",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ApprovalPanel:
    """What the page says about the approval of a dataset."""

    state: str
    word: str
    stale: bool
    facts: list[Fact]
    masks: Table


def approval_of(item: OpenDataset) -> ApprovalPanel | None:
    """The panel of a dataset that needs an approval; None for one that does not."""
    resource = resource_of(item)
    if resource is None or not terms.needs_approval(item, resource):
        return None
    last = terms.latest(item)
    stale = last is not None and last.digest != terms.digest(item)
    state = "" if last is None or stale else last.state
    return ApprovalPanel(
        state, _WORDS[state], stale, _facts(item, last, resource), _masks(item, resource)
    )


def approval_actions(actor: Actor, item: OpenDataset) -> list[Action]:
    """The buttons somebody may press now."""
    panel = approval_of(item)
    if panel is None:
        return []
    found = []
    settled = panel.state in (ApprovalState.WAITING, ApprovalState.APPROVED)
    if not settled and allows(actor, "opening.manage", item):
        url = reverse("opening:approval-submit", args=[item.slug])
        found.append(Action(title="提交审批", url=url, icon="send", method="post", primary=True))
    last = terms.latest(item)
    waiting = last is not None and last.state == ApprovalState.WAITING
    if waiting and allows(actor, approvals.PERMISSION, item):
        back = reverse("opening:approval-return", args=[item.slug])
        found.append(Action(title="退回", url=back, icon="arrow-back-up", danger=True))
        if not panel.stale:
            found.append(
                Action(
                    title="通过审批", url=reverse("opening:approval-approve", args=[item.slug]),
                    icon="check", method="post", primary=True,
                    confirm="请核对字段、脱敏方式和依据。通过后就可以发布给所有人，确定通过吗？",
                )
            )  # fmt: skip
    return found


def resource_of(item: OpenDataset) -> PublishedResource | None:
    """The catalogue entry in force; None while it is out of service."""
    try:
        return published_by_id(item.resource_id)
    except ChengshuError:
        return None  # taken out of service: nothing can be opened from it, so nothing is asked


def _facts(
    item: OpenDataset, last: Approval | None, resource: PublishedResource | None
) -> list[Fact]:
    found = [Fact("开放依据", item.basis)]
    if resource is not None:
        found.append(Fact("放宽的评估要求", "；".join(terms.ways_loosened(item, resource))))
    if last is not None:
        found += [
            Fact("提交人", str(last.submitted_by or "")), Fact("提交时间", last.submitted_at),
            Fact("审批人", str(last.decided_by or "")), Fact("审批时间", last.decided_at),
            Fact("审批意见", last.remark),
        ]  # fmt: skip
    return found


def _masks(item: OpenDataset, resource: PublishedResource) -> Table:
    sample = masked_sample(resource, item.fields, item.masks, item.slug)
    rows: list[dict[str, Any]] = [
        {
            "title": column.title, "name": column.name, "level": column.sensitivity,
            "mask": mask_name(item.masks[column.name]),
            "shown": "、".join(sample.get(column.name, ())),
        }
        for column in resource.columns
        if column.name in item.masks
    ]  # fmt: skip
    columns = (
        Column(key="title", title="字段", kind="main"),
        Column(key="level", title="级别"),
        Column(key="mask", title="脱敏方式"),
        Column(key="shown", title="公众看到的样子"),
        Column(key="name", title="字段名", kind="code"),
    )
    return Table.plain(key="masks", columns=columns, rows=rows, caption="脱敏字段")


@require_POST
def submit(request: ActorRequest, slug: str) -> HttpResponse:
    """Ask for approval."""
    item = selectors.dataset(request.actor, slug)
    try:
        approvals.submit(actor=request.actor, dataset=item)
    except InvalidInput as error:
        messages.error(request, "；".join(error.fields.values()) or error.detail)
        return redirect("opening:edit", slug)
    messages.success(request, "已提交，等另一位有审批权限的人员处理。")
    return redirect("opening:dataset", slug)


@require_POST
def approve(request: ActorRequest, slug: str) -> HttpResponse:
    """Agree."""
    item = selectors.dataset(request.actor, slug)
    approvals.approve(actor=request.actor, dataset=item)
    messages.success(request, "已通过审批，现在可以发布。")
    return redirect("opening:dataset", slug)


def send_back(request: ActorRequest, slug: str) -> HttpResponse:
    """Refuse with a remark."""
    item = selectors.dataset(request.actor, slug)
    form = ReasonForm(request.POST or None)
    form.fields["reason"].label = "退回意见"
    form.fields["reason"].help_text = "提交人会看到，请写清怎样改。"
    page = reverse("opening:dataset", args=[slug])
    if request.method == "POST" and form.is_valid():
        approvals.send_back(actor=request.actor, dataset=item, remark=form.cleaned_data["reason"])
        messages.success(request, "已退回给提交人。")
        return redirect(page)
    title = f"退回：{item.title}"
    context = {
        "title": title, "form": form, "submit": "退回", "cancel_url": page,
        "subtitle": "退回后草稿保留，改好可以重新提交。",
        "crumbs": [
            Crumb("数据开放", reverse("opening:datasets")), Crumb(item.title, page), Crumb("退回"),
        ],
    }  # fmt: skip
    return render(request, "opening/reason.html", context)
