"""Write an entry: new, edit with items editor, submit, withdraw, discard, start a change."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog import selectors, standards
from chengshu.data.catalog.change.impact import impact_of
from chengshu.data.catalog.change.rounds import open_remarks
from chengshu.data.catalog.choices import ItemFormat, ItemType, Level
from chengshu.data.catalog.content import version_content
from chengshu.data.catalog.forms import (
    VersionForm,
    initial_of,
    place_errors,
    place_remarks,
)
from chengshu.data.catalog.item_rows import (
    ItemRow,
    follow,
    new_row,
    parse_rows,
    rearranged,
    rows_of,
)
from chengshu.data.catalog.models import Category, CodeTable, Resource, ResourceVersion
from chengshu.data.catalog.services import drafts, review
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import Crumb
from chengshu.kernel.ui.components.forms import lay_out

_FIRST_ROWS = 3


def new(request: ActorRequest) -> HttpResponse:
    """Register a data resource as a draft."""
    form = VersionForm(request.POST or None, actor=request.actor)
    rows = parse_rows(request.POST) if request.method == "POST" else _first_rows()
    if order := request.POST.get("row"):
        return _rearranged(request, None, form, rearranged(rows, order))
    loose: list[str] = []
    if request.method == "POST" and form.is_valid():
        content = form.content(row.content() for row in rows if not row.blank)
        rows = [row for row in rows if not row.blank]
        try:
            _refuse_typing(rows)
            resource = drafts.create_resource(
                actor=request.actor,
                provider=Organization.objects.get(code=form.cleaned_data["provider"]),
                category=Category.objects.get(code=form.cleaned_data["category"]),
                physical_name=form.cleaned_data["physical_name"],
                content=content,
            )
        except InvalidInput as error:
            loose = place_errors(form, rows, error.fields)
        else:
            return _saved(request, resource)
    return _editor(request, None, form, rows, loose)


def edit(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Edit the open draft of an entry; the second of two editors is told and loses nothing typed."""
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    check(request.actor, "catalog.resource.edit", resource)
    version = _working(resource)
    content = version_content(version)
    # "check" shows what keeps the stored draft from being submitted, as if it had just been posted.
    stored, checked = initial_of(content, version.revision), "check" in request.GET
    form = VersionForm(
        request.POST or (stored if checked else None), actor=request.actor,
        provider=resource.provider, change=resource.published is not None, initial=stored,
    )  # fmt: skip
    rows = parse_rows(request.POST) if request.method == "POST" else rows_of(content.items)
    if order := request.POST.get("row"):
        return _rearranged(request, version, form, rearranged(rows, order))
    loose: list[str] = []
    if request.method == "GET" and checked and form.is_valid():
        loose = place_errors(form, rows, review.missing_in(version))
    if request.method == "POST" and form.is_valid():
        rows = [row for row in rows if not row.blank]
        try:
            items = [row.content() for row in rows]
            _refuse_typing(rows)
            version = drafts.edit_draft(
                actor=request.actor, version=version, revision=form.cleaned_data["revision"] or 0,
                content=form.content(items),
            )  # fmt: skip
        except InvalidInput as error:
            loose = place_errors(form, rows, error.fields)
        except Conflict as error:
            loose = [error.detail]
        else:
            return _saved(request, resource, version)
    return _editor(request, version, form, rows, loose)


def _first_rows() -> list[ItemRow]:
    return [new_row() for _ in range(_FIRST_ROWS)]


def _refuse_typing(rows: list[ItemRow]) -> None:
    """Numbers that are none never reach a service; report them with the other messages."""
    found = {f"items.{i}.{n}": t for i, row in enumerate(rows) for n, t in row.errors.items()}
    if found:
        raise InvalidInput("有数据项填写有误。", kept="没有保存。", fields=found)


def _working(resource: Resource) -> ResourceVersion:
    if resource.working is None:
        raise NotFound("这个目录没有正在编辑的版本。", advice="已发布的目录请先“发起变更”。")
    return resource.working


