"""The history of sharing calls: who asked which interface when, and what came of it."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from chengshu_demo.city import interfaces
from chengshu_demo.columns import value
from chengshu_demo.delivery import accepted_records, entry_of
from chengshu_demo.encoding import Ints, Texts, pick
from chengshu_demo.frame import Frame
from chengshu_demo.incidents import Incident
from chengshu_demo.randomness import stream
from chengshu_demo.timeframe import REFERENCE_DATE
from chengshu_demo.world import Scale

CALLS: Final[dict[Scale, int]] = {"small": 17_386, "full": 1_738_598}
DAYS: Final = 548
"""Length of the history: 18 months."""
_FIELDS: Final[list[Any]] = [
    pa.field("called_at", pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field("application", pa.string(), nullable=False),
    pa.field("interface", pa.string(), nullable=False),
    pa.field("outcome", pa.string(), nullable=False),
    pa.field("status", pa.int32(), nullable=False),
    pa.field("micros", pa.int64(), nullable=False),
    pa.field("key_hash", pa.string()),
]
CALL_SCHEMA: Final = pa.schema(_FIELDS)
"""Calls in order of time. ``micros`` is the time spent in microseconds; ``key_hash`` stands for
the looked-up key (the key itself is never kept)."""
OUTCOMES: Final = (
    ("ok", 200, 0.9665),
    ("no_record", 404, 0.0240),
    ("field_not_granted", 403, 0.0032),
    ("not_granted", 403, 0.0021),
    ("bad_timestamp", 401, 0.0019),
    ("bad_signature", 401, 0.0016),
    ("replayed", 409, 0.0007),
)
"""Outcome word, HTTP status and share."""
_CHINA: Final = dt.timedelta(hours=8)
_HOURS_PER_DAY: Final = 24
_HOUR_MICROS: Final = 3_600_000_000
_BATCH: Final = 200_000
_KEYS: Final = 20_000
_PEOPLE_AT: Final = 40
"""Asked about now and then: the first keys are the most popular ones."""
_SLOW_SHARE: Final = 0.004
_OFFICE_HOURS: Final = np.array(
    [4, 2, 2, 2, 2, 4, 9, 22, 78, 118, 124, 88, 41, 60, 102, 108, 92, 58, 28, 22, 20, 17, 12, 7],
    dtype=np.float64,
)
_WEEKEND: Final = 0.31
_SATURDAY: Final = 5
_FIRST_YEAR_SHARE: Final = 0.55
"""Level of the first days relative to the last: sharing grows."""


def _per_hour(scale: Scale, reference: dt.date, total: int) -> Ints:
    generator = stream("calls", scale, "hours")
    days = np.arange(DAYS)
    first = reference - dt.timedelta(days=DAYS)
    weekday = (first.weekday() + days) % 7
    growth = _FIRST_YEAR_SHARE + (1 - _FIRST_YEAR_SHARE) * days / DAYS
    mood = np.exp(generator.normal(0, 0.13, size=DAYS))
    day = np.where(weekday >= _SATURDAY, _WEEKEND, 1.0) * growth * mood
    weights = (day[:, None] * _OFFICE_HOURS[None, :]).ravel()
    return generator.multinomial(total, weights / weights.sum()).astype(np.int64)


def _pairs() -> tuple[list[str], list[str], npt.NDArray[np.float64]]:
    """Every granted (application, interface) with its weight; the first ones are the busiest."""
    found = [(a, i.code) for i in interfaces() for a in i.applications]
    weights = np.array(
        [
            1 / (1 + n) ** 0.8 * (1.6 if application == "zwfw" else 1.0)
            for n, interface in enumerate(interfaces())
            for application in interface.applications
        ]
    )
    return [a for a, _ in found], [i for _, i in found], weights / weights.sum()


def example_hash(key: str) -> str:
    """Stands for the gateway's keyed hash where there is no gateway."""
    return hashlib.sha256(f"demo:{key}".encode()).hexdigest()[:32]


@lru_cache(maxsize=32)
def _key_hashes(
    interface: str, scale: Scale, hashing: Callable[[str], str], people: tuple[str, ...]
) -> Texts:
    """Hashes of real keys of the interface's entry, so that the same person recurs.

    ``people`` (identity numbers) take places of their own where the key is an identity number.
    """
    found = next(i for i in interfaces() if i.code == interface)
    entry = entry_of(found.entry)
    count = min(_KEYS, accepted_records(entry, scale))
    keys = value(Frame(entry, scale, 0, np.arange(count)), found.key_column).to_pylist()
    if found.key_column == "id_number":
        keys[_PEOPLE_AT : _PEOPLE_AT + len(people)] = people
    return pa.array([hashing(key) for key in keys])


def _start(reference: dt.date) -> int:
    """Microseconds since 1970 at which the history begins: a midnight in the city."""
    first = dt.datetime.combine(reference, dt.time(), dt.UTC) - dt.timedelta(days=DAYS) - _CHINA
    return int(first.timestamp()) * 1_000_000


