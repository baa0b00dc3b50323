"""One column: values, column name and context weighed into findings."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as arrow_compute

from chengshu.data.protection.detectors.addresses import address_like
from chengshu.data.protection.detectors.model import Finding, Kind
from chengshu.data.protection.detectors.names import name_like
from chengshu.data.protection.detectors.numbers import OLD_ID, SHAPES, Shape, whole_matches
from chengshu.data.protection.detectors.texts import masked_value, spans_in

# The stubs' overloads of the compute kernels are too narrow to be of help.
pc: Any = arrow_compute

LEAST_CONFIDENCE = 0.5
MOST = 0.99
_WHOLE_SHARE = 0.5
_NAME_SHARE = 0.75
# What people type into a cell that has no value.
_GAP = r"^(?:|[-—–/\\.*?]+|无|没有|暂无|不详|未知|空|(?i:null|none|n/?a|nan))$"
_NAMES_DISTINCT = 6
_EXAMPLES = 3
_EXAMPLE_LENGTH = 60
_LONG_TEXT = 6
_SHORTEST, _SHORTEST_NUMBER, _OLD_LENGTH = 2, 6, 15
_LONGEST_NAME, _LONGEST_ADDRESS = 17, 200
_TITLES: dict[Kind, re.Pattern[str]] = {
    Kind.ID_NUMBER: re.compile(r"身份|证件号|公民号|id_?(number|card|no)|sfz", re.IGNORECASE),
    Kind.NAME: re.compile(
        r"姓名|名字|联系人|负责人|法定代表人|户主|经办人|当事人|(人|员|者|师|长)$|person|xm$|_name$",
        re.IGNORECASE,
    ),
    Kind.MOBILE: re.compile(r"手机|电话|联系方式|mobile|phone|tel", re.IGNORECASE),
    Kind.PHONE: re.compile(r"电话|联系方式|传真|phone|tel", re.IGNORECASE),
    Kind.BANK_CARD: re.compile(r"银行|卡号|账号|账户|card|account", re.IGNORECASE),
    Kind.ADDRESS: re.compile(r"地址|住址|住所|坐落|位置|户籍|address|location", re.IGNORECASE),
    Kind.PLATE: re.compile(r"车牌|号牌|plate", re.IGNORECASE),
    Kind.USCC: re.compile(r"信用代码|uscc|credit", re.IGNORECASE),
    Kind.EMAIL: re.compile(r"邮箱|邮件|mail", re.IGNORECASE),
}
_THING = re.compile(
    r"编号|流水|单号|文号|序号|批次|代码|数量|金额|品牌|状态|类型|类别|单位$|名称|(县|区|市|镇|村|社区|街道|路)$"
    r"|籍贯|民族|职业|专业|岗位|科目"
)


@dataclass(frozen=True, slots=True)
class _Column:
    """Distinct values with their counts and the words of the column."""

    values: Any
    counts: npt.NDArray[np.int64]
    words: str
    lengths: npt.NDArray[np.int32]
    chinese: npt.NDArray[np.bool_]

    @property
    def filled(self) -> int:
        return int(self.counts.sum())

    def possible(self, shortest: int, longest: int) -> float:
        """The larger share, of cells or of values, that has Chinese characters and such a length."""
        fits = self.chinese & (self.lengths >= shortest) & (self.lengths <= longest)
        return max(float(fits.mean()), int(self.counts[fits].sum()) / self.filled)

    def named(self, kind: Kind) -> bool:
        return bool(_TITLES[kind].search(self.words))

    @property
    def thing(self) -> bool:
        return bool(_THING.search(self.words))


def detect_column(values: Any, *, name: str = "", title: str = "") -> list[Finding]:
    """What personal data a column carries, surest first.

    Args:
        values: an Arrow Array or ChunkedArray; text and whole numbers are looked into, other types carry none.
        name: the column's own name.
        title: its Chinese title.
    """
    column = _distinct(values, f"{title} {name}")
    if column is None or column.lengths.max() < _SHORTEST:
        return []
    found: dict[Kind, Finding] = {}
    taken = np.zeros(len(column.values), dtype=np.bool_)
    upper = pc.utf8_upper(column.values)
    # Compiling an expression costs more than a short column; what cannot match is not asked.
    shapes = SHAPES if column.lengths.max() >= _SHORTEST_NUMBER else ()
    matched: dict[Kind, npt.NDArray[np.bool_]] = {}
    for shape in shapes:
        flags = whole_matches(upper, shape) & ~taken
        if shape.kind in matched:
            flags |= matched[shape.kind]
        if (finding := _whole(column, shape, flags)) is not None:
            found[shape.kind] = finding
            matched[shape.kind] = flags
            taken |= flags
    for finding in (_old_numbers(column, upper), _names(column), _addresses(column)):
        if finding is not None:
            found.setdefault(finding.kind, finding)
    for finding in _inside(column, taken):
        found.setdefault(finding.kind, finding)
    sure = [f for f in found.values() if f.confidence >= LEAST_CONFIDENCE]
    return sorted(sure, key=lambda f: -f.confidence)


def _distinct(values: Any, words: str) -> _Column | None:
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    if pa.types.is_integer(values.type):
        values = pc.cast(values, pa.string())
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return None
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    counted = pc.cast(values, pa.string()).drop_null().value_counts()
    texts = pc.utf8_trim_whitespace(pc.utf8_normalize(counted.field("values"), form="NFKC"))
    filled = pc.invert(pc.match_substring_regex(texts, _GAP))
    texts, counts = texts.filter(filled), counted.field("counts").filter(filled)
    if not len(texts):
        return None
    return _Column(
        texts, counts.to_numpy(zero_copy_only=False).astype(np.int64), words,
        pc.utf8_length(texts).to_numpy(zero_copy_only=False),
        ~pc.string_is_ascii(texts).to_numpy(zero_copy_only=False),
    )  # fmt: skip


def _finding(
    column: _Column, kind: Kind, flags: npt.NDArray[np.bool_], confidence: float, reason: str
) -> Finding:
    hits = int(column.counts[flags].sum())
    shown = column.values.take(pa.array(np.flatnonzero(flags)[:_EXAMPLES])).to_pylist()
    return Finding(
        kind=kind, share=hits / column.filled, confidence=round(min(confidence, MOST), 2),
        reason=reason, hits=hits, filled=column.filled,
        examples=tuple(masked_value(kind, value) for value in shown),
    )  # fmt: skip


def _weigh(column: _Column, kind: Kind, base: float) -> tuple[float, str]:
    if column.named(kind):
        return 1 - (1 - base) * 0.3, "，列名也这样说"
    if column.thing:
        return base * 0.75, "，但列名像编号或分类"
    return base, ""


def _whole(column: _Column, shape: Shape, flags: npt.NDArray[np.bool_]) -> Finding | None:
    hits = int(column.counts[flags].sum())
    share = hits / column.filled
    if not hits:
        return None
    # In few rows chance alone passes more often than on average: three standard deviations on top.
    luck = 3 * math.sqrt(shape.chance * (1 - shape.chance) / column.filled)
    needed = min(_WHOLE_SHARE, max(5 * shape.chance, 0.002) + luck)
    if share < needed:
        return None
    rule = "校验位" if shape.checked else "号码格式"
    base = 0.75 + 0.24 * share - (0.25 if shape.chance > 0.05 and share < 0.9 else 0)  # noqa: PLR2004
    confidence, told = _weigh(column, shape.kind, base)
    reason = f"{share:.1%} 的非空值符合{shape.kind.label}的{rule}{told}"
    return _finding(column, shape.kind, flags, confidence, reason)


def _old_numbers(column: _Column, upper: Any) -> Finding | None:
    if not (column.lengths == _OLD_LENGTH).any():
        return None
    flags = whole_matches(upper, OLD_ID)
    share = int(column.counts[flags].sum()) / column.filled
    if not flags.any() or (share < _WHOLE_SHARE and not column.named(Kind.ID_NUMBER)):
        return None
    confidence, told = _weigh(column, Kind.ID_NUMBER, 0.55 + 0.3 * share)
    reason = f"{share:.1%} 的非空值像 15 位旧身份证号{told}"
    return _finding(column, Kind.ID_NUMBER, flags, confidence, reason)


def _names(column: _Column) -> Finding | None:
    if column.possible(_SHORTEST, _LONGEST_NAME) < _WHOLE_SHARE:
        return None
    flags = name_like(column.values)
    share = int(column.counts[flags].sum()) / column.filled
    distinct = float(flags.mean())
    named = column.named(Kind.NAME) and not column.thing
    few = int(flags.sum()) < _NAMES_DISTINCT
    if min(share, distinct) < (_WHOLE_SHARE if named else _NAME_SHARE) or (few and not named):
        return None
    base = 0.35 + 0.45 * min(share, distinct)
    confidence, told = _weigh(column, Kind.NAME, base)
    reason = f"{share:.1%} 的非空值按姓氏和字数像姓名{told}"
    return _finding(column, Kind.NAME, flags, confidence, reason)


def _addresses(column: _Column) -> Finding | None:
    if column.possible(_LONG_TEXT, _LONGEST_ADDRESS) < _WHOLE_SHARE:
        return None
    flags = address_like(column.values)
    share = int(column.counts[flags].sum()) / column.filled
    if share < _WHOLE_SHARE:
        return None
    confidence, told = _weigh(column, Kind.ADDRESS, 0.6 + 0.3 * share)
    reason = f"{share:.1%} 的非空值由区划、道路和门牌组成{told}"
    return _finding(column, Kind.ADDRESS, flags, confidence, reason)


_HINT = (
    r"[0-9]{7}|@|[A-Z][A-Z0-9]{4}|联系人|户主|经办人|当事人|申请人|姓名|投诉人|家属|代办人|监护人|患者|委托人"
    r"|法定代表人|责任人|[0-9一二三四五六七八九十](?:号|幢|栋|室|弄)"
)


def _inside(column: _Column, taken: npt.NDArray[np.bool_]) -> list[Finding]:
    """Findings inside longer texts: the cells that hold more than the number itself."""
    where = np.flatnonzero((column.lengths > _LONG_TEXT) & ~taken)
    if not len(where):
        return []
    longer = column.values.take(pa.array(where))
    where = where[pc.match_substring_regex(longer, _HINT).to_numpy(zero_copy_only=False)]
    hits: dict[Kind, int] = {}
    examples: dict[Kind, list[str]] = {}
    texts = column.values.take(pa.array(where, pa.int64())).to_pylist()
    # In a column of numbers a cell that is one number was judged by its share; among words it stands out.
    prose = int(column.counts[column.chinese].sum()) * 2 >= column.filled
    for place, text, spans in zip(where, texts, spans_in(texts), strict=True):
        for kind in {span.kind for span in spans if prose or len(span.text) < len(text)}:
            hits[kind] = hits.get(kind, 0) + int(column.counts[place])
            if len(shown := examples.setdefault(kind, [])) < _EXAMPLES:
                shown.append(_hidden(text, spans))
    return [_embedded(column, kind, hits[kind], examples[kind]) for kind in hits]


def _hidden(text: str, spans: list[Any]) -> str:
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], masked_value(span.kind, span.text)]
        at = span.end
    return "".join([*parts, text[at:]])[:_EXAMPLE_LENGTH]


_INSIDE = {
    Kind.ID_NUMBER: 0.9, Kind.MOBILE: 0.75, Kind.BANK_CARD: 0.65, Kind.EMAIL: 0.8, Kind.PLATE: 0.8,
    Kind.USCC: 0.75, Kind.PHONE: 0.7, Kind.ADDRESS: 0.65, Kind.NAME: 0.65,
}  # fmt: skip


def _embedded(column: _Column, kind: Kind, hits: int, examples: list[str]) -> Finding:
    base = _INSIDE[kind] + (0.05 if hits > _EXAMPLES else 0)
    reason = f"在 {hits:,} 行较长的文字中出现{kind.label}"
    return Finding(
        kind=kind, share=hits / column.filled, confidence=round(min(base, MOST), 2), reason=reason,
        hits=hits, filled=column.filled, embedded=True, examples=tuple(examples),
    )  # fmt: skip
