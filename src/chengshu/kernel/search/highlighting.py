"""Marks what was looked for in a title or summary; the text itself is escaped."""

import re

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from chengshu.kernel.search import pinyin
from chengshu.kernel.search.text import Query, han_runs

AROUND = 40


def highlight(text: str, query: Query) -> SafeString:
    """Wrap every occurrence of a queried token in ``<mark>``; neighbouring ones join."""
    parts: list[SafeString] = []
    end = 0
    for start, stop in _spans(text, query):
        parts += [escape(text[end:start]), format_html("<mark>{}</mark>", text[start:stop])]
        end = stop
    parts.append(escape(text[end:]))
    return mark_safe("".join(parts))  # noqa: S308 - every part was escaped above


def excerpt(text: str, query: Query, length: int = 120) -> SafeString:
    """Cut ``text`` to about ``length`` characters around the first hit and mark the hits."""
    spans = _spans(text, query)
    start = max(0, spans[0][0] - AROUND) if spans and spans[0][1] > length else 0
    cut = text[start : start + length]
    marked = highlight(cut, query)
    return format_html(
        "{}{}{}", "…" if start else "", marked, "…" if start + length < len(text) else ""
    )


def _spans(text: str, query: Query) -> list[tuple[int, int]]:
    folded = text.casefold()
    alternatives = [alternative for group in query.groups for alternative in group]
    # A pair of a word that is not there as a whole (居民 of 居民身份证) would mark by chance.
    whole = [a for a in alternatives if all(term.token in folded for term in a)]
    tokens = {term.token for alternative in whole or alternatives for term in alternative}
    if len(folded) != len(text):  # positions would shift
        return []
    # Zero-width, because pairs overlap: 养老 and 老金 mark 养老金 as one.
    found = {
        (match.start(), match.start() + len(token))
        for token in tokens
        for match in re.finditer(f"(?={re.escape(token)})", folded)
    }
    if not found:
        found = _heard(folded, [token for token in tokens if token.isascii() and token.isalpha()])
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _heard(text: str, letters: list[str]) -> set[tuple[int, int]]:
    """Where pinyin was typed, the characters it stands for."""
    return {
        (offset + start, offset + stop)
        for word in letters
        for offset, run in han_runs(text)
        for start, stop in pinyin.heard(run, word)
    }
