"""What tickets offer to the search box."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.presentation import state_word
from chengshu.kernel.search.source import Document, SearchSource


def sources() -> tuple[SearchSource, ...]:
    """One kind of things; ``Manifest.search`` leads here."""
    return (
        SearchSource(
            kind="tickets.ticket", name="问题工单", documents=documents,
            events=("city.tickets.ticket.",), objects=_subject,
        ),
    )  # fmt: skip


def _subject(event: Any) -> Iterable[str]:
    return [str(event.subject)]


def documents(ids: Collection[str] | None) -> Iterator[Document]:
    """All tickets, or those with these keys."""
    rows = Ticket.objects.select_related("department", "resource")
    for item in rows if ids is None else rows.filter(pk__in=[int(i) for i in ids]):
        yield Document(
            kind="tickets.ticket", object_id=str(item.pk), title=item.title,
            summary=f"{item.number} · {item.department.name} · {state_word(item)}",
            keywords=f"{item.number} {item.rule_name} {item.resource.title}",
            url=item.get_absolute_url(), permission="tickets.view",
            organization_path=item.department.path, updated_at=item.updated_at,
        )  # fmt: skip
