"""Code tables as managed standards: list, detail with history and users, draft, edit, publish, retire, files."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chengshu.data.catalog import standards
from chengshu.data.catalog.choices import StandardState, StandardVersionState
from chengshu.data.catalog.codes import (
    compare_codes,
    csv_of,
    lines_of,
    pairs,
    workbook_of,
)
from chengshu.data.catalog.models import CodeTable, CodeTableVersion
from chengshu.data.catalog.services import code_tables as services
from chengshu.data.catalog.services.locking import is_own
from chengshu.data.catalog.standard_forms import (
    CodesForm,
    CodeTableForm,
    PublishCodesForm,
    ReasonForm,
)
from chengshu.data.catalog.views.form_pages import form_page, posted
from chengshu.data.catalog.views.lists import CodeTableList
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.errors import Conflict, NotFound
from chengshu.kernel.ui.components import Action, Column, Crumb, Table
from chengshu.kernel.ui.components.display import EmptyState

_SHOWN = 30
_VALUES = (
    Column(key="code", title="代码", kind="code", value=lambda row: row[0]),
    Column(key="name", title="含义", kind="main", value=lambda row: row[1]),
)
_FORMATS = {
    "xlsx": (
        workbook_of,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "csv": (csv_of, "text/csv; charset=utf-8"),
}


class CodeTables(CodeTableList):
    """The list, with the state of each table and what may be done."""

    columns = (
        *CodeTableList.columns,
        Column(key="version", title="版本", kind="number", value="number", sort="number"),
        Column(key="state", title="状态", kind="status", label="get_state_display", sort="state"),
    )

    def get_actions(self) -> Sequence[Action]:
        if not holds(self.request.actor, services.EDIT):  # type: ignore[attr-defined]
            return ()
        many, one = reverse("catalog:standards-import"), reverse("catalog:code-table-new")
        return (
            Action(title="批量导入", url=many, icon="file-upload"),
            Action(title="新建代码表", url=one, icon="plus", primary=True),
        )


def _found(table_id: int) -> CodeTable:
    found = CodeTable.objects.select_related("owner").filter(pk=table_id).first()
    if found is None:
        raise NotFound("没有找到这个代码表。")
    return found


def _open(table: CodeTable) -> CodeTableVersion:
    version = standards.open_version(table)
    if version is None:
        raise Conflict("没有修订中的版本。", advice="请先点“修订”。")
    return version


def _crumbs(table: CodeTable, *rest: str) -> list[Crumb]:
    head = [Crumb("代码表", reverse("catalog:code-tables"))]
    if not rest:
        return [*head, Crumb(table.name)]
    here = Crumb(table.name, reverse("catalog:code-table", args=[table.pk]))
    return [*head, here, *(Crumb(word) for word in rest)]


def code_table(request: ActorRequest, table_id: int) -> HttpResponse:
    """One code table: its codes, who uses it, its history."""
    found = _found(table_id)
    draft = standards.open_version(found)
    may_edit = holds(request.actor, services.EDIT)
    values = services.codes_in_force(found)
    used_by = services.uses(found)
    history = list(standards.code_table_versions(found))
    context = {
        "title": found.name,
        "subtitle": found.standard,
        "crumbs": _crumbs(found),
        "actions": _actions(found, draft) if may_edit else _exports(found),
        "table": found,
        "draft": draft if may_edit else None,
        "values": Table.plain(
            key="code-values", columns=_VALUES, rows=values, caption=found.name,
            empty=EmptyState(title="还没有生效的代码", text="发布后，归集时按这些代码校验。", icon="list"),
        ),
        "used_by": list(used_by[:_SHOWN]),
        "uses": used_by.count(),
        "history": [
            (
                version,
                compare_codes(pairs(before.codes), pairs(version.codes)).summary
                if before
                else f"{len(version.codes)} 个代码",
            )
            for version, before in zip_longest(history, history[1:])
            if version.fixed or may_edit
        ],
    }  # fmt: skip
    return render(request, "catalog/code_table.html", context)


def _exports(found: CodeTable) -> list[Action]:
    return [
        Action(
            title=f"导出 {word}", icon="download",
            url=f"{reverse('catalog:code-table-export', args=[found.pk])}?format={key}",
        )
        for key, word in (("xlsx", "Excel"), ("csv", "CSV"))
    ]  # fmt: skip


def _actions(found: CodeTable, draft: CodeTableVersion | None) -> list[Action]:
    key = [found.pk]
    actions: list[Action] = []
    if draft is not None:
        waits = draft.state == StandardVersionState.SUBMITTED
        actions.append(
            Action(
                title="核对变化" if waits else "核对并提请发布", icon="circle-check", primary=True,
                url=reverse("catalog:code-table-publish", args=key),
            )
        )  # fmt: skip
        actions.append(
            Action(
                title="退回", url=reverse("catalog:code-table-return", args=key), icon="rotate-2"
            )
            if waits
            else Action(
                title="编辑代码", url=reverse("catalog:code-table-codes", args=key), icon="pencil"
            )
        )
        actions += [
            Action(
                title="放弃修订", url=reverse("catalog:code-table-discard", args=key), icon="trash",
                method="post", danger=True, confirm=f"放弃“{found}”的 v{draft.number}？现行代码不受影响。",
            ),
        ]  # fmt: skip
    elif found.state == StandardState.PUBLISHED:
        actions += [
            Action(
                title="修订代码", url=reverse("catalog:code-table-revise", args=key), icon="pencil",
                method="post", primary=True,
            ),
            Action(
                title="废止", url=reverse("catalog:code-table-retire", args=key), icon="circle-x",
                danger=True,
            ),
        ]  # fmt: skip
    edit = reverse("catalog:code-table-edit", args=key)
    return [*actions, Action(title="修改说明", url=edit), *_exports(found)]


def new(request: ActorRequest) -> HttpResponse:
    """Draft a code table."""
    form = CodeTableForm(posted(request))

    def save() -> tuple[str, str]:
        data = form.cleaned_data
        table = services.create_code_table(
            actor=request.actor, key=data["key"], name=data["name"], standard=data["standard"],
            description=data["description"], owner=form.unit(),
        )  # fmt: skip
        return reverse("catalog:code-table-codes", args=[table.pk]), "已建立，接着填写代码。"

    return form_page(
        request, form, save, title="新建代码表", submit="建立，接着填代码",
        crumbs=[Crumb("代码表", reverse("catalog:code-tables")), Crumb("新建")],
        cancel_url=reverse("catalog:code-tables"),
    )  # fmt: skip


def edit(request: ActorRequest, table_id: int) -> HttpResponse:
    """Change what is said about a table."""
    found = _found(table_id)
    initial = {
        "name": found.name, "standard": found.standard, "description": found.description,
        "owner": found.owner.code if found.owner else "",
    }  # fmt: skip
    form = CodeTableForm(posted(request), existing=True, initial=initial)
    target = reverse("catalog:code-table", args=[found.pk])

    def save() -> tuple[str, str]:
        data = form.cleaned_data
        services.describe_code_table(
            actor=request.actor, table=found, name=data["name"], standard=data["standard"],
            description=data["description"], owner=form.unit(),
        )  # fmt: skip
        return target, "修改已保存。"

    return form_page(
        request, form, save, title=f"修改“{found}”", crumbs=_crumbs(found, "修改说明"),
        cancel_url=target,
    )  # fmt: skip


def codes(request: ActorRequest, table_id: int) -> HttpResponse:
    """Edit the codes of the open version, by hand or from a file."""
    found = _found(table_id)
    version = _open(found)
    initial = {
        "codes": lines_of(pairs(version.codes)), "revision": version.revision,
        "change_note": version.change_note,
    }  # fmt: skip
    form = CodesForm(
        posted(request), request.FILES if request.method == "POST" else None, initial=initial
    )
    target = reverse("catalog:code-table", args=[found.pk])

    def save() -> tuple[str, str]:
        given = form.pairs()
        services.edit_codes(
            actor=request.actor, version=version, revision=form.cleaned_data["revision"] or 0,
            codes=given, change_note=form.cleaned_data["change_note"],
        )  # fmt: skip
        after = reverse("catalog:code-table-publish", args=[found.pk])
        return after, f"已保存 {len(given)} 个代码；核对下面的变化后提请发布，发布才生效。"

    return form_page(
        request, form, save, title=f"“{found}”v{version.number} 的代码", submit="保存，核对变化",
        crumbs=_crumbs(found, "编辑代码"), cancel_url=target,
        template="catalog/code_table_codes.html",
    )  # fmt: skip


def publish(request: ActorRequest, table_id: int) -> HttpResponse:
    """The difference and who is hit; then propose the codes, or, as another person, put them in force."""
    found = _found(table_id)
    version = _open(found)
    difference = compare_codes(services.codes_in_force(found), pairs(version.codes))
    form = PublishCodesForm(posted(request))
    target = reverse("catalog:code-table", args=[found.pk])
    waits = version.state == StandardVersionState.SUBMITTED

    def save() -> tuple[str, str]:
        if not waits:
            services.submit_codes(actor=request.actor, table=found)
            return target, f"v{version.number} 已提请发布，由另一位数据管理员核对后生效。"
        done = services.publish_codes(
            actor=request.actor, table=found, accept_removal=form.cleaned_data["accept_removal"]
        )
        return target, f"已发布 v{done.number}，归集和校验从现在起用新代码。"

    return form_page(
        request, form, save, title=f"发布“{found}”v{version.number}", cancel_url=target,
        crumbs=_crumbs(found, "发布"), template="catalog/code_table_publish.html",
        table=found, version=version, difference=difference, waits=waits,
        own=is_own(version, request.actor),
        users=list(services.uses(found)) if found.number else [],
    )  # fmt: skip


def revise(request: ActorRequest, table_id: int) -> HttpResponse:
    """Open a new version."""
    found = _found(table_id)
    version = services.revise_code_table(actor=request.actor, table=found)
    messages.success(request, f"已建立 v{version.number}，发布前现行代码继续有效。")
    return redirect("catalog:code-table-codes", found.pk)


def discard(request: ActorRequest, table_id: int) -> HttpResponse:
    """Throw the open version away."""
    found = _found(table_id)
    gone = found.state == StandardState.DRAFT
    services.discard_codes(actor=request.actor, table=found)
    messages.success(request, "已放弃。")
    if gone:
        return redirect("catalog:code-tables")
    return redirect("catalog:code-table", found.pk)


def give_back(request: ActorRequest, table_id: int) -> HttpResponse:
    """Return the proposed version, with a remark."""
    found = _found(table_id)
    form = ReasonForm(posted(request))
    form.fields["reason"].label = "要改什么"
    form.fields["reason"].help_text = "退回后起草人按意见修改，再提请发布；现行代码继续有效。"
    target = reverse("catalog:code-table", args=[found.pk])

    def save() -> tuple[str, str]:
        services.return_codes(actor=request.actor, table=found, remark=form.cleaned_data["reason"])
        return target, "已退回。"

    return form_page(
        request, form, save, title=f"退回“{found}”的修订", submit="退回", cancel_url=target,
        crumbs=_crumbs(found, "退回"),
    )  # fmt: skip


def retire(request: ActorRequest, table_id: int) -> HttpResponse:
    """Retire, with a reason."""
    found = _found(table_id)
    form = ReasonForm(posted(request))
    form.fields["reason"].help_text = "废止后新目录不能再选；已用它的目录照旧校验。"
    target = reverse("catalog:code-table", args=[found.pk])

    def save() -> tuple[str, str]:
        services.retire_code_table(
            actor=request.actor, table=found, reason=form.cleaned_data["reason"]
        )
        return target, f"已废止“{found}”。"

    return form_page(
        request, form, save, title=f"废止“{found}”", submit="废止", cancel_url=target,
        crumbs=_crumbs(found, "废止"),
    )  # fmt: skip


def version(request: ActorRequest, table_id: int, number: int) -> HttpResponse:
    """The codes as they stood in one version, and what it changed."""
    found = _found(table_id)
    one = found.versions.filter(number=number).first()
    if one is None or not (one.fixed or holds(request.actor, services.EDIT)):
        raise NotFound("没有找到这个版本。")
    before = found.versions.filter(number__lt=number).order_by("-number").first()
    codes = pairs(one.codes)
    difference: Any = compare_codes(pairs(before.codes), codes) if before else None
    context = {
        "title": f"{found.name} v{one.number}",
        "subtitle": one.get_state_display(),
        "crumbs": _crumbs(found, f"v{one.number}"),
        "version": one,
        "before": before,
        "difference": difference,
        "values": Table.plain(
            key="version-values", columns=_VALUES, rows=codes, caption=found.name,
            empty=EmptyState(title="这个版本没有代码", icon="list"),
        ),
    }  # fmt: skip
    return render(request, "catalog/code_table_version.html", context)


def export(request: ActorRequest, table_id: int) -> HttpResponse:
    """The codes in force (or being written, before the first publication) as a file."""
    found = _found(table_id)
    key = request.GET.get("format", "xlsx")
    if key not in _FORMATS:
        raise NotFound("只能导出 Excel 或 CSV。")
    rows = services.codes_in_force(found)
    draft = standards.open_version(found)
    if not rows and draft is not None and holds(request.actor, services.EDIT):
        rows = pairs(draft.codes)
    write, kind = _FORMATS[key]
    response = HttpResponse(write(rows), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{found.key}.{key}"'
    return response
