"""Clusters by what the values say, not only the names.

From every table a *coordinated* sample is drawn: rows whose hashed subject number is smallest. The same persons fall
into the samples of all tables, so that columns can be compared person by person although only a few thousand rows of
each are read. Only keyed hashes are held: neither numbers nor values leave the lake.

Columns are grouped by name (after synonyms). Inside a group a column stays when its values agree with the others'
beyond chance (Cohen's kappa); groups with other names are joined when their common values agree as well.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chengshu.data.contract.facade import identifier
from chengshu.data.discovery.similarity.items import Holder, by_table
from chengshu_lake import Lake, LakeError

SAMPLE = 2_000
ENOUGH = 20
AGREE, JOIN = 0.5, 0.8
STRANGERS = (0.15, 0.3)
# Without common subjects only a name that says it all counts.
ALONE = 0.55


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
    numbers = {(h.table, h.column): i for i, h in enumerate(order)}
    dropped: set[int] = set()
    aliases = {table: f"t{i}" for i, table in enumerate(tables)}
    with lake.session({alias: table for table, alias in aliases.items()}) as session:
        session.execute("CREATE TABLE cells (holder INTEGER, subject UBIGINT, value UBIGINT)")
        salt = secrets.token_hex(8)
        for table, group in tables.items():
            known = [(numbers[h.table, h.column], h) for h in group]
            _collect(session, aliases[table], known, salt, sample)
        groups = _groups(order)
        _name(session, order, groups)
        merged = _merged(groups, _joined(session))
        session.execute("DELETE FROM named")
        _name(session, order, {name: merged[number] for name, number in groups.items()})
        figures = _agreement(session)
        for least in STRANGERS:
            # Columns that agree with nobody pull the others' agreement down: they go first, then it is counted again.
            strange = [h for h, (n, a, e) in figures.items() if n >= ENOUGH and kappa(a, e) < least]
            session.execute(
                "DELETE FROM named WHERE list_contains(?::INTEGER[], holder)", [strange]
            )
            dropped.update(strange)
            figures = _agreement(session)
    names = {name: merged[number] for name, number in groups.items()}
    return _clusters([h for h in enumerate(order) if h[0] not in dropped], names, figures)


def _exists(lake: Lake, table: str) -> bool:
    with suppress(LakeError):
        return lake.exists(table)
    return False


def _collect(
    session: Any, alias: str, group: Sequence[tuple[int, Holder]], salt: str, sample: int
) -> None:
    """Add the hashed cells of the table's sample.

    A person with several records (a benefit per month) counts once, with the value of one of them.
    """
    key = identifier(group[0][1].subject_column)
    cells = ", ".join(f"any_value({identifier(h.column)}::VARCHAR)" for _, h in group)
    listed = ", ".join(str(number) for number, _ in group)
    session.execute(
        "INSERT INTO cells SELECT holder, s, hash(value) FROM ("  # noqa: S608 - quoted identifiers and numbers
        f"SELECT s, unnest([{listed}]) AS holder, unnest(v) AS value FROM ("
        f"SELECT hash(? || {key}::VARCHAR) AS s, [{cells}] AS v FROM {alias} "
        f"WHERE {key} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT {sample})) WHERE value IS NOT NULL",
        [salt],
    )


def _groups(order: Sequence[Holder]) -> dict[str, int]:
    return {name: i for i, name in enumerate(dict.fromkeys(h.group for h in order))}


def _name(session: Any, order: Sequence[Holder], groups: Mapping[str, int]) -> None:
    """Tell the session which group every holder is in, and of what kind every group is."""
    kinds = {groups[h.group]: f"{h.subject}|{h.kind}" for h in order}
    session.execute("CREATE TABLE IF NOT EXISTS named (holder INTEGER, grp INTEGER)")
    session.execute("CREATE OR REPLACE TABLE kinds (grp INTEGER, kind VARCHAR)")
    session.execute(
        "INSERT INTO named SELECT unnest(?::INTEGER[]), unnest(?::INTEGER[])",
        [list(range(len(order))), [groups[h.group] for h in order]],
    )
    session.execute(
        "INSERT INTO kinds SELECT unnest(?::INTEGER[]), unnest(?::VARCHAR[])",
        [list(kinds), list(kinds.values())],
    )


def _agreement(session: Any) -> dict[int, tuple[int, float, float]]:
    """Per holder: comparisons with other holders of its group, share that agreed, share expected by chance."""
    session.execute(
        """
        CREATE OR REPLACE TABLE grouped AS
        SELECT c.holder, n.grp, c.subject, c.value,
               count(*) OVER (PARTITION BY n.grp, c.subject) - 1 AS others,
               count(*) OVER (PARTITION BY n.grp, c.subject, c.value) - 1 AS same
        FROM cells c JOIN named n USING (holder)
        """
    )
    session.execute(
        """
        CREATE OR REPLACE TABLE chance AS
        SELECT grp, sum((n / total) * (n / total)) AS expected FROM (
            SELECT grp, value, count(*)::DOUBLE AS n, sum(count(*)) OVER (PARTITION BY grp)::DOUBLE AS total
            FROM grouped GROUP BY grp, value)
        GROUP BY grp
        """
    )
    rows = session.execute(
        """
        SELECT holder, sum(others)::BIGINT, coalesce(sum(same) / nullif(sum(others), 0), 0), any_value(expected)
        FROM grouped JOIN chance USING (grp) GROUP BY holder
        """
    ).fetchall()
    return {int(h): (int(n), float(a), float(e)) for h, n, a, e in rows}


def _joined(session: Any) -> list[tuple[int, int]]:
    """Pairs of groups of one subject and kind whose usual values agree for the subjects both know."""
    session.execute(
        """
        CREATE TABLE usual AS
        SELECT grp, subject, mode(value) AS value FROM cells JOIN named USING (holder) GROUP BY grp, subject
        """
    )
    session.execute(
        """
        CREATE TABLE luck AS
        SELECT grp, sum((n / total) * (n / total)) AS expected FROM (
            SELECT grp, value, count(*)::DOUBLE AS n, sum(count(*)) OVER (PARTITION BY grp)::DOUBLE AS total
            FROM usual GROUP BY grp, value)
        GROUP BY grp
        """
    )
    rows = session.execute(
        f"""
        WITH u AS (SELECT usual.*, kind, expected FROM usual JOIN kinds USING (grp) JOIN luck USING (grp))
        SELECT a.grp, b.grp, count(*) AS n, avg((a.value = b.value)::INT) AS agreed,
               least(any_value(a.expected), any_value(b.expected)) AS expected
        FROM u a JOIN u b ON a.subject = b.subject AND a.kind = b.kind AND a.grp < b.grp
        GROUP BY a.grp, b.grp HAVING n >= {ENOUGH * 2} AND agreed >= {JOIN}
        """  # noqa: S608 - constants
    ).fetchall()
    return [
        (int(a), int(b)) for a, b, _, agreed, expected in rows if kappa(agreed, expected) >= JOIN
    ]


def kappa(agreed: float, expected: float) -> float:
    """Agreement beyond chance: 1 is perfect, 0 is what chance gives."""
    return (agreed - expected) / (1 - expected) if expected < 1 else 0.0


def _merged(groups: Mapping[str, int], joined: Sequence[tuple[int, int]]) -> list[int]:
    """The number every group goes under once those that agree are one."""
    root = list(range(len(groups)))

    def top(group: int) -> int:
        while root[group] != group:
            group = root[group]
        return group

    for a, b in joined:
        root[top(b)] = top(a)
    return [top(group) for group in range(len(groups))]


def _clusters(
    order: Sequence[tuple[int, Holder]], groups: Mapping[str, int],
    figures: Mapping[int, tuple[int, float, float]],
) -> list[Cluster]:  # fmt: skip
    gathered: dict[int, list[tuple[Holder, tuple[int, float, float]]]] = {}
    for number, holder in order:
        figure = figures.get(number, (0, 0.0, 0.0))
        gathered.setdefault(groups[holder.group], []).append((holder, figure))
    found = [cluster for members in gathered.values() for cluster in _kept(members)]
    return sorted(found, key=lambda c: (-len(c.units), -len(c.members), c.key))


def _kept(rows: Iterable[tuple[Holder, tuple[int, float, float]]]) -> list[Cluster]:
    """The cluster of one group, without the columns whose values say otherwise; none if one department is left."""
    rows = list(rows)
    members, weights = [], [0, 0.0, 0.0]
    for holder, (compared, agreed, expected) in rows:
        is_subject = holder.column == holder.subject_column
        if not is_subject and compared >= ENOUGH and kappa(agreed, expected) < AGREE:
            continue
        members.append(Member(holder=holder, compared=compared, agreed=agreed))
        weights[0] += compared
        weights[1] += compared * agreed
        weights[2] += compared * expected
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
