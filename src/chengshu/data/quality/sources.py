"""What quality takes from collection and catalogue: tables, open quarantine, freshness, success."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import duckdb
import pyarrow as pa
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, list_published, published
from chengshu.data.ingest.facade import (
    Batch,
    BatchState,
    Collected,
    Origin,
    QuarantineDecision,
    lake,
    problem_lists,
    quarantine_file,
)
from chengshu.data.quality.engine.catalogued import quarantine_key
from chengshu.data.quality.engine.model import RuleError, TableShape
from chengshu.data.quality.engine.spelling import reference_tables
from chengshu.kernel.errors import ChengshuError

SUCCESS_DAYS = 30
COLLECTION = f"近 {SUCCESS_DAYS} 天归集成功"
DAYS_OF = {
    "realtime": 1, "daily": 1, "weekly": 7, "monthly": 31, "quarterly": 92, "yearly": 366,
}  # fmt: skip
REFERENCES = reference_tables()
"""Lake tables of all references."""
# Problems of one row → how many such rows.
Quarantine = Counter[frozenset[str]]
AccessMeasure = Callable[[Collection[int]], Mapping[int, float]]
ACCESS_MEASURES: dict[str, tuple[str, AccessMeasure]] = {}


def register_access_measure(key: str, title: str, measure: AccessMeasure) -> None:
    """Add a measure of 可访问性: resource ids → share of success (0–1) of those it knows; register from ``apps.py``."""
    ACCESS_MEASURES[key] = (title, measure)


def shape_of(resource: PublishedResource) -> TableShape:
    """A published resource as the engine sees it."""
    return TableShape(
        code=resource.code, title=resource.title, lake_table=resource.lake_table,
        columns=resource.columns,
    )  # fmt: skip


def tables(code: str) -> TableShape:
    """Another table by its catalogue code.

    Raises:
        RuleError: not published, or not collected.
    """
    try:
        shape = shape_of(published(code))
    except ChengshuError as error:
        raise RuleError(error.message) from error
    if not lake().exists(shape.lake_table):
        raise RuleError(f"《{shape.title}》还没有归集数据，不能对照。")
    return shape


def tables_among(resources: Iterable[PublishedResource]) -> Callable[[str], TableShape]:
    """As :func:`tables`, without a query for those at hand."""
    known = {resource.code: shape_of(resource) for resource in resources}
    return partial(_known_or_asked, known)


def _known_or_asked(known: Mapping[str, TableShape], code: str) -> TableShape:
    return known.get(code) or tables(code)


@dataclass(slots=True)
class Standing:
    """What collection tells about one resource."""

    batch: Batch | None = None
    held_at: datetime | None = None
    lake_version: int = 0
    versions: set[int | None] = field(default_factory=set)
    loaded: int = 0
    failed: int = 0

    @property
    def success(self) -> float | None:
        """Share of the batches of the last days that loaded."""
        tried = self.loaded + self.failed
        return self.loaded / tried if tried else None

    def proven(self, version: int) -> bool:
        """Whether every stored row went through the load contract of this catalogue version."""
        return self.versions == {version}


def standings(resource_ids: Collection[int]) -> dict[int, Standing]:
    """How collection stands with the resources (two queries)."""
    found = {key: Standing() for key in resource_ids}
    for held in Collected.objects.filter(resource__in=resource_ids):
        found[held.resource_id].held_at = held.updated_at
        found[held.resource_id].lake_version = held.lake_version
    since = timezone.now() - timedelta(days=SUCCESS_DAYS)
    ended = (BatchState.LOADED, BatchState.FAILED)
    rows = Batch.objects.filter(resource__in=resource_ids, state__in=ended).order_by("created_at")
    for batch in rows:
        standing = found[batch.resource_id]
        if batch.state == BatchState.LOADED:
            standing.versions.add(batch.catalogue_version)
            if batch.origin != Origin.REPLAY:
                standing.batch = batch
        if batch.created_at >= since:
            standing.loaded += batch.state == BatchState.LOADED
            standing.failed += batch.state == BatchState.FAILED
    return found


def keep_references(
    session: duckdb.DuckDBPyConnection, places: Mapping[str, str]
) -> dict[str, str]:
    """Read the references of a session into its memory; returns their places there.

    A rule that names a view over files has the files opened, bound and decoded anew for every table.
    """
    kept = {table: f"kept_{places[table]}" for table in REFERENCES if table in places}
    for table, name in kept.items():
        session.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {places[table]}").fetchall()  # noqa: S608 - own names
    return kept


def open_quarantine(session: duckdb.DuckDBPyConnection, batch: Batch | None) -> Quarantine:
    """The quarantined rows of the last delivery that were not loaded after all, by what is wrong with them."""
    if batch is None or not batch.quarantined or not quarantine_file(batch).is_file():
        return Counter()
    done = QuarantineDecision.objects.filter(batch=batch, kind="replayed")
    replayed = pa.table({"row": pa.array(done.values_list("row_number", flat=True), pa.int64())})
    session.register("quarantine", problem_lists(batch))
    session.register("replayed", replayed)
    found = session.execute(
        'SELECT p, count(*) FROM (SELECT list_transform(problems, lambda x: [x."column", x.rule]) AS p '
        "FROM quarantine WHERE row NOT IN (SELECT row FROM replayed)) GROUP BY p"
    ).fetchall()
    session.unregister("quarantine")
    session.unregister("replayed")
    counted: Quarantine = Counter()
    for problems, rows in found:
        counted[frozenset(quarantine_key(column, rule) for column, rule in problems)] += rows
    return counted


def freshness(resource: PublishedResource, standing: Standing, now: datetime) -> float | None:
    """1 while the next delivery is not due; then falls to 0 over two update cycles. None: nothing is owed."""
    days = DAYS_OF.get(resource.update_cycle)
    if days is None or standing.held_at is None:
        return None
    due = resource.due_at or standing.held_at + timedelta(days=days)
    # An entry's term may be computed a moment after its data came in.
    due = max(due, standing.held_at + timedelta(days=days))
    late = (now - due).total_seconds() / 86_400
    return 1.0 if late <= 0 else max(0.0, 1 - late / (2 * days))


@dataclass(frozen=True, slots=True)
class Access:
    """How well a resource can be reached: what each measure that knows it says, by the measure's title."""

    parts: Mapping[str, float]

    @property
    def value(self) -> float:
        """The mean of the measures, 0–1."""
        return sum(self.parts.values()) / len(self.parts)

    def told(self) -> str:
        """The measures in words."""
        shown = "，".join(f"{title} {value:.1%}" for title, value in self.parts.items())
        return f"可访问性是这几项的平均：{shown}。"


def access(resource_ids: Collection[int], known: Mapping[int, Standing]) -> dict[int, Access]:
    """Collection's success and what was registered, for each resource that any measure knows."""
    parts: dict[int, dict[str, float]] = {key: {} for key in resource_ids}
    for key in resource_ids:
        success = known[key].success
        if success is not None:
            parts[key][COLLECTION] = success
    for title, measure in ACCESS_MEASURES.values():
        for key, value in measure(resource_ids).items():
            parts[key][title] = value
    return {key: Access(found) for key, found in parts.items() if found}


def collected_resources(ids: Collection[int] | None = None) -> list[PublishedResource]:
    """Published resources that have a table in the lake."""
    held = Collected.objects.filter(resource__state="published")
    if ids is not None:
        held = held.filter(resource__in=ids)
    codes = list(held.values_list("resource__code", flat=True))
    return list_published(codes=codes) if codes else []


__all__ = [
    "ACCESS_MEASURES",
    "REFERENCES",
    "Access",
    "Batch",
    "Quarantine",
    "Standing",
    "access",
    "collected_resources",
    "freshness",
    "keep_references",
    "lake",
    "open_quarantine",
    "register_access_measure",
    "shape_of",
    "standings",
    "tables",
    "tables_among",
]