def _saved(
    request: ActorRequest, resource: Resource, version: ResourceVersion | None = None
) -> HttpResponse:
    """After saving: stay, or hand it to the reviewers and show all that is missing."""
    target = reverse("catalog:edit", args=[resource.pk])
    version = version or _working(Resource.objects.select_related("working").get(pk=resource.pk))
    if request.POST.get("then") != "submit":
        messages.success(
            request, f"草稿已保存（第 {version.revision} 次），可以继续填写或提交审核。"
        )
        return redirect(target)
    if _needs_words(resource, version):
        return redirect("catalog_changing:submit", resource.pk)
    try:
        review.submit(actor=request.actor, version=version)
    except InvalidInput:
        return redirect(f"{target}?check=1")
    messages.success(request, "已提交审核，审核人员会收到提醒。")
    return redirect("catalog:resource", resource.pk)


def _needs_words(resource: Resource, version: ResourceVersion) -> bool:
    """Whether the submitter has something to say first: to those the change hits, or to the reviewer's remarks."""
    version.resource = resource
    return impact_of(version).breaking or bool(open_remarks(version))


def _rearranged(
    request: ActorRequest, version: ResourceVersion | None, form: VersionForm, rows: list[ItemRow]
) -> HttpResponse:
    """Answer a button of the items editor; nothing is saved. Without htmx the whole page comes back."""
    form.errors.clear()
    if request.headers.get("HX-Request"):
        context = _items_context(rows, request.POST.get("row", ""))
        return render(request, "catalog/resource/items_editor.html", context)
    return _editor(request, version, form, rows, [])


def _items_context(rows: list[ItemRow], order: str = "") -> dict[str, Any]:
    elements = standards.elements_in_force()
    follow(rows, order, elements, standards.element_index())
    return {
        "elements": [(key, element.title) for key, element in elements.items()],
        "departing": sum(bool(row.departures) for row in rows),
        "rows": rows,
        "types": ItemType.choices,
        "formats": ItemFormat.choices,
        "levels": Level.values,
        "code_tables": list(CodeTable.objects.values_list("key", "name")),
    }


def _editor(
    request: ActorRequest,
    version: ResourceVersion | None,
    form: VersionForm,
    rows: list[ItemRow],
    loose: list[str],
) -> HttpResponse:
    resource = version.resource if version else None
    crumbs = [Crumb("数据资源", reverse("catalog:resources"))]
    if resource is not None:
        crumbs.append(Crumb(resource.title, reverse("catalog:resource", args=[resource.pk])))
    remarks = open_remarks(version) if version and version.editable else []
    place_remarks(form, rows, remarks)
    context = {
        "title": f"编辑 {version.title} v{version.number}" if version else "登记数据资源",
        "subtitle": "可以随时保存草稿；提交审核时再检查是否填全。",
        "crumbs": [*crumbs, Crumb("编辑" if version else "登记")],
        "form": form,
        "sections": lay_out(form),
        "version": version,
        "loose": loose,
        "failed": bool(loose or form.errors) and request.method == "POST",
        "remarks": remarks,
        "cancel_url": reverse("catalog:resource", args=[resource.pk])
        if resource else reverse("catalog:resources"),
        **_items_context(rows, request.POST.get("row", "")),
    }  # fmt: skip
    return render(
        request, "catalog/resource/edit.html", context, status=422 if context["failed"] else 200
    )


def submit(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Hand the draft to the reviewers; what is missing is shown in the editor."""
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    version = _working(resource)
    if _needs_words(resource, version):
        return redirect("catalog_changing:submit", resource.pk)
    try:
        review.submit(actor=request.actor, version=version)
    except InvalidInput:
        return redirect(f"{reverse('catalog:edit', args=[resource.pk])}?check=1")
    messages.success(request, "已提交审核，审核人员会收到提醒。")
    return redirect("catalog:resource", resource.pk)


def withdraw(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Take a submitted version back."""
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    review.withdraw(actor=request.actor, version=_working(resource))
    messages.success(request, "已撤回，可以继续修改。")
    return redirect("catalog:edit", resource.pk)


def discard(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Throw an open draft away."""
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    drafts.discard_draft(actor=request.actor, version=_working(resource))
    messages.success(request, f"已放弃“{resource.title}”的草稿。")
    if resource.published is None:
        return redirect("catalog:resources")
    return redirect("catalog:resource", resource.pk)


def change(request: ActorRequest, resource_id: int) -> HttpResponse:
    """Open a new draft that copies the published version."""
    resource = selectors.resource(actor=request.actor, resource_id=resource_id)
    version = drafts.start_change(actor=request.actor, resource=resource)
    messages.success(request, f"已建立变更版本 v{version.number}，发布前原版本继续有效。")
    return redirect("catalog:edit", resource.pk)
