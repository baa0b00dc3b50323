"""One tokenizer for Chinese search on both databases.

Documents become tokens here, not in the database: single characters and pairs (bigrams) of
Chinese runs, and words, numbers and codes of everything else, so SQLite's FTS5 and PostgreSQL's
tsvector hold the same and answer the same. A query is cut into words with jieba, each word with
its synonyms; a word matches where all its pairs occur. First all words are asked for
(``Mode.ALL``), and where that finds nothing, any part of them (``Mode.ANY``), best rank first.

Tokens hold letters, digits and Chinese characters only, never a quote, an operator or a space,
so no input can leave the quoted token it is rendered into.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from chengshu.kernel.search import pinyin, segmentation

FTS5_TOKENIZER = "ascii"
"""What FTS5's ``tokenize`` option should say: every character above ASCII belongs to a token."""

MAX_TOKEN = 64
MAX_QUERY = 80
MAX_GROUPS = 12
_PREFIX_FROM = 2

_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# A run of Chinese, or a run of other letters and digits that may be joined by - _ . / : as codes
# are.
_RUNS = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<code>[^\W_{_HAN}]+(?:[-_./:]+[^\W_{_HAN}]+)*)")
_PARTS = re.compile(r"[^\W_]+")
_TOKEN = re.compile(rf"(?:[{_HAN}]|[^\W_])+")
# Words people say around what they look for. A query of nothing else keeps them.
_FILLERS = frozenset(
    "的 了 吗 呢 啊 吧 我 你 要 想 请 请问 怎么 怎样 如何 哪里 哪儿 什么 多少 "  # noqa: SIM905 - reads as a list
    "一下 可以 需要 关于 和 与 及 或 在 是".split()
)


class Mode(StrEnum):
    """How much of a query a document must hold."""

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Term:
    """One token to look for; ``prefix``: tokens that begin with it will do (codes, numbers,
    pinyin).
    """

    token: str
    prefix: bool = False


Alternative = tuple[Term, ...]
"""Terms that must all occur: the pairs of one word."""

Group = tuple[Alternative, ...]
"""A word and its synonyms: one of them must occur."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a person looks for: every group must be met. Without groups nothing can be found."""

    groups: tuple[Group, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups)


def document_tokens(text: str) -> list[str]:
    """Return the tokens to index, in order and with repetitions (ranking counts them)."""
    tokens: list[str] = []
    for is_han, run in _runs(text):
        if is_han:
            tokens.extend(run)
            tokens.extend(_pairs(run))
        else:
            tokens.extend(_code_tokens(run))
    return tokens


def title_tokens(text: str) -> list[str]:
    """Return ``document_tokens`` and how the text sounds from every character on, so "ylj" and
    "yanglao" find 养老金.

    For names and titles; in long texts sounds would find too much.
    """
    return [*document_tokens(text), *_sounds(text, everywhere=True)]


def part_tokens(text: str) -> list[str]:
    """Return ``document_tokens`` and how the whole text sounds, for the name of a part of a thing (a
    data item of an entry): it is found by its beginning only, which keeps the index small.
    """
    return [*document_tokens(text), *_sounds(text, everywhere=False)]


def _sounds(text: str, *, everywhere: bool) -> list[str]:
    return [
        sound[:MAX_TOKEN]
        for is_han, run in _runs(text)
        if is_han
        for sound in pinyin.sounds(run, everywhere=everywhere)
    ]


def parse_query(text: str) -> Query:
    """Cut what a person typed into groups. Never fails: any text gives a query, perhaps an empty
    one.

    Only the first 80 characters and 12 words count, which bounds what one search can cost.
    """
    words: list[segmentation.Word] = []
    for is_han, run in _runs(text[:MAX_QUERY]):
        if is_han:
            words.extend(segmentation.words(run))
        else:
            words.append(segmentation.Word(run, segmentation.synonym_table().get(run, ())))
    meaningful = [word for word in words if word.text not in _FILLERS] or words
    groups = dict.fromkeys(_group(word) for word in meaningful)
    return Query(tuple(groups)[:MAX_GROUPS])


