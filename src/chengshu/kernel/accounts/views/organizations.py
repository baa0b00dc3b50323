"""Organisations: tree and list, detail, create and change."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.accounts import presentation, selectors, services
from chengshu.kernel.accounts.forms import OrganizationForm, show_error
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.identity.choices import OrganizationKind
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import Action, Column, Crumb, EmptyState, Fact, Filter
from chengshu.kernel.ui.tables import TableView

MANAGE = "identity.organization.manage"
SHOWN_ACCOUNTS = 20


def organization_url(item: Organization) -> str:
    """Where a unit's page is."""
    return reverse("identity:organization", args=[item.pk])


def _below(rows: QuerySet[Organization], pk: str) -> QuerySet[Organization]:
    path = Organization.objects.filter(pk=pk).values_list("path", flat=True).first()
    return rows.filter(path__startswith=path) if path else rows


def _parents() -> list[tuple[str, str]]:
    rows = Organization.objects.filter(children__isnull=False).distinct().order_by("path")
    return [(str(item.pk), item.name) for item in rows]


class OrganizationList(TableView[Organization]):
    """All units, as a list beside the tree."""

    request: ActorRequest
    title = "组织机构"
    subtitle = "机构的上下级关系决定数据范围：在上级的角色覆盖全部下级。"
    key = "organizations"
    template_name = "accounts/organizations.html"
    columns = (
        Column(
            key="name", title="名称", kind="main", sort="name", locked=True, url=organization_url
        ),
        Column(key="code", title="机构代码", kind="code", sort="code"),
        Column(key="kind", title="类别", value="get_kind_display", sort="kind"),
        Column(key="parent", title="上级机构"),
        Column(key="account_count", title="在用账号", kind="number"),
        Column(
            key="state", title="状态", kind="status",
            value=lambda o: "active" if o.active else "inactive",
            label=lambda o: "在用" if o.active else "停用",
        ),
    )  # fmt: skip
    filters = (
        Filter(key="kind", title="类别", choices=OrganizationKind.choices),
        Filter(key="in", title="所在分支", choices=_parents, apply=_below),
        Filter(key="active", title="状态", choices=(("1", "在用"), ("0", "停用"))),
    )
    search_fields = ("name", "short", "code")
    search_hint = "搜索名称、简称、代码"
    default_sort = "code"
    empty = EmptyState(title="还没有组织机构", text="先登记市级机构，再逐级添加部门和社区。")

    def get_queryset(self) -> QuerySet[Organization]:
        return selectors.with_counts(selectors.organizations(self.request.actor))

    def get_actions(self) -> Sequence[Action]:
        if not holds(self.request.actor, MANAGE):
            return ()
        url = reverse("identity:organization-new")
        return (Action(title="新增机构", url=url, icon="plus", primary=True),)

    def get_context(self) -> dict[str, Any]:
        chosen = self.request.GET.get("in", "")
        rows = selectors.organizations(self.request.actor)
        return {"tree": presentation.tree(rows, chosen), "chosen": chosen}


def organization(request: ActorRequest, pk: int) -> HttpResponse:
    """One unit: facts, units below, accounts, history."""
    item = selectors.organization(request.actor, pk)
    below = selectors.organizations(request.actor).filter(parent=item).order_by("code")
    accounts = []
    if allows(request.actor, "identity.account.view", item):
        rows = selectors.accounts(request.actor).filter(organization=item).order_by("username")
        accounts = list(rows[:SHOWN_ACCOUNTS])
    actions = []
    if allows(request.actor, MANAGE, item):
        actions = [
            Action(title="修改", url=reverse("identity:organization-edit", args=[pk]), icon="pencil"),
            Action(
                title="新增下级", icon="plus", primary=True,
                url=f"{reverse('identity:organization-new')}?parent={pk}",
            ),
        ]  # fmt: skip
    context = {
        "title": item.name,
        "crumbs": [Crumb("组织机构", reverse("identity:organizations")), Crumb(str(item))],
        "actions": actions,
        "item": item,
        "facts": [
            Fact("机构代码", item.code, mono=True),
            Fact("简称", item.short),
            Fact("类别", item.get_kind_display()),
            Fact("上级机构", item.parent, organization_url(item.parent) if item.parent else ""),
            Fact("行政区域", item.region),
        ],
        "below": list(below),
        "accounts": presentation.account_table(
            accounts, lambda a: reverse("identity:account", args=[a.pk])
        ),
        "history": presentation.timeline(selectors.history(item)),
    }
    return render(request, "accounts/organization.html", context)


def organization_new(request: ActorRequest) -> HttpResponse:
    """Add a unit."""
    initial = {"parent": request.GET.get("parent"), "kind": OrganizationKind.DEPARTMENT}
    form = OrganizationForm(request.POST or None, actor=request.actor, initial=initial)
    return _save(request, form, None, title="新增机构", submit="新增机构")


def organization_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change a unit; the second of two people is told."""
    item = selectors.organization(request.actor, pk)
    initial = {
        name: getattr(item, name) for name in ("name", "short", "code", "kind", "active", "version")
    }
    form = OrganizationForm(
        request.POST or None, actor=request.actor, initial={**initial, "parent": item.parent_id}
    )
    return _save(request, form, item, title=f"修改：{item}", submit="保存修改")


def _save(
    request: ActorRequest,
    form: OrganizationForm,
    item: Organization | None,
    *,
    title: str,
    submit: str,
) -> HttpResponse:
    status = 200
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data, version=form.cleaned_data["version"] or 0)
        try:
            saved = services.save_organization(actor=request.actor, organization=item, **data)
        except (InvalidInput, Conflict) as error:
            show_error(form, error)
            status = int(error.status)
        else:
            messages.success(request, f"“{saved}”已保存。")
            return HttpResponseRedirect(organization_url(saved))
    crumbs = [Crumb("组织机构", reverse("identity:organizations"))]
    if item is not None:
        crumbs.append(Crumb(str(item), organization_url(item)))
    context = {
        "title": title,
        "form": form,
        "submit": submit,
        "crumbs": [*crumbs, Crumb("修改" if item else "新增")],
        "cancel_url": organization_url(item) if item else reverse("identity:organizations"),
    }
    return render(request, "ui/form.html", context, status=status)
