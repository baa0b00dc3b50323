"""The administrator's page of synonyms."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.search import synonyms
from chengshu.kernel.search.models import SynonymGroup
from chengshu.kernel.search.segmentation import built_in_groups
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState
from chengshu.kernel.ui.tables import TableView


class SynonymForm(forms.Form):
    """A group of words that mean the same."""

    words = forms.CharField(
        label="意思相同的词", max_length=400,
        help_text="用逗号、空格或等号隔开，例如：身份证 = 公民身份号码。搜其中任何一个，含其他词的内容也会找到。",
    )  # fmt: skip


class SynonymList(TableView[SynonymGroup]):
    """The groups people added."""

    title = "同义词"
    subtitle = "让人按自己的说法找到目录里的说法，保存后立即生效"
    key = "search-synonyms"
    template_name = "search/synonyms.html"
    columns: ClassVar[Sequence[Column]] = (
        Column(
            key="words", title="意思相同的词", value=str, kind="main", locked=True,
            url=lambda row: reverse("search:synonym", args=[row.pk]),
        ),
        Column(key="edited_by", title="修改人", value="edited_by.display_name"),
        Column(key="edited_at", title="修改时间", kind="datetime", sort="edited_at"),
    )  # fmt: skip
    search_fields: ClassVar[Sequence[str]] = ("text",)
    search_hint = "搜一个词"
    empty = EmptyState(
        title="还没有添加同义词", text="有人搜不到东西时，把他的说法和目录里的说法加成一组。",
        icon="language",
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[SynonymGroup]:
        return SynonymGroup.objects.select_related("edited_by")

    def get_actions(self) -> Sequence[Action]:
        url = reverse("search:synonym-new")
        return (Action(title="添加一组", url=url, icon="plus", primary=True),)

    def get_context(self) -> dict[str, Any]:
        return {"built_in": [" = ".join(group) for group in built_in_groups()]}


def _group(pk: int | None) -> SynonymGroup | None:
    if pk is None:
        return None
    group = SynonymGroup.objects.filter(pk=pk).first()
    if group is None:
        raise NotFound("没有这一组同义词。", advice="它可能刚被移除。")
    return group


def synonym(request: ActorRequest, pk: int | None = None) -> HttpResponse:
    """Add a group, or change one."""
    group = _group(pk)
    initial = {"words": "，".join(group.words)} if group else {}
    form = SynonymForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            saved = synonyms.save_group(
                actor=request.actor, text=form.cleaned_data["words"], group=group
            )
        except InvalidInput as error:
            form.add_error("words", error.fields["words"])
        except Conflict as error:
            form.add_error("words", error.message)
        else:
            messages.success(request, f"已保存：{saved}。")
            return redirect("search:synonyms")
    title = "修改同义词" if group else "添加同义词"
    context = {
        "title": title,
        "crumbs": [Crumb("同义词", reverse("search:synonyms")), Crumb(title)],
        "form": form,
        "submit": "保存",
        "cancel_url": reverse("search:synonyms"),
        "actions": [
            Action(
                title="移除这一组", url=reverse("search:synonym-remove", args=[group.pk]),
                icon="trash", method="post", danger=True,
                confirm=f"移除“{group}”？之后搜一个词不再找到另一个词。",
            )
        ] if group else [],
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=422 if form.errors else 200)


@require_POST
def remove(request: ActorRequest, pk: int) -> HttpResponse:
    """Remove a group."""
    group = _group(pk)
    assert group is not None
    synonyms.remove_group(actor=request.actor, group=group)
    messages.success(request, "已移除。")
    return redirect("search:synonyms")
