"""Evaluates resources: one session over all their tables, one scan per table, scores, fixes, failing rows."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.quality import sources
from chengshu.data.quality.assembling import Assembled, assemble, compile_threshold
from chengshu.data.quality.choices import Dimension, RuleOrigin, Severity
from chengshu.data.quality.engine.model import (
    WORD,
    Check,
    RuleError,
    ScanResult,
    Tables,
    TableShape,
    words_for,
)
from chengshu.data.quality.engine.scan import scan
from chengshu.data.quality.engine.scoring import Evidence, Judged, Policy, fixes, score
from chengshu.data.quality.engine.thresholds import Facts
from chengshu.data.quality.models import Evaluation, Rule, RuleResult, RuleSetting, rows_folder
from chengshu.data.quality.policy import policy
from chengshu.data.quality.services.days import renew_days
from chengshu.kernel.events.services import emit
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import Lake, LakeError

MOST_ROWS = 200_000
"""Failing rows kept per evaluation; counts stay exact beyond it."""
MOST_FIXES = 20
GROUP = 60
"""Tables opened in one session; more would keep too many files open."""
OFTEN = 4
"""Tables of one session from which on the references are read into memory once."""
log = logging.getLogger("chengshu.quality")
Progress = Callable[[int, int, str], None]
First = Callable[[duckdb.DuckDBPyConnection, Mapping[str, str], Sequence[PublishedResource]], None]


@dataclass(slots=True)
class _Run:
    """What the evaluations of one call share."""

    lake: Lake
    policy: Policy
    full: bool
    now: datetime
    tables: Tables
    available: frozenset[str]
    standings: dict[int, sources.Standing]
    access: dict[int, sources.Access]
    rules: dict[int, list[Rule]]
    settings: dict[int, list[RuleSetting]]
    before: dict[int, int]


@dataclass(slots=True)
class _Outcome:
    """One evaluated table, not yet written."""

    evaluation: Evaluation
    results: list[RuleResult]
    keys: pa.Table


def evaluate(
    *,
    resource_ids: Collection[int] | None = None,
    full: bool = False,
    progress: Progress | None = None,
) -> list[Evaluation]:
    """Evaluate the resources (all collected ones by default) and renew the scores of their departments and the city.

    ``full`` asks the stored table every rule again; otherwise what the load has proven row by row under the same
    catalogue version is not asked twice. A rule that cannot run is noted in the result and costs nothing.
    """
    return evaluate_collected(
        sources.collected_resources(resource_ids), full=full, progress=progress
    )


def evaluate_collected(
    resources: Sequence[PublishedResource],
    *,
    full: bool = False,
    progress: Progress | None = None,
    first: First | None = None,
) -> list[Evaluation]:
    """As :func:`evaluate`, for resources that the caller has read already.

    ``first`` is called with the open session of every group of tables before they are evaluated, and may save rules
    for them.
    """
    if not resources:
        return []
    run = _prepare(resources, full=full)
    done: list[Evaluation] = []
    for start in range(0, len(resources), GROUP):
        group = resources[start : start + GROUP]
        with _session(run, group) as (session, places):
            if first:
                first(session, places, group)
                run.rules |= _rules([resource.id for resource in group])
            for resource in group:
                if progress:
                    progress(len(done), len(resources), resource.title)
                outcome = _evaluate(run, session, places, resource)
                if outcome is not None:
                    done.append(_write(outcome, resource))
    renew_days({resource.provider_id for resource in resources}, run.policy)
    return done


def _rules(ids: Collection[int]) -> dict[int, list[Rule]]:
    """The enabled rules of resources."""
    rules: dict[int, list[Rule]] = {}
    for rule in Rule.objects.filter(resource__in=ids, enabled=True):
        rules.setdefault(rule.resource_id, []).append(rule)
    return rules


def _prepare(resources: Sequence[PublishedResource], *, full: bool) -> _Run:
    ids = [resource.id for resource in resources]
    # Taken before anything is read: whatever finished earlier is in this evaluation.
    now = timezone.now()
    lake = sources.lake()
    standings = sources.standings(ids)
    settings: dict[int, list[RuleSetting]] = {}
    for setting in RuleSetting.objects.filter(resource__in=ids):
        settings.setdefault(setting.resource_id, []).append(setting)
    before = dict(
        Evaluation.objects.filter(resource__in=ids, latest=True).values_list("resource", "rows")
    )
    return _Run(
        lake=lake, policy=policy(), full=full, now=now,
        tables=sources.tables_among(resources), available=frozenset(lake.tables()),
        standings=standings, access=sources.access(ids, standings), rules=_rules(ids),
        settings=settings, before=before,
    )  # fmt: skip


class _session:  # noqa: N801 - used as a context manager only
    """The lake's tables a group of resources needs, under short names."""

    def __init__(self, run: _Run, group: Sequence[PublishedResource]) -> None:
        wanted = {resource.lake_table for resource in group}
        for resource in group:
            for rule in run.rules.get(resource.id, ()):
                other = rule.definition.get("other")
                if other:
                    wanted |= _other_table(run, str(other))
        wanted |= set(sources.REFERENCES)
        known = sorted(wanted & run.available)
        self._often = len(group) >= OFTEN
        self.places = {table: f"s{number}" for number, table in enumerate(known)}
        self._opened = run.lake.session({name: table for table, name in self.places.items()})

    def __enter__(self) -> tuple[duckdb.DuckDBPyConnection, dict[str, str]]:
        self._session = self._opened.__enter__()
        if self._often:
            self.places |= sources.keep_references(self._session, self.places)
        return self._session, self.places

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)


