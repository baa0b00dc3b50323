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


def name_beside(entry: Entry, item: DataItem) -> DataItem | None:
    """The column with the name of the person whose identity number may stay empty in ``item``; None: there is none."""
    if item.format != "id_number" or not item.nullable:
        return None
    owner = _IDENTITY.sub("", item.title)
    titles = (owner, f"{owner}姓名") if owner else ("姓名",)
    return next((other for other in entry.items if other.title in titles), None)


def tells_the_person(entry: Entry) -> bool:
    """Whether a table says who a row is about beside the name: by identity number or telephone."""
    return any(item.generator in _PERSON for item in entry.items)


def tells_the_name(entry: Entry, item: DataItem) -> bool:
    """Whether another way of writing a name can be seen: a person's where number, telephone or home are known.

    An organisation's name needs nothing beside it: the city's registers list all names there are.
    """
    if item.generator == "o.name":
        return True
    return any(other.generator in _RESIDENT for other in entry.items)
