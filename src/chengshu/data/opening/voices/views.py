"""What officials see: the inbox, and one message with its answer."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from chengshu.data.opening.voices import selectors, services
from chengshu.data.opening.voices.choices import VoiceKind, VoiceState
from chengshu.data.opening.voices.forms import AnswerForm
from chengshu.data.opening.voices.models import Voice
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.calendar.deadlines import working_days_left
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Filter
from chengshu.kernel.ui.tables import TableView

_TONES = {
    VoiceState.WAITING: "pending",
    VoiceState.ANSWERED: "done",
    VoiceState.DECLINED: "inactive",
}


def _due(item: Voice, table: Any) -> str:
    if item.state != VoiceState.WAITING:
        return "按时" if item.on_time else "超期答复"
    left = working_days_left(item.due_at, timezone.now(), table=table)
    return f"已超期 {max(1, -left)} 个工作日" if item.overdue else f"还剩 {left} 个工作日"


class Inbox(TableView[Voice]):
    """公众来信: what is due first comes first."""

    request: ActorRequest
    title = "公众来信"
    subtitle = "对开放数据的需求、纠错、提问和成果，按期限答复，答复后公开"
    key = "opening-voices"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="标题", kind="main", locked=True, url=lambda v: v.get_absolute_url()),
        Column(key="kind", title="类别", value="get_kind_display", sort="kind"),
        Column(key="dataset", title="数据集", value="dataset.title"),
        Column(key="department", title="答复单位", value="department.short"),
        Column(key="state", title="状态", kind="status", value=lambda v: _TONES[v.state],
               label="get_state_display", sort="state"),
        Column(key="due", title="时限", sort="due_at"),
        Column(key="owner", title="经办人", value=lambda v: str(v.owner or "")),
        Column(key="created", title="提出时间", kind="ago", value="created_at", sort="created_at"),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="state", title="状态", choices=VoiceState.choices),
        Filter(key="kind", title="类别", choices=VoiceKind.choices),
    )
    search_fields = ("title", "text", "dataset__title")
    search_hint = "搜标题、内容、数据集"
    default_sort = "due"
    empty = EmptyState(
        title="还没有公众来信", icon="message",
        text="群众和开发者在开放门户上提出需求、纠错或展示成果后，会出现在这里，并有通知。",
    )  # fmt: skip

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        table = stored_table()
        self.columns = tuple(  # type: ignore[misc]
            Column(key="due", title="时限", sort="due_at", value=lambda v: _due(v, table))
            if column.key == "due" else column
            for column in type(self).columns
        )  # fmt: skip

    def get_queryset(self) -> QuerySet[Voice]:
        return selectors.received(self.request.actor)

    def get_crumbs(self) -> list[Crumb]:
        return [Crumb("数据开放", reverse("opening:datasets")), Crumb(self.title)]


def voice(request: ActorRequest, pk: int) -> HttpResponse:
    """One message; its answer is written here."""
    item = selectors.voice(request.actor, pk)
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.answer(
                actor=request.actor, voice=item, text=form.cleaned_data["answer"],
                public=form.cleaned_data["public"],
            )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已答复。来信人能看到；选了公开的，门户上也能看到。")
            return redirect(item.get_absolute_url())
    waiting = item.state == VoiceState.WAITING
    inbox = reverse("opening_voices:inbox")
    actions = []
    if waiting and item.owner_id is None:
        url = reverse("opening_voices:take", args=[pk])
        actions.append(Action(title="由我办理", url=url, icon="user", method="post"))
    context = {
        "title": item.title, "voice": item, "form": form if waiting else None, "actions": actions,
        "subtitle": f"{item.get_kind_display()} · {item.department}", "cancel_url": inbox,
        "crumbs": [Crumb("数据开放", reverse("opening:datasets")), Crumb("公众来信", inbox), Crumb(item.title)],
        "tone": _TONES[VoiceState(item.state)],
        "facts": [
            Fact("数据集", item.dataset.title if item.dataset else "",
                 f"/open/datasets/{item.dataset.slug}/" if item.dataset else ""),
            Fact("网址", item.link), Fact("提出时间", item.created_at),
            Fact("时限", _due(item, stored_table())), Fact("经办人", str(item.owner or "")),
            Fact("答复时间", item.answered_at),
        ],
    }  # fmt: skip
    return render(request, "voices/voice.html", context)


@require_POST
def take(request: ActorRequest, pk: int) -> HttpResponse:
    """Become the one who answers."""
    services.take(actor=request.actor, voice=selectors.voice(request.actor, pk))
    messages.success(request, "由您办理，到期前会提醒。")
    return redirect("opening_voices:voice", pk)
