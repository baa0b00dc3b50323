"""Looks at a whole release before it leaves: sizes of groups, sensitive values, earlier releases, and ways out."""

# ruff: noqa: S608 - identifiers go through quoted(), which doubles the quotes; values are parameters

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening.disclosure import differencing, grouping
from chengshu.data.opening.disclosure import review as records
from chengshu.data.opening.disclosure.differencing import Earlier
from chengshu.data.opening.disclosure.review import Review
from chengshu.data.opening.disclosure.rules import Parts, Rules, parts
from chengshu.data.opening.row_scope import quoted
from chengshu.data.opening.zone import ZoneCopy, lake
from chengshu.data.protection.facade import mask_name
from chengshu.kernel.errors import Conflict
from chengshu_lake import TableAt

_SHOWN_PROPOSALS = 6
_ROUNDS = (9, 6)
_BANDS = (5, 10, 20)
_MASK_WORDS = {"region:9": "到街道乡镇（前 9 位）", "region:6": "到县市区（前 6 位）"}


def assess(copy: ZoneCopy, rules: Rules, earlier: Sequence[Earlier]) -> Review:
    """The record of a look at a release: figures, refused cells, comparisons, proposals. Reads all of its rows."""
    found = records.begun(copy.rows)
    part = parts(copy.columns, copy.masks, rules)
    titles = {column.name: column.title for column in copy.columns}
    if not part.about_people:
        return found
    found |= {
        "applies": True, "k": rules.k, "l": rules.l, "quasi": list(part.quasi),
        "sensitive": list(part.sensitive), "weight": part.weight, "titles": titles,
        **grouping.measured(copy, part, rules),
    }  # fmt: skip
    key = next((c.name for c in copy.columns if c.key and c.name not in copy.masks), "")
    if found["small_groups"]:
        found["cells"] += _small(copy, part, rules, key)
    if found["alike_groups"]:
        found["cells"] += _alike(copy, part, rules, key, titles)
    if rules.differencing and not part.weight:
        for release in earlier:
            _compare(found, copy, release, part, rules)
    if found["cells"]:
        found["proposals"] = _proposals(copy, part, rules, found)
    return found


def require(found: Review) -> None:
    """Refuse a release in which somebody could be told apart.

    Raises:
        ReleaseRefused: says which cells and why; carries the record with the ways out.
    """
    if not found["cells"]:
        return
    told = []
    if found.get("small_groups"):
        told.append(
            f"{found['small_groups']:,} 组人数少于 {found['k']} 人，共 {found['small_people']:,} 人"
        )
    if found.get("alike_groups"):
        told.append(f"{found['alike_groups']:,} 组的敏感值都一样，共 {found['alike_people']:,} 人")
    told += [
        f"与第 {c['release']} 版相比，{c['apart']:,} 行增减可以单独认出"
        for c in found["compared"] if c["apart"]
    ]  # fmt: skip
    raise records.ReleaseRefused(
        f"可能认出个人：{'；'.join(told)}。", review=found,
        advice="请在数据集页面看是哪些行列，选一个处理办法后重新检查。",
    )  # fmt: skip


def suppressed(copy: ZoneCopy, rules: Rules, key: str) -> tuple[ZoneCopy, int]:
    """The copy without rows of groups that are too small or too alike, and how many rows that were.

    Raises:
        Conflict: nothing would be left.
    """
    part = parts(copy.columns, copy.masks, rules)
    if not rules.suppress or not part.about_people:
        return copy, 0
    names = [column.name for column in copy.columns]
    query = (
        f"SELECT {', '.join(quoted(name) for name in names)} FROM t"
        f" WHERE {grouping.kept_condition(part, rules)}"
    )
    reader = lake().sql(query, tables={"t": TableAt(copy.table, copy.version)})
    written = lake().overwrite(
        copy.table, reader, commit_key=f"{key}:{copy.version}:suppressed",
        source=f"{copy.table} v{copy.version}",
    )  # fmt: skip
    rows = lake().count(copy.table, as_of=written.version)
    if not rows:
        raise Conflict(
            "隐去人数太少的组以后，一行也不剩。", kept="没有开放任何数据。",
            advice="请先把准标识符变粗，或少开放几个字段。",
        )  # fmt: skip
    return replace(copy, version=written.version, rows=rows), copy.rows - rows


