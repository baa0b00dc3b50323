"""One search over everything, within what the person may see."""

from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from django.db import connection
from django.db.models import BooleanField, Count, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.safestring import SafeString

from chengshu.kernel.access.actor import Actor, Scope
from chengshu.kernel.search.highlighting import excerpt, highlight
from chengshu.kernel.search.index import index, rebuild, refresh, remove, sources
from chengshu.kernel.search.models import SearchDocument
from chengshu.kernel.search.text import Mode, Query, fts5_match, parse_query, tsquery

# Ranking reads candidates; above this many the newest are ranked, those with the words in the title first.
CANDIDATES = 200


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
        found = _Match(parsed, mode).anywhere(visible)
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
    texts = dict(
        SearchDocument.objects.filter(id__in=[d.id for d in ranked]).values_list("id", "summary")
    )
    results.hits = [_hit(item, texts.get(item.id, ""), parsed) for item in ranked]
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
    """The full-text condition on either database."""

    def __init__(self, query: Query, mode: Mode) -> None:
        self.query, self.mode = query, mode

    def anywhere(self, rows: QuerySet[SearchDocument]) -> QuerySet[SearchDocument]:
        """Rows that match in any of their texts."""
        return self._narrow(rows, "tokens", "vector")

    def in_title(self, rows: QuerySet[SearchDocument]) -> QuerySet[SearchDocument]:
        """Rows that match in their title alone."""
        return self._narrow(rows, "title_tokens", "title_vector")

    def _narrow(
        self, rows: QuerySet[SearchDocument], column: str, vector: str
    ) -> QuerySet[SearchDocument]:
        # Only our own column names are formatted in; the query itself is a parameter.
        if connection.vendor == "postgresql":
            condition = f"search_searchdocument.{vector} @@ %s::tsquery"
            expression = tsquery(self.query, mode=self.mode)
            return rows.filter(RawSQL(condition, [expression], output_field=BooleanField()))  # noqa: S611
        expression = fts5_match(self.query, mode=self.mode, column=column)
        found = RawSQL("SELECT rowid FROM search_index WHERE search_index MATCH %s", [expression])
        return rows.filter(id__in=found)


def _ranked(found: QuerySet[SearchDocument], match: _Match, query: str) -> list[SearchDocument]:
    """Candidates in the order a person expects: the exact title, then title hits, then the rest, newer first."""
    wanted = query.strip().casefold()
    # Summaries are long and only those of the page are shown: they stay behind until then.
    shown = found.only("kind", "object_id", "title", "url", "updated_at")
    newest = ("-updated_at", "-id")
    in_title = list(match.in_title(shown).order_by(*newest)[:CANDIDATES])
    known = {item.id for item in in_title}
    room = CANDIDATES - len(in_title)
    rest = list(shown.exclude(id__in=known).order_by(*newest)[:room]) if room else []
    tokens = {t.token for g in match.query.groups for a in g for t in a}

    def key(item: SearchDocument) -> tuple[int, int, int, float]:
        title = item.title.casefold()
        place = title.find(wanted)
        step = 0 if title == wanted else 1 if place == 0 else 2 if place > 0 else 3
        hits = sum(token in title for token in tokens)
        return (step if item.id in known else 4, -hits, len(title), -item.updated_at.timestamp())

    return sorted([*in_title, *rest], key=key)


def _hit(item: SearchDocument, summary: str, query: Query) -> Hit:
    return Hit(
        kind=item.kind,
        kind_name=kind_name(item.kind),
        object_id=item.object_id,
        title=item.title,
        url=item.url,
        title_html=highlight(item.title, query),
        summary_html=excerpt(summary, query),
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
