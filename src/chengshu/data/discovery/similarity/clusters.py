"""Clusters by what the values of a coordinated sample (:mod:`.sample`) say, not only the names.

Columns are grouped by name (after synonyms). Inside a group a column stays when its values agree with the others'
beyond chance (Cohen's kappa); groups with other names are joined when their common values agree as well.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from chengshu.data.discovery.similarity.agreement import (
    NONE,
    Figure,
    Usual,
    agreement,
    alike,
    kappa,
)
from chengshu.data.discovery.similarity.items import Holder, by_table
from chengshu.data.discovery.similarity.sample import Cells, Numbers, draw
from chengshu_lake import Lake, LakeError

SAMPLE = 2_000
KEY_LENGTH = 160
ENOUGH = 20
AGREE, JOIN = 0.5, 0.8
STRANGERS = (0.15, 0.3)
# No value of it in the sample.
UNSEEN = Figure(0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A holder in its cluster: how many comparisons with others there were, and the share that agreed."""

    holder: Holder
    compared: int
    agreed: float

    @property
    def why(self) -> str:
        """The evidence in words."""
        if not self.compared:
            return "名称和格式相同，样本中没有共同的主体"
        return f"与其他来源比对 {self.compared:,} 次，{self.agreed:.0%} 一致"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Items of at least two departments that are the same fact. ``kappa`` is agreement beyond chance."""

    key: str
    subject: str
    title: str
    element: str
    score: float
    kappa: float
    compared: int
    members: tuple[Member, ...]
    names: tuple[str, ...]

    @property
    def units(self) -> frozenset[int]:
        """Departments that hold it."""
        return frozenset(m.holder.unit for m in self.members)


def find(lake: Lake, holders: Sequence[Holder], *, sample: int = SAMPLE) -> list[Cluster]:
    """Clusters of ``holders``, the ones of most departments first; tables not in the lake are left out."""
    tables = {t: group for t, group in by_table(holders).items() if _exists(lake, t)}
    order = [h for group in tables.values() for h in group]
    numbered = iter(enumerate(order))
    cells = draw(
        lake, {t: list(islice(numbered, len(g))) for t, g in tables.items()}, sample=sample
    )
    names = {name: number for number, name in enumerate(dict.fromkeys(h.group for h in order))}
    groups = np.array([names[h.group] for h in order], np.int64)
    _settle(cells, groups)
    # Who agrees with nobody of its name stands alone: its values may say where it belongs.
    alone = np.flatnonzero(groups == NONE)
    groups[alone] = len(names) + np.arange(len(alone))
    kinds = {int(g): f"{h.subject}|{h.kind}" for g, h in zip(groups, order, strict=True)}
    total = len(names) + len(alone)
    joined = alike(
        Usual.of(cells, groups), cells, [kinds.get(g, "") for g in range(total)],
        enough=ENOUGH * 2, least=JOIN,
    )  # fmt: skip
    groups = np.array(_merged(total, joined), np.int64)[groups]
    return _clusters(order, groups, _settle(cells, groups))


def _exists(lake: Lake, table: str) -> bool:
    with suppress(LakeError):
        return lake.exists(table)
    return False


def _settle(cells: Cells, groups: Numbers) -> dict[int, Figure]:
    """Take those that agree with nobody out of ``groups``; returns the figures of the others.

    They pull the others' agreement down: the worst go first, then it is counted again where they have left.
    """
    figures = agreement(cells, groups)
    for least in STRANGERS:
        strange = [h for h, f in figures.items() if f.compared >= ENOUGH and f.kappa < least]
        left = np.unique(groups[strange])
        groups[strange] = NONE
        for holder in strange:
            del figures[holder]
        figures |= agreement(cells, np.where(np.isin(groups, left), groups, NONE))
    return figures


def _merged(groups: int, joined: Sequence[tuple[int, int]]) -> list[int]:
    """The number every group goes under once those that agree are one."""
    root = list(range(groups))

    def top(group: int) -> int:
        while root[group] != group:
            group = root[group]
        return group

    for a, b in joined:
        root[top(b)] = top(a)
    return [top(group) for group in range(groups)]


def _clusters(
    order: Sequence[Holder], groups: Numbers, figures: Mapping[int, Figure]
) -> list[Cluster]:
    gathered: dict[int, list[tuple[Holder, Figure]]] = {}
    for number, holder in enumerate(order):
        if groups[number] != NONE:
            figure = figures.get(number, UNSEEN)
            gathered.setdefault(int(groups[number]), []).append((holder, figure))
    found = [cluster for members in gathered.values() for cluster in _kept(members)]
    found.sort(key=lambda c: (-len(c.units), -len(c.members), c.key))
    keys: set[str] = set()
    for number, cluster in enumerate(found):
        if cluster.key in keys:
            # Different facts under one name: the smaller goes by the first place that has it.
            first = min((m.holder.table, m.holder.column) for m in cluster.members)
            found[number] = replace(cluster, key=":".join((cluster.key, *first))[:KEY_LENGTH])
        keys.add(found[number].key)
    return found


def _kept(rows: Sequence[tuple[Holder, Figure]]) -> list[Cluster]:
    """The cluster of one group, without the columns whose values say otherwise; none if one department is left."""
    members, weights = [], [0, 0.0, 0.0]
    for holder, figure in rows:
        is_subject = holder.column == holder.subject_column
        if not is_subject and figure.compared >= ENOUGH and figure.kappa < AGREE:
            continue
        members.append(Member(holder=holder, compared=figure.compared, agreed=figure.agreed))
        weights[0] += figure.compared
        weights[1] += figure.compared * figure.agreed
        weights[2] += figure.compared * figure.expected
    if len({m.holder.unit for m in members}) < 2:  # noqa: PLR2004
        return []
    total = int(weights[0])
    beyond = kappa(weights[1] / total, weights[2] / total) if total else 0.0
    subject_itself = members[0].holder.column == members[0].holder.subject_column
    if not subject_itself and (total < ENOUGH or beyond < AGREE):
        return []
    return [_cluster(members, 1.0 if subject_itself else beyond, total)]


def _cluster(members: list[Member], beyond: float, total: int) -> Cluster:
    titles: dict[str, int] = {}
    elements: dict[str, int] = {}
    for member in members:
        titles[member.holder.title] = titles.get(member.holder.title, 0) + 1
        if member.holder.element:
            elements[member.holder.element] = elements.get(member.holder.element, 0) + 1
    element = max(elements, key=lambda e: elements[e]) if elements else ""
    title = max(titles, key=lambda t: titles[t])
    subject = members[0].holder.subject
    score = min(0.99, 0.4 + 0.5 * max(beyond, 0) + 0.1 * bool(element))
    return Cluster(
        key=f"{subject}:{title}", subject=subject, title=title, element=element,
        score=score, kappa=beyond, compared=total, members=tuple(members), names=tuple(titles),
    )  # fmt: skip
