"""Which data element a column probably is, from its Chinese title and its name.

Pure: build an :class:`ElementIndex` once, ask it often. Exact titles come first, then synonyms, then the column name,
then titles that share most of their character pairs (Dice coefficient of bigrams).
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

MIN_LIKENESS = 0.5
_SYNONYM, _NAME = 0.95, 0.85
# Units and brackets after a title do not change what it is: 注册资本(万元), 身份证号（18 位）.
_REMARK = re.compile(r"[（(\[【].*?[）)\]】]")
_NOISE = re.compile(r"[\s·、,，_\-/]+")
_UNIT = re.compile(r"[（(]([^（()）]+)[）)]$")
UNITS = frozenset(
    {
        "元",
        "万元",
        "人",
        "户",
        "度",
        "米",
        "平方米",
        "立方米",
        "天",
        "%",
        "个",
        "件",
        "吨",
        "公里",
        "千瓦时",
        "分",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownElement:
    """What the index needs of an element."""

    identifier: str
    title: str
    name: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposed element; ``score`` is 0–1, ``reason`` says in words why."""

    identifier: str
    title: str
    score: float
    reason: str


def normal(title: str) -> str:
    """A title without remarks in brackets, blanks and punctuation, in lower case."""
    return _NOISE.sub("", _REMARK.sub("", title)).lower()


def unit_of(title: str) -> str:
    """The unit a title names in brackets: 注册资本(万元) → 万元."""
    found = _UNIT.search(title)
    return found.group(1) if found and found.group(1) in UNITS else ""


def bigrams(title: str) -> frozenset[str]:
    """The pairs of neighbouring characters of a normal title; a single character stands for itself."""
    if len(title) < 2:  # noqa: PLR2004 - a pair needs two
        return frozenset({title}) if title else frozenset()
    return frozenset(title[i : i + 2] for i in range(len(title) - 1))


@dataclass(slots=True)
class ElementIndex:
    """Elements by title, synonym, name and bigram."""

    elements: dict[str, KnownElement] = field(default_factory=dict)
    titles: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    synonyms: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, elements: Iterable[KnownElement]) -> "ElementIndex":
        """An index over ``elements``."""
        index = cls()
        for element in elements:
            index._add(element)
        return index

    def _add(self, element: KnownElement) -> None:
        identifier = element.identifier
        self.elements[identifier] = element
        self.titles[normal(element.title)].append(identifier)
        if element.name:
            self.names[element.name.lower()].append(identifier)
        for word in element.synonyms:
            self.synonyms[normal(word)].append(identifier)
        for word in {normal(element.title), *map(normal, element.synonyms)}:
            grams = bigrams(word)
            self.sizes[word] = len(grams)
            for gram in grams:
                self.pairs[gram].append((identifier, word))

    def suggest(self, title: str, name: str = "", limit: int = 5) -> list[Suggestion]:
        """The most likely elements, best first; empty when nothing is alike."""
        found: dict[str, Suggestion] = {}
        wanted = normal(title)
        for identifier in self.titles.get(wanted, ()):
            self._keep(found, identifier, 1.0, "名称相同")
        for identifier in self.synonyms.get(wanted, ()):
            self._keep(found, identifier, _SYNONYM, "是它的同义名称")
        if name:
            for identifier in self.names.get(name.lower(), ()):
                self._keep(found, identifier, _NAME, "字段名相同")
        for identifier, likeness in self._alike(wanted).items():
            # Never above what is certain: the name of the column, a synonym, the title.
            self._keep(found, identifier, min(likeness, _NAME - 0.01), "名称相近")
        ranked = sorted(found.values(), key=lambda s: (-s.score, s.identifier))
        return ranked[:limit]

    def _keep(
        self, found: dict[str, Suggestion], identifier: str, score: float, reason: str
    ) -> None:
        known = found.get(identifier)
        if known is None or known.score < score:
            title = self.elements[identifier].title
            found[identifier] = Suggestion(identifier, title, round(score, 3), reason)

    def _alike(self, wanted: str) -> dict[str, float]:
        grams = bigrams(wanted)
        shared: dict[tuple[str, str], int] = defaultdict(int)
        for gram in grams:
            for key in self.pairs.get(gram, ()):
                shared[key] += 1
        best: dict[str, float] = {}
        for (identifier, word), count in shared.items():
            likeness = 2 * count / (len(grams) + self.sizes[word])
            if likeness >= MIN_LIKENESS:
                best[identifier] = max(best.get(identifier, 0.0), likeness)
        return best


def suggest_elements(
    title: str, name: str = "", *, index: ElementIndex, limit: int = 5
) -> list[Suggestion]:
    """The elements of ``index`` a column called ``title`` (``name`` in the table) probably is, best first."""
    return index.suggest(title, name, limit)
