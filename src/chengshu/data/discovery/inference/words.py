"""Names: from pinyin, English and abbreviations to Chinese, from Chinese to a column name, and how alike two are."""

import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from importlib import resources

from chengshu.data.discovery.inference.model import Guess, Habit, Knowledge

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_HANZI = re.compile(r"[\u4e00-\u9fff]")
_UNIT = re.compile(r"[(（\[【][^)）\]】]*[)）\]】]")
_TAIL = re.compile(r"(代码|编码)$")
# A table's own mark before all of its columns (t_, f_, ...), and marks of types.
_AFFIXES = re.compile(r"^(t|f|c|col|fld|field|v|n|d|s|str|dt|vc)_(?=[a-z]{2})")
NAME_LENGTH = 60
_COMMENT_LENGTH = 60


def has_hanzi(text: str) -> bool:
    """Whether a Chinese character stands in ``text``."""
    return bool(_HANZI.search(text))


def snake(name: str) -> str:
    """A column's name in small letters with underscores, without marks that say nothing."""
    text = "_".join(_CAMEL.split(name.strip())).lower()
    text = re.sub(r"[^0-9a-z\u4e00-\u9fff]+", "_", text).strip("_")
    return _AFFIXES.sub("", text)


def plain_title(title: str) -> str:
    """A title without its unit in brackets: 建筑面积(平方米) → 建筑面积."""
    return _UNIT.sub("", title).strip()


def stem(title: str) -> str:
    """A title as its bare meaning, by the word of the standard: 性别代码 and 性别 are one."""
    bare = _TAIL.sub("", plain_title(title)) or plain_title(title)
    standard = _standards().get(bare) or _standards().get(title)
    return _TAIL.sub("", plain_title(standard)) if standard else bare


def bigrams(text: str) -> frozenset[str]:
    """Pairs of neighbouring characters; a single character stands for itself."""
    return frozenset(text[i : i + 2] for i in range(len(text) - 1)) or frozenset(text)


def likeness(one: str, other: str) -> float:
    """How alike two titles are, 0 to 1: equal after synonyms, else Dice's coefficient of their bigrams."""
    left, right = stem(one), stem(other)
    if left == right:
        return 1.0 if left else 0.0
    mine, theirs = bigrams(left), bigrams(right)
    shared = len(mine & theirs)
    return 2 * shared / (len(mine) + len(theirs)) if shared else 0.0


def _lines(name: str) -> Iterable[str]:
    text = resources.files(__package__).joinpath("vocabulary", name).read_text("utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def terms() -> dict[str, str]:
    """Whole column names and their titles."""
    return dict(pair.split("=", 1) for line in _lines("terms.txt") for pair in line.split())


@cache
def parts() -> dict[str, str]:
    """Parts of column names; the first meaning of a repeated part counts."""
    found: dict[str, str] = {}
    for line in _lines("words.txt"):
        for pair in line.split():
            word, _, meaning = pair.partition("=")
            found.setdefault(word, meaning)
    return found


@cache
def _standards() -> dict[str, str]:
    """Other words → the word of the standard."""
    found: dict[str, str] = {}
    for line in _lines("synonyms.txt"):
        standard, _, others = line.partition("=")
        for word in (standard, plain_title(standard), *others.split(",")):
            found.setdefault(word, standard)
    return found


@cache
def initials(title: str) -> str:
    """First letters of the pinyin: 公民身份号码 → gmsfhm."""
    from pypinyin import (
        Style,
        lazy_pinyin,
    )  # a large dictionary: not for every process at its start

    return "".join(lazy_pinyin(plain_title(title), style=Style.FIRST_LETTER, errors="ignore"))


@cache
def spelled(title: str) -> str:
    """Whole pinyin without blanks: 姓名 → xingming."""
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(plain_title(title), errors="ignore"))


