"""One search over everything, within what the person may see."""

from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from chengshu.kernel.access.actor import Actor, Scope
from chengshu.kernel.search.highlighting import excerpt, highlight
from chengshu.kernel.search.index import index, rebuild, refresh, remove, sources
from chengshu.kernel.search.models import SearchDocument
from chengshu.kernel.search.text import Mode, Query, fts5_match, parse_query, tsquery

# Ranking reads candidates; above this many the newest are ranked, those with the words in the title first.
CANDIDATES = 300


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found."""

    kind: str
    kind_name: str
    object_id: str
    title: str
    url: str
    title_html: SafeString
    summary_html: SafeString


@dataclass(slots=True)
class Results:
    """What a search found.

    Attributes:
        total: things found within the reader's scope; ``reachable`` of them can be paged through.
        loose: nothing held all words, so any part of them counted.
        kinds: (kind, name, count) over the whole result, for the filter; not narrowed by ``kinds``.
    """

    query: str
    hits: list[Hit] = field(default_factory=list)
    total: int = 0
    reachable: int = 0
    loose: bool = False
    kinds: list[tuple[str, str, int]] = field(default_factory=list)


def search(
    actor: Actor,
    query: str,
    *,
    kinds: list[str] | None = None,
    limit: int = 20,
    offset: int = 0,
) -> Results:
    """Find what holds all words of ``query``, or else any part of them, within the actor's scope.

    Args:
        actor: who reads; the anonymous public finds public things only.
        query: as typed; Chinese words of one character up, codes, pinyin initials of titles.
        kinds: narrow to these kinds.
        limit: size of the page.
        offset: where the page begins among at most :data:`CANDIDATES` ranked things.
    """
    parsed = parse_query(query)
    results = Results(query=query)
    if not parsed:
        return results
    visible = _visible(actor)
    for mode in Mode:
        found = visible.filter(id__in=_Match(parsed, mode).anywhere)
        counts = dict(
            found.order_by().values_list("kind").annotate(n=Count("id")).values_list("kind", "n")
        )
        if counts:
            break
    else:
        return results
    results.loose = mode is Mode.ANY
    results.kinds = sorted(
        ((kind, kind_name(kind), count) for kind, count in counts.items()), key=lambda k: -k[2]
    )
    if kinds:
        found = found.filter(kind__in=kinds)
        counts = {kind: count for kind, count in counts.items() if kind in kinds}
    results.total = sum(counts.values())
    results.reachable = min(results.total, CANDIDATES)
    ranked = _ranked(found, _Match(parsed, mode), query)[offset : offset + limit]
    results.hits = [_hit(item, parsed) for item in ranked]
    return results


def kind_name(kind: str) -> str:
    """What people call a kind of thing."""
    source = sources().get(kind)
    return source.name if source else kind


def _visible(actor: Actor) -> QuerySet[SearchDocument]:
    everything = SearchDocument.objects.all()
    if actor.system:
        return everything
    by_scope: dict[tuple[Scope, ...], list[str]] = {}
    for permission, scopes in actor.scopes.items():
        by_scope.setdefault(scopes, []).append(permission)
    conditions = [Q(permission="")]
    for scopes, permissions in by_scope.items():
        places = [Q(organization_path__startswith=s.organization_path) for s in scopes]
        conditions.append(
            Q(permission__in=permissions) & reduce(or_, places, Q(organization_path=""))
        )
    return everything.filter(reduce(or_, conditions))


class _Match:
    """The full-text condition on either database, as ids."""

    def __init__(self, query: Query, mode: Mode) -> None:
        self.query, self.mode = query, mode

    @cached_property
    def anywhere(self) -> RawSQL:
        return self._ids("tokens", "vector")

    @cached_property
    def in_title(self) -> RawSQL:
        return self._ids("title_tokens", "title_vector")

    def _ids(self, column: str, vector: str) -> RawSQL:
        # Only our own column names are formatted in; the query is a parameter.
        if connection.vendor == "postgresql":
            expression = tsquery(self.query, mode=self.mode)
            both = f"{vector} @@ %s::tsquery"
            if column == "tokens":
                both = f"({both} OR title_vector @@ %s::tsquery)"
            count = both.count("%s")
            return RawSQL(  # noqa: S611
                f"SELECT id FROM search_searchdocument WHERE {both}",  # noqa: S608
                [expression] * count,
            )
        expression = (
            fts5_match(self.query, mode=self.mode)
            if column == "tokens"
            else fts5_match(self.query, mode=self.mode, column=column)
        )
        return RawSQL(
            "SELECT rowid FROM search_index WHERE search_index MATCH %s", [expression]
        )


def _ranked(found: QuerySet[SearchDocument], match: _Match, query: str) -> list[SearchDocument]:
    """Candidates in the order a person expects: the exact title, then title hits, then the rest, newer first."""
    wanted = query.strip().casefold()
    shown = found.only("kind", "object_id", "title", "summary", "url", "updated_at")
    in_title = list(shown.filter(id__in=match.in_title).order_by("-updated_at", "-id")[:CANDIDATES])
    known = {item.id for item in in_title}
    room = CANDIDATES - len(in_title)
    rest = list(shown.exclude(id__in=known).order_by("-updated_at", "-id")[:room]) if room else []
    tokens = {t.token for g in match.query.groups for a in g for t in a}

    def key(item: SearchDocument) -> tuple[int, int, int, float]:
        title = item.title.casefold()
        place = title.find(wanted)
        step = 0 if title == wanted else 1 if place == 0 else 2 if place > 0 else 3
        hits = sum(token in title for token in tokens)
        return (step if item.id in known else 4, -hits, len(title), -item.updated_at.timestamp())

    return sorted([*in_title, *rest], key=key)


def _hit(item: SearchDocument, query: Query) -> Hit:
    return Hit(
        kind=item.kind,
        kind_name=kind_name(item.kind),
        object_id=item.object_id,
        title=item.title,
        url=item.url,
        title_html=highlight(item.title, query),
        summary_html=excerpt(item.summary, query),
    )


__all__ = [
    "CANDIDATES",
    "Hit",
    "Results",
    "index",
    "kind_name",
    "rebuild",
    "refresh",
    "remove",
    "search",
]
