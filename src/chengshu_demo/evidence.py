"""Where a defect leaves a trace: a contradiction needs something in the data that it contradicts.

A wrong gender beside nothing that tells who the person is, or 陈玮 for 陈伟 in a table that knows a name only, is no
defect anybody could see, now or later. Such a defect is planted only where the same table holds what gives it away.
"""

import re
from typing import Final

from chengshu_demo.model import DataItem, Entry

_IDENTITY: Final = re.compile(r"(公民)?身份证?号码?$")
_PERSON: Final = frozenset({"p.id", "p.phone"})
_RESIDENT: Final = _PERSON | {"p.addr"}
_HOME: Final = frozenset({"p.id", "o.uscc", "w.code"})


def name_beside(entry: Entry, item: DataItem) -> DataItem | None:
    """The column with the name of the person whose identity number may stay empty in ``item``; None: there is none."""
    if item.format != "id_number" or not item.nullable:
        return None
    owner = _IDENTITY.sub("", item.title)
    titles = (owner, f"{owner}姓名") if owner else ("姓名",)
    return next((other for other in entry.items if other.title in titles), None)


def tells_the_name(entry: Entry, item: DataItem) -> bool:
    """Whether another way of writing a name can be seen: a person's where number, telephone or home are known.

    An organisation's name needs nothing beside it: the city's registers list all names there are.
    """
    return item.generator == "o.name" or bool(_RESIDENT & _generators(entry))


def shows(entry: Entry, kind: str, column: str) -> bool:
    """Whether something in a table gives a defect of a kind in that column away.

    What is not named here shows by itself: an unreadable value, an old date, a date beside the one it follows, a
    registration that repeats another, and a gap in a name.
    """
    known = _generators(entry)
    match kind:
        case "gender_mismatch":
            return bool(_PERSON & known)
        case "address_mismatch":
            return bool(_HOME & known)
        case "missing_identifier":
            return name_beside(entry, entry.item(column)) is not None
        case _:
            return True


def _generators(entry: Entry) -> set[str]:
    return {item.generator for item in entry.items}
