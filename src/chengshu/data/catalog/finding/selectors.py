"""Finds in the catalogue: entries first, each with its items that match, then the other kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.safestring import SafeString

from chengshu.data.catalog.choices import Level, ResourceKind, SharingType, VersionState
from chengshu.data.catalog.freshness import Freshness
from chengshu.data.catalog.models import Category, DataItem
from chengshu.data.catalog.search import KINDS, RESOURCE
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.search.facets import KIND
from chengshu.kernel.search.highlighting import highlight
from chengshu.kernel.search.index import part
from chengshu.kernel.search.services import Hit, Results, kind_name, more, search
from chengshu.kernel.search.text import Query, held

PAGE = 20
OTHERS = 24
PER_KIND = 4
SHOWN_ITEMS = 6

Words = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry with its matching items: (title with marks, column name); ``beyond``: how many more match."""

    hit: Hit
    items: tuple[tuple[SafeString, str], ...] = ()
    beyond: int = 0


@dataclass(slots=True)
class Found:
    """What the search page shows.

    Attributes:
        results: the search itself, with counts by facet.
        entries: the page of entries; empty when another kind was chosen.
        sections: (kind, name, hits, count) of the other kinds.
        kinds: (kind, name, count) of all kinds, for the tabs.
    """

    results: Results
    entries: list[FoundEntry] = field(default_factory=list)
    sections: list[tuple[str, str, list[Hit], int]] = field(default_factory=list)
    kinds: list[tuple[str, str, int]] = field(default_factory=list)


def find(
    *, actor: Actor, query: str, kind: str = "", chosen: Mapping[str, Sequence[str]], page: int = 1
) -> Found:
    """Search the catalogue.

    Args:
        actor: who reads.
        query: as typed.
        kind: one of :data:`chengshu.data.catalog.search.KINDS`; "" for all, entries first.
        chosen: facet → values.
        page: page of the entries (or of the kind), from 1.
    """
    results = search(
        actor, query, within=KINDS, kinds=[kind or RESOURCE], chosen=chosen, limit=PAGE,
        offset=(page - 1) * PAGE,
    )  # fmt: skip
    found = Found(results)
    counts = results.facets.get(KIND, {})
    found.kinds = [(key, kind_name(key), counts[key]) for key in KINDS if counts.get(key)]
    if kind not in {"", RESOURCE}:
        found.sections = [(kind, kind_name(kind), results.hits, results.total)]
        return found
    found.entries = _with_items(results.hits, results.parsed)
    others = [key for key in KINDS if key != RESOURCE and counts.get(key)]
    if not kind and page == 1 and others:
        hits = more(results, kinds=others, chosen=chosen, limit=OTHERS)
        found.sections = [
            (key, kind_name(key), mine[:PER_KIND], counts[key])
            for key in others
            if (mine := [hit for hit in hits if hit.kind == key])
        ]
    return found


def _with_items(hits: Sequence[Hit], query: Query) -> list[FoundEntry]:
    """Entries with the items that hold a word of the query, those with most words first (one query)."""
    items: dict[str, list[tuple[int, str, str]]] = {}
    rows = DataItem.objects.filter(
        version__resource__in=[int(hit.object_id) for hit in hits],
        version__state=VersionState.PUBLISHED,
    ).order_by("order")
    # Entries share most names of items: each is judged once.
    judged: dict[tuple[str, str], int] = {}
    for entry, title, name in rows.values_list("version__resource_id", "title", "name"):
        if (title, name) not in judged:
            judged[title, name] = held(query, part(f"{title} {name}"))
        if count := judged[title, name]:
            items.setdefault(str(entry), []).append((count, title, name))
    found = []
    for hit in hits:
        mine = sorted(items.get(hit.object_id, []), key=lambda item: -item[0])
        shown = tuple((highlight(title, query), name) for _n, title, name in mine[:SHOWN_ITEMS])
        found.append(FoundEntry(hit, shown, len(mine) - len(shown)))
    return found


def facet_words() -> dict[str, tuple[str, Words]]:
    """Facets of the search page: key → title and the words of its values (two queries)."""
    units = list(Organization.objects.values_list("code", "short"))
    classes = list(Category.objects.filter(level=1).values_list("code", "name"))
    return {
        "unit": ("单位", units),
        "class": ("分类", classes),
        "form": ("类型", ResourceKind.choices),
        "sharing": ("共享", SharingType.choices),
        "level": ("级别", Level.choices),
        "fresh": ("时效", Freshness.choices),
    }
