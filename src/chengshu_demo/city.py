"""The demo city put together: everything except its records."""

import csv
import datetime as dt
from functools import cache
from typing import Final

import numpy as np

from chengshu_demo import encoding
from chengshu_demo.catalogue import code_tables, entries, marked
from chengshu_demo.delivery import OPEN_DATASET
from chengshu_demo.model import (
    Account,
    Application,
    City,
    Entry,
    Interface,
    Library,
    OpenInterface,
    Organisation,
    Warehouse,
)
from chengshu_demo.organisations import ROOT_CODE, communities, organisations
from chengshu_demo.places import package_text
from chengshu_demo.registry import WAREHOUSES, systems, warehouse_code

_LIBRARIES: Final = (
    ("zhengzhi-shengtai", "政治生态专题库", "监督执纪、干部管理与权力运行数据的汇聚分析", "#zz"),
    ("shenpi-jianguan", "审批监管专题库", "审批、证照、监管与信用数据的全链条汇聚", "#sp"),
)
_ENTERPRISE_NAME: Final = "龙港市华彩印艺包装有限公司"
_ENTERPRISE_NUMBER: Final = 900_001
_ACCOUNT_PHONES: Final = 700_001
_ACCOUNT_SEQUENCE: Final = 998
"""Sequence numbers from here on are not used by residents."""


def _table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(package_text(name).splitlines()))


@cache
def demo_enterprise() -> Organisation:
    """The enterprise behind the enterprise persona's account."""
    code = encoding.credit_codes(np.array([_ENTERPRISE_NUMBER]), np.array([1]))[0].as_py()
    home = communities()[0]
    return Organisation(code, "华彩印艺", _ENTERPRISE_NAME, "enterprise", ROOT_CODE, home.code)


def _accounts() -> tuple[Account, ...]:
    rows = _table("accounts.csv")
    births = [encoding.day_number(dt.date.fromisoformat(row["birth"])) for row in rows]
    sequence = np.array([_ACCOUNT_SEQUENCE + n % 2 for n in range(len(rows))])
    numbers = encoding.identity_numbers(np.array(births), sequence).to_pylist()
    phones = encoding.mobile_numbers(_ACCOUNT_PHONES + np.arange(len(rows))).to_pylist()
    homes = {o.code: o for o in (*organisations(), demo_enterprise())}
    found = []
    for row, number, phone in zip(rows, numbers, phones, strict=True):
        code = row["organisation"].replace("@enterprise", demo_enterprise().code)
        found.append(
            Account(
                username=row["username"],
                name=row["name"],
                role=row["role"],
                organisation=code,
                region=homes[code].region,
                phone=phone,
                id_number=number,
            )
        )
    return tuple(found)


def _warehouses(catalogue: tuple[Entry, ...]) -> tuple[Warehouse, ...]:
    return tuple(
        Warehouse(
            code=warehouse_code(word),
            name=name,
            purpose=purpose,
            entries=tuple(e.key for e in catalogue if e.warehouse == warehouse_code(word)),
        )
        for word, (name, purpose) in WAREHOUSES.items()
    )


@cache
def interfaces() -> tuple[Interface, ...]:
    """The live share interfaces."""
    return tuple(
        Interface(
            code=row["code"],
            title=row["title"],
            entry=row["entry"],
            key_column=row["key_column"],
            fields=tuple(row["fields"].split()),
            applications=tuple(row["applications"].split()),
            queries=tuple(row["queries"].split()),
            kinds={
                application: tuple(kinds.split("+"))
                for application, kinds in (word.split(":") for word in row["kinds"].split())
            },
        )
        for row in _table("interfaces.csv")
    )


@cache
def city() -> City:
    """The demo city; the same object on every call."""
    catalogue = entries()
    return City(
        organisations=(*organisations(), demo_enterprise()),
        communities=communities(),
        accounts=_accounts(),
        systems=systems(),
        code_tables=code_tables(),
        entries=catalogue,
        warehouses=_warehouses(catalogue),
        applications=tuple(Application(**row) for row in _table("applications.csv")),
        interfaces=interfaces(),
        open_interfaces=tuple(OpenInterface(**row) for row in _table("open_interfaces.csv")),
        open_dataset=OPEN_DATASET,
        libraries=tuple(
            Library(code, name, purpose, marked(option))
            for code, name, purpose, option in _LIBRARIES
        ),
    )