def _other_table(run: _Run, code: str) -> set[str]:
    try:
        return {run.tables(code).lake_table}
    except RuleError:
        return set()  # the rule itself reports it when it is compiled


def _evaluate(
    run: _Run,
    session: duckdb.DuckDBPyConnection,
    places: dict[str, str],
    resource: PublishedResource,
) -> _Outcome | None:
    started = time.monotonic()
    place = places.get(resource.lake_table)
    if place is None:
        return None
    standing = run.standings[resource.id]
    # The catalogue's columns that the stored table has; one added later comes with the next load.
    stored = frozenset(session.table(place).columns)
    shape = sources.shape_of(resource).only(stored)
    assembled = assemble(
        shape, rules=run.rules.get(resource.id, []), settings=run.settings.get(resource.id, []),
        tables=run.tables, lake=run.lake, available=run.available,
        proven=not run.full and standing.proven(resource.version),
    )  # fmt: skip
    names = places | {name: name for name in assembled.relations}
    for name, keys in assembled.relations.items():
        session.register(name, keys)
    try:
        found = _scan(session, shape, assembled, place, names)
    finally:
        for name in assembled.relations:
            session.unregister(name)
    quarantine = sources.open_quarantine(session, standing.batch)
    return _judge(
        run, resource, assembled, found, quarantine,
        thresholds=_thresholds(
            run, session, place, shape,
            resource=resource, assembled=assembled, rows=found.rows,
        ),
        started=started,
    )  # fmt: skip


def _scan(
    session: duckdb.DuckDBPyConnection,
    shape: TableShape,
    assembled: Assembled,
    place: str,
    names: dict[str, str],
) -> ScanResult:
    """The scan; when it fails, people's rules are tried one by one and those that fail are set aside."""
    try:
        return scan(session, shape, assembled.checks, source=place, places=names)
    except RuleError:
        kept = []
        for check in assembled.checks:
            if check.rule_id is None:
                kept.append(check)
                continue
            try:
                scan(session, shape, [check], source=place, places=names)
            except RuleError as error:
                assembled.broken.append((check, str(error)))
            else:
                kept.append(check)
        assembled.checks = kept
        return scan(session, shape, kept, source=place, places=names)


@dataclass(frozen=True, slots=True)
class _Measured:
    rule: Rule
    failed: bool
    error: str = ""


