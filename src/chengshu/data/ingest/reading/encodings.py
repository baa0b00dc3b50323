"""Which encodings a text file may have, with the evidence a person needs to decide."""

import codecs
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from chengshu.data.ingest.reading.errors import EncodingMismatchError
from chengshu.data.ingest.reading.report import EncodingGuess

CERTAIN = 0.95
REPLACEMENT = "\ufffd"
SUPPORTED = ("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be")

_HEAD = 512 * 1024
_PROBE = 128 * 1024
_SAMPLE_CHARACTERS = 120
_FEW = 3
_MANY = 50
_TOLERATED_BAD_SHARE = 0.3
_ALIASES = {
    "utf8": "utf-8",
    "utf-8-bom": "utf-8-sig",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
}
_PUNCTUATION = set("，。、；：？！“”‘’（）《》【】—…·￥％ 　")


def canonical(encoding: str) -> str:
    """Our name of an encoding; EncodingMismatchError when we do not read it."""
    name = encoding.strip().lower().replace("_", "-")
    name = _ALIASES.get(name, name)
    if name not in SUPPORTED:
        raise EncodingMismatchError(
            f"不支持编码“{encoding}”，可选 UTF-8、GB18030（含 GBK、GB2312）和 UTF-16。"
        )
    return name


def guess_encodings(path: Path) -> tuple[EncodingGuess, ...]:
    """All encodings that could be meant, best first; never empty."""
    pieces = _probe(path)
    head = pieces[0]
    if head.startswith(codecs.BOM_UTF8):
        return (_marked(pieces, "utf-8-sig", "文件开头有 UTF-8 标记（BOM）"),)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return (_marked(pieces[:1], "utf-16", "文件开头有 UTF-16 标记（BOM）"),)
    if b"\x00" in head:
        little = head[1::2].count(0) >= head[0::2].count(0)
        name = "utf-16-le" if little else "utf-16-be"
        return (
            _judge(pieces[:1], name, _rate_gb18030, "字节中有规律的空字节，像没有标记的 UTF-16"),
        )
    if all(piece.isascii() for piece in pieces):
        guess = _marked(pieces, "utf-8", "抽查的部分只有英文和数字，各种编码读出来都一样")
        return (guess,)
    guesses = (
        _judge(pieces, "utf-8", _rate_utf8, "字节符合 UTF-8 的规律"),
        _judge(pieces, "gb18030", _rate_gb18030, "字节符合 GB18030 的规律"),
    )
    return tuple(sorted(guesses, key=lambda guess: -guess.confidence))


def check_choice(path: Path, encoding: str) -> None:
    """Refuse an encoding that plainly does not fit, naming the first bad row.

    A few bad bytes are no reason: those rows are rejected one by one during the load.
    """
    text = decode_pieces(_probe(path)[:1], encoding)
    bad = text.count(REPLACEMENT)
    foreign = _foreign(Counter(text))
    if bad <= _FEW or bad <= foreign * _TOLERATED_BAD_SHARE:
        return
    row = text.count("\n", 0, text.index(REPLACEMENT)) + 1
    best = guess_encodings(path)[0]
    raise EncodingMismatchError(
        f"按 {encoding.upper()} 读取时，第 {row} 行起有 {bad:,} 处无法识别的字符，编码选错了；"
        f"这个文件更像 {best.encoding.upper()}"
        f"（可信度 {best.confidence:.0%}，读出来是“{' '.join(best.sample.split())[:20]}”）。"
        "请改选编码后重试。",
        row=row,
    )


def decode_pieces(pieces: list[bytes], encoding: str) -> str:
    """Text of the pieces; bad bytes become U+FFFD, a character cut off at the end is dropped."""
    return "".join(
        codecs.getincrementaldecoder(encoding)("replace").decode(piece) for piece in pieces
    )


def _probe(path: Path) -> list[bytes]:
    """The head, and whole lines from the middle and from the end of a long file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        pieces = [file.read(_HEAD)]
        for start in (size // 2, size - _PROBE) if size > _HEAD + 2 * _PROBE else ():
            file.seek(start)
            data = file.read(_PROBE)
            first, last = data.find(b"\n"), data.rfind(b"\n")
            if 0 <= first < last:
                pieces.append(data[first + 1 : last + 1])
    return pieces


def _sample(text: str) -> str:
    """The first stretch that shows a difference between encodings."""
    start = next((i for i, c in enumerate(text) if not c.isascii()), 0)
    begin = text.rfind("\n", 0, start) + 1
    return text[begin : begin + _SAMPLE_CHARACTERS].replace("\r", "").strip("\ufeff\n")


def _marked(pieces: list[bytes], encoding: str, evidence: str) -> EncodingGuess:
    text = decode_pieces(pieces, encoding)
    bad = text.count(REPLACEMENT)
    return EncodingGuess(encoding, 1.0 if not bad else 0.9, evidence, _sample(text), bad)


def _judge(
    pieces: list[bytes],
    encoding: str,
    rate: Callable[[Counter[str], int, int], float],
    evidence: str,
) -> EncodingGuess:
    text = decode_pieces(pieces, encoding)
    bad = text.count(REPLACEMENT)
    counts = Counter(text)
    foreign = _foreign(counts) - bad
    if bad:
        evidence = f"抽查中有 {bad:,} 处字节不合规律"
    return EncodingGuess(
        encoding, round(rate(counts, foreign, bad), 3), evidence, _sample(text), bad
    )


def _rate_utf8(counts: Counter[str], foreign: int, bad: int) -> float:
    """Bytes that obey UTF-8 are hardly ever anything else, except in very short texts (联通)."""
    if bad:
        return max(0.0, 0.9 - 20 * bad / max(foreign, 1))
    usual = _usual(counts)
    return 0.99 if usual >= foreign / 2 or foreign >= _MANY else 0.4


def _rate_gb18030(counts: Counter[str], foreign: int, bad: int) -> float:
    """Almost any bytes are valid GB18030, so ask whether the characters are ones people write."""
    if not foreign:
        return 0.0
    usual = _usual(counts)
    return max(0.0, 0.98 * usual / foreign - 20 * bad / foreign)


def _foreign(counts: Counter[str]) -> int:
    return sum(n for character, n in counts.items() if not character.isascii())


def _usual(counts: Counter[str]) -> float:
    return sum(n * _usualness(c) for c, n in counts.items() if not c.isascii())


def _usualness(character: str) -> float:
    """1 for GB 2312 level-1 characters and Chinese punctuation, less for rarer ones, 0 outside."""
    if character in _PUNCTUATION or "\uff01" <= character <= "\uff5e":
        return 1.0
    if not "\u4e00" <= character <= "\u9fff":
        return 0.0
    code = character.encode("gb18030")
    if not (0xB0 <= code[0] <= 0xF7 and code[1] >= 0xA1):  # noqa: PLR2004 - GB 2312's block
        return 0.3
    return 1.0 if code[0] <= 0xD7 else 0.7  # noqa: PLR2004 - last row of level 1
