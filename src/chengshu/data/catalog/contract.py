"""Compiles a version's items into the load contract: the catalogue is the one definition of a table."""

from collections.abc import Iterable, Mapping

from chengshu.data.catalog.content import ITEM_RELATIONS, ItemContent, item_content
from chengshu.data.catalog.models import CodeValue, ResourceVersion
from chengshu.data.contract.facade import ColumnFormat, ColumnSpec, ColumnType, TableContract

Codes = Mapping[str, Mapping[str, str]]


def contract_of(version: ResourceVersion) -> TableContract:
    """The load contract of a version (two queries).

    Raises:
        ContractError: the items contradict themselves (cannot happen for a published version).
    """
    stored = version.items.select_related(*ITEM_RELATIONS).order_by("order")
    items = [item_content(i) for i in stored]
    return table_contract(items, code_values(item.code_table for item in items))


def table_contract(items: Iterable[ItemContent], codes: Codes) -> TableContract:
    """The load contract of plain items; ``codes`` maps a table's key to code → name."""
    return TableContract(columns=tuple(column_spec(item, codes) for item in items))


def column_spec(item: ItemContent, codes: Codes) -> ColumnSpec:
    """One data item as a column of the contract."""
    return ColumnSpec(
        name=item.name,
        title=item.title,
        type=ColumnType(item.type),
        length=item.length,
        precision=item.precision,
        scale=item.scale,
        nullable=item.nullable,
        key=item.is_key,
        codes=codes[item.code_table] if item.code_table else None,
        format=ColumnFormat(item.format) if item.format else None,
        minimum=item.minimum or None,
        maximum=item.maximum or None,
        pattern=item.pattern or None,
        sensitivity=item.sensitivity,
    )


def code_values(tables: Iterable[str]) -> dict[str, dict[str, str]]:
    """Codes by table key, in their order, for the tables named (one query; none for no tables)."""
    wanted = {key for key in tables if key}
    found: dict[str, dict[str, str]] = {key: {} for key in wanted}
    if wanted:
        rows = CodeValue.objects.filter(table__key__in=wanted).order_by("table", "order", "code")
        for key, code, name in rows.values_list("table__key", "code", "name"):
            found[key][code] = name
    return found
