"""How Chinese sounds: pinyin of whole words and their initials, so that "yanglaojin" and "ylj" find 养老金.

Readings come from pypinyin, whose phrase table knows 银行 (yinhang) from 行政 (xingzheng). Where the phrase reading
differs from the commonest reading of the single characters, both lead to the title: a title may be cut wrongly, and
people type what they see. pypinyin is loaded at the first use (0.3 s, 40 MB), not at import.
"""

import re
from functools import lru_cache
from typing import Any

SYLLABLES = 12
"""So many syllables of a name are found from any one character on."""

_LETTERS = re.compile(r"[a-z]+")
_GAP = ""


@lru_cache(maxsize=65_536)
def readings(run: str) -> tuple[tuple[str, ...], ...]:
    """Return one or two readings of a run of Chinese, a syllable per character, "" where none is known."""
    from pypinyin import lazy_pinyin

    # A gap per unknown character; pypinyin takes lists, though it only declares texts.
    def unknown(text: str) -> Any:
        return [_GAP] * len(text)

    phrase = tuple(_plain(s) for s in lazy_pinyin(run, errors=unknown))
    single = tuple(map(_commonest, run))
    if len(phrase) != len(run):  # a character pypinyin reads together with its neighbour
        return (single,)
    return (phrase,) if phrase == single else (phrase, single)


@lru_cache(maxsize=16_384)
def _commonest(character: str) -> str:
    """The commonest reading of one character: asked for again with every name it stands in."""
    from pypinyin import lazy_pinyin

    known = lazy_pinyin(character, errors="ignore")
    return _plain(known[0]) if known else _GAP


def _plain(syllable: str) -> str:
    return syllable if _LETTERS.fullmatch(syllable) else _GAP


def initials(run: str) -> list[str]:
    """Return the initials of the pieces of a run that are known, by the phrase reading: 养老金 gives ["ylj"]."""
    letters = "".join(syllable[:1] or " " for syllable in readings(run)[0])
    return letters.split()


@lru_cache(maxsize=65_536)
def sounds(run: str, *, everywhere: bool) -> tuple[str, ...]:
    """Return what a run can be typed as: initials (from two on) and whole pinyin.

    Args:
        run: Chinese characters only.
        everywhere: from every character on, as for titles; else from the first only, as for the parts of a thing.
    """
    found: dict[str, None] = {}
    for start in range(len(run) if everywhere else 1):
        # Read anew from each character: 市长安路 begins with a mayor, 长安路 does not.
        for reading in readings(run[start : start + SYLLABLES]):
            piece = _known(reading)
            if len(piece) > 1:
                found["".join(s[0] for s in piece)] = None
            if piece:
                found["".join(piece)] = None
    return tuple(found)


def _known(reading: tuple[str, ...]) -> tuple[str, ...]:
    return reading[: reading.index(_GAP)] if _GAP in reading else reading


def spelled(run: str) -> str:
    """Return the whole pinyin of a run by its phrase reading; "" when a character is unknown."""
    reading = readings(run)[0]
    return "" if _GAP in reading else "".join(reading)


def heard(run: str, letters: str) -> list[tuple[int, int]]:
    """Return where in a run ``letters`` can be heard, as initials or as the beginning of whole pinyin."""
    found = []
    for start in range(len(run)):
        for reading in readings(run[start : start + SYLLABLES]):
            piece = _known(reading)
            if len(letters) > 1 and "".join(s[0] for s in piece).startswith(letters):
                found.append((start, start + len(letters)))
            elif "".join(piece).startswith(letters):
                found.append((start, start + _covering(piece, len(letters))))
    return found


def _covering(piece: tuple[str, ...], length: int) -> int:
    total = 0
    for count, syllable in enumerate(piece, 1):
        total += len(syllable)
        if total >= length:
            return count
    return len(piece)
