"""Organisations of the demo city: the municipality, its 21 departments and 102 communities."""

import csv
from functools import cache
from typing import Final

from chengshu_demo.model import Community, Organisation
from chengshu_demo.places import CITY_CODE, divisions, package_text

ROOT_CODE: Final = "330383"
ROOT_NAME: Final = "龙港市人民政府"


@cache
def departments() -> dict[str, Organisation]:
    """The 21 departments by code."""
    rows = csv.DictReader(package_text("departments.csv").splitlines())
    return {
        row["code"]: Organisation(
            code=row["code"],
            short=row["short"],
            name=row["name"],
            kind="department",
            parent=ROOT_CODE,
            region=CITY_CODE,
            role=row["role"],
        )
        for row in rows
    }


@cache
def organisations() -> tuple[Organisation, ...]:
    """Root, departments, communities and the management area."""
    root = Organisation(ROOT_CODE, "龙港市", ROOT_NAME, "city", "", CITY_CODE)
    local = tuple(
        Organisation(
            code=d.code,
            short=d.name,
            name=f"龙港市{d.name}",
            kind="community" if d.is_community else "management_area",
            parent=ROOT_CODE,
            region=d.code,
        )
        for d in divisions()
    )
    return (root, *departments().values(), *local)


@cache
def communities() -> tuple[Community, ...]:
    """The 102 communities (without the management area)."""
    return tuple(
        Community(d.code, d.name, d.longitude, d.latitude) for d in divisions() if d.is_community
    )
