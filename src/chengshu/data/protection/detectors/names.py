"""Chinese personal names: surname, length, and what is an ordinary word instead.

Surnames are the family names of the 百家姓 and the frequent ones of today's registers; a value that is a dictionary
word other than a person's name (jieba's term list, MIT) is no name, nor is anything that ends like a place,
an organisation or a thing.
"""

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Flags = npt.NDArray[np.bool_]

_COMPOUND_WORDS = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠"
    " 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 令狐 呼延 轩辕 百里 东郭 南门 西门"
)
COMPOUND = tuple(_COMPOUND_WORDS.split())
SINGLE = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方"
    "俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧"
    "计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫"
    "经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓"
    "牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙"
    "池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍却璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向"
    "古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢"
    "关蒯相查后荆红游竺权逯盖益桓公涂肖覃仝闫岳付代邸芦"
)
_HAN = r"\p{Han}"
_NAME = rf"^(?:(?:{'|'.join(COMPOUND)}){_HAN}{{1,2}}|[{SINGLE}]{_HAN}{{1,2}}|{_HAN}{{2,6}}·{_HAN}{{2,8}})$"
_NOT_A_NAME = (
    r"(?:社区|村|镇|乡|县|市|区|省|州|路|街|巷|弄|桥|河|山|港|湾|岛|局|所|站|院|校|厂|店|馆|园|场|公司|中心|"
    r"小学|中学|学校|银行|支行|科|处|室|队|组|会|社|部|级|类|型|种|项|号|元|年|月|日|天|个|人|员|工|式|法|证|书|表|"
    r"品|物|机|器|车|船|税|费|款|金额|率|性|化|中|内|外|上|下|已|未|否|的|了|族|语|文|学|业|院校|险|病|症|区域|型号)$"
)
_ORDINARY_TAGS = ("nr", "nrt", "nrfg", "x")


@cache
def ordinary_words() -> Any:
    """Dictionary words of two or three characters that begin with a surname but are no names, as Arrow text."""
    with warnings.catch_warnings():
        # jieba's source carries invalid escapes and imports pkg_resources; neither is ours to repair.
        for category in (DeprecationWarning, SyntaxWarning, UserWarning):
            warnings.filterwarnings("ignore", category=category)
        import jieba
    found = []
    for line in (Path(jieba.__file__).parent / "dict.txt").read_text("utf-8").splitlines():
        word, count, tag = line.split(" ")
        if 2 <= len(word) <= 3 and word[0] in SINGLE and tag not in _ORDINARY_TAGS and count > "0":  # noqa: PLR2004
            found.append(word)
    return pa.array(found, pa.string())


def name_like(values: Any) -> Flags:
    """Which values (text, no nulls) look like a personal name."""
    flags: Flags = pc.match_substring_regex(values, _NAME).to_numpy(zero_copy_only=False).copy()
    if flags.any():
        where = np.flatnonzero(flags)
        chosen = values.take(pa.array(where))
        ordinary = pc.is_in(chosen, value_set=ordinary_words())
        placed = pc.match_substring_regex(chosen, _NOT_A_NAME)
        flags[where] = ~pc.or_(ordinary, placed).to_numpy(zero_copy_only=False)
    return flags
