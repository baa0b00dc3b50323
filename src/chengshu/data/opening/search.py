"""What opening offers to the search box: public datasets and interfaces."""

from collections.abc import Collection, Iterator

from chengshu.data.opening import selectors
from chengshu.kernel.search.source import Document, SearchSource


def sources() -> tuple[SearchSource, ...]:
    """Both are public: everybody finds them."""
    return (
        SearchSource(
            kind="opening.dataset", name="开放数据集", documents=dataset_documents,
            events=("city.opening.dataset.",),
        ),
        SearchSource(
            kind="opening.interface", name="开放接口", documents=interface_documents,
            events=("city.opening.interface.",),
        ),
    )  # fmt: skip


def dataset_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Published datasets; withdrawn ones are not returned and so leave the index."""
    found = selectors.public_datasets()
    for item in found if ids is None else found.filter(pk__in=ids):
        yield Document(
            kind="opening.dataset", object_id=str(item.pk), title=item.title,
            summary=item.summary, keywords=item.search_text, url=f"/open/datasets/{item.slug}/",
            updated_at=item.published_at,
        )  # fmt: skip


def interface_documents(ids: Collection[str] | None) -> Iterator[Document]:
    """Interfaces that answer."""
    found = selectors.public_interfaces()
    for item in found if ids is None else found.filter(pk__in=ids):
        fields = " ".join(f"{c['title']} {c['name']}" for c in item.columns)
        yield Document(
            kind="opening.interface", object_id=str(item.pk), title=item.title,
            summary=item.summary, keywords=f"{item.slug} {fields}", url=f"/open/interfaces/#{item.slug}",
            updated_at=item.published_at,
        )  # fmt: skip
