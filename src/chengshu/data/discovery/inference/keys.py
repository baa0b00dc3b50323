"""Which columns identify a row: the declared key, else what is unique on the sample."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.discovery.inference.model import SourceTable
from chengshu.data.discovery.inference.profile import ColumnProfile, cleaned

UNIQUE = 0.985
FILLED = 0.98
MOST_COLUMNS = 3
LOOKED_AT = 10
CANDIDATES = 5
_LIKE_KEY = re.compile(
    r"(^|_)(id|no|code|number|uuid|pk|bh|uscc|sn)$|(编号|号|号码|代码|标识|序号|编码)$"
)
_NOT_KEY = re.compile(
    r"^(source_|exchange|batch|etl|create|update|modify|remark|print|archive|url|hash)"
    r"|_(print_no|batch_no)$|交换|批次|来源|数源|源系统|印制|档案|备注|时间$|金额|电话|手机|地址|姓名|经度|纬度"
)
_TEXTUAL = ("text", "integer", "date", "datetime")


def candidates(
    sample: pa.Table, facts: Mapping[str, ColumnProfile], table: SourceTable,
    titles: Mapping[str, str], types: Mapping[str, str],
) -> tuple[tuple[str, ...], ...]:  # fmt: skip
    """Key candidates, best first: the declared key, single columns, then the smallest combinations up to three."""
    if table.declared_key:
        return (table.declared_key,)
    if not sample.num_rows:
        return ()
    # A row delivered twice is no second thing: repeated rows are taken out before counting.
    rows = _without_repeats(sample)
    order = list(sample.column_names)
    usable = [
        c for c in order
        if 1 - facts[c].empty_share >= FILLED and types.get(c, "text") in _TEXTUAL and facts[c].distinct > 1
    ]  # fmt: skip
    single = [
        c for c in usable if _ratio(rows, (c,)) >= UNIQUE and types.get(c) in {"text", "integer"}
    ]
    single = [c for c in single if facts[c].usual_length <= 64]  # noqa: PLR2004
    ranked = sorted(single, key=lambda c: (-_score(c, titles[c]), order.index(c)))
    good = [(c,) for c in ranked if _score(c, titles[c]) >= 0]
    if good:
        return tuple(good[:CANDIDATES])
    return tuple(_combined(rows, usable, facts, titles)) or tuple((c,) for c in ranked[:CANDIDATES])


def _score(column: str, title: str) -> int:
    bad = bool(_NOT_KEY.search(column) or _NOT_KEY.search(title))
    return 2 * bool(_LIKE_KEY.search(column) or _LIKE_KEY.search(title)) - 3 * bad


def _without_repeats(sample: pa.Table) -> pa.Table:
    return sample.group_by(sample.column_names, use_threads=False).aggregate([])


def _ratio(rows: pa.Table, columns: Sequence[str]) -> float:
    """Different combinations per row in which all of ``columns`` are filled."""
    values = [cleaned(rows.column(c)) for c in columns]
    table = pa.table(dict(zip(columns, values, strict=True)))
    flags: Any = pc.is_valid(values[0])
    for value in values[1:]:
        flags = pc.and_(flags, pc.is_valid(value))
    filled = table.filter(flags)
    different = filled.group_by(list(columns), use_threads=False).aggregate([]).num_rows
    return different / filled.num_rows if filled.num_rows else 0.0


def _combined(
    rows: pa.Table,
    usable: Sequence[str],
    facts: Mapping[str, ColumnProfile],
    titles: Mapping[str, str],
) -> Iterator[tuple[str, ...]]:
    """Minimal combinations of two, then three columns; nothing longer once shorter ones were found."""
    likely = sorted(usable, key=lambda c: (-_score(c, titles[c]), -facts[c].distinct))[:LOOKED_AT]
    for size in range(2, MOST_COLUMNS + 1):
        found = [c for c in combinations(likely, size) if _ratio(rows, c) >= UNIQUE]
        found.sort(key=lambda group: -sum(_score(c, titles[c]) for c in group))
        if found:
            yield from found[:CANDIDATES]
            return
