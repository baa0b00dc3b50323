"""Password rules (defaults of the platform, in the spirit of GB/T 22239 identity checks; length 10, three classes)."""

import re
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError

MINIMUM_LENGTH = 10
MINIMUM_CLASSES = 3
_CLASSES = (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z0-9]")


class LengthAndClasses:
    """At least ten characters of at least three classes."""

    def validate(self, password: str, user: Any = None) -> None:
        del user
        if len(password) < MINIMUM_LENGTH:
            raise ValidationError(f"密码至少 {MINIMUM_LENGTH} 位，现在是 {len(password)} 位。")
        if sum(bool(re.search(c, password)) for c in _CLASSES) < MINIMUM_CLASSES:
            raise ValidationError("密码须包含大写字母、小写字母、数字、符号中的至少三类。")

    def get_help_text(self) -> str:
        return f"至少 {MINIMUM_LENGTH} 位，含大写、小写、数字、符号中的三类"


class NotCommon:
    """Not one of the well-known passwords, and no keyboard run or repetition."""

    def validate(self, password: str, user: Any = None) -> None:
        del user
        core = re.sub(r"[^a-z]", "", password.lower())
        if core in _common() or re.fullmatch(r"(.)\1+", password):
            raise ValidationError("这个密码太常见，容易被猜中，请换一个。")

    def get_help_text(self) -> str:
        return "不能是常见密码"


class NotPersonal:
    """Does not contain the account name or the person's name."""

    def validate(self, password: str, user: Any = None) -> None:
        for part in (getattr(user, "username", ""), getattr(user, "display_name", "")):
            if part and len(part) > 2 and part.lower() in password.lower():  # noqa: PLR2004 - initials are no hint
                raise ValidationError("密码不能包含账号名或姓名。")

    def get_help_text(self) -> str:
        return "不能包含账号名或姓名"


@cache
def _common() -> frozenset[str]:
    words = (
        "password passwd qwerty qwertyuiop asdfgh asdfghjkl admin administrator root welcome"
        " letmein iloveyou woaini longgang chengshu zxcvbnm qazwsx abc abcd abcdef"
    )
    return frozenset(words.split())