def _small(copy: ZoneCopy, part: Parts, rules: Rules, key: str) -> Iterator[records.Cell]:
    for group in grouping.worst(copy, part, grouping.small(rules), key):
        yield records.cell(
            records.SMALL, columns=part.quasi, rows=group["people"], values=_texts(group["values"]),
            keys=group["keys"], why=f"这组只有 {group['people']} 人，少于 {rules.k} 人",
        )  # fmt: skip


def _alike(
    copy: ZoneCopy, part: Parts, rules: Rules, key: str, titles: Mapping[str, str]
) -> Iterator[records.Cell]:
    for group in grouping.worst(copy, part, grouping.alike(part, rules), key):
        poor = [
            name for name, count in zip(part.sensitive, group["counts"], strict=True)
            if count < rules.l
        ]  # fmt: skip
        words = "、".join(titles[name] for name in poor)
        yield records.cell(
            records.ALIKE, columns=[*part.quasi, *poor], rows=group["people"],
            values=_texts(group["values"]), keys=group["keys"],
            why=f"这组 {group['people']} 人的{words}少于 {rules.l} 种，知道是谁就知道了{words}",
        )  # fmt: skip


def _compare(found: Review, copy: ZoneCopy, release: Earlier, part: Parts, rules: Rules) -> None:
    seen = differencing.compare(copy, release, part, rules)
    found["compared"].append(
        {"release": seen.number, "came": seen.came, "went": seen.went, "apart": seen.told_apart,
         "problem": seen.problem}
    )  # fmt: skip
    for group in seen.cells:
        came = 0 < group["came"] < rules.k
        kind, rows = (
            (records.APPEARED, group["came"]) if came else (records.VANISHED, group["went"])
        )
        word = "新增" if came else "减少"
        found["cells"].append(
            records.cell(
                kind, columns=part.quasi, rows=rows, values=_texts(group["values"]),
                why=f"与第 {seen.number} 版相比，这组只{word} {rows} 行，对照两版就能单独认出",
            )
        )  # fmt: skip


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: "（空）" if value is None else str(value) for name, value in values.items()}


def _proposals(copy: ZoneCopy, part: Parts, rules: Rules, found: Review) -> list[dict[str, Any]]:
    """Single changes with what they would leave, the one that keeps most groups first among the equally good."""
    refused = found["small_people"] + found["alike_people"]
    tried = []
    columns = {column.name: column for column in copy.columns}
    for name in part.quasi:
        column = columns[name]
        for mask, expression in _coarser(column, copy.masks.get(name, "")):
            left, classes = grouping.remaining(copy, part, rules, {name: expression})
            told = f"“{column.title}”改为{_MASK_WORDS.get(mask) or mask_name(mask)}"
            tried.append(
                (
                    left,
                    -classes,
                    records.proposal(
                        "mask",
                        name,
                        title=told,
                        mask=mask,
                        remaining=left,
                        effect=_effect(left, refused),
                    ),
                )
            )
        if len(part.quasi) > 1:
            left, classes = grouping.remaining(copy, part, rules, {name: ""})
            tried.append((left, -classes, records.proposal(
                "drop", name, title=f"不开放“{column.title}”", remaining=left,
                effect=_effect(left, refused))))  # fmt: skip
    tried.sort(key=lambda one: one[:2])
    shown = [offer for left, _, offer in tried if left < refused or not refused][:_SHOWN_PROPOSALS]
    if refused and not rules.suppress and refused < found["people"]:
        shown.append(records.proposal(
            "suppress", "", title="隐去这些组的行", remaining=0,
            effect=f"少开放 {refused:,} 行，其余字段不变"))  # fmt: skip
    return shown


def _effect(left: int, before: int) -> str:
    if not before:
        return "新旧版本的差异会变粗，处理后请重新检查"
    if not left:
        return f"{before:,} 人都不再能被单独认出"
    return f"还剩 {left:,} 人（现在 {before:,} 人）"


def _coarser(column: ColumnSpec, mask: str) -> Iterator[tuple[str, str]]:
    """Masks that would make a field coarser, with what they make of it."""
    wanted: list[str] = []
    kind = str(column.type)
    if mask:
        # What stays of a name or a number may be known; hidden whole it is not.
        yield "full", "NULL"
        return
    if kind in {"date", "datetime"}:
        wanted = ["month", "year"]
    elif str(column.format or "") == "region12":
        wanted = [f"region:{digits}" for digits in _ROUNDS]
    elif kind in {"integer", "decimal"}:
        wanted = [f"band:{width}" for width in _BANDS]
    for choice in wanted:
        yield choice, differencing.coarser(column.name, choice)
