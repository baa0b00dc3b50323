"""Build, change, switch and try rules; accept what the data suggest. Every change is a version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, Resource, published_by_id
from chengshu.data.quality import sources
from chengshu.data.quality.assembling import SQL, compile_rule, compile_threshold
from chengshu.data.quality.choices import Dimension, RuleOrigin, Severity
from chengshu.data.quality.engine import formats
from chengshu.data.quality.engine.discovery import Candidate, discover
from chengshu.data.quality.engine.expert import check_sql
from chengshu.data.quality.engine.kinds import KINDS
from chengshu.data.quality.engine.model import Check, RuleError, TableShape
from chengshu.data.quality.engine.scan import scan
from chengshu.data.quality.engine.spelling import reference_tables
from chengshu.data.quality.engine.thresholds import THRESHOLD, threshold_sentence
from chengshu.data.quality.models import Rule, RuleSetting, RuleVersion
from chengshu.data.quality.trail import about
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

MANAGE, EXPERT = "quality.rule.manage", "quality.rule.expert"
SAMPLE_ROWS = 100_000
SHOWN = 10


def sentence(kind: str, definition: Mapping[str, Any], shape: TableShape) -> str:
    """The rule in plain words.

    Raises:
        RuleError: it is not complete.
    """
    if kind == SQL:
        return "由 SQL 查询找出有问题的记录。"
    if kind == THRESHOLD:
        return threshold_sentence(definition, shape)
    if kind not in KINDS:
        raise RuleError("请选择规则的类型。")
    return KINDS[kind].sentence(definition, shape, sources.tables)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule finds before it is saved: counts over the sample, and the keys of some failing rows."""

    sentence: str
    rows: int
    checked: int
    failed: int
    keys: pa.Table


def try_rule(
    *, actor: Actor, resource: Resource, kind: str, definition: Mapping[str, Any]
) -> Trial:
    """Run a rule over the first rows of the stored table; nothing is saved.

    Raises:
        InvalidInput: it is incomplete or cannot run; the message says why.
    """
    check(actor, EXPERT if kind == SQL else MANAGE, resource)
    published = published_by_id(resource.pk)
    lake = sources.lake()
    if not lake.exists(published.lake_table):
        raise InvalidInput("这个资源还没有归集数据，不能试运行。", kept="规则没有保存。")
    try:
        stored = frozenset(lake.schema(published.lake_table).names)
        shape = sources.shape_of(published).only(stored)
        words = sentence(kind, definition, shape)
        if kind == THRESHOLD:
            return Trial(words, lake.count(published.lake_table), 0, 0, pa.table({}))
        relations: dict[str, pa.Table] = {}
        draft = _draft(resource, kind, definition)
        compiled = compile_rule(draft, shape, sources.tables, lake, relations)
        found = _run(published, shape, compiled, relations)
    except RuleError as error:
        raise InvalidInput(str(error), kept="规则没有保存。") from error
    return Trial(words, found.rows, found.checked[0], found.failed(0), found.keys.slice(0, SHOWN))


def _draft(resource: Resource, kind: str, definition: Mapping[str, Any]) -> Rule:
    return Rule(
        resource=resource, title="试运行", kind=kind, definition=dict(definition),
        dimension=Dimension.ACCURACY, severity=Severity.NORMAL,
    )  # fmt: skip


def _run(
    resource: PublishedResource, shape: TableShape, compiled: Check, relations: dict[str, pa.Table]
) -> Any:
    wanted = {resource.lake_table} | {
        table for join in compiled.joins for table in join.tables.values() if "/" in table
    }
    lake = sources.lake()
    missing = [table for table in wanted if not lake.exists(table)]
    if missing:
        raise RuleError("要对照的数据还没有归集，或参照还没有建立。")
    places = {table: f"s{n}" for n, table in enumerate(sorted(wanted))}
    with lake.session({name: table for table, name in places.items()}) as session:
        formats.register(session)
        for name, keys in relations.items():
            session.register(name, keys)
        sample = f"(SELECT * FROM {places[resource.lake_table]} LIMIT {SAMPLE_ROWS})"  # noqa: S608 - own names
        found = scan(
            session, shape, [replace(compiled)], source=sample,
            places=places | {name: name for name in relations},
        )  # fmt: skip
        formats.unregister(session)
        return found


def save_rule(
    *,
    actor: Actor,
    resource: Resource,
    kind: str,
    definition: Mapping[str, Any],
    title: str = "",
    dimension: str = "",
    severity: str = Severity.NORMAL,
    rule: Rule | None = None,
    origin: str = "",
) -> Rule:
    """Create a rule, or the next version of ``rule``; takes effect with the next evaluation.

    Raises:
        InvalidInput: incomplete, or it contradicts the catalogue; nothing was saved.
    """
    check(actor, EXPERT if kind == SQL else MANAGE, resource)
    shape = sources.shape_of(published_by_id(resource.pk))
    words = _validated(kind, definition, shape)
    if severity not in Severity.values or (dimension and dimension not in Dimension.values):
        raise InvalidInput("请选择维度和严重程度。", kept="规则没有保存。")
    default = KINDS[kind].dimension if kind in KINDS else Dimension.COMPLETENESS
    with unit_of_work():
        item = rule or Rule(resource=resource, created_by=actor.account)
        item.title, item.kind = (title.strip() or words.rstrip("。"))[:160], kind
        item.definition, item.severity = dict(definition), severity
        item.dimension = dimension or default
        if rule is None:
            item.origin = origin or (RuleOrigin.EXPERT if kind == SQL else RuleOrigin.OFFICER)
        else:
            item.version += 1
        item.updated_at = timezone.now()
        item.save()
        _version(actor, item).save()
        record(
            actor=actor, action="quality.rule_saved", obj=item,
            after={"version": item.version, "sentence": words},
        )  # fmt: skip
    return item


