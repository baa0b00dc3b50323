"""What is registered around the catalogue: information systems and warehouses."""

import csv
import datetime as dt
from functools import cache
from typing import Final, cast

from chengshu_demo.model import InformationSystem, ZoneName
from chengshu_demo.places import package_text

WAREHOUSES: Final = {
    "人口": ("人口仓", "自然人身份、户籍、婚育、教育和特殊群体"),
    "法人": ("法人仓", "市场主体、社会组织、党组织、农村集体的登记与资质"),
    "空间": ("空间地理仓", "地址、自然资源、房屋建筑与公共设施的空间数据"),
    "信用": ("公共信用仓", "行政处罚、失信名单、信用评价与权利负担"),
    "证照": ("电子证照仓", "自然人、法人和不动产证照"),
    "民生": ("民生保障仓", "社会保险、社会救助、住房保障与政务服务办件"),
    "健康": ("卫生健康仓", "诊疗、公共卫生与医疗保障"),
    "运行": ("城市运行仓", "感知设备、公用事业、公共交通与市政设施运行"),
    "治理": ("社会治理仓", "网格、矛盾纠纷、安全生产与执法监管"),
    "经济": ("经济运行仓", "工业经济、财政税收、投资项目与农村产权"),
}
"""Warehouse by the word used in the specification files: name and purpose."""


@cache
def _system_rows() -> dict[str, dict[str, str]]:
    rows = csv.DictReader(package_text("systems.csv").splitlines())
    return {row["key"]: row for row in rows}


def system_code(key: str) -> str:
    """Code of the system that the specification files call ``key``."""
    return f"330383-XT{list(_system_rows()).index(key) + 1:02}"


def warehouse_code(word: str) -> str:
    """Code of the warehouse that the specification files call ``word``."""
    return f"330383-DW{list(WAREHOUSES).index(word) + 1:02}"


@cache
def systems() -> tuple[InformationSystem, ...]:
    """The registered information systems."""
    return tuple(
        InformationSystem(
            code=system_code(key),
            name=row["name"],
            owner=row["owner"],
            purpose=row["purpose"],
            protection_level=int(row["level"]),
            zone=cast("ZoneName", row["zone"]),
            location=row["location"],
            status="trial" if row["status"] == "trial" else "running",
            online_since=dt.date.fromisoformat(row["online"]),
        )
        for key, row in _system_rows().items()
    )
