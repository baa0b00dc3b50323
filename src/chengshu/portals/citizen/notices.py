"""A citizen's own messages, in the shell they know: the list, and opening one."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.notices import selectors, services

SHOWN = 50


def inbox(request: ActorRequest) -> HttpResponse:
    """The newest messages, unread ones marked."""
    rows = selectors.inbox(request.actor).order_by("-pk")
    context = {
        "title": "我的消息", "receipts": rows[:SHOWN], "back_url": reverse("citizen:me"),
        "unread": selectors.unread(request.actor), "shown": SHOWN,
    }  # fmt: skip
    return render(request, "citizen/notices.html", context)


def notice(request: ActorRequest, receipt_id: int) -> HttpResponse:
    """Read one; opening it is what marks it as read."""
    receipt = services.mark_read(actor=request.actor, receipt_id=receipt_id)
    context = {"title": "消息", "notice": receipt.notice, "back_url": reverse("citizen:notices")}
    return render(request, "citizen/notice.html", context)


@require_POST
def read_all(request: ActorRequest) -> HttpResponse:
    """Mark all as read."""
    count = services.mark_all_read(actor=request.actor)
    messages.success(request, f"已把 {count} 条消息标为已读。" if count else "没有未读的消息。")
    return redirect("citizen:notices")
