"""What somebody may have meant: another word that sounds the same, or one that looks much like it."""

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from chengshu.kernel.search import pinyin
from chengshu.kernel.search.text import MAX_TOKEN, Query, Term, han_runs

LONGEST = 12
SHORTEST = 2
LIKENESS = 0.6
"""Of two characters one, of four three must agree (difflib's ratio) for a word to be offered."""


def sound_query(text: str) -> Query:
    """A query for titles that sound like ``text``; empty when it is not one short run of Chinese."""
    run = _only_run(text)
    sound = pinyin.spelled(run) if run else ""
    return Query((((Term(sound[:MAX_TOKEN], prefix=True),),),)) if sound else Query()


def homophone(text: str, titles: Iterable[str]) -> str:
    """The piece of a title that sounds like ``text`` and is written otherwise; "" for none."""
    run = _only_run(text)
    sound = pinyin.spelled(run) if run else ""
    if not sound:
        return ""
    for piece in _pieces(titles, {len(run)}):
        if piece != run and any("".join(r) == sound for r in pinyin.readings(piece)):
            return piece
    return ""


def alike(text: str, titles: Iterable[str]) -> str:
    """The piece of a title most like ``text``; "" when none is like enough."""
    run = _only_run(text)
    if not run:
        return ""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(run)
    best, likeness = "", LIKENESS
    for piece in dict.fromkeys(_pieces(titles, {len(run) - 1, len(run), len(run) + 1})):
        matcher.set_seq1(piece)
        # The cheap upper bounds first; most pieces are nothing like it.
        if matcher.real_quick_ratio() <= likeness or matcher.quick_ratio() <= likeness:
            continue
        if (found := matcher.ratio()) > likeness:
            best, likeness = piece, found
    return best


def _only_run(text: str) -> str:
    runs = han_runs(text.strip())
    if len(runs) == 1 and runs[0][1] == text.strip() and SHORTEST <= len(runs[0][1]) <= LONGEST:
        return runs[0][1]
    return ""


def _pieces(titles: Iterable[str], sizes: set[int]) -> Iterator[str]:
    for title in titles:
        for _start, run in han_runs(title):
            for size in sizes:
                if size >= SHORTEST:
                    yield from (run[at : at + size] for at in range(len(run) - size + 1))
