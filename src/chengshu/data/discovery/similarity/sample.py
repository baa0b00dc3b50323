"""Draws the *coordinated* sample: of every table the subjects whose hashed number is smallest.

The same persons fall into the samples of all tables, so that columns can be compared person by person although only a
few thousand subjects of each table are looked at. Only keyed hashes leave the lake: neither numbers nor values.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chengshu.data.contract.facade import identifier
from chengshu.data.discovery.similarity.items import Holder
from chengshu_lake import Lake

Numbers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
# What an empty cell is told as; that a real value hashes to it is as likely as any other collision.
EMPTY = 0


@dataclass(frozen=True, slots=True)
class Cells:
    """What the sampled subjects have in which column: one entry a filled cell, all numbered from 0.

    ``subject`` and ``value`` are numbers of equal hashes, ``subjects`` and ``values`` how many there are.
    """

    holder: Numbers
    subject: Numbers
    value: Numbers
    subjects: int
    values: int


def draw(lake: Lake, tables: Mapping[str, Sequence[tuple[int, Holder]]], *, sample: int) -> Cells:
    """The cells of at most ``sample`` subjects of each table, whose numbered columns are to be looked at."""
    salt = secrets.token_hex(8)
    aliases = {table: f"t{i}" for i, table in enumerate(tables)}
    holders: list[Numbers] = []
    subjects: list[Hashes] = []
    values: list[Hashes] = []
    with lake.session({alias: table for table, alias in aliases.items()}) as session:
        for table, group in tables.items():
            found = _hashed(session, aliases[table], [h for _, h in group], salt, sample)
            for (number, _), column in zip(group, found[1:], strict=True):
                filled = column != EMPTY
                subjects.append(found[0][filled])
                values.append(column[filled])
                holders.append(np.full(len(values[-1]), number, np.int64))
    subject, known = _numbered(subjects)
    value, told = _numbered(values)
    return Cells(_joined(holders, np.int64), subject, value, known, told)


def _hashed(
    session: Any, alias: str, group: Sequence[Holder], salt: str, sample: int
) -> list[Hashes]:
    """Hashes of the sampled subjects, and of what each has in each column.

    A subject with several records (a benefit per month) counts once, with the value whose hash is smallest. The
    numbers are read first, so that the other columns are hashed for sampled rows only.
    """
    subject = f"hash($salt || {identifier(group[0].subject_column)}::VARCHAR)"
    told = f"{identifier(group[0].subject_column)} IS NOT NULL"
    nothing = "hash(NULL::VARCHAR)"
    cells = ", ".join(
        f"coalesce(min(nullif(hash({identifier(h.column)}::VARCHAR), {nothing})), {EMPTY}) AS c{n}"
        for n, h in enumerate(group)
    )
    query = (
        f"SELECT {subject} AS s, {cells} FROM {alias} WHERE {told} AND {subject} <= ("  # noqa: S608 - quoted names
        f"SELECT max(s) FROM (SELECT DISTINCT {subject} AS s FROM {alias} WHERE {told} "
        f"ORDER BY s LIMIT {sample})) GROUP BY 1"
    )
    found: dict[str, Hashes] = session.execute(query, {"salt": salt}).fetchnumpy()
    return list(found.values())


def _numbered(parts: Sequence[Hashes]) -> tuple[Numbers, int]:
    """Numbers from 0 in place of hashes, and how many different ones there are."""
    different, number = np.unique(_joined(parts, np.uint64), return_inverse=True)
    return number.astype(np.int64, copy=False), len(different)


def _joined(parts: Iterable[npt.NDArray[Any]], kind: Any) -> npt.NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *parts])