def fts5_match(query: Query, *, mode: Mode = Mode.ALL, column: str = "") -> str:
    """Render a query for ``MATCH`` of SQLite's FTS5.

    Args:
        query: must not be empty.
        mode: all words, or any part of them.
        column: look in this column of the index only.

    Raises:
        ValueError: the query is empty, or the column is no plain identifier.
    """
    expression = _render(query, mode, _fts5_term, (" AND ", " OR "))
    if not column:
        return expression
    if not (column.isascii() and column.isidentifier()):
        raise ValueError("检索列名只能由字母、数字和下划线组成。")
    return f"{column} : ({expression})"


def tsquery(query: Query, *, mode: Mode = Mode.ALL) -> str:
    """Render a query for PostgreSQL, to be cast: ``vector @@ %s::tsquery`` (no text search
    configuration).

    Raises:
        ValueError: the query is empty.
    """
    return _render(query, mode, _tsquery_term, (" & ", " | "))


def held(query: Query, tokens: Collection[str]) -> int:
    """How many groups of a query a set of tokens meets; for choosing among the parts of a thing."""
    return sum(
        any(all(_holds(term, tokens) for term in alternative) for alternative in group)
        for group in query.groups
    )


def _holds(term: Term, tokens: Collection[str]) -> bool:
    return term.token in tokens or (
        term.prefix and any(token.startswith(term.token) for token in tokens)
    )


def han_runs(text: str) -> list[tuple[int, str]]:
    """Return the runs of Chinese in ``text`` as it stands, each with where it begins."""
    return [(m.start(), m.group()) for m in _RUNS.finditer(text) if m.lastgroup == "han"]


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    for match in _RUNS.finditer(folded):
        yield match.lastgroup == "han", match.group()


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]


def _code_tokens(run: str) -> list[str]:
    parts = [part[:MAX_TOKEN] for part in _PARTS.findall(run)]
    # "GB-T.2260" is found as its parts and as "gbt2260".
    return parts if len(parts) == 1 else [*parts, "".join(parts)[:MAX_TOKEN]]


def _group(word: segmentation.Word) -> Group:
    return tuple(dict.fromkeys(_alternative(text) for text in (word.text, *word.synonyms)))


def _alternative(text: str) -> Alternative:
    terms: list[Term] = []
    for is_han, run in _runs(text):
        if is_han:
            terms.extend(Term(token) for token in (_pairs(run) or [run]))
        else:
            parts = (part[:MAX_TOKEN] for part in _PARTS.findall(run))
            terms.extend(Term(part, prefix=len(part) >= _PREFIX_FROM) for part in parts)
    return tuple(dict.fromkeys(terms))


def _render(query: Query, mode: Mode, term: Callable[[Term], str], signs: tuple[str, str]) -> str:
    if not query:
        raise ValueError("没有可检索的内容，请输入文字、数字或编号。")
    both, either = signs
    if mode is Mode.ANY:
        return either.join(dict.fromkeys(term(t) for t in _loose_terms(query)))
    groups = (
        either.join(f"({both.join(map(term, alternative))})" for alternative in _loosest(group))
        for group in query.groups
    )
    return both.join(f"({group})" for group in groups)


def _loosest(group: Group) -> list[Alternative]:
    """The alternatives that say something: 身份证号 finds nothing that 身份证 does not, and asking costs."""
    sets = [frozenset(alternative) for alternative in group]
    return [
        alternative
        for alternative, terms in zip(group, sets, strict=True)
        if not any(other < terms for other in sets)
    ]


def _loose_terms(query: Query) -> list[Term]:
    """Every pair and code; single characters, which occur everywhere, only where there is
    nothing else.
    """
    terms = [term for group in query.groups for alternative in group for term in alternative]
    return [term for term in terms if len(term.token) > 1] or terms


def _fts5_term(term: Term) -> str:
    return f'"{_safe(term.token)}"{"*" if term.prefix else ""}'


def _tsquery_term(term: Term) -> str:
    return f"'{_safe(term.token)}'{':*' if term.prefix else ''}"


def _safe(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise ValueError("检索词含有不允许的字符。")
    return token
