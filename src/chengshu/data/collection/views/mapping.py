"""The table in which source columns are put beside data items."""

from collections.abc import Mapping, Sequence

from chengshu.data.catalog.facade import published_by_id


def mapping_rows(
    columns: Sequence[tuple[str, str]], mapping: Mapping[str, str]
) -> list[tuple[str, str, str, str]]:
    """Field name, column, remark and chosen data item."""
    return [
        (f"map-{number}", column, note, mapping.get(column, ""))
        for number, (column, note) in enumerate(columns)
    ]


def posted_mapping(posted: Mapping[str, str], columns: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What was chosen."""
    chosen = {column: posted.get(f"map-{n}", "") for n, (column, _) in enumerate(columns)}
    return {column: target for column, target in chosen.items() if target}


def item_options(resource_id: int) -> list[tuple[str, str]]:
    """The data items of an entry, required ones marked."""
    resource = published_by_id(resource_id)
    return [(c.name, f"{c.title}{' *' if c.required else ''}") for c in resource.columns]
