"""What the catalogue already knows, as inference takes it: code tables, elements, how columns are described."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from chengshu.data.catalog.facade import (
    PublishedResource,
    code_tables,
    element_infos,
    list_published,
)
from chengshu.data.discovery.inference import Habit, Knowledge, KnownCodes, KnownElement

_KINDS = ("titles", "types", "levels", "code_tables", "lengths", "sizes")


def gather(entries: Sequence[PublishedResource] | None = None) -> Knowledge:
    """The city's knowledge now (a handful of queries, whatever the number of entries).

    ``entries``: all that are published, where the caller has them.
    """
    counts: Counter[str] = Counter()
    required: Counter[str] = Counter()
    seen: dict[str, dict[str, Counter[Any]]] = defaultdict(lambda: {k: Counter() for k in _KINDS})
    titles: dict[str, Counter[str]] = defaultdict(Counter)
    tables = _code_tables()
    by_codes = {frozenset(t.codes.items()): t.key for t in tables}
    for entry in list_published() if entries is None else entries:
        for column in entry.columns:
            kinds = seen[column.name]
            counts[column.name] += 1
            required[column.name] += column.required
            titles[column.title][column.name] += 1
            kinds["titles"][column.title] += 1
            kinds["types"][str(column.type)] += 1
            kinds["levels"][column.sensitivity or "L1"] += 1
            key = by_codes.get(frozenset(column.codes.items()), "") if column.codes else ""
            kinds["code_tables"][key] += 1
            if str(column.type) == "text" and column.length:
                kinds["lengths"][column.length] += 1
            if column.precision:
                kinds["sizes"][column.precision, column.scale or 0] += 1
    return Knowledge(
        code_tables=tables, elements=_elements(), titles=titles,
        habits={n: Habit(count=counts[n], required=required[n], **k) for n, k in seen.items()},
    )  # fmt: skip


def _code_tables() -> tuple[KnownCodes, ...]:
    return tuple(KnownCodes(key=key, name=name, codes=codes) for key, name, codes in code_tables())


def _elements() -> tuple[KnownElement, ...]:
    return tuple(
        KnownElement(
            identifier=e.identifier, title=e.title, name=e.name, synonyms=e.synonyms, type=e.type,
            length=e.length, sensitivity=e.sensitivity,
        )
        for e in element_infos().values()
    )  # fmt: skip
