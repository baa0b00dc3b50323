"""What one column is: type and size, format, code table, sensitivity, whether it must be filled.

Identifiers are text, whatever their digits look like (GB 11643, GB 32100: leading zeros and letters count).
"""

import re
from collections.abc import Sequence

from chengshu.data.discovery.inference.model import (
    LIKELY,
    OPEN,
    SURE,
    Guess,
    Habit,
    Knowledge,
    KnownCodes,
    SourceColumn,
)
from chengshu.data.discovery.inference.profile import ColumnProfile
from chengshu.data.discovery.inference.words import likeness, plain_title, stem

MOSTLY = 0.95
COVERED = 0.98
ENOUGH = 5
# Digits of one length beyond this are numbers of something, whatever the column is called.
LONG_NUMBER = 9
TEXT_SIZES = (
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    12,
    15,
    16,
    18,
    20,
    30,
    50,
    60,
    100,
    200,
    500,
    1000,
    2000,
    4000,
)
HEAD_ROOM = 1.3
# How sure one can be of a size without a single value, and the decimal that holds nearly everything.
_BLIND, _WIDEST = 0.3, (24, 6)
_CODE_WORDS = re.compile(
    r"(号|号码|编号|代码|编码|证|标识|账号|卡|身份|邮编|电话|手机|年度|月份|批次|版本)$"
)
_CODE_NAMES = re.compile(
    r"(^|_)(no|code|id|number|idcard|card|account|uuid|sn|phone|tel|mobile|zip|postcode|month|bh|dm|hm|version)$"
)
_COUNTED = re.compile(r"(版本号|排序号|顺序号|年限|月数|次数|天数|个数|人数|数量)$")
_YEARS = re.compile(r"(年度|年份|年$)|(^|_)(year|nd|nf)$")
_FLAGS = re.compile(r"^(是否|有无|能否)|标志$|^(is|has|if|sf|can)_|(^|_)(flag|bz)$")
FORMAT_NAMES = {
    "id_number": "公民身份号码", "uscc": "统一社会信用代码", "bank_card": "银行卡号", "mobile": "手机号",
    "region12": "12 位区划代码", "region6": "6 位区划代码", "plate": "车牌号", "email": "电子邮箱",
    "phone": "电话号码", "postcode": "邮政编码",
}  # fmt: skip
_FORMAT_LENGTHS = {
    "id_number": 18,
    "uscc": 18,
    "mobile": 11,
    "region12": 12,
    "region6": 6,
    "postcode": 6,
}
# Formats whose check digit no other number passes by chance; the others need a hint beside the digits.
_CHECKED = {"id_number": 0.9, "uscc": 0.9}
_HINTS = {
    "bank_card": re.compile(r"银行|卡|账号|card|bank|account|yhk|zh"),
    "mobile": re.compile(r"电话|手机|联系方式|phone|mobile|tel|sjh|lxdh"),
    "region12": re.compile(r"社区|村|区划|code|dm|代码|region"),
    "region6": re.compile(r"区划|行政区|县|region|xzqh|area_code|district"),
    "postcode": re.compile(r"邮编|邮政编码|post|zip|yb"),
    "plate": re.compile(r"."), "email": re.compile(r"."),
    "phone": re.compile(r"电话|phone|tel|传真|fax|热线|lxdh"),
}  # fmt: skip


def data_format(title: str, name: str, facts: ColumnProfile) -> Guess:
    """The identifier or contact format of a column, "" when it has none."""
    if facts.filled < ENOUGH:
        return Guess("", "样本太少", OPEN)
    for kind, needed in _CHECKED.items():
        if facts.share(kind) >= needed:
            return Guess(kind, f"{facts.share(kind):.1%} 的值通过{FORMAT_NAMES[kind]}校验", 0.98)
    text = f"{title} {name}".lower()
    for kind, hint in _HINTS.items():
        share = facts.share("digits6") if kind == "postcode" else facts.share(kind)
        hinted = hint.search(text) or (kind == "mobile" and facts.distinct > facts.filled / 2)
        if share < MOSTLY or not hinted:
            continue
        if kind == "region12" and len(facts.prefix) < 6:  # noqa: PLR2004 - digits of a county
            continue
        return Guess(kind, f"{share:.1%} 的值是{FORMAT_NAMES[kind]}", SURE)
    return Guess("", "没有发现固定格式", LIKELY)


