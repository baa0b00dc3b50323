"""A level L1 to L4 for every column (DB33/T 2351-2021), with the reason. In doubt the higher one.

What identifies a person, tells where they live or how to reach them is L3; health, crimes and biometrics are L4;
everything else in a table about persons is L2, because it can be joined to them; the rest is L1.
"""

import re

from chengshu.data.discovery.inference.model import LIKELY, SURE, Guess, Habit
from chengshu.data.discovery.inference.profile import ColumnProfile

_STAFF = re.compile(
    r"(操作|经办|录入|审核|审批|受理|承办|办理|处理|执法|巡查|更新|创建|维护|管理|责任|监管|登记|发布|核查|检查|复核)(人|员|人员|人姓名|员姓名)?$"
    r"|(网格员|审核人)$"
)
_ORG = re.compile(
    r"(工作|用人|所在|操作|管理|责任|承办|主管|监管|数源|单位|企业|公司|组织)(单位|部门|名称|代码|地址|电话|类型)|统一社会信用代码|单位$|注册|经营|市场主体|行业"
    r"|法人(?!姓名|身份|代表)"
)
_L4 = re.compile(
    r"基因|指纹|虹膜|人脸|生物特征|艾滋|精神病|吸毒|犯罪|前科|强奸|性侵|秘密|密码|口令"
    r"|诊断|病种|疾病|病史|病因|死因|过敏|妊娠|化验|处方|用药|手术|传染"
)
_L3 = re.compile(
    r"身份(证|号)|证件号|护照|手机|银行(卡|账)|卡号|社保卡|医保卡|(家庭|居住|户籍|现住|住宅|通讯|通信)(住|地)|住址|病历|收入|工资|存款"
)
_L2 = re.compile(
    r"姓名|出生|性别|民族|年龄|婚姻|学历|政治面貌|宗教|籍贯|户号|户主|配偶|父亲|母亲|子女|亲属|家属|监护|学生|患者|病人|居民|职业|血型|健康|车牌|号牌|车架|识别代号|学号"
)
_NEUTRAL = re.compile(
    r"^(所属|现住|所在)?(社区|村|网格|区划|街道|乡镇|县区|街路巷)(代码|编码|名称)?$|^(数源|来源)|源系统|操作单位|(部门|机关)(代码|名称)?$"
)
_FORMATS = {
    "id_number": ("L3", "公民身份号码"), "bank_card": ("L3", "银行卡号"), "mobile": ("L3", "个人手机号"),
    "plate": ("L2", "车牌号"), "email": ("L3", "电子邮箱"),
}  # fmt: skip
NAME_SHARE, ADDRESS_SHARE, MANY_NAMES = 0.95, 0.6, 30


def about_persons(titles: dict[str, str], formats: dict[str, str]) -> bool:
    """Whether the table's rows are about natural persons: a citizen's number, or a name with personal facts."""
    for column, form in formats.items():
        text = titles[column]
        if form == "id_number" and not re.search(r"法定代表|法人|经办|负责|联系|网格员|执法", text):
            return True
    return any(
        re.fullmatch(r"姓名|出生日期|性别(代码)?|民族(代码)?", text) for text in titles.values()
    )


def level(
    title: str, form: str, facts: ColumnProfile, habit: Habit | None, *, personal: bool
) -> Guess:
    """The level of a column and why."""
    found = _own(title, form, facts)
    neutral = _NEUTRAL.search(title) or _STAFF.search(title)
    if found is None and personal and not neutral and not _ORG.search(title):
        found = Guess("L2", "和个人记录同表，可关联到个人", SURE)
    if found is None:
        found = Guess("L1", "没有发现个人信息或敏感内容", LIKELY)
    usual, share = habit.most(habit.levels) if habit else ("", 0.0)
    if usual > found.value and share >= 0.5 and not (usual == "L2" and not personal):  # noqa: PLR2004
        return Guess(usual, f"全市同名字段 {share:.0%} 定为 {usual}", SURE)
    return found


def _own(title: str, form: str, facts: ColumnProfile) -> Guess | None:
    if _L4.search(title):
        return Guess("L4", "名称涉及特别敏感的内容", LIKELY)
    work = bool(_ORG.search(title) or _STAFF.search(title))
    if form in _FORMATS and not (work and form in {"mobile", "email"}):
        grade, noun = _FORMATS[form]
        return Guess(grade, f"内容是{noun}", SURE)
    if _L3.search(title) and not work:
        return Guess("L3", "名称涉及个人身份、住址、财产或健康", SURE)
    if (
        facts.share("address") >= ADDRESS_SHARE
        and not work
        and re.search(r"室|幢", "".join(v for v, _ in facts.top[:50]))
    ):
        return Guess("L3", "内容像住址，精确到户", LIKELY)
    if _L2.search(title) and not work:
        return Guess("L2", "名称涉及个人基本情况", SURE)
    named = re.search(r"人|姓名|name", title) and not _STAFF.search(title)
    if named and facts.share("name") >= NAME_SHARE and facts.distinct > MANY_NAMES:
        return Guess("L2", "内容像姓名", LIKELY)
    return None
