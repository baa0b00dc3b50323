"""Addresses: a division, a road or settlement, and a door number, in this order.

A division and a road alone describe a public place (路灯 on 龙翔路); with a number they lead to a door.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

Flags = npt.NDArray[np.bool_]

_DIVISION = r"(?:省|市|县|区|镇|乡|街道|社区|村|州)"
_ROAD = r"(?:路|街|巷|弄|大道|道|里|村|小区|花园|新村|苑|公寓|大厦|工业区|园区|组|社区|镇)"
_NUMBER = (
    r"(?:[0-9０-９]{1,5}|[一二三四五六七八九十百]{1,4})(?:-[0-9]{1,4})?(?:号|弄|幢|栋|室|单元|组)"
)
ADDRESS = rf"\p{{Han}}{{1,12}}{_DIVISION}[^,，。;；：:\n]{{0,24}}?{_ROAD}[^,，。;；：:\n]{{0,10}}?{_NUMBER}"
ADDRESS_IN_PYTHON = ADDRESS.replace(r"\p{Han}", "[\u4e00-\u9fff]")
# What may follow the first number: 3幢201室.
TAIL = r"(?:[0-9０-９一二三四五六七八九十-]{1,6}(?:号|弄|幢|栋|室|单元|楼|层)?){0,4}"


def address_like(values: Any) -> Flags:
    """Which values (text, no nulls) carry an address down to the door."""
    found: Flags = pc.match_substring_regex(values, ADDRESS).to_numpy(zero_copy_only=False).copy()
    return found
