"""Lists of requests: those of one's own department, and those one reviews or answers."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.requests import selectors
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.flow import OPEN, REVIEW, TERMS
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.presentation import (
    due_word,
    holder,
    request_url,
    state_word,
    tone,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import Action, Column, EmptyState, Filter
from chengshu.kernel.ui.tables import TableView

STANDINGS = (("mine", "等我办理"), ("open", "办理中"), ("overdue", "已超期"), ("closed", "已办结"))


def narrow(actor: Actor, rows: QuerySet[AccessRequest], standing: str) -> QuerySet[AccessRequest]:
    """What each standing means."""
    if standing == "mine":
        return selectors.waiting(actor, rows)
    if standing == "overdue":
        return selectors.overdue(rows)
    return rows.filter(state__in=OPEN) if standing == "open" else rows.exclude(state__in=OPEN)


def _providers() -> list[tuple[str, str]]:
    rows = Organization.objects.filter(pk__in=AccessRequest.objects.values("provider"))
    return list(rows.order_by("code").values_list("code", "short"))


class _RequestList(TableView[AccessRequest]):
    """What both lists share: words about terms need the calendar, one reading for all rows."""

    request: ActorRequest
    columns: ClassVar[Sequence[Column]] = (
        Column(key="interface", title="接口", kind="main", value="interface.title",
               sort="interface__title", url=request_url, locked=True),
        Column(key="application", title="应用", value="application.name", sort="application__name"),
        Column(key="owner", title="使用单位", value="application.owner.short"),
        Column(key="provider", title="提供单位", value="provider.short", sort="provider__short"),
        Column(key="state", title="状态", kind="status", value=tone, label=state_word, sort="state"),
        Column(key="holder", title="现在由谁办", value=holder),
        Column(key="due", title="时限", sort="due_at"),
        Column(key="sent", title="提交时间", kind="ago", value="sent_at", sort="sent_at"),
        Column(key="number", title="编号", kind="code", sort="pk"),
        Column(key="item", title="业务事项", value="business_item", hidden=True),
        Column(key="fields", title="字段", kind="number", value=lambda r: len(r.fields), hidden=True),
        Column(key="sharing", title="共享类型", value="get_sharing_type_display", hidden=True),
    )  # fmt: skip
    search_fields = (
        "number", "interface__title", "application__name", "provider__short", "business_item",
    )  # fmt: skip
    search_hint = "搜编号、接口、应用、单位、事项"

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        now, table = timezone.now(), stored_table()
        self.columns = tuple(  # type: ignore[misc]
            Column(key="due", title="时限", sort="due_at", value=lambda r: due_word(r, now, table))
            if column.key == "due" else column
            for column in type(self).columns
        )  # fmt: skip
        self.filters = (  # type: ignore[misc]
            Filter(
                key="standing", title="进展", choices=self.standings,
                apply=lambda rows, value: narrow(self.request.actor, rows, value),
            ),
            Filter(key="state", title="状态", choices=State.choices),
            Filter(key="provider", title="提供单位", choices=_providers, lookup="provider__code"),
        )  # fmt: skip

    standings: ClassVar[Sequence[tuple[str, str]]] = STANDINGS


class OwnList(_RequestList):
    """我的申请: the requests of one's own department."""

    title = "我的申请"
    subtitle = "本单位申请了哪些数据、到了哪一步、还要等几天"
    key = "sharing-requests"
    standings = STANDINGS[1:]
    empty = EmptyState(
        title="还没有申请过数据", icon="file-text",
        text="在共享接口里把要用的加入申请车，填一张申请单，几个单位的数据一次申请。",
        action=Action(title="去看共享接口", url="../interfaces/", icon="search", primary=True),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[AccessRequest]:
        return selectors.own(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        url = reverse("sharing_requests:cart")
        return (Action(title="申请车", url=url, icon="shopping-cart", primary=True),)


class Inbox(_RequestList):
    """申请办理: what the data bureau reviews and the provider answers; what is due first comes first."""

    title = "申请办理"
    subtitle = "别的单位申请用数据：合规审核、答复、开通和争议都在这里办，按到期先后排"
    key = "sharing-inbox"
    default_sort = "due"
    empty = EmptyState(
        title="没有要办理的申请", icon="circle-check",
        text="有单位申请用本单位的数据时会出现在这里，并有通知。",
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[AccessRequest]:
        return selectors.received(self.request.actor)

    def get_actions(self) -> Sequence[Action]:
        found = []
        if holds(self.request.actor, TERMS):
            url = reverse("sharing_requests:policy")
            found.append(Action(title="办理时限", url=url, icon="calendar-time"))
        if holds(self.request.actor, REVIEW):
            url = reverse("sharing_requests:board")
            found.append(Action(title="超期看板", url=url, icon="gauge"))
        return found