def _thresholds(
    run: _Run,
    session: duckdb.DuckDBPyConnection,
    place: str,
    shape: TableShape,
    *,
    resource: PublishedResource,
    assembled: Assembled,
    rows: int,
) -> list[_Measured]:
    held = run.standings[resource.id].held_at
    age = (run.now - held).total_seconds() / 86_400 if held else None
    facts = Facts(rows=rows, rows_before=run.before.get(resource.id), age_days=age)
    found = []
    for rule in assembled.thresholds:
        try:
            compiled = compile_threshold(rule.definition, shape)
            blanks = None
            if compiled.blank:
                query = f"SELECT count(*) FROM {place} t WHERE {compiled.blank}"  # noqa: S608 - compiled
                blanks = int(session.sql(query).fetchall()[0][0])
        except RuleError as error:
            found.append(_Measured(rule, failed=False, error=str(error)))
            continue
        value = compiled.value(facts, blanks)
        if value is None:
            found.append(_Measured(rule, failed=False, error="还没有可比的数据，这次没有检查。"))
        else:
            found.append(_Measured(rule, failed=compiled.broken(value)))
    return found


def _masks_of(quarantine: sources.Quarantine, checks: Sequence[Check]) -> tuple[Any, Any]:
    """Quarantined rows as groups of failed checks; problems whose rule is switched off count as none."""
    place = {check.key: position for position, check in enumerate(checks)}
    masks = np.zeros((len(quarantine), words_for(len(checks))), np.uint64)
    for row, problems in enumerate(quarantine):
        for key in problems:
            if key in place:
                word, bit = divmod(place[key], WORD)
                masks[row, word] |= np.uint64(1 << bit)
    return masks, np.array(list(quarantine.values()), np.int64)


def _judge(
    run: _Run,
    resource: PublishedResource,
    assembled: Assembled,
    found: ScanResult,
    quarantine: sources.Quarantine,
    *,
    thresholds: Sequence[_Measured],
    started: float,
) -> _Outcome:
    checks = assembled.checks
    masks, sizes = _masks_of(quarantine, checks)
    held = Counter[str]()
    for problems, rows in quarantine.items():
        for key in problems:
            held[key] += rows
    judged = [
        Judged(
            key=check.key, title=check.title, dimension=check.dimension, severity=check.severity,
            failed=found.failed(position) + held[check.key],
        )
        for position, check in enumerate(checks)
    ]  # fmt: skip
    table_rules = [
        Judged(
            key=one.rule.key, title=one.rule.title, dimension=Dimension(one.rule.dimension),
            severity=Severity(one.rule.severity), table_level=True, failed=int(one.failed),
        )
        for one in thresholds if not one.error
    ]  # fmt: skip
    standing, reached = run.standings[resource.id], run.access.get(resource.id)
    evidence = Evidence(
        rules=judged, groups=np.concatenate([found.groups, masks]),
        sizes=np.concatenate([found.sizes, sizes]), table_rules=table_rules,
        freshness=sources.freshness(resource, standing, run.now),
        access=reached.value if reached else None,
    )  # fmt: skip
    scores = score(evidence, run.policy)
    steps = fixes(evidence, run.policy)[:MOST_FIXES]
    failing = int(found.sizes[found.groups.any(axis=1)].sum())
    evaluation = Evaluation(
        resource_id=resource.id, at=run.now, full=run.full,
        batch=standing.batch.pk if standing.batch else None,
        lake_version=standing.lake_version, catalogue_version=resource.version, rows=found.rows,
        quarantined=int(sizes.sum()), failing=failing, score=round(scores.total, 4),
        grade=run.policy.grade(scores), dimensions=dict(scores.dimensions),
        fixes=[asdict(step) for step in steps], rules=len(checks) + len(thresholds),
        notes=_notes(evidence, reached, failing), seconds=time.monotonic() - started,
    )  # fmt: skip
    evaluation.kept = [
        [check.title, check.dimension, check.severity, check.origin, found.checked[position]]
        for position, check in enumerate(checks) if not judged[position].failed
    ]  # fmt: skip
    evaluation.kept += [
        [one.rule.title, one.rule.dimension, one.rule.severity, one.rule.origin, 1]
        for one in thresholds if not one.failed and not one.error
    ]  # fmt: skip
    return _Outcome(
        evaluation, _results(evaluation, assembled, found, held, thresholds), found.keys
    )