class Translator:
    """Leads from column names to titles and back, by what the city uses and by the built-in vocabulary."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    @cached_property
    def _weights(self) -> dict[str, int]:
        """Every known title and how often it is in use."""
        found: dict[str, int] = {}
        for title in (
            *terms().values(),
            *_standards(),
            *(e.title for e in self._knowledge.elements),
        ):
            found.setdefault(title, 1)
        for title, names in self._knowledge.titles.items():
            found[title] = found.get(title, 0) + sum(names.values())
        return found

    @cached_property
    def _by_pinyin(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for title, weight in self._weights.items():
            standard = _standards().get(title, title)
            for key in {initials(title), spelled(title)} - {""}:
                seen = found.setdefault(key, {})
                seen[standard] = seen.get(standard, 0) + weight
        return found

    @cached_property
    def _names(self) -> dict[str, str]:
        """Column names by stem of the title, from the built-in vocabulary."""
        found: dict[str, str] = {}
        for name, title in terms().items():
            found.setdefault(stem(title), name)
        return found

    def title(self, name: str, comment: str = "") -> Guess:
        """The Chinese name of a column: comment, own Chinese, use in the city, terms, pinyin, parts."""
        if comment and has_hanzi(comment):
            return Guess(_first_phrase(comment), "取自字段注释", 0.98)
        if has_hanzi(name):
            return Guess(name.strip(), "取自表头", 0.98)
        key = snake(name)
        return (
            self._used(key) or self._term(key) or self._element(key) or self._pinyin(key)
            or self._composed(key) or Guess("", f"没有认出“{name}”，请填写中文名称", 0.0)
        )  # fmt: skip

    def _used(self, key: str) -> Guess | None:
        habit = self._knowledge.habits.get(key)
        if habit is None:
            return None
        title, share = habit.most(habit.titles)
        return Guess(
            title,
            f"全市目录有 {habit.count} 个同名字段，{share:.0%} 叫“{title}”",
            0.55 + 0.4 * share,
        )

    def _term(self, key: str) -> Guess | None:
        found = terms().get(key)
        return Guess(found, "常用字段词典", 0.85) if found else None

    def _element(self, key: str) -> Guess | None:
        for element in self._knowledge.elements:
            if element.name == key:
                return Guess(element.title, f"数据元 {element.identifier} 的建议字段名", 0.9)
        return None

    def _pinyin(self, key: str) -> Guess | None:
        letters = key.replace("_", "")
        found = self._by_pinyin.get(letters) if len(letters) > 1 else None
        if not found:
            return None
        ranked = sorted(found, key=lambda title: (-found[title], len(title)))
        share = found[ranked[0]] / sum(found.values())
        others = "、".join(ranked[1:4])
        why = f"拼音“{letters}”，也可能是{others}" if others else f"拼音“{letters}”"
        return Guess(ranked[0], why, 0.45 + 0.4 * share)

    def _composed(self, key: str) -> Guess | None:
        words = [w for w in re.split(r"[_\d]+", key) if w]
        known = [self._part(word) for word in words]
        if not words or not any(known):
            return None
        share = sum(bool(k) for k in known) / len(words)
        title = "".join(k or w for k, w in zip(known, words, strict=True))
        why = (
            "按“"
            + "、".join(f"{w}={k or '?'}" for w, k in zip(words, known, strict=True))
            + "”拼成"
        )
        return Guess(title, why, 0.55 if share == 1 else 0.3)

    def _part(self, word: str) -> str:
        single = parts().get(word) or (parts().get(word[:-1]) if word.endswith("s") else None)
        if single:
            return single
        found = self._by_pinyin.get(word) if len(word) > 1 else None
        return max(found, key=lambda title: found[title]) if found else ""

    def name(self, source: str, title: str) -> Guess:
        """A clean column name: the source's own when it is Latin, else one the city uses for ``title``."""
        key = snake(source)
        if key and not has_hanzi(key):
            clean = key if key[0].isalpha() else f"c_{key}"
            same = clean == source
            return Guess(clean[:NAME_LENGTH], "沿用源字段名" if same else f"由“{source}”整理", 0.95)
        used = self._knowledge.titles.get(title)
        if used:
            best = max(used, key=lambda name: used[name])
            return Guess(best, "全市目录对同名数据项的叫法", 0.9)
        known = self._names.get(stem(title))
        if known:
            return Guess(known, "常用字段词典", 0.85)
        letters = initials(title)
        return Guess((letters or "field")[:NAME_LENGTH], "取拼音首字母", 0.6)

    def habit(self, name: str, title: str) -> Habit | None:
        """How the city describes columns of this name, or else of this title."""
        found = self._knowledge.habits.get(snake(name))
        if found is not None:
            return found
        used: Mapping[str, int] = self._knowledge.titles.get(title, {})
        if not used:
            return None
        return self._knowledge.habits.get(max(used, key=lambda name: used[name]))


def _first_phrase(comment: str) -> str:
    """A comment often goes on with codes or remarks: 性别：1男 2女 → 性别."""
    head = re.split(r"[：:，,；;。\n\r|]", comment.strip(), maxsplit=1)[0]
    return (head.strip() or comment.strip())[:_COMMENT_LENGTH]