def _batch(
    scale: Scale, reference: dt.date, number: int, hours: Ints, vocabularies: Mapping[str, Texts]
) -> pa.RecordBatch:
    generator = stream("calls", scale, number)
    size = len(hours)
    start = _start(reference)
    moments = np.sort(start + hours * _HOUR_MICROS + generator.integers(0, _HOUR_MICROS, size=size))
    applications, names, weights = _pairs()
    pair = generator.choice(len(weights), size=size, p=weights)
    shares = np.array([share for _, _, share in OUTCOMES])
    outcome = generator.choice(len(OUTCOMES), size=size, p=shares / shares.sum())
    slow = generator.random(size) < _SLOW_SHARE
    micros = np.exp(generator.normal(6.85, 0.38, size=size)) * np.where(slow, 14, 1)
    hashes = np.empty(size, dtype=object)
    for code in set(names):
        rows = np.flatnonzero(np.isin(pair, [n for n, name in enumerate(names) if name == code]))
        vocabulary = vocabularies[code]
        popular = (generator.random(len(rows)) ** 1.6 * len(vocabulary)).astype(np.int64)
        hashes[rows] = pick(vocabulary, popular).to_numpy(zero_copy_only=False)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(moments).cast(pa.timestamp("us", tz="UTC")),
            pick(pa.array(applications), pair),
            pick(pa.array(names), pair),
            pick(pa.array([word for word, _, _ in OUTCOMES]), outcome),
            pa.array(np.array([s for _, s, _ in OUTCOMES], dtype=np.int32)[outcome]),
            pa.array(micros.astype(np.int64)),
            pa.array(hashes, pa.string()),
        ],
        schema=CALL_SCHEMA,
    )


def _planted(
    incident: Incident, scale: Scale, reference: dt.date, hour: int, hashes: Sequence[str]
) -> pa.RecordBatch:
    """The calls of an incident, spread over its hour."""
    count = incident.sizes[scale]
    generator = stream("incident", scale, incident.application, incident.interface, "times")
    start = _start(reference) + hour * _HOUR_MICROS
    moments = np.sort(start + generator.integers(0, _HOUR_MICROS, size=count))
    outcome = incident.outcome_of(count)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(moments).cast(pa.timestamp("us", tz="UTC")),
            pa.array([incident.application] * count),
            pa.array([incident.interface] * count),
            pick(pa.array([word for word, _, _ in incident.outcomes]), outcome),
            pa.array(np.array([s for _, s, _ in incident.outcomes], dtype=np.int32)[outcome]),
            pa.array(np.exp(generator.normal(6.85, 0.38, size=count)).astype(np.int64)),
            pa.array(hashes, pa.string()),
        ],
        schema=CALL_SCHEMA,
    )


def _hour_of(incident: Incident, reference: dt.date) -> int:
    """The hour of the history in which an incident lies."""
    days = DAYS - (reference - incident.day(reference)).days
    return days * _HOURS_PER_DAY + incident.hour


def calls(
    scale: Scale,
    *,
    reference: dt.date = REFERENCE_DATE,
    hashing: Callable[[str], str] = example_hash,
    people: tuple[str, ...] = (),
    incidents: Sequence[Incident] = (),
) -> Iterator[pa.RecordBatch]:
    """Historical calls of the 18 months before ``reference`` (exclusive), in order of time; batches hold whole hours.

    ``hashing`` makes the hash of a key; ``people`` are identity numbers that are asked about as well. What
    ``incidents`` add is taken off the other calls, so that the total stays.
    """
    vocabularies = {i.code: _key_hashes(i.code, scale, hashing, people) for i in interfaces()}
    total = CALLS[scale] - sum(incident.sizes[scale] for incident in incidents)
    per_hour = _per_hour(scale, reference, total)
    planted = [(_hour_of(incident, reference), incident) for incident in incidents]
    ends = np.cumsum(per_hour)
    begin, number = 0, 0
    while begin < len(per_hour):
        done = int(ends[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(ends, done + _BATCH)), begin + 1)
        hours = np.repeat(np.arange(begin, end), per_hour[begin:end])
        batch = _batch(scale, reference, number, hours, vocabularies)
        more = []
        for hour, incident in planted:
            if begin <= hour < end:
                count, vocabulary = incident.sizes[scale], vocabularies[incident.interface]
                known = pick(vocabulary, incident.keys(count, scale, len(vocabulary))).to_pylist()
                hashes = incident.tried(count, hashing) if incident.trying else known
                more.append(_planted(incident, scale, reference, hour, hashes))
        if more:
            whole = pa.Table.from_batches([batch, *more]).sort_by("called_at").combine_chunks()
            (batch,) = whole.to_batches()
        yield batch
        begin, number = end, number + 1
