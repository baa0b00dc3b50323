"""Load contract: what the catalogue says about a table, compiled into checks that run at load speed.

`TableContract` describes the std table, `CompiledContract` turns text batches into typed batches plus
the list of violations per cell. Pure library: no Django, no database.
"""

from chengshu.data.contract.compiler import CheckedBatch, CompiledContract, compile_contract
from chengshu.data.contract.model import (
    ColumnFormat,
    ColumnSpec,
    ColumnType,
    ContractError,
    TableContract,
)
from chengshu.data.contract.rules import ROW_RULES, RULES, Rule, render

__all__ = [
    "ROW_RULES",
    "RULES",
    "CheckedBatch",
    "ColumnFormat",
    "ColumnSpec",
    "ColumnType",
    "CompiledContract",
    "ContractError",
    "Rule",
    "TableContract",
    "compile_contract",
    "render",
]