def code_table(
    title: str, facts: ColumnProfile, known: Sequence[KnownCodes], habit: Habit | None
) -> Guess:
    """The code table that covers the values; short codes that many tables share need a likeness of names too."""
    if (
        facts.filled < ENOUGH
        or facts.distinct > 2 * max((len(t.codes) for t in known), default=0) + 5
    ):
        return Guess("", "取值不像代码", LIKELY)
    usual = habit.most(habit.code_tables)[0] if habit else ""
    best: tuple[float, KnownCodes | None, float] = (0.0, None, 0.0)
    for table in known:
        covered = _coverage(facts, table)
        if covered < COVERED:
            continue
        alike = max(likeness(title, table.name), 1.0 if usual == table.key else 0.0)
        used = sum(code in table.codes for code, _ in facts.top) / len(table.codes)
        best = max(best, (alike * 2 + used, table, covered), key=lambda item: item[0])
    _, chosen, covered = best
    if chosen is None:
        return Guess("", "没有代码表覆盖 98% 的取值", LIKELY)
    alike = max(likeness(title, chosen.name), 1.0 if usual == chosen.key else 0.0)
    if alike < 0.5 and not _distinctive(facts):  # noqa: PLR2004
        return Guess("", f"取值也合“{chosen.name}”，但名称不像，没有采用", OPEN)
    why = f"{covered:.1%} 的值在“{chosen.name}”里"
    return Guess(chosen.key, why, SURE if alike >= 0.5 else LIKELY)  # noqa: PLR2004


def _coverage(facts: ColumnProfile, table: KnownCodes) -> float:
    names = set(table.codes.values())
    seen = sum(count for _, count in facts.top)
    inside = sum(count for value, count in facts.top if value in table.codes or value in names)
    # Codes cut off the top list count as outside.
    return inside / max(seen, facts.filled) if seen else 0.0


def _distinctive(facts: ColumnProfile) -> bool:
    """Codes nobody writes by accident: letters, three digits, or more than a dozen of them."""
    return facts.distinct > 12 or any(len(v) > 2 for v, _ in facts.top[:3])  # noqa: PLR2004


def new_codes(facts: ColumnProfile) -> tuple[str, ...]:
    """Values that look like a closed list worth a code table of their own."""
    few = 2 <= facts.distinct <= 30 and facts.filled >= facts.distinct * 5  # noqa: PLR2004
    words = facts.share("hanzi") >= MOSTLY and facts.usual_length <= 15  # noqa: PLR2004
    covered = sum(count for _, count in facts.top[:20]) >= facts.filled * COVERED
    if not (few and words and covered) or facts.share("boolean") > MOSTLY:
        return ()
    return tuple(value for value, count in facts.top if count > 1)


def is_code_like(title: str, name: str) -> bool:
    """Whether the name says that digits are a number of something, not an amount."""
    if _COUNTED.search(plain_title(title)):
        return False
    return bool(
        _CODE_WORDS.search(stem(title)) or _CODE_WORDS.search(title) or _CODE_NAMES.search(name)
    )


def data_type(
    title: str,
    name: str,
    facts: ColumnProfile,
    column: SourceColumn,
    *,
    fixed: bool,
    habit: Habit | None,
) -> Guess:
    """The logical type. ``fixed``: a format or code table was found, so it is text."""
    if fixed:
        return Guess("text", "标识和代码一律按文本保存，保留前导零", 0.99)
    if column.type and column.type not in {"text", "integer", "decimal"}:
        return Guess(column.type, f"源表类型 {column.declared}", 0.97)
    if facts.filled < ENOUGH:
        return _by_habit(column, habit)
    found = _by_values(title, name, facts)
    if column.type in {"integer", "decimal"} and not is_code_like(title, name):
        return Guess(column.type, f"源表类型 {column.declared}", 0.97)
    return found


def _by_habit(column: SourceColumn, habit: Habit | None) -> Guess:
    if column.type:
        return Guess(column.type, f"源表类型 {column.declared}，样本太少", LIKELY)
    if habit and habit.types:
        return Guess(habit.most(habit.types)[0], "样本太少，按全市同名字段", LIKELY)
    return Guess("text", "样本太少，先按文本", OPEN)


def _by_values(title: str, name: str, facts: ColumnProfile) -> Guess:
    code = is_code_like(title, name)
    if facts.share("boolean") >= MOSTLY and facts.distinct <= 4 and _is_flag(title, name, facts):  # noqa: PLR2004
        return Guess("boolean", "只有“是/否”一类的值", SURE)
    dated = facts.share("date") + facts.share("datetime")
    if dated >= MOSTLY and not code:
        kind = "datetime" if facts.share("datetime") > facts.share("date") else "date"
        return Guess(
            kind, f"{dated:.1%} 的值是{'日期时间' if kind == 'datetime' else '日期'}", SURE
        )
    if facts.share("year") >= MOSTLY and _YEARS.search(f"{title} {name}"):
        return Guess("text", "年度按文本保存", SURE)
    if code or facts.share("leading_zero") > 0.01:  # noqa: PLR2004
        return Guess("text", "编号和带前导零的数字按文本保存", SURE)
    if (
        facts.share("integer") >= MOSTLY
        and facts.fixed_length
        and facts.usual_length >= LONG_NUMBER
    ):
        return Guess("text", f"{facts.usual_length} 位等长数字，像编号，按文本保存", LIKELY)
    if facts.share("integer") >= MOSTLY:
        return Guess("integer", f"{facts.share('integer'):.1%} 的值是整数", SURE)
    if facts.share("decimal") >= MOSTLY:
        return Guess("decimal", f"{facts.share('decimal'):.1%} 的值是小数", SURE)
    return Guess("text", "值是文字", SURE)


