"""A person's notices: the list, opening one, marking all as read."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.notices import selectors, services
from chengshu.kernel.notices.models import Receipt
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Filter
from chengshu.kernel.ui.tables import TableView

_WORDS = {"unread": "未读", "read": "已读"}


def _by_state(found: QuerySet[Receipt], value: str) -> QuerySet[Receipt]:
    return found.filter(read_at__isnull=value == "unread")


def _elsewhere(actor: Actor, receipt_id: int | None = None) -> HttpResponse | None:
    """Send people who do not work in the console to their own messages, not into a shell of empty menus."""
    if holds(actor, "console.enter"):
        return None
    return redirect(f"/me/notices/{receipt_id}/" if receipt_id else "/me/notices/")


class Inbox(TableView[Receipt]):
    """What I was told, newest first."""

    title = "通知"
    subtitle = "与您和本单位有关的变化、提醒"
    key = "notices"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="title", title="标题", value="notice.title", kind="main", locked=True,
            url=lambda row: reverse("notices:notice", args=[row.pk]),
        ),
        Column(key="body", title="内容", value="notice.body"),
        Column(key="at", title="时间", value="notice.created_at", kind="ago"),
        Column(
            key="state", title="状态", kind="status", label=lambda row: _WORDS[row.state],
        ),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=tuple(_WORDS.items()), apply=_by_state),
    )
    search_fields: ClassVar[Sequence[str]] = ("notice__title", "notice__body")
    search_hint = "搜标题、内容"
    empty = EmptyState(
        title="还没有通知", text="与您有关的暂停、变更和到期提醒会出现在这里。", icon="bell"
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        actor: Actor = self.request.actor  # type: ignore[attr-defined]
        return _elsewhere(actor) or super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Receipt]:
        return selectors.inbox(self.request.actor)  # type: ignore[attr-defined]

    def get_actions(self) -> Sequence[Action]:
        return (
            Action(
                title="全部标为已读", url=reverse("notices:read-all"), icon="checks", method="post"
            ),
        )


def notice(request: ActorRequest, receipt_id: int) -> HttpResponse:
    """Read one; opening it is what marks it as read."""
    if (other := _elsewhere(request.actor, receipt_id)) is not None:
        return other
    receipt = services.mark_read(actor=request.actor, receipt_id=receipt_id)
    context = {
        "title": receipt.notice.title,
        "crumbs": [Crumb("通知", reverse("notices:inbox")), Crumb(receipt.notice.title)],
        "notice": receipt.notice,
    }
    return render(request, "notices/notice.html", context)


@require_POST
def read_all(request: ActorRequest) -> HttpResponse:
    """Mark all as read."""
    count = services.mark_all_read(actor=request.actor)
    messages.success(request, f"已把 {count} 条通知标为已读。" if count else "没有未读的通知。")
    return redirect("notices:inbox")
