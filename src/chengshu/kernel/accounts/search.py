"""What accounts offer to the search box: organisations and staff accounts."""

from collections.abc import Collection, Iterable

from django.urls import reverse

from chengshu.kernel.identity.choices import AccountKind
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.search.source import Document, SearchSource


def sources() -> Iterable[SearchSource]:
    """Organisations and staff; citizens' accounts are never searchable here."""
    return (
        SearchSource(
            kind="identity.organization", name="组织机构", documents=_organizations,
            events=("city.identity.organization.",),
        ),
        SearchSource(
            kind="identity.account", name="账号", documents=_accounts,
            events=("city.identity.account.changed",),
        ),
    )  # fmt: skip


def _organizations(ids: Collection[str] | None) -> Iterable[Document]:
    rows = Organization.objects.select_related("parent")
    for item in rows if ids is None else rows.filter(pk__in=ids):
        yield Document(
            kind="identity.organization",
            object_id=str(item.pk),
            title=item.name,
            summary=f"{item.get_kind_display()} · {item.code} · 上级：{item.parent or '无'}",
            keywords=item.short,
            url=reverse("identity:organization", args=[item.pk]),
            organization_path=item.path,
            permission="identity.organization.view",
        )


def _accounts(ids: Collection[str] | None) -> Iterable[Document]:
    rows = Account.objects.select_related("organization").filter(
        kind=AccountKind.STAFF, organization__isnull=False
    )
    for item in rows if ids is None else rows.filter(pk__in=ids):
        organization = item.organization
        if organization is None:
            continue
        yield Document(
            kind="identity.account",
            object_id=str(item.pk),
            title=item.display_name,
            summary=" · ".join(filter(None, (item.username, str(organization), item.post))),
            url=reverse("identity:account", args=[item.pk]),
            organization_path=organization.path,
            permission="identity.account.view",
        )