def _notes(evidence: Evidence, reached: sources.Access | None, failing: int) -> list[str]:
    notes = []
    if evidence.freshness is None:
        notes.append("目录没有约定更新周期，时效性只看记录本身。")
    if reached is None:
        notes.append("还没有归集或接口的运行记录，可访问性没有评价。")
    elif set(reached.parts) != {sources.COLLECTION}:
        notes.append(reached.told())
    if failing > MOST_ROWS:
        notes.append(f"有问题的记录超过 {MOST_ROWS:,} 条，只能逐条查看其中一部分，数量是准确的。")
    return notes


def _results(
    evaluation: Evaluation,
    assembled: Assembled,
    found: ScanResult,
    held: Counter[str],
    thresholds: Sequence[_Measured],
) -> list[RuleResult]:
    """Rules that found something or could not run."""
    results = [
        RuleResult(
            evaluation=evaluation, key=check.key, rule_id=check.rule_id, title=check.title,
            dimension=check.dimension, severity=check.severity, origin=check.origin,
            columns=list(check.columns), position=position if check.fails else -1,
            checked=found.checked[position], failed=found.failed(position),
            quarantined=held[check.key],
        )
        for position, check in enumerate(assembled.checks)
        if found.failed(position) or held[check.key]
    ]  # fmt: skip
    results += [
        RuleResult(
            evaluation=evaluation, key=one.rule.key, rule=one.rule, title=one.rule.title,
            dimension=one.rule.dimension, severity=one.rule.severity, origin=one.rule.origin,
            checked=0 if one.error else 1, failed=int(one.failed), error=one.error[:300],
        )
        for one in thresholds if one.failed or one.error
    ]  # fmt: skip
    results += [
        RuleResult(
            evaluation=evaluation, key=check.key, rule_id=check.rule_id, title=check.title,
            dimension=check.dimension, severity=check.severity, origin=RuleOrigin(check.origin),
            columns=list(check.columns), error=error[:300],
        )
        for check, error in assembled.broken
    ]  # fmt: skip
    return results


def _write(outcome: _Outcome, resource: PublishedResource) -> Evaluation:
    """The failing rows first, then everything in one transaction; a killed run leaves only a file nobody refers to."""
    evaluation = outcome.evaluation
    _write_rows(evaluation, outcome.keys)
    with unit_of_work():
        RuleResult.objects.filter(evaluation__resource=resource.id).delete()
        before = Evaluation.objects.filter(resource=resource.id, latest=True)
        before.update(latest=False, kept=[])
        evaluation.save(force_insert=True)
        RuleResult.objects.bulk_create(outcome.results, batch_size=200)
        emit(
            type="city.quality.evaluated", source="quality", subject=resource.code,
            data={
                "resource_id": resource.id, "evaluation": str(evaluation.pk),
                "score": round(evaluation.score, 2), "grade": evaluation.grade,
            },
            idempotency_key=f"quality-evaluated:{evaluation.pk}",
        )  # fmt: skip
    _sweep(evaluation)
    return evaluation


def _write_rows(evaluation: Evaluation, keys: pa.Table) -> None:
    folder = rows_folder(evaluation.resource_id)
    folder.mkdir(parents=True, exist_ok=True)
    part = evaluation.rows_file.with_suffix(f".{os.getpid()}.part")
    pq.write_table(keys.slice(0, MOST_ROWS), part, compression="zstd")
    part.replace(evaluation.rows_file)


def _sweep(evaluation: Evaluation) -> None:
    """Only the newest evaluation shows rows; older files go."""
    for path in rows_folder(evaluation.resource_id).iterdir():
        if Path(path) != evaluation.rows_file:
            path.unlink(missing_ok=True)


__all__ = ["MOST_ROWS", "LakeError", "evaluate", "evaluate_collected"]
