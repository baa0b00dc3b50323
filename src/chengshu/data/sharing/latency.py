"""What only the single calls can tell: slow calls and how many different records were looked up."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from chengshu.data.sharing import records
from chengshu.data.sharing.calls import TABLE
from chengshu.data.sharing.usage import MICROS_PER_MS
from chengshu.kernel.access.actor import Actor
from chengshu_lake import Lake

_COLUMNS = ("interface", "application")


@dataclass(frozen=True, slots=True)
class Detail:
    """``p95_ms``: 95 of 100 calls were handled within it, in milliseconds; ``different`` records, about 2 % exact."""

    p95_ms: float
    different: int


def details(actor: Actor, *, group: str, since: datetime) -> dict[str, Detail]:
    """Details by interface or application of the calls since then that the actor may see.

    Sketches instead of exact figures (DuckDB's ``approx_*``), because a year of calls is read while a person waits.
    A batch counts as one record: the call table keeps one hash for it.
    """
    lake = Lake(settings.LAKE_ROOT)
    if group not in _COLUMNS or not lake.exists(TABLE):
        return {}
    conditions, values = records.visible(actor)
    where = " AND ".join(["called_at >= ?", *conditions])
    found = lake.sql(
        f"SELECT {group} AS code, approx_quantile(micros, 0.95) AS slow, "  # noqa: S608 - one of two names of ours
        "approx_count_distinct(CASE WHEN outcome = 'ok' THEN key_hash END) AS different "
        f"FROM calls WHERE {where} GROUP BY {group}",
        tables={"calls": TABLE}, params=[since, *values],
    ).read_all()  # fmt: skip
    return {
        row["code"]: Detail(row["slow"] / MICROS_PER_MS, row["different"])
        for row in found.to_pylist()
    }