def _is_flag(title: str, name: str, facts: ColumnProfile) -> bool:
    words = {value for value, _ in facts.top}
    named = bool(_FLAGS.search(title) or _FLAGS.search(name))
    return named or words == {"0", "1"} or not words <= {"0", "1"}


def text_length(
    facts: ColumnProfile,
    column: SourceColumn,
    form: str,
    codes: KnownCodes | None,
    habit: Habit | None,
) -> Guess:
    """A length with head room: the declared one, the format's, the codes', else rounded up from the sample."""
    if form in _FORMAT_LENGTHS:
        return Guess(_FORMAT_LENGTHS[form], "格式规定的长度", 0.99)
    if codes is not None:
        return Guess(max(len(code) for code in codes.codes), "代码表里最长的代码", 0.99)
    if column.length and column.type == "text":
        return Guess(column.length, f"源表类型 {column.declared}", 0.97)
    needed = facts.usual_length
    usual = habit.most(habit.lengths)[0] if habit else 0
    if not facts.filled and not usual:  # a guess from nothing would quarantine everything
        return Guess(None, "没有样本，来源也没有声明长度，先不限", _BLIND)
    if usual and usual >= needed:
        return Guess(usual, f"样本最长 {needed} 个字，全市同名字段用 {usual}", SURE)
    wanted = needed if facts.fixed_length and not facts.share("hanzi") else needed * HEAD_ROOM
    size = next((s for s in TEXT_SIZES if s >= max(wanted, 1)), TEXT_SIZES[-1])
    return Guess(size, f"样本最长 {needed} 个字，留出余量", LIKELY)


def decimal_size(
    facts: ColumnProfile, column: SourceColumn, habit: Habit | None
) -> tuple[Guess, Guess]:
    """Precision and scale, with two digits of head room before the point."""
    if column.precision:
        why = f"源表类型 {column.declared}"
        return Guess(column.precision, why, 0.97), Guess(column.scale or 0, why, 0.97)
    scale, needed = facts.decimals, facts.whole_digits + facts.decimals
    if habit and habit.sizes:
        precision, used = habit.most(habit.sizes)[0]
        if used >= scale and precision - used >= facts.whole_digits:
            why = f"全市同名字段用 ({precision},{used})"
            return Guess(precision, why, SURE), Guess(used, why, SURE)
    if not facts.filled:
        why = "没有样本，来源也没有声明位数，先留足"
        return Guess(_WIDEST[0], why, _BLIND), Guess(_WIDEST[1], why, _BLIND)
    precision = next((p for p in (6, 8, 10, 12, 14, 16, 18, 20, 24, 38) if p >= needed + 2), 38)
    why = f"样本最多 {facts.whole_digits} 位整数、{scale} 位小数"
    return Guess(precision, why, LIKELY), Guess(max(scale, 0), why, LIKELY)


def nullable(
    facts: ColumnProfile, column: SourceColumn, habit: Habit | None, *, key: bool
) -> Guess:
    """Whether the item may be empty. A sample without gaps is no promise: use in the city or a declaration decides."""
    if key:
        return Guess(False, "主键不能为空", 0.99)
    if column.nullable is False:
        return Guess(False, "源表声明 NOT NULL", 0.97)
    share = facts.empty_share
    if share > 0.01:  # noqa: PLR2004
        return Guess(True, f"样本中 {share:.1%} 没有值", 0.97)
    if habit and habit.count > 1 and habit.required / habit.count > 0.5:  # noqa: PLR2004
        return Guess(
            False, f"样本几乎都有值，全市 {habit.count} 个同名字段有 {habit.required} 个必填", SURE
        )  # fmt: skip
    return Guess(True, "样本都有值，但没有依据说必须有", 0.6)


def element(title: str, name: str, form: str, table: str, knowledge: Knowledge) -> Guess:
    """The data element a column is; "" when none is close enough."""
    best, found = 0.0, None
    for known in knowledge.elements:
        alike = max([likeness(title, known.title), *(likeness(title, s) for s in known.synonyms)])
        score = (
            alike
            + 0.3 * (bool(form) and known.format == form)
            + 0.2 * (bool(table) and known.code_table == table)
        )
        score += 0.2 * (bool(known.name) and known.name == name) - 0.5 * bool(
            known.format and form and known.format != form
        )
        if score > best:
            best, found = score, known
    if found is None or best < 0.8:  # noqa: PLR2004
        return Guess("", "没有相近的数据元", LIKELY)
    return Guess(found.identifier, f"与数据元“{found.title}”相近", min(0.98, best))
