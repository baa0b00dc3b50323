"""Checks that follow from the catalogue: what each data item promises, asked again of the stored table.

The load contract keeps most of these promises for new rows; the stored table is asked again because the
catalogue may have changed since, and because a row the load refused counts against the resource: the
quarantine's rules map onto the same checks (``quarantine_key``).
"""

from collections.abc import Iterator

from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType, rule_name
from chengshu.data.quality.choices import Dimension, RuleOrigin, Severity
from chengshu.data.quality.engine import formats
from chengshu.data.quality.engine.matching import longer, matches, none_of
from chengshu.data.quality.engine.model import Check, TableShape
from chengshu.data.quality.engine.text import cell, is_blank, literal, typed_literal

# Rule of the load contract → dimension (GB/T 36344-2018) and severity.
_MEANING: dict[str, tuple[Dimension, Severity]] = {
    "required": (Dimension.COMPLETENESS, Severity.SEVERE),
    "type": (Dimension.CONFORMITY, Severity.SEVERE),
    "precision": (Dimension.CONFORMITY, Severity.NORMAL),
    "length": (Dimension.CONFORMITY, Severity.NORMAL),
    "code": (Dimension.CONFORMITY, Severity.SEVERE),
    "format": (Dimension.CONFORMITY, Severity.SEVERE),
    "check_digit": (Dimension.ACCURACY, Severity.SEVERE),
    "range": (Dimension.ACCURACY, Severity.NORMAL),
    "pattern": (Dimension.CONFORMITY, Severity.NORMAL),
    "id_as_number": (Dimension.CONFORMITY, Severity.SEVERE),
    "ragged": (Dimension.CONFORMITY, Severity.SEVERE),
    "encoding": (Dimension.CONFORMITY, Severity.SEVERE),
    "key_conflict": (Dimension.ACCURACY, Severity.SEVERE),
}
_ROW_RULES = ("ragged", "encoding", "key_conflict")


def quarantine_key(column: str, rule: str) -> str:
    """Key of the check that a broken rule of the load belongs to."""
    return f"*:{rule}" if rule in _ROW_RULES else f"{column}:{rule}"


def catalogue_checks(shape: TableShape) -> list[Check]:
    """The checks of a table, in the order of its columns; row rules of the load last."""
    found = [check for column in shape.columns for check in _column_checks(column)]
    return found + [_check(None, rule, "") for rule in _ROW_RULES]


def _check(
    column: ColumnSpec | None,
    rule: str,
    fails: str,
    checked: str = "",
    kind: ColumnFormat | None = None,
) -> Check:
    dimension, severity = _MEANING[rule]
    return Check(
        key=quarantine_key(column.name if column else "", rule),
        title=f"{column.title}：{rule_name(rule)}" if column else rule_name(rule),
        dimension=dimension, severity=severity, origin=RuleOrigin.CATALOGUE,
        columns=(column.name,) if column else (), fails=fails, checked=checked,
        prepared=formats.prepared(column.name, kind) if column and kind else {},
        verdicts=formats.verdicts(column.name, kind) if column and kind else {},
    )  # fmt: skip


def _column_checks(column: ColumnSpec) -> Iterator[Check]:
    name = cell(column.name)
    filled = f"{name} IS NOT NULL"
    if column.required:
        yield _check(column, "required", is_blank(column))
    if column.type is not ColumnType.TEXT:
        # A stored column has its type; only the load can break this.
        yield _check(column, "type", "")
    if column.type is ColumnType.DECIMAL:
        yield _check(column, "precision", "")
    if column.type is ColumnType.TEXT and column.length is not None:
        yield _check(column, "length", longer(name, column.length), filled)
    if column.codes is not None:
        yield _check(column, "code", _unknown_code(column, name), filled)
    if column.format is not None:
        wrong = formats.wrong_shape(column.name, column.format)
        yield _check(column, "format", wrong, filled, column.format)
        yield _check(column, "id_as_number", "")
        if column.format in formats.CHECKED:
            fails = formats.wrong_check_digit(column.name)
            yield _check(column, "check_digit", fails, filled, column.format)
    if column.minimum is not None or column.maximum is not None:
        yield _check(column, "range", _outside(column, name), filled)
    if column.pattern is not None:
        yield _check(column, "pattern", f"NOT {matches(name, column.pattern)}", filled)


def _unknown_code(column: ColumnSpec, name: str) -> str:
    if column.type is ColumnType.TEXT:
        return none_of(name, column.codes or ())
    return f"{name} NOT IN ({', '.join(literal(code) for code in column.codes or ())})"


def _outside(column: ColumnSpec, name: str) -> str:
    parts = []
    if column.minimum is not None:
        parts.append(f"{name} < {typed_literal(column, column.minimum)}")
    if column.maximum is not None:
        parts.append(f"{name} > {typed_literal(column, column.maximum)}")
    return " OR ".join(parts)
