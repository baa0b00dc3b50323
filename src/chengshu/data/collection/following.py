"""A plan's mapping after the catalogue took over a change of the source: what is certain, and what a person must say.

Pure. Certain is what keeps its name: a column that is still there and whose item is still in the entry, a column whose
item left the entry (it is no longer read), and a new column that is called as its item. A likely rename is a guess.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Followed:
    """The mapping that is certain.

    ``blocking``: why the plan cannot run so; ``open_questions``: what it could read besides.
    """

    mapping: dict[str, str]
    blocking: tuple[str, ...] = ()
    open_questions: tuple[str, ...] = ()


def follow(
    mapping: Mapping[str, str],
    *,
    columns: Collection[str],
    agreed: Mapping[str, str],
    renamed: Mapping[str, str],
    titles: Mapping[str, str],
) -> Followed:
    """What a plan's mapping becomes.

    Args:
        mapping: source column → data item, as the plan reads now.
        columns: names of the columns the source has now.
        agreed: source column → data item, as the change of the catalogue has it.
        renamed: old column → new column, as guessed.
        titles: data item → Chinese name, of the entry as published.
    """
    kept: dict[str, str] = {}
    blocking: list[str] = []
    for column, item in mapping.items():
        if item not in titles:
            continue
        if column in columns:
            kept[column] = item
        elif column in renamed:
            blocking.append(
                f"“{titles[item]}”原来取自列“{column}”，它可能改名为“{renamed[column]}”"
            )
        else:
            blocking.append(f"“{titles[item]}”原来取自列“{column}”，现在没有这一列")
    guessed = set(renamed.values())
    questions = []
    for column, item in agreed.items():
        if column in mapping or column in guessed or item not in titles or item in kept.values():
            continue
        if column.lower() == item:
            kept[column] = item
        else:
            questions.append(f"新列“{column}”是不是“{titles[item]}”")
    return Followed(kept, tuple(blocking), tuple(questions))


def suggested(
    mapping: Mapping[str, str], *, columns: Collection[str], agreed: Mapping[str, str]
) -> dict[str, str]:
    """What is put before the person who must say: the plan's own mapping, completed by what the change agreed."""
    own = {column: item for column, item in mapping.items() if column in columns}
    more = {c: i for c, i in agreed.items() if c in columns and c not in own}
    return own | {c: i for c, i in more.items() if i not in own.values()}
