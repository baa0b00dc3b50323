"""All rules of a resource as checks: catalogue, templates, and what people made, with the officers' settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from chengshu.data.quality.choices import Dimension, RuleOrigin, Severity
from chengshu.data.quality.engine.catalogued import catalogue_checks
from chengshu.data.quality.engine.expert import failing_keys
from chengshu.data.quality.engine.kinds import KINDS
from chengshu.data.quality.engine.model import Check, Join, RuleError, Tables, TableShape
from chengshu.data.quality.engine.templates import proposals, template_title
from chengshu.data.quality.engine.text import cell, quoted
from chengshu.data.quality.engine.thresholds import THRESHOLD, compile_threshold
from chengshu.data.quality.models import Rule, RuleSetting
from chengshu_lake import Lake

SQL = "sql"


@dataclass(slots=True)
class Assembled:
    """The checks of a resource. ``broken`` are rules that cannot run as they are, with the reason; ``relations`` are
    Arrow tables the scan needs beside the lake's (keys that SQL rules returned); ``thresholds`` are table-level rules.
    """

    checks: list[Check] = field(default_factory=list)
    thresholds: list[Rule] = field(default_factory=list)
    broken: list[tuple[Check, str]] = field(default_factory=list)
    relations: dict[str, pa.Table] = field(default_factory=dict)


def assemble(
    shape: TableShape,
    *,
    rules: Sequence[Rule],
    settings: Iterable[RuleSetting],
    tables: Tables,
    lake: Lake,
    available: frozenset[str],
    proven: bool,
) -> Assembled:
    """The enabled checks; ``available`` names the lake tables that exist, ``proven`` says that the load has checked
    every stored row against this very catalogue version, so that asking again would prove nothing new.
    """
    found = Assembled()
    changed = {setting.key: setting for setting in settings}
    for check in catalogue_checks(shape):
        quick = replace(check, fails="", checked="", prepared={}, verdicts={}) if proven else check
        _add(found, quick, changed)
    for number, proposal in enumerate(proposals(shape)):
        compiled = KINDS[proposal.kind].compile(proposal.definition, shape, tables, f"p{number}")
        check = Check(
            key=proposal.key, title=_template_title(proposal.template, compiled.columns, shape),
            dimension=proposal.dimension, severity=proposal.severity, origin=RuleOrigin.TEMPLATE,
            columns=compiled.columns, fails=compiled.fails, checked=compiled.checked,
            joins=compiled.joins, prepared=compiled.prepared, verdicts=compiled.verdicts,
        )  # fmt: skip
        _add(found, check, changed)
    for rule in rules:
        if rule.kind == THRESHOLD:
            found.thresholds.append(rule)
            continue
        frame = rule_check(rule)
        try:
            check = compile_rule(rule, shape, tables, lake, found.relations)
            _require_tables(check.joins, available | set(found.relations))
        except RuleError as error:
            found.broken.append((frame, str(error)))
        else:
            found.checks.append(check)
    return found


def _template_title(template: str, columns: Sequence[str], shape: TableShape) -> str:
    title = template_title(template)
    return f"{shape.column(columns[-1]).title}：{title}" if columns else title


def _add(found: Assembled, check: Check, changed: Mapping[str, RuleSetting]) -> None:
    setting = changed.get(check.key)
    if setting is None:
        found.checks.append(check)
    elif setting.enabled:
        severity = Severity(setting.severity) if setting.severity else check.severity
        found.checks.append(replace(check, severity=severity))


def _require_tables(joins: Iterable[Join], available: "set[str] | frozenset[str]") -> None:
    for join in joins:
        for table in join.tables.values():
            if table not in available:
                raise RuleError("规则要对照的数据还没有归集或参照还没有建立，这次没有检查。")


def rule_check(rule: Rule) -> Check:
    """The check of a rule before it is compiled."""
    return Check(
        key=rule.key, title=rule.title, dimension=Dimension(rule.dimension),
        severity=Severity(rule.severity), origin=RuleOrigin(rule.origin), rule_id=rule.pk,
    )  # fmt: skip


def compile_rule(
    rule: Rule, shape: TableShape, tables: Tables, lake: Lake, relations: dict[str, pa.Table]
) -> Check:
    """A rule as a check; an SQL rule is run now, its keys go into ``relations``.

    Raises:
        RuleError: it cannot run; the message says why.
    """
    alias = f"j{rule.pk or 0}"
    if rule.kind == SQL:
        return _sql_check(rule, shape, tables, lake=lake, relations=relations, alias=alias)
    kind = KINDS.get(rule.kind)
    if kind is None:
        raise RuleError(f"没有“{rule.kind}”这种规则。")
    compiled = kind.compile(rule.definition, shape, tables, alias)
    return replace(
        rule_check(rule), columns=compiled.columns, fails=compiled.fails, checked=compiled.checked,
        joins=compiled.joins, prepared=compiled.prepared, verdicts=compiled.verdicts,
    )  # fmt: skip


def _sql_check(
    rule: Rule,
    shape: TableShape,
    tables: Tables,
    *,
    lake: Lake,
    relations: dict[str, pa.Table],
    alias: str,
) -> Check:
    query, aliases = str(rule.definition.get("query", "")), rule.definition.get("tables", {})
    name = f"keys_{alias}"
    relations[name] = failing_keys(lake, query, shape, aliases, tables)
    on = " AND ".join(f"{cell(key)} = {alias}.{quoted(key)}" for key in shape.key)
    join = Join(alias=alias, source="SELECT * FROM {keys}", on=on, tables={"keys": name})
    return replace(
        rule_check(rule), columns=shape.key, fails=f"{alias}.{quoted(shape.key[0])} IS NOT NULL",
        joins=(join,),
    )  # fmt: skip


__all__ = ["SQL", "Assembled", "assemble", "compile_rule", "compile_threshold", "rule_check"]
