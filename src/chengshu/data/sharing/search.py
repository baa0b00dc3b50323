"""What sharing offers to the search box: interfaces with their fields, and applications."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.urls import reverse

from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.kernel.search.source import Document, SearchSource

_FINDABLE = (InterfaceState.ONLINE, InterfaceState.OFFLINE)


def sources() -> tuple[SearchSource, ...]:
    """The kinds of things sharing offers; ``Manifest.search`` leads here."""
    return (
        SearchSource(
            kind="sharing.interface", name="共享接口", documents=interface_documents,
            events=("city.sharing.interface.",), objects=_subject,
        ),
        SearchSource(
            kind="sharing.application", name="接入应用", documents=application_documents,
            events=("city.sharing.application.",), objects=_subject,
        ),
    )  # fmt: skip


def _subject(event: Any) -> Iterable[str]:
    return [str(event.subject)]


def interface_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Interfaces that were published once; their fields are keywords."""
    found = ShareInterface.objects.filter(state__in=_FINDABLE).select_related("resource__provider")
    for item in found if ids is None else found.filter(code__in=ids):
        fields = " ".join(f"{c['title']} {c['name']}" for c in item.columns)
        yield Document(
            kind="sharing.interface", object_id=item.code, title=item.title,
            summary=f"{item.resource.provider.name} · {item.resource.title}",
            keywords=f"{item.code} {fields}", url=reverse("sharing:interface", args=[item.code]),
            permission="sharing.view", updated_at=item.published_at,
        )  # fmt: skip


def application_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Applications, for those who may see them."""
    found = Application.objects.select_related("owner")
    for item in found if ids is None else found.filter(code__in=ids):
        yield Document(
            kind="sharing.application", object_id=item.code, title=item.name,
            summary=f"{item.owner.name} · {item.purpose}", keywords=item.code,
            url=reverse("sharing:application", args=[item.code]), permission="sharing.view",
            organization_path=item.owner.path, updated_at=item.created_at,
        )  # fmt: skip
