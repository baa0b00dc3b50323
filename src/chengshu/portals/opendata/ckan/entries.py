"""Public datasets as short entries in memory: what search, facets and lists go through (one query, no release read)."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
NOT_OPEN = "other-closed"
DESCRIPTOR_WORD, API_WORD = "Data Package", "API"
THEMES: dict[str, str] = dict(Theme.choices)
_FORMAT_WORDS: dict[str, str] = dict(FileFormat.choices)


@dataclass(slots=True)
class Entry:
    """A public dataset as search sees it; what was not asked for stays empty (see :func:`every_entry`)."""

    identifiers: Identifiers
    pk: int
    slug: str
    title: str = ""
    summary: str = ""
    text: str = ""
    theme: str = ""
    tags: Sequence[str] = ()
    licence: str = ""
    restricted: bool = False
    formats: Sequence[str] = ()
    provider: str = ""
    provider_name: str = ""
    created: datetime | None = None
    modified: datetime | None = None

    @property
    def identifier(self) -> str:
        """The dataset's identifier for CKAN clients."""
        return self.identifiers.of(self.pk)

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
                return () if self.restricted else self._formats()
            case "license_id":
                return (NOT_OPEN if self.restricted else self.licence,)
        raise unsearchable(f"不能按“{field[:40]}”分面。可用：{'、'.join(FACETS)}。")

    def _formats(self) -> list[str]:
        """As the resources of ``package_show`` say them: the files, and the way to ask for rows."""
        files = [_FORMAT_WORDS[form] for form in self.formats if form in _FORMAT_WORDS]
        return [*files, DESCRIPTOR_WORD, API_WORD]

    def words_of(self, field: str) -> Collection[str]:
        """Exact values of a field, in lower case."""
        if field in _ALWAYS:
            return _ALWAYS[field]
        if field == "isopen":
            return ("false" if self.restricted else "true",)
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


_COLUMNS = {
    "title": "title", "summary": "summary", "text": "search_text", "theme": "theme",
    "tags": "keywords", "licence": "licence", "formats": "formats", "restricted": "restricted",
    "provider": "resource__provider__code", "provider_name": "resource__provider__name",
    "created": "created_at", "modified": "published_at",
}  # fmt: skip
_NEEDS = {
    "": "text", "text": "text", "title": "title", "title_string": "title", "notes": "summary",
    "author": "provider_name", "organization": "provider", "owner_org": "provider",
    "groups": "theme", "tags": "tags", "res_format": "formats", "license_id": "licence", "isopen": "restricted",
    "metadata_modified": "modified", "metadata_created": "created",
}  # fmt: skip


def every_entry(identifiers: Identifiers, *fields: str) -> list[Entry]:
    """All described datasets, the newest first, with what some fields need: reading less is most of the speed."""
    needed = {_NEEDS[field] for field in fields if field in _NEEDS}
    if needed & {"formats", "licence"}:
        needed.add("restricted")
    if "provider" in needed:
        needed.add("provider_name")
    wanted = sorted(needed)
    found = selectors.described_datasets().values_list("pk", "slug", *(_COLUMNS[n] for n in wanted))
    return [
        Entry(identifiers, pk, slug, **dict(zip(wanted, rest, strict=True)))
        for pk, slug, *rest in found
    ]


_SORTS: dict[str, Callable[[Entry], Any]] = {
    "name": lambda entry: entry.slug,
    "id": lambda entry: entry.identifier,
    "title": lambda entry: entry.title,
    "title_string": lambda entry: entry.title,
    "metadata_modified": lambda entry: entry.modified,
    "metadata_created": lambda entry: entry.created,
}
# Every match is as good as the next here; these words leave the order as it is.
_UNRANKED = {"score", "relevance", "rank"}


def orders(sort: str) -> list[tuple[str, bool]]:
    """The fields of ``field [asc|desc], …``, each with whether it runs backwards.

    Raises:
        CkanError: an unknown field or direction.
    """
    found = []
    for part in [p.split() for p in sort.split(",") if p.strip()]:
        name, direction = part[0], part[1].lower() if len(part) > 1 else "asc"
        if direction not in {"asc", "desc"} or name not in _SORTS.keys() | _UNRANKED:
            raise unsearchable(
                f"不能按“{' '.join(part)[:40]}”排序。可用：{'、'.join(_SORTS)}，后面加 asc 或 desc。"
            )
        if name in _SORTS:
            found.append((name, direction == "desc"))
    return found


def in_order(entries: list[Entry], order: Sequence[tuple[str, bool]]) -> list[Entry]:
    """Sorted; without an order they stay as they are."""
    for name, backwards in reversed(order):
        entries = sorted(entries, key=_SORTS[name], reverse=backwards)
    return entries


def counted(entries: Sequence[Entry], field: str) -> list[tuple[str, int]]:
    """A facet's values with how many entries have each, the most frequent first."""
    found = Counter(value for entry in entries for value in entry.facet_of(field))
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
