"""Push tokens: list, issue (shown once), revoke."""

from collections.abc import Sequence

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.ingest import selectors
from chengshu.data.ingest.forms import LimitsForm, TokenForm, place_errors
from chengshu.data.ingest.models import PushToken
from chengshu.data.ingest.services import push_limits, pushing
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact
from chengshu.kernel.ui.tables import TableView

HOME, TITLE = "数据源", "推送令牌"


def token_url(token: PushToken) -> str:
    """Where a token can be revoked."""
    return reverse("ingest:token", args=[token.pk])


class TokenList(TableView[PushToken]):
    """The tokens the actor may manage."""

    request: ActorRequest
    title = TITLE
    subtitle = (
        "业务系统凭令牌把数据推到平台，只能推给令牌所属单位的数据资源。令牌只在签发时显示一次。"
    )
    key = "ingest-tokens"
    columns = (
        Column(key="name", title="名称", kind="main", sort="name", url=token_url, locked=True),
        Column(key="owner", title="所属单位", value="owner.short"),
        Column(key="prefix", title="令牌开头", kind="code"),
        Column(
            key="state", title="状态", kind="status",
            value=lambda t: "cancelled" if t.revoked_at else "succeeded",
            label=lambda t: "已吊销" if t.revoked_at else "有效",
        ),
        Column(key="requests_per_minute", title="每分钟请求", kind="number"),
        Column(key="rows_per_minute", title="每分钟行数", kind="number"),
        Column(key="last_used_at", title="最近使用", kind="ago", sort="last_used_at"),
        Column(key="created_by", title="签发人"),
        Column(key="created_at", title="签发时间", kind="ago", sort="created_at"),
    )  # fmt: skip
    search_fields = ("name", "prefix", "owner__short")
    search_hint = "搜索名称、令牌开头"
    default_sort = "-created_at"
    empty = EmptyState(
        title="还没有推送令牌", text="签发一个，让业务系统把数据推过来。", icon="key",
        action=Action(title="签发令牌", url="/console/ingest/tokens/new/", icon="plus"),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[PushToken]:
        return selectors.tokens(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        url = reverse("ingest:token-new")
        return (Action(title="签发令牌", url=url, icon="plus", primary=True),)


def _crumbs(last: str) -> list[Crumb]:
    return [
        Crumb(HOME, reverse("ingest:sources")), Crumb(TITLE, reverse("ingest:tokens")), Crumb(last),
    ]  # fmt: skip


def new(request: ActorRequest) -> HttpResponse:
    """Issue a token; its text is on this one page and nowhere else."""
    form = TokenForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        try:
            token, text = pushing.issue_token(actor=request.actor, **form.cleaned_data)
        except InvalidInput as error:
            place_errors(form, error.fields, error.detail)
        else:
            context = {
                "title": "令牌已签发", "subtitle": token.name, "crumbs": _crumbs("已签发"),
                "token": token, "text": text,
            }  # fmt: skip
            response = render(request, "ingest/token_issued.html", context)
            response.headers["Cache-Control"] = "no-store"
            return response
    context = {
        "title": "签发令牌", "crumbs": _crumbs("签发"), "form": form, "submit": "签发",
        "cancel_url": reverse("ingest:tokens"),
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


def token(request: ActorRequest, pk: int) -> HttpResponse:
    """One token and its deliveries; a POST revokes it."""
    item = selectors.token(request.actor, pk)
    if request.method == "POST":
        pushing.revoke_token(actor=request.actor, token=item)
        messages.success(request, f"“{item.name}”已吊销，之后的推送都会被拒绝。")
        return redirect("ingest:tokens")
    requests, rows = push_limits.used_now(item)
    context = {
        "title": item.name,
        "subtitle": item.owner.name,
        "facts": [
            Fact("每分钟请求", f"最多 {item.requests_per_minute:,} 次，这一分钟用了 {requests:,} 次"),
            Fact("每分钟行数", f"最多 {item.rows_per_minute:,} 行，这一分钟用了 {rows:,} 行"),
            Fact("超过时", "应答 429，说明等几秒；已收到的部分都在"),
            Fact("最近使用", item.last_used_at),
            Fact("签发人", item.created_by),
            Fact("签发时间", item.created_at),
        ],
        "crumbs": _crumbs(item.name),
        "token": item,
        "actions": []
        if item.revoked_at
        else [
            Action(title="修改限额", url=reverse("ingest:token-limits", args=[item.pk]), icon="settings"),
            Action(
                title="吊销", url=token_url(item), method="post", icon="ban", danger=True,
                confirm="吊销后，用它的系统立即不能再推送。",
            )
        ],
        "sessions": item.sessions.select_related("resource", "batch")[:20],
    }  # fmt: skip
    return render(request, "ingest/token.html", context)


def limits(request: ActorRequest, pk: int) -> HttpResponse:
    """Change what a token may send in a minute."""
    item = selectors.token(request.actor, pk)
    initial = {
        "requests_per_minute": item.requests_per_minute, "rows_per_minute": item.rows_per_minute,
    }  # fmt: skip
    form = LimitsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            push_limits.change_limits(
                actor=request.actor, token=item, requests=form.cleaned_data["requests_per_minute"],
                rows=form.cleaned_data["rows_per_minute"], largest_part=pushing.MAX_ROWS,
            )  # fmt: skip
        except InvalidInput as error:
            place_errors(form, error.fields, error.detail)
        else:
            messages.success(request, "限额已修改，下一个请求起生效。")
            return redirect("ingest:token", pk)
    context = {
        "title": "修改推送限额", "subtitle": item.name, "crumbs": _crumbs(item.name), "form": form,
        "submit": "保存", "cancel_url": token_url(item),
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)
