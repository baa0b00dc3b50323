"""Public datasets as short entries in memory: what search, facets and lists go through (one query, no release read)."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from chengshu.data.opening import selectors
from chengshu.data.opening.choices import FileFormat, Theme
from chengshu.portals.opendata.ckan.errors import unsearchable
from chengshu.portals.opendata.ckan.identity import Identifiers

_ALWAYS = {
    "state": ("active",), "type": ("dataset",), "dataset_type": ("dataset",),
    "entity_type": ("package",), "capacity": ("public",), "private": ("false",),
}  # fmt: skip
FACETS = {
    "organization": "提供单位", "groups": "主题", "tags": "关键词", "res_format": "格式",
    "license_id": "许可",
}  # fmt: skip
THEMES: dict[str, str] = dict(Theme.choices)
_FORMAT_WORDS: dict[str, str] = dict(FileFormat.choices)


@dataclass(frozen=True, slots=True)
class Entry:
    """A public dataset as search sees it. ``text`` is everything the search box looks into, if it was asked for."""

    pk: int
    identifier: str
    slug: str
    title: str
    theme: str
    tags: tuple[str, ...]
    licence: str
    formats: tuple[str, ...]
    provider: str
    provider_name: str
    created: datetime
    modified: datetime | None
    summary: str = ""
    text: str = ""

    def facet_of(self, field: str) -> Sequence[str]:
        """Values a facet counts, as they are written."""
        match field:
            case "organization":
                return (self.provider,)
            case "groups":
                return (self.theme,)
            case "tags":
                return self.tags
            case "res_format":
                return self.formats
            case "license_id":
                return (self.licence,)
        raise unsearchable(f"不能按“{field[:40]}”分面。可用：{'、'.join(FACETS)}。")

    def words_of(self, field: str) -> Collection[str]:
        """Exact values of a field, in lower case."""
        if field in _ALWAYS:
            return _ALWAYS[field]
        if field == "owner_org":
            return (self.provider.lower(),)
        if field in {"id", "name"}:
            return (self.slug, self.identifier)
        return [value.lower() for value in self.facet_of(field)]

    def text_of(self, field: str) -> str:
        """The running text of a field, in lower case."""
        match field:
            case "title" | "title_string":
                return self.title.lower()
            case "author":
                return self.provider_name.lower()
            case "notes":
                return self.summary.lower()
        return self.text

    def moment_of(self, field: str) -> datetime | None:
        """When it was last released, or first written."""
        return self.modified if field == "metadata_modified" else self.created


def every_entry(identifiers: Identifiers, *, with_text: bool = False) -> list[Entry]:
    """All public datasets, the newest first; ``with_text`` reads their whole description too."""
    columns = [
        "pk", "slug", "title", "theme", "keywords", "licence", "formats",
        "resource__provider__code", "resource__provider__name", "created_at", "published_at",
        "summary",
    ]  # fmt: skip
    if with_text:
        columns.append("search_text")
    return [
        Entry(
            pk, identifiers.of(pk), slug, title, theme, tuple(tags), licence,
            tuple(_FORMAT_WORDS[f] for f in formats if f in _FORMAT_WORDS), code, name, created,
            modified, summary, *text,
        )
        for pk, slug, title, theme, tags, licence, formats, code, name, created, modified, summary, *text
        in selectors.public_datasets().values_list(*columns)
    ]  # fmt: skip


_SORTS: dict[str, Callable[[Entry], str | datetime]] = {
    "name": lambda entry: entry.slug,
    "id": lambda entry: entry.identifier,
    "title": lambda entry: entry.title,
    "title_string": lambda entry: entry.title,
    "metadata_modified": lambda entry: entry.modified or entry.created,
    "metadata_created": lambda entry: entry.created,
}
# Every match is as good as the next here; these words leave the order as it is.
_UNRANKED = {"score", "relevance", "rank"}


def in_order(entries: list[Entry], sort: str) -> list[Entry]:
    """Sort by ``field [asc|desc], …``; without an order the newest come first.

    Raises:
        CkanError: an unknown field or direction.
    """
    for part in reversed([p.split() for p in sort.split(",") if p.strip()]):
        name, direction = part[0], part[1].lower() if len(part) > 1 else "asc"
        if direction not in {"asc", "desc"} or name not in _SORTS.keys() | _UNRANKED:
            raise unsearchable(
                f"不能按“{' '.join(part)[:40]}”排序。可用：{'、'.join(_SORTS)}，后面加 asc 或 desc。"
            )
        if name in _SORTS:
            entries = sorted(entries, key=_SORTS[name], reverse=direction == "desc")
    return entries


def counted(entries: Sequence[Entry], field: str) -> list[tuple[str, int]]:
    """A facet's values with how many entries have each, the most frequent first."""
    found = Counter(value for entry in entries for value in entry.facet_of(field))
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
