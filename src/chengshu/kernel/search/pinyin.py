"""Pinyin initials (养老金 → ylj) for the common characters, without a dictionary.

GB 2312-80 orders its 3,755 first-level characters by pinyin, so the position of a character in
that standard gives its first letter. The rarer second level is ordered by radical and has none
here, and a character with several readings has the one it is filed under (重 is z: 重庆 is found by
zq). Full pinyin would need a reading table, which is a dependency we do not have.
"""

from bisect import bisect_right

_LETTERS = "abcdefghjklmnopqrstwxyz"
# The first character of each letter, as GB 2312 orders them: 啊 芭 擦 搭 蛾 发 噶 哈 击 喀 垃 妈 拿 哦 啪 期 然 撒
# 塌 挖 昔 压 匝.
_FIRST = "啊芭擦搭蛾发噶哈击喀垃妈拿哦啪期然撒塌挖昔压匝"
_STARTS = [character.encode("gb2312") for character in _FIRST]
_LAST = b"\xd7\xf9"


def initial(character: str) -> str:
    """Return the first pinyin letter of a common Chinese character, "" for any other."""
    try:
        code = character.encode("gb2312")
    except UnicodeEncodeError:
        return ""
    if not _STARTS[0] <= code <= _LAST:
        return ""
    return _LETTERS[bisect_right(_STARTS, code) - 1]


def initials(run: str) -> list[str]:
    """Return the initials of the pieces of a run that are known: "养老金" gives ["ylj"]."""
    letters = "".join(initial(character) or " " for character in run)
    return letters.split()
