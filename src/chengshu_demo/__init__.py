"""The demo city 龙港: a deterministic generator of its catalogue, records and sharing calls.

Pure library: no web framework, no database, nothing of the platform. ``city()`` describes the
city, ``rows()`` delivers an entry's records as a department would (text, with planted defects),
``expected()`` says beforehand how a delivery balances, ``ground_truth()`` lists every planted
defect, ``calls()`` is the history of share calls. The same seed gives the same bytes.

Nothing here is a real person, company or number: identity numbers and credit codes carry the
division 390383 (no province has the code 39); mobile numbers the unused segment 154; bank cards a
prefix without issuer; plates the letter 浙Y; e-mail the reserved domain ``.example``.
"""

from chengshu_demo.calls import CALL_SCHEMA, CALLS, calls
from chengshu_demo.catalogue import DATA_ITEMS, ENTRIES, RECORDS
from chengshu_demo.city import city
from chengshu_demo.delivery import (
    TRUTH_SCHEMA,
    Delivery,
    deliveries,
    expected,
    ground_truth,
    rows,
    total,
    write_ground_truth,
)
from chengshu_demo.encoding import FICTITIOUS_PREFIX
from chengshu_demo.incidents import INCIDENTS
from chengshu_demo.model import Balance, City, DataItem, Entry
from chengshu_demo.timeframe import REFERENCE_DATE
from chengshu_demo.world import SCALES, Scale

__all__ = [
    "CALLS",
    "CALL_SCHEMA",
    "DATA_ITEMS",
    "ENTRIES",
    "FICTITIOUS_PREFIX",
    "INCIDENTS",
    "RECORDS",
    "REFERENCE_DATE",
    "SCALES",
    "TRUTH_SCHEMA",
    "Balance",
    "City",
    "DataItem",
    "Delivery",
    "Entry",
    "Scale",
    "calls",
    "city",
    "deliveries",
    "expected",
    "ground_truth",
    "rows",
    "total",
    "write_ground_truth",
]