def _validated(kind: str, definition: Mapping[str, Any], shape: TableShape) -> str:
    try:
        words = sentence(kind, definition, shape)
        if kind == SQL:
            check_sql(str(definition.get("query", "")), shape, definition.get("tables", {}))
        elif kind == THRESHOLD:
            compile_threshold(definition, shape)
        else:
            KINDS[kind].compile(definition, shape, sources.tables, "j0")
    except RuleError as error:
        raise InvalidInput(str(error), kept="规则没有保存。") from error
    return words


def _version(actor: Actor, item: Rule) -> RuleVersion:
    content = {
        "title": item.title, "kind": item.kind, "definition": item.definition,
        "dimension": item.dimension, "severity": item.severity, "enabled": item.enabled,
    }  # fmt: skip
    return RuleVersion(rule=item, number=item.version, content=content, saved_by=actor.account)


def switch_rule(*, actor: Actor, rule: Rule, enabled: bool) -> Rule:
    """Switch a rule on or off; it stays with its history."""
    check(actor, MANAGE, rule)
    with unit_of_work():
        rule.enabled, rule.version, rule.updated_at = enabled, rule.version + 1, timezone.now()
        rule.save()
        _version(actor, rule).save()
        record(actor=actor, action="quality.rule_switched", obj=rule, after={"enabled": enabled})
    return rule


def set_builtin(
    *, actor: Actor, resource: Resource, key: str, enabled: bool, severity: str = ""
) -> RuleSetting:
    """Switch a rule of the catalogue or of a template on or off for one resource, or weigh it differently."""
    check(actor, MANAGE, resource)
    if severity and severity not in Severity.values:
        raise InvalidInput("请选择严重程度。", kept="规则没有变化。")
    with unit_of_work():
        item, _ = RuleSetting.objects.update_or_create(
            resource=resource, key=key[:200], defaults={"enabled": enabled, "severity": severity}
        )
        record(
            actor=actor, action="quality.rule_switched", **about(resource),
            after={"rule": key, "enabled": enabled, "severity": severity},
        )  # fmt: skip
    return item


def candidates(*, actor: Actor, resource: Resource) -> list[tuple[Candidate, str]]:
    """Rules the data suggest that nobody has accepted yet, with their sentences."""
    check(actor, MANAGE, resource)
    return suggested(published_by_id(resource.pk), Rule.objects.filter(resource=resource))


def suggested(
    resource: PublishedResource, known: Sequence[Rule] | Any
) -> list[tuple[Candidate, str]]:
    """As :func:`candidates`, for the platform itself."""
    lake = sources.lake()
    if not lake.exists(resource.lake_table):
        return []
    tables = [resource.lake_table, *_references(lake)]
    places = {table: f"s{n}" for n, table in enumerate(tables)}
    with lake.session({name: table for table, name in places.items()}) as session:
        return suggested_in(session, places, resource, known)


def _references(lake: Any) -> list[str]:
    return [table for table in reference_tables() if lake.exists(table)]


def suggested_in(
    session: Any, places: Mapping[str, str], resource: PublishedResource, known: Any
) -> list[tuple[Candidate, str]]:
    """As :func:`suggested`, in a session that is open already."""
    stored = frozenset(sources.lake().schema(resource.lake_table).names)
    shape = sources.shape_of(resource).only(stored)
    found = discover(session, shape, source=places[resource.lake_table], places=places)
    taken = [(rule.kind, rule.definition) for rule in known]
    fresh = [one for one in found if (one.kind, one.definition) not in taken]
    return [(one, sentence(one.kind, one.definition, shape)) for one in fresh]


def accept(*, actor: Actor, resource: Resource, places: Sequence[int]) -> list[Rule]:
    """Make rules of candidates by their place in :func:`candidates`.

    Raises:
        Conflict: the list has changed meanwhile.
    """
    offered = candidates(actor=actor, resource=resource)
    if any(place >= len(offered) for place in places):
        raise Conflict("候选规则已经变化，没有采纳任何一条。", advice="请刷新后重新选择。")
    return accept_all(actor=actor, resource=resource, chosen=[offered[place] for place in places])


def accept_all(
    *, actor: Actor, resource: Resource, chosen: Sequence[tuple[Candidate, str]]
) -> list[Rule]:
    """Make rules of candidates with their sentences, audited as one act."""
    check(actor, MANAGE, resource)
    if not chosen:
        return []
    with unit_of_work():
        rules = Rule.objects.bulk_create(
            Rule(
                resource=resource, title=words.rstrip("。")[:160], kind=one.kind,
                definition=one.definition, dimension=one.dimension, severity=one.severity,
                origin=RuleOrigin.FOUND, created_by=actor.account,
            )
            for one, words in chosen
        )  # fmt: skip
        RuleVersion.objects.bulk_create(_version(actor, rule) for rule in rules)
        record(
            actor=actor, action="quality.rules_accepted", **about(resource),
            after={"rules": [rule.title for rule in rules]},
        )  # fmt: skip
    return rules
