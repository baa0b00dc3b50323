"""What a data element must hold: to be saved as a draft, and to be published (DB33/T 2426-2022)."""

import re
from typing import Any

from chengshu.data.catalog.choices import Level
from chengshu.data.catalog.content import CHOICES
from chengshu.data.catalog.elements import PLAIN_ELEMENT_FIELDS, ElementContent
from chengshu.data.catalog.models import ElementVersion
from chengshu.data.catalog.validation import SNAKE_ADVICE, SNAKE_CASE

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
MAX_SYNONYMS = 30


def element_problems(content: ElementContent) -> dict[str, str]:
    """What makes a draft impossible to save, by field."""
    found: dict[str, str] = {}
    if not content.title.strip():
        found["title"] = "请填写中文名称"
    for name in PLAIN_ELEMENT_FIELDS:
        if text := _value_problem(name, getattr(content, name)):
            found[name] = text
    if content.name and not SNAKE_CASE.fullmatch(content.name):
        found["name"] = f"字段名“{content.name}”不对：{SNAKE_ADVICE}"
    if len(content.synonyms) > MAX_SYNONYMS:
        found["synonyms"] = f"同义名称最多 {MAX_SYNONYMS} 个"
    if content.pattern:
        try:
            re.compile(content.pattern)
        except re.error as error:
            found["pattern"] = f"正则写法有误（{error}）"
    return found


def _value_problem(name: str, value: Any) -> str:
    field: Any = ElementVersion._meta.get_field(name)
    if name in CHOICES and value:
        known = getattr(CHOICES[name], "values", ())
        return "" if value in known else f"{field.verbose_name}不能是“{value}”"
    if isinstance(value, str) and field.max_length and len(value) > field.max_length:
        return f"{field.verbose_name}最多 {field.max_length} 个字"
    if isinstance(value, int) and value < 1 and name != "scale":
        return f"{field.verbose_name}必须大于 0"
    return ""


def missing_for_publication(content: ElementContent) -> dict[str, str]:
    """What DB33/T 2426-2022 demands before a data element is used for collection and sharing."""
    demanded = {
        "definition": "请填写定义",
        "english": "请填写英文名称",
        "object_class": "请填写对象类词",
        "representation": "请填写表示词",
        "source": "请填写来源机构",
    }
    found = element_problems(content)
    for name, text in demanded.items():
        if not getattr(content, name).strip():
            found.setdefault(name, text)
    if content.sensitivity not in Level.values:
        found["sensitivity"] = "请选择敏感级别"
    return found
