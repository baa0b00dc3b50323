"""One search over everything, within what the person may see."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Case, F, QuerySet, Value, When
from django.db.models.functions import Cast
from django.utils.safestring import SafeString

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.search import synonyms
from chengshu.kernel.search.facets import KIND, Chosen, tally
from chengshu.kernel.search.highlighting import excerpt, highlight
from chengshu.kernel.search.index import index, rebuild, refresh, remove, sources
from chengshu.kernel.search.matching import Match, by_index
from chengshu.kernel.search.models import SearchDocument, SearchPlace
from chengshu.kernel.search.spelling import alike, homophone, sound_query
from chengshu.kernel.search.text import Mode, Query, parse_query
from chengshu.kernel.search.visibility import visible

# Ranking reads candidates; above this many those with the words in a short title are ranked.
CANDIDATES = 200
SUGGESTIONS = 8


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


class _Candidate(NamedTuple):
    """What ranking looks at. Summaries are long and only those of the page are shown: they stay behind until then."""

    id: int
    kind: str
    object_id: str
    title: str
    url: str
    updated_at: datetime


Place = tuple[int, int, str, str]
"""Weight, negative document, kind, stored facets: in natural order the likeliest come first, newer before older."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The places that matched, by kind, and the documents that matched in their title.

    The full-text index is asked once for the counts, the candidates and the other kinds alike: asking it is what costs.
    """

    by_kind: dict[str, list[Place]]
    titled: frozenset[int]

    @classmethod
    def of(cls, places: Collection[Place], titled: Iterable[int]) -> "Matches":
        """Sort places by kind."""
        by_kind: dict[str, list[Place]] = {}
        for place in places:
            by_kind.setdefault(place[2], []).append(place)
        return cls(by_kind, frozenset(titled))

    def best(self, chosen: Chosen, limit: int) -> list[int]:
        """Documents of the chosen facets that are likeliest: those that match in a short title, newer first."""
        kinds = chosen.get(KIND) or self.by_kind
        places = [place for kind in kinds for place in self.by_kind.get(kind, ())]
        if any(values for key, values in chosen.items() if key != KIND):
            stored = {place[2:] for place in places}
            fitting = {pair for pair in stored if tally([(*pair, 1)], chosen)[1]}
            places = [place for place in places if place[2:] in fitting]
        likeliest = nsmallest(limit, (place for place in places if -place[1] in self.titled))
        if room := limit - len(likeliest):
            likeliest += nsmallest(room, (p for p in places if -p[1] not in self.titled))
        return [-place[1] for place in likeliest]


@dataclass(slots=True)
class Results:
    """What a search found.

    Attributes:
        total: things found within the reader's scope; ``reachable`` of them can be paged through.
        loose: nothing held all words, so any part of them counted.
        did_you_mean: a likelier spelling, when nothing held all words; "" for none.
        kinds: (kind, name, count) over the whole result, for the filter; not narrowed by ``kinds``.
        facets: facet → value → count; a facet's own choice does not narrow its own counts.
        parsed: the query as it was understood, for highlighting parts of a hit.
        matches: everything that matched, for asking more of the same search (:func:`more`).
    """

    query: str
    hits: list[Hit] = field(default_factory=list)
    total: int = 0
    reachable: int = 0
    loose: bool = False
    did_you_mean: str = ""
    kinds: list[tuple[str, str, int]] = field(default_factory=list)
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    parsed: Query = field(default_factory=Query)
    matches: "Matches | None" = field(default=None, repr=False)


def search(
    actor: Actor,
    query: str,
    *,
    kinds: Collection[str] | None = None,
    within: Collection[str] = (),
    chosen: Chosen | None = None,
    limit: int = 20,
    offset: int = 0,
) -> Results:
    """Find what holds all words of ``query``, or else any part of them, within the actor's scope.

    Args:
        actor: who reads; the anonymous public finds public things only.
        query: as typed; Chinese words of one character up, codes, pinyin or its initials.
        kinds: narrow to these kinds.
        within: only these kinds exist for this search (its counts say nothing of others).
        chosen: narrow to these values of facets.
        limit: size of the page.
        offset: where the page begins among at most :data:`CANDIDATES` ranked things.
    """
    synonyms.refresh()
    parsed = parse_query(query)
    results = Results(query=query, parsed=parsed)
    if not parsed:
        return results
    reach = visible(actor)
    if within:
        reach = reach.filter(kind__in=list(within))
    narrowed: Chosen = {**(chosen or {}), **({KIND: kinds} if kinds else {})}
    for mode in Mode:
        match = Match(parsed, mode)
        with by_index():
            found = _Found(match, reach)
        if found.places:
            break
        results.did_you_mean = results.did_you_mean or _likelier(reach, query)
    else:
        return results
    results.matches = Matches.of(found.places, found.titled)
    counted = Counter(place[2:] for place in found.places)
    groups = [(kind, facets, count) for (kind, facets), count in counted.items()]
    results.loose = mode is Mode.ANY
    results.facets, results.total = tally(groups, narrowed)
    by_kind = results.facets.get(KIND, {})
    results.kinds = sorted(
        ((kind, kind_name(kind), count) for kind, count in by_kind.items()), key=lambda k: -k[2]
    )
    results.reachable = min(results.total, CANDIDATES)
    ranked = _ranked(results, narrowed, CANDIDATES)[offset : offset + limit]
    texts = _summaries(ranked)
    results.hits = [_hit(item, texts.get(item.id, ""), parsed) for item in ranked]
    return results


class _Found:
    """What one question to the index brings; read at once, while :func:`by_index` holds."""

    def __init__(self, match: Match, reach: QuerySet[SearchPlace]) -> None:
        newest = F("document_id") * Value(-1)
        places = match.anywhere(reach).order_by()
        self.places: list[Place] = list(places.values_list("weight", newest, "kind", "facets"))
        titled = match.in_title(reach) if self.places else reach.none()
        self.titled = list(titled.order_by().values_list("document_id", flat=True))


def matching_keys(actor: Actor, query: str, kind: str) -> QuerySet[SearchPlace, Any]:
    """Primary keys of the things of one kind that hold all words of ``query``, or else any part, as a subquery.

    For list pages of their own: ``found.filter(pk__in=matching_keys(…))``. The kind's object ids must be numbers.
    """
    synonyms.refresh()
    parsed = parse_query(query)
    reach = visible(actor).filter(kind=kind)
    found = reach.none()
    for mode in Mode if parsed else ():
        found = Match(parsed, mode).anywhere(reach)
        if found.exists():
            break
    # The condition is repeated in the case, because PostgreSQL may convert before it filters.
    number = Case(When(kind=kind, then=Cast("document__object_id", BigIntegerField())))
    return found.annotate(key=number).values("key")


def more(results: Results, *, kinds: Collection[str], chosen: Chosen, limit: int) -> list[Hit]:
    """The best hits of other kinds for a search that was made, without asking the index again."""
    ranked = _ranked(results, {**chosen, KIND: kinds}, 2 * limit)[:limit]
    texts = _summaries(ranked)
    return [_hit(item, texts.get(item.id, ""), results.parsed) for item in ranked]


def suggest(
    actor: Actor, text: str, *, within: Collection[str] = (), limit: int = SUGGESTIONS
) -> list[Hit]:
    """Titles to offer while somebody types: those that hold what is typed so far, each title once."""
    synonyms.refresh()
    parsed = parse_query(text)
    if not parsed:
        return []
    reach = visible(actor)
    if within:
        reach = reach.filter(kind__in=list(within))
    match = Match(parsed, Mode.ALL)
    with by_index():
        ids = _first(match.in_title(reach), CANDIDATES // 4)
    found: dict[str, _Candidate] = {}
    for item in _sorted(_loaded(ids), set(ids), parsed, text):
        found.setdefault(item.title, item)
    return [_hit(item, "", parsed) for item in list(found.values())[:limit]]


def kind_name(kind: str) -> str:
    """What people call a kind of thing."""
    source = sources().get(kind)
    return source.name if source else kind


def _summaries(items: Collection[_Candidate]) -> dict[int, str]:
    shown = SearchDocument.objects.filter(id__in=[item.id for item in items])
    return dict(shown.values_list("id", "summary"))


def _likelier(reach: QuerySet[SearchPlace], query: str) -> str:
    """Another spelling of a query nothing answers: one that sounds the same, else one that looks like it."""
    wanted = query.strip()
    heard = sound_query(wanted)
    if heard:
        with by_index():
            ids = _first(Match(heard, Mode.ALL).in_title(reach), CANDIDATES // 4)
        found = homophone(wanted, [item.title for item in _loaded(ids)])
        if found:
            return found
    parts = parse_query(wanted)
    with by_index():
        ids = _first(Match(parts, Mode.ANY).in_title(reach), CANDIDATES)
    return alike(wanted, [item.title for item in _loaded(ids)])


def _first(places: QuerySet[SearchPlace], limit: int) -> list[int]:
    ordered = places.order_by("weight", "-document_id")
    return list(ordered.values_list("document_id", flat=True)[:limit])


def _loaded(ids: Collection[int]) -> list[_Candidate]:
    rows = SearchDocument.objects.filter(id__in=list(ids))
    return [_Candidate(*row) for row in rows.values_list(*_Candidate._fields)]


def _ranked(results: Results, chosen: Chosen, candidates: int) -> list[_Candidate]:
    """Candidates in the order a person expects: the exact title, then title hits, then the rest, newer first."""
    if results.matches is None:
        return []
    ids = results.matches.best(chosen, candidates)
    return _sorted(_loaded(ids), results.matches.titled, results.parsed, results.query)


def _sorted(
    items: Collection[_Candidate], in_title: Collection[int], parsed: Query, query: str
) -> list[_Candidate]:
    wanted = query.strip().casefold()
    tokens = {t.token for g in parsed.groups for a in g for t in a}

    def key(item: _Candidate) -> tuple[int, int, int, float]:
        title = item.title.casefold()
        place = title.find(wanted)
        step = 0 if title == wanted else 1 if place == 0 else 2 if place > 0 else 3
        hits = sum(token in title for token in tokens)
        return (step if item.id in in_title else 4, -hits, len(title), -item.updated_at.timestamp())

    return sorted(items, key=key)


def _hit(item: _Candidate, summary: str, query: Query) -> Hit:
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
    "matching_keys",
    "more",
    "rebuild",
    "refresh",
    "remove",
    "search",
    "suggest",
]
