"""Personal data inside longer text: where it stands, and the text with it hidden."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from chengshu.data.protection.detectors.addresses import ADDRESS_IN_PYTHON, TAIL
from chengshu.data.protection.detectors.model import Kind
from chengshu.data.protection.detectors.names import COMPOUND, SINGLE, name_like
from chengshu.data.protection.detectors.numbers import OLD_ID, SHAPES, sound
from chengshu_gateway.masks import parse

_BORDER = r"(?<![0-9A-Za-z.])"
_BORDER_END = r"(?![0-9A-Za-z])"
# A name in running text is believed only after a word that announces one.
_ANNOUNCED = (
    r"(?:联系人|户主|经办人|当事人|申请人|代办人|本人姓名|姓名|患者|家属|投诉人|监护人|委托人|法定代表人|责任人)"
    r"(?:为|是|系)?[:： ]{0,2}"
)
_NAME = rf"(?:(?:{'|'.join(COMPOUND)})[\u4e00-\u9fff]{{1,2}}|[{SINGLE}][\u4e00-\u9fff]{{1,2}})"
_AFTER_NAME = r"(?=[,，。;；、(（\s\d：:已于称到在至]|$)"
_MASKS = {
    Kind.ID_NUMBER: "id_number", Kind.NAME: "name", Kind.MOBILE: "phone", Kind.PHONE: "phone",
    Kind.BANK_CARD: "bank_card", Kind.ADDRESS: "address", Kind.EMAIL: "email",
    Kind.PLATE: "keep:2,2", Kind.USCC: "keep:4,4",
}  # fmt: skip
OLD_ID_WORDS = "身份证|证件|身份号"


@dataclass(frozen=True, slots=True)
class Span:
    """Where something personal stands in a text: characters ``start`` to ``end`` (exclusive)."""

    start: int
    end: int
    kind: Kind
    text: str


@cache
def patterns() -> tuple[tuple[Kind, re.Pattern[str]], ...]:
    """Python patterns by kind, strictest first."""
    found = [
        (shape.kind, re.compile(_BORDER + shape.inside + _BORDER_END, re.ASCII)) for shape in SHAPES
    ]
    found.append((Kind.ADDRESS, re.compile(f"(?:{ADDRESS_IN_PYTHON}){TAIL}")))
    return tuple(found)


_OLD = re.compile(rf"(?:{OLD_ID_WORDS})[^0-9]{{0,6}}({OLD_ID.inside}){_BORDER_END}", re.ASCII)
_NAMED = re.compile(f"{_ANNOUNCED}({_NAME}){_AFTER_NAME}")


def spans_of(text: str) -> list[Span]:
    """Everything personal in a text, in order, without overlaps."""
    return next(iter(spans_in([text])))


def spans_in(texts: Iterable[str]) -> Iterator[list[Span]]:
    """As :func:`spans_of` for many texts, check digits verified in one go per kind."""
    all_texts = list(texts)
    candidates = [_candidates(text) for text in all_texts]
    good = _verified([span for found in candidates for span in found])
    for found in candidates:
        yield _without_overlaps([span for span in found if good(span)])


def _candidates(text: str) -> list[Span]:
    found = [
        Span(match.start(), match.end(), kind, match[0])
        for kind, pattern in patterns()
        for match in pattern.finditer(text)
    ]
    for kind, pattern in ((Kind.ID_NUMBER, _OLD), (Kind.NAME, _NAMED)):
        found += [Span(m.start(1), m.end(1), kind, m[1]) for m in pattern.finditer(text)]
    return found


def _verified(spans: list[Span]) -> Callable[[Span], bool]:
    bad: set[tuple[Kind, str]] = set()
    checks = {shape.kind: shape.checked for shape in SHAPES if shape.checked is not None}
    for kind, checked in checks.items():
        values = sorted({s.text for s in spans if s.kind is kind and len(s.text) != len("15") + 13})
        if values:
            flags = sound(pa.array(values), checked)
            bad |= {(kind, value) for value, ok in zip(values, flags, strict=True) if not ok}
    names = sorted({s.text for s in spans if s.kind is Kind.NAME})
    if names:
        flags = name_like(pa.array(names))
        bad |= {(Kind.NAME, value) for value, ok in zip(names, flags, strict=True) if not ok}
    return lambda span: (span.kind, span.text) not in bad


def _without_overlaps(spans: list[Span]) -> list[Span]:
    """Earlier kinds win: an identity number is not also a card number."""
    kept: list[Span] = []
    for span in spans:
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)


def hide_personal(text: str) -> str:
    """The text with everything personal masked in the customary way."""
    parts, at = [], 0
    for span in spans_of(text):
        parts += [text[at : span.start], masked_value(span.kind, span.text)]
        at = span.end
    return "".join([*parts, text[at:]])


def masked_value(kind: Kind, value: str) -> str:
    """One value as an example may show it."""
    return _mask(kind)(value) or ""


@cache
def _mask(kind: Kind) -> Callable[[object], str | None]:
    return parse(_MASKS[kind]).compile()
