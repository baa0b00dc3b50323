"""The shelf of the resource supermarket: what one must know of an interface before applying for it.

How good its data are comes from the quality package, how fresh they are from the catalogue, and who uses them from
the grants in force and the counted calls. Departments and numbers are shown to everybody who may apply; which
application calls for what stays with the two sides of a grant.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Substr
from django.utils import timezone

from chengshu.data.catalog.facade import (
    Freshness,
    Resource,
    freshness_case,
    freshness_of,
    search_resources,
)
from chengshu.data.quality.facade import Evaluation
from chengshu.data.sharing import selectors
from chengshu.data.sharing.choices import GrantState
from chengshu.data.sharing.models import CallStatistic, Grant, ShareInterface
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.search.facets import encode

FEWEST, MOST = 2, 4
"""So many interfaces are compared side by side."""

FACETS = ("provider", "class", "sharing", "grade", "fresh", "level")
UNRATED = "unrated"
"""The word for a resource that was never evaluated, among the grades."""


@dataclass(frozen=True, slots=True)
class User:
    """One department that uses an interface: its applications with a grant, its calls of the last 30 days."""

    code: str
    name: str
    applications: int
    calls: int


def listed(actor: Actor) -> QuerySet[ShareInterface]:
    """Interfaces with what the shelf shows, all in one query: ``grade``, ``score``, ``users``, ``recent_calls``."""
    latest = Evaluation.objects.filter(latest=True, resource=OuterRef("resource"))
    owners = Count(
        "grants__application__owner", filter=Q(grants__state=GrantState.ACTIVE), distinct=True
    )
    return (
        selectors.listed_interfaces(actor)
        .select_related("resource__published")
        .annotate(
            grade=Coalesce(Subquery(latest.values("grade")[:1]), Value(UNRATED)),
            score=Subquery(latest.values("score")[:1]),
            users=owners,
        )
    )


def facet_groups(rows: QuerySet[ShareInterface]) -> list[tuple[str, str, int]]:
    """Counts by all facets at once, in the form :func:`chengshu.kernel.search.facets.tally` reads (one query)."""
    found = rows.order_by().values_list(
        "resource__provider__code",
        Substr("resource__category__code", 1, 1),
        Coalesce("resource__published__sharing_type", Value("")),
        "grade",
        freshness_case(timezone.now(), prefix="resource__"),
        Coalesce("resource__published__level", Value("")),
    )
    return [("", encode(dict(zip(FACETS, keys, strict=True))), 1) for keys in found]


def search(rows: QuerySet[ShareInterface], words: str, actor: Actor) -> QuerySet[ShareInterface]:
    """Interfaces whose own words match, or whose resource the catalogue finds: fields, pinyin, synonyms."""
    resources = search_resources(Resource.objects.all(), words, actor=actor).values("pk")
    own = Q()
    for word in words.split():
        own &= Q(title__icontains=word) | Q(code__icontains=word)
    return rows.filter(own | Q(resource__in=resources))


def freshness(item: ShareInterface) -> Freshness:
    """Whether the data of an interface came in time."""
    return freshness_of(item.resource.fresh_at, item.resource.due_at, timezone.now())


def users(items: Collection[ShareInterface]) -> dict[int, list[User]]:
    """Interface → departments that hold a grant on it, the busiest first (two queries)."""
    grants = (
        Grant.objects.filter(interface__in=[item.pk for item in items], state=GrantState.ACTIVE)
        .order_by()
        .values_list("interface", "application__code", "application__owner__code",
                     "application__owner__short")
    )  # fmt: skip
    codes = {item.pk: item.code for item in items}
    calls = _calls(codes.values())
    sums: dict[tuple[int, str, str], list[int]] = {}
    for interface, application, owner, short in grants:
        line = sums.setdefault((interface, owner, short), [0, 0])
        line[0] += 1
        line[1] += calls.get((codes[interface], application), 0)
    found: dict[int, list[User]] = {item.pk: [] for item in items}
    for (interface, owner, short), (applications, called) in sums.items():
        found[interface].append(User(owner, short, applications, called))
    return {key: sorted(rows, key=lambda u: (-u.calls, u.code)) for key, rows in found.items()}


def _calls(codes: Iterable[str]) -> dict[tuple[str, str], int]:
    since = timezone.now() - selectors.RECENT
    rows = (
        CallStatistic.objects.filter(interface__in=list(codes), hour__gte=since)
        .order_by()
        .values_list("interface", "application")
        .annotate(total=Sum("calls"))
    )
    return {(interface, application): int(total) for interface, application, total in rows}


def chosen(actor: Actor, codes: Sequence[str]) -> list[ShareInterface]:
    """The interfaces to compare, in the order they were chosen.

    Raises:
        InvalidInput: fewer than two or more than four. NotFound: one of them is not there.
    """
    wanted = list(dict.fromkeys(codes))
    if not FEWEST <= len(wanted) <= MOST:
        raise InvalidInput(
            f"一次对比 {FEWEST} 到 {MOST} 个接口，现在选了 {len(wanted)} 个。",
            advice="请回到共享接口列表重新勾选。",
        )
    found = {item.code: item for item in listed(actor).filter(code__in=wanted)}
    if missing := [code for code in wanted if code not in found]:
        raise NotFound(f"没有找到编号为“{missing[0]}”的共享接口。")
    return [found[code] for code in wanted]


def one(actor: Actor, code: str) -> ShareInterface:
    """One interface with what the shelf shows.

    Raises:
        NotFound: none of this code.
    """
    found = listed(actor).filter(code=code).first()
    return found or selectors.interface(actor, code)
