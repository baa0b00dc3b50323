"""How values are written in every file format and in the interface: one form per type.

Text, dates and instants are text (ISO 8601, instants with the offset +08:00), whole numbers and decimals are numbers,
yes/no is true/false, nothing is null (an empty cell).
"""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

# The stubs' overloads of the compute kernels are too narrow to be of help.
Column: TypeAlias = Any

_CITY_OFFSET = timedelta(hours=8)
_CITY_ZONE = timezone(_CITY_OFFSET)
_FORMULA = r"^[=+\-@\t\r]"


def plain(array: Column) -> Column:
    """The column with dates and instants as text; other types unchanged."""
    if pa.types.is_date(array.type):
        return pc.cast(array, pa.string())
    if pa.types.is_timestamp(array.type):
        seconds: Column = pc.cast(array, pa.timestamp("s", "UTC"), safe=False)
        naive: Column = pc.cast(pc.cast(seconds, pa.int64()), pa.timestamp("s"))
        local: Column = pc.add(
            naive, pa.scalar(int(_CITY_OFFSET.total_seconds()), pa.duration("s"))
        )
        return pc.strftime(local, format="%Y-%m-%dT%H:%M:%S+08:00")
    return array


def neutral(array: Column) -> Column:
    """Text that a spreadsheet shows but never runs: ``=cmd|…`` gets a ``'`` in front."""
    if not pa.types.is_string(array.type) and not pa.types.is_large_string(array.type):
        return array
    risky = pc.match_substring_regex(array, _FORMULA)
    if not pc.any(risky).as_py():
        return array
    return pc.if_else(risky, pc.binary_join_element_wise("'", array, ""), array)


def json_value(value: Any) -> Any:
    """One value for a JSON answer; decimals become numbers."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(_CITY_ZONE).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
