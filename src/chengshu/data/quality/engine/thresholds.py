"""Rules about a table as a whole: how many rows, how many blanks, how much it changed, how old it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from chengshu.data.quality.engine.model import RuleError, TableShape
from chengshu.data.quality.engine.text import is_blank

THRESHOLD: Final = "threshold"
MEASURES: Final = {
    "rows": "记录数（条）",
    "blank_share": "空值占比（%）",
    "change": "比上次评价的数量变化（%）",
    "age": "距上次更新（天）",
}
LIMITS: Final = {"<=": "不大于", ">=": "不小于"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the table; None: cannot be told, and the rule is not evaluated."""

    rows: int
    rows_before: int | None
    age_days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A compiled table-level rule; ``blank`` is an SQL condition when blanks have to be counted first."""

    measure: str
    operator: str
    limit: Decimal
    blank: str = ""

    def value(self, facts: Facts, blanks: int | None) -> float | None:
        """The measured value."""
        match self.measure:
            case "rows":
                return facts.rows
            case "age":
                return facts.age_days
            case "change":
                before = facts.rows_before
                return 100 * abs(facts.rows - before) / before if before else None
            case _:
                return 100 * blanks / facts.rows if blanks is not None and facts.rows else None

    def broken(self, value: float) -> bool:
        """Whether the value is beyond the limit."""
        limit = float(self.limit)
        return value > limit if self.operator == "<=" else value < limit


def compile_threshold(definition: Mapping[str, Any], shape: TableShape) -> Threshold:
    """Check and compile a definition.

    Raises:
        RuleError: it is incomplete, or names a column that is gone.
    """
    measure, operator = str(definition.get("measure", "")), str(definition.get("operator", ""))
    if measure not in MEASURES or operator not in LIMITS:
        raise RuleError("请选择要量的指标和比较方式。")
    try:
        limit = Decimal(str(definition.get("value", "")).strip())
    except InvalidOperation as error:
        raise RuleError("请填写一个数字作为界限。") from error
    blank = ""
    if measure == "blank_share":
        blank = is_blank(shape.column(str(definition.get("column", ""))))
    return Threshold(measure=measure, operator=operator, limit=limit, blank=blank)


def threshold_sentence(definition: Mapping[str, Any], shape: TableShape) -> str:
    """The rule in plain words."""
    rule = compile_threshold(definition, shape)
    subject = ""
    if rule.measure == "blank_share":
        subject = f"“{shape.column(str(definition['column'])).title}”的"
    word, _, unit = MEASURES[rule.measure].partition("（")
    unit = unit.rstrip("）").replace("条", " 条").replace("天", " 天")
    return f"{subject}{word}必须{LIMITS[rule.operator]} {rule.limit}{unit}。"
