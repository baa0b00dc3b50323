"""Columns the demo city did not make, told by their values alone: other shapes, few rows, gaps and typing errors.

The detectors were built beside the city's generators, so a measure on the city alone flatters them. Here the values
come from plain lists and check-digit rules of their own, and half of the columns are decoys that look alike.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from chengshu.data.classification.tests.ground_truth import Detector, Score, count
from chengshu.data.protection.facade import detect_column

Maker = Callable[[random.Random], str]

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖"
    "石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙史陶贺顾毛郝龚邵万钱严覃武戴莫孔向汤缪温洪项"
)
_GIVEN = (
    "建国秀英桂兰志强玉梅淑珍海燕晓东丽娟俊杰雨欣子涵浩然思远佳怡文博小龙春花国庆卫东红霞金凤永康雪琴振华美玲爱民少华"
    "亚男一诺梓轩沐宸语嫣可馨嘉豪天佑铭泽若曦芳敏静伟军勇磊洋艳娜刚平辉"
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_REGIONS = (
    "110105",
    "310115",
    "330327",
    "330381",
    "440306",
    "510107",
    "320583",
    "130102",
    "420106",
)
_CITIES = (
    "苏州市吴中区",
    "四川省成都市武侯区",
    "上海市浦东新区",
    "平阳县鳌江镇",
    "江苏省昆山市",
    "苍南县灵溪镇",
    "深圳市南山区",
)
_ROADS = ("人民路", "建设大道", "通港路", "学院西街", "河滨东路", "柳南巷", "金山二路", "站前大街")


def _id_number(r: random.Random) -> str:
    born = f"{r.randint(1940, 2015)}{r.randint(1, 12):02}{r.randint(1, 28):02}"
    body = f"{r.choice(_REGIONS)}{born}{r.randint(1, 999):03}"
    total = sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def _uscc(r: random.Random) -> str:
    body = f"9{r.choice('123')}{r.choice(_REGIONS)}{''.join(r.choice(_CREDIT) for _ in range(9))}"
    total = sum(_CREDIT.index(c) * pow(3, n, 31) for n, c in enumerate(body))
    return body + _CREDIT[(31 - total % 31) % 31]


def _card(r: random.Random) -> str:
    # 16 digits for the one bank that has them still, 19 for the others.
    head = r.choice(("622848", "621700", "623058", "955880", "436742"))
    size = r.choice((9, 12)) if head == "436742" else 12
    body = head + "".join(r.choice("0123456789") for _ in range(size))
    double = [int(c) * (2 - n % 2) for n, c in enumerate(reversed(body))]
    return f"{body}{-sum(d - 9 * (d > 9) for d in double) % 10}"


def _name(r: random.Random) -> str:
    return r.choice(_SURNAMES) + "".join(r.choice(_GIVEN) for _ in range(r.choice((1, 2, 2, 2))))


def _address(r: random.Random) -> str:
    form = r.randrange(4)
    place, road, door = r.choice(_CITIES), r.choice(_ROADS), r.randint(1, 999)
    if form == 0:
        return f"{place}{road}{door}号"
    if form == 1:
        return f"{place}{road}{door}弄{r.randint(1, 30)}号{r.randint(101, 1802)}室"
    if form == 2:
        estate = r.choice(("阳光", "锦绣", "金域", "翠湖")) + r.choice(("花园", "小区", "公寓"))
        return f"{place}{estate}{r.randint(1, 40)}幢{r.randint(101, 1802)}室"
    return f"{place}{r.choice(('东', '西', '前', '后'))}{r.choice(('桥', '林', '塘'))}村{door}号"


def _plate(r: random.Random) -> str:
    head = f"{r.choice('浙沪苏粤京闽皖')}{r.choice('ABCDEFHJ')}"
    tail = "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(4))
    return head + r.choice((f"{tail}{r.randrange(10)}", f"D{r.randrange(10**5):05}", f"{tail}学"))


def _mobile(r: random.Random) -> str:
    number = f"1{r.choice('3456789')}{r.randrange(10**9):09}"
    return r.choice((number, number, number, f"+86 {number}"))


def _phone(r: random.Random) -> str:
    area = r.choice(("0577", "021", "0512", "010", "0755"))
    return f"{area}{r.choice(('-', '-', ''))}{r.randint(2, 8)}{r.randrange(10**6, 10**7)}"


MAKERS: dict[str, Maker] = {
    "id_number": _id_number, "name": _name, "mobile": _mobile, "phone": _phone,
    "bank_card": _card, "address": _address, "plate": _plate, "uscc": _uscc,
}  # fmt: skip


def _of(*words: str) -> Maker:
    return lambda r: r.choice(words)


DECOYS: tuple[Maker, ...] = (
    lambda r: f"2026{r.randint(1, 12):02}{r.randint(1, 28):02}{r.randrange(10**10):010}",
    lambda r: f"{r.randrange(10**15, 10**16)}",
    lambda r: f"{r.randrange(10**18, 10**19)}",
    lambda r: f"{r.choice(_REGIONS)}{r.randrange(10**12):012}",
    lambda r: f"2{r.randrange(10**10):010}",
    lambda r: f"{r.randrange(10**10):010}1",
    lambda r: f"{r.choice(_REGIONS)}{r.randrange(10**6):06}",
    lambda r: f"LG-{r.choice('ABCD')}{r.randrange(10**5):05}",
    lambda r: f"{r.choice(_CITIES)}{r.choice(_ROADS)}",
    lambda r: f"{r.choice(_ROADS)}与{r.choice(_ROADS)}交叉口",
    lambda r: f"温州{r.choice('华海金鑫宏')}{r.choice('达盛源丰')}有限公司",
    _of("高中", "大专", "本科", "硕士", "初中", "小学", "中专", "博士"),
    _of("水泥", "钢材", "黄沙", "石子", "木材", "玻璃", "马达", "金属", "方木", "白灰"),
    _of("温州市", "龙港市", "苍南县", "平阳县", "瑞安市", "乐清市", "文成县", "泰顺县"),
    _of("安全生产", "消防检查", "食品安全", "特种设备", "道路运输", "燃气管理", "危化品"),
    _of("科长", "主任", "局长", "科员", "经理", "会计", "司机", "厨师"),
    _of("方岩", "白沙", "江山", "余家桥", "金星", "龙跃", "河底高", "林家塔", "陈家堡", "黄金垟"),
    _of(
        "金乡",
        "钱库",
        "宜山",
        "芦浦",
        "云岩",
        "石砰",
        "马站",
        "莒溪",
        "南宋",
        "桥墩",
        "凤阳",
        "岱岭",
        "江南垟",
        "黄良",
    ),
    _of("苹果", "白菜", "黄瓜", "金桔", "石榴", "马铃薯", "龙井茶", "黄鱼", "梅干菜", "白萝卜"),
    lambda r: f"{r.uniform(0, 10**6):.2f}",
    lambda r: f"浙政发〔20{r.randint(10, 26)}〕{r.randint(1, 300)}号",
    lambda r: f"JH{r.randrange(10**14):014}",
    lambda r: "".join(r.choice("0123456789abcdef") for _ in range(32)),
)
_GAPS = ("", "无", "不详", "/", "-")


@dataclass(frozen=True)
class Column:
    """Values and what they are; "" for a decoy."""

    kind: str
    values: list[str]


def columns(per_kind: int, seed: int = 20261130) -> list[Column]:
    """So many columns of every kind and as many decoys, 10 to 300 rows each, up to 30 % gaps and typing errors.

    Fewer than six names are not told by values alone, on purpose: so many category words look like names by chance.
    """
    r = random.Random(seed)
    made = [
        Column(kind, _rows(r, maker)) for kind, maker in MAKERS.items() for _ in range(per_kind)
    ]
    total = len(made)
    made += [Column("", _rows(r, DECOYS[n % len(DECOYS)])) for n in range(total)]
    return made


def _rows(r: random.Random, maker: Maker) -> list[str]:
    noise = r.choice((0.0, 0.0, 0.1, 0.3))
    return [
        _spoilt(r, maker(r)) if r.random() < noise else maker(r)
        for _ in range(r.choice((10, 30, 100, 300)))
    ]


def _spoilt(r: random.Random, value: str) -> str:
    if r.random() < 0.5:  # half of the faults are gaps
        return r.choice(_GAPS)
    place = r.randrange(len(value))
    return value[:place] + value[place + 1 :]


def measure_foreign(*, per_kind: int, detector: Detector = detect_column) -> dict[str, Score]:
    """Score a detector by kind over these columns, without a word about them."""
    scores: dict[str, Score] = {}
    for column in columns(per_kind):
        found = {str(f.kind) for f in detector(pa.array(column.values))}
        count(scores, found, {column.kind} - {""})
    return scores
