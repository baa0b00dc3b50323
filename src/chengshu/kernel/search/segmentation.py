"""Cuts Chinese queries into words with jieba and knows their synonyms. Loaded at the first query.

jieba is kept on a short lead: its own cache lies in the shared temporary folder and is loaded
with ``marshal``, which another account of the machine could abuse, so no cache is used (building
takes 0.6 s and about 70 MB once per process: ``warm_up`` does it ahead); its warnings at import,
which come from its age, are silenced for that import only; and it does not log.
"""

import csv
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_MINIMUM_PARTS = 2
_lock = threading.Lock()
_tokenizers: list[Any] = []
_tables: list[dict[str, tuple[str, ...]]] = []


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query and the other words that mean the same."""

    text: str
    synonyms: tuple[str, ...] = ()


Groups = tuple[tuple[str, ...], ...]
"""Groups of words that mean the same."""


@cache
def built_in_groups() -> Groups:
    """Return the lines of ``synonyms.csv``."""
    text = (files(__package__) / "synonyms.csv").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(tuple(group) for group in csv.reader(lines))


def synonym_table() -> dict[str, tuple[str, ...]]:
    """Return every known word with the words that mean the same: built in, and what :func:`use_groups` added."""
    if not _tables:
        use_groups(())
    return _tables[-1]


def use_groups(groups: Groups) -> None:
    """Add ``groups`` to the built-in ones, in place of those added before; takes effect in this process at once."""
    table: dict[str, tuple[str, ...]] = {}
    for group in (*built_in_groups(), *groups):
        for word in group:
            known = table.get(word, ())
            table[word] = known + tuple(o for o in group if o != word and o not in known)
    with _lock:
        # Replaced as a whole, so that a search in another thread reads the old table or the new one.
        _tables[:] = [table]
        for tokenizer in _tokenizers:
            for word in table:
                tokenizer.add_word(word)


def warm_up() -> None:
    """Load the dictionary now, for example at the start of a web process, and not in a person's
    first search.
    """
    _tokenizer()


def words(run: str) -> list[Word]:
    """Cut a run of Chinese characters into words; the words put together give the run again.

    A longer word that holds a known synonym at its start or end is cut there, so that "企业法人信息"
    is found by what is known of 法人.
    """
    table = synonym_table()
    found: list[Word] = []
    for piece in _tokenizer().cut(run, HMM=True):
        found.extend(Word(part, table.get(part, ())) for part in _parts(piece, table))
    return found


def _parts(piece: str, table: dict[str, tuple[str, ...]]) -> list[str]:
    if piece in table:
        return [piece]
    for size in range(len(piece) - 1, _MINIMUM_PARTS - 1, -1):
        if piece[:size] in table:
            return [piece[:size], *_parts(piece[size:], table)]
        if piece[-size:] in table:
            return [*_parts(piece[:-size], table), piece[-size:]]
    return [piece]


def _tokenizer() -> Any:
    if _tokenizers:
        return _tokenizers[0]
    synonym_table()
    with _lock:
        if not _tokenizers:
            _tokenizers.append(_build())
    return _tokenizers[0]


def _build() -> Any:
    with warnings.catch_warnings():
        # Invalid escapes in jieba's source (a SyntaxWarning from Python 3.12 on) and its use of
        # pkg_resources.
        for category in (DeprecationWarning, SyntaxWarning):
            warnings.filterwarnings("ignore", category=category, module=r".*\bjieba\b.*")
        warnings.filterwarnings("ignore", message=".*pkg_resources.*")
        import jieba
    tokenizer = jieba.Tokenizer()
    # What Tokenizer.initialize() does, without its cache file.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    for word in synonym_table():
        tokenizer.add_word(word)
    return tokenizer
