"""The generated enterprises, shops and cooperatives of the demo city."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa

from chengshu_demo import encoding
from chengshu_demo.encoding import Ints, Texts
from chengshu_demo.places import ROADS, divisions
from chengshu_demo.population import Population, street_addresses
from chengshu_demo.randomness import stream
from chengshu_demo.timeframe import REFERENCE_DAY, year_start

TRADES: Final = (
    ("C", "印刷", 9), ("C", "印业", 5), ("C", "包装", 9), ("C", "纸业", 4), ("C", "塑业", 6),
    ("C", "礼品", 5), ("C", "工艺品", 5), ("C", "制袋", 3), ("C", "彩印", 4), ("C", "不干胶", 2),
    ("C", "无纺布", 3), ("C", "纺织", 4), ("C", "新材料", 3), ("C", "机械", 4), ("C", "日历", 2),
    ("C", "台挂历", 2), ("F", "贸易", 8), ("F", "商贸", 6), ("F", "建材", 3), ("F", "食品", 4),
    ("F", "服饰", 4), ("F", "五金", 3), ("F", "电子商务", 5), ("F", "百货", 4), ("F", "水产", 3),
    ("E", "建筑工程", 3), ("E", "装饰工程", 3), ("G", "物流", 3), ("G", "运输", 2),
    ("H", "餐饮", 6), ("H", "酒店", 2), ("I", "网络科技", 4), ("I", "软件", 1), ("K", "置业", 1),
    ("K", "物业服务", 2), ("L", "广告", 3), ("L", "人力资源", 1), ("L", "企业管理", 2),
    ("M", "检测技术", 1), ("M", "设计", 2), ("N", "环境工程", 1), ("O", "汽车维修", 2),
    ("O", "美容", 3), ("P", "教育培训", 2), ("Q", "医疗器械", 1), ("R", "文化传媒", 2),
    ("A", "农业开发", 3), ("A", "渔业", 1),
)  # fmt: skip
"""Trade word by industry section of GB/T 4754 with its weight; printing and gifts lead."""
FIRST: Final = (
    "金龙华宏鑫东新海瑞永兴恒盛泰丰达利德顺联中正天宝源昌诚信立嘉康凯亿万百佳美奥博创科荣祥"
    "振腾飞鸿润和合众安平旭光明星辰阳宇伟业浩博雅"
)
SECOND: Final = (
    "龙华鑫达利丰泰盛昌隆兴旺发源和顺通联创科泽润祥瑞嘉诚信德康宏远腾飞翔鹏程博雅彩艺美佳洁"
    "强胜凯悦晟铭锦辉煌耀升亿江海洋"
)
ENTERPRISE, SELF_EMPLOYED, COOPERATIVE = 1, 2, 3
KIND_NAMES: Final = {1: "有限责任公司", 2: "个体工商户", 3: "农民专业合作社"}
EXTRA_SHARE: Final = 0.10


@dataclass(frozen=True)
class Enterprises:
    """Market entities; all arrays have one element per entity.

    ``kind`` is 1 enterprise, 2 self-employed, 3 cooperative; ``legal`` a person number;
    ``capital`` counts units of 0.01 万元 (i.e. 100 yuan); ``founded`` days since 1900-01-01.
    """

    registered: int
    kind: Ints
    trade: Ints
    words: tuple[Ints, Ints, Ints]
    legal: Ints
    division: Ints
    road: Ints
    number: Ints
    founded: Ints
    capital: Ints
    state: Ints

    def __len__(self) -> int:
        return len(self.kind)

    @cached_property
    def uscc(self) -> Texts:
        """Unified social credit codes."""
        return encoding.credit_codes(np.arange(1, len(self) + 1), self.kind)

    @cached_property
    def name(self) -> Texts:
        """Registered names, e.g. 龙港市鑫达包装有限公司."""
        first, second, third = self.words
        endings = pa.array(["", "有限公司", "店", "专业合作社"], pa.string())
        third_words = pa.array([*SECOND, *[""] * len(SECOND)], pa.string())
        return encoding.join(
            "龙港市",
            encoding.pick(pa.array(list(FIRST)), first),
            encoding.pick(pa.array(list(SECOND)), second),
            encoding.pick(third_words, third),
            encoding.pick(pa.array([t[1] for t in TRADES]), self.trade),
            encoding.pick(endings, self.kind),
        )

    @cached_property
    def industry(self) -> Texts:
        """Industry section letters (GB/T 4754)."""
        return encoding.pick(pa.array([t[0] for t in TRADES]), self.trade)

    @cached_property
    def kind_name(self) -> Texts:
        """Kind of entity in words."""
        names = pa.array(["", *KIND_NAMES.values()], pa.string())
        return encoding.pick(names, self.kind)

    @cached_property
    def address(self) -> Texts:
        """Registered addresses."""
        return street_addresses(self.division, self.road, self.number)

    @cached_property
    def phone(self) -> Texts:
        """Landline numbers of the Wenzhou area with an unused exchange."""
        return encoding.serial("0577-099", np.arange(len(self)) * 7919 % 10**5, 5)


def found(registered: int, population: Population) -> Enterprises:
    """Generate ``registered`` market entities (plus :data:`EXTRA_SHARE` struck-off ones)."""
    generator = stream("enterprises", registered)
    total = int(registered * (1 + EXTRA_SHARE))
    weights = np.array([t[2] for t in TRADES], dtype=np.float64)
    kind = generator.choice([1, 2, 3], size=total, p=[0.36, 0.625, 0.015])
    capital = np.exp(generator.normal(4.2, 1.3, size=total)) * 100
    return Enterprises(
        registered=registered,
        kind=kind,
        trade=generator.choice(len(TRADES), size=total, p=weights / weights.sum()),
        words=(
            generator.integers(0, len(FIRST), size=total),
            generator.integers(0, len(SECOND), size=total),
            generator.integers(0, 2 * len(SECOND), size=total),
        ),
        legal=generator.choice(population.adults, size=total),
        division=generator.integers(0, len(divisions()), size=total),
        road=generator.integers(0, len(ROADS), size=total),
        number=generator.integers(1, 900, size=total),
        founded=generator.integers(year_start(1996), REFERENCE_DAY - 30, size=total),
        capital=np.where(kind == SELF_EMPLOYED, capital // 10, capital).astype(np.int64),
        state=generator.choice(4, size=total, p=[0.9, 0.06, 0.03, 0.01]),
    )
