"""What other data packages use of the load contract and its compiler."""

from chengshu.data.contract import (
    CheckedBatch,
    ColumnFormat,
    ColumnSpec,
    ColumnType,
    CompiledContract,
    ContractError,
    TableContract,
    compile_contract,
)
from chengshu.data.contract.check_digits import PATTERNS as FORMAT_PATTERNS
from chengshu.data.contract.check_digits import verify as verify_format
from chengshu.data.contract.rules import (
    FORMAT_HINTS,
    ROW_RULES,
    RULES,
    fill,
    render,
    sentence,
    shorten,
)
from chengshu.data.contract.statement import ROW_COLUMN, identifier, literal


def rule_name(key: str) -> str:
    """The Chinese name of a rule of the load contract."""
    known = RULES.get(key) or ROW_RULES.get(key)
    return known.name if known else key


__all__ = [
    "FORMAT_HINTS",
    "FORMAT_PATTERNS",
    "ROW_COLUMN",
    "ROW_RULES",
    "RULES",
    "CheckedBatch",
    "ColumnFormat",
    "ColumnSpec",
    "ColumnType",
    "CompiledContract",
    "ContractError",
    "TableContract",
    "compile_contract",
    "fill",
    "identifier",
    "literal",
    "render",
    "rule_name",
    "sentence",
    "shorten",
    "verify_format",
]
