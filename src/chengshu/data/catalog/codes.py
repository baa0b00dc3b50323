"""The codes of a table as plain pairs: what is wrong with a list, and what changed from one version to the next."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from chengshu.kernel.errors import InvalidInput

Codes = Sequence[tuple[str, str]]
MAX_CODES = 20_000
MAX_BYTES = 5 * 1024 * 1024
CODE_LENGTH, NAME_LENGTH = 60, 120
HEADER = ("代码", "含义")
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")


@dataclass(frozen=True, slots=True)
class CodeDiff:
    """Codes added and removed, and codes whose meaning changed (code, old, new)."""

    added: tuple[tuple[str, str], ...]
    removed: tuple[tuple[str, str], ...]
    renamed: tuple[tuple[str, str, str], ...]
    reordered: bool

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.renamed or self.reordered)

    @property
    def breaking(self) -> bool:
        """Whether data that was right becomes wrong: a removed code is refused from now on."""
        return bool(self.removed)

    @property
    def summary(self) -> str:
        """One line for lists and audit."""
        counts = (("新增", self.added), ("删除", self.removed), ("改含义", self.renamed))
        parts = [f"{word} {len(found)} 个" for word, found in counts if found]
        if self.reordered:
            parts.append("调整顺序")
        return "，".join(parts) or "没有变化"


def compare_codes(old: Codes, new: Codes) -> CodeDiff:
    """The difference from ``old`` to ``new``, codes matched by their text."""
    before, after = dict(old), dict(new)
    return CodeDiff(
        added=tuple((c, n) for c, n in new if c not in before),
        removed=tuple((c, n) for c, n in old if c not in after),
        renamed=tuple((c, before[c], n) for c, n in new if c in before and before[c] != n),
        reordered=[c for c, _ in old if c in after] != [c for c, _ in new if c in before],
    )


@dataclass(frozen=True, slots=True)
class CodeFault:
    """What is wrong with one line of codes; ``field`` is ``code`` or ``name``."""

    line: int
    field: str
    reason: str


def code_faults(codes: Codes, lines: Sequence[int] | None = None) -> list[CodeFault]:
    """What is wrong, line by line; ``lines`` are the numbers people know the lines by, else they count from 1."""
    found: list[CodeFault] = []
    seen: dict[str, int] = {}
    for line, (code, name) in zip(lines or range(1, len(codes) + 1), codes, strict=True):
        if not code:
            found.append(CodeFault(line, "code", f"没有代码（含义：{name}）"))
        elif seen.setdefault(code, line) != line:
            found.append(CodeFault(line, "code", f"代码“{code}”与第 {seen[code]} 行重复"))
        elif len(code.split()) > 1 or "," in code or "，" in code:
            found.append(CodeFault(line, "code", f"代码“{code}”含有空格或逗号"))
        elif len(code) > CODE_LENGTH:
            found.append(CodeFault(line, "code", f"代码超过 {CODE_LENGTH} 个字"))
        if code and not name:
            found.append(CodeFault(line, "name", f"代码“{code}”没有含义"))
        elif len(name) > NAME_LENGTH:
            found.append(CodeFault(line, "name", f"含义超过 {NAME_LENGTH} 个字"))
    return found


def code_problems(codes: Codes) -> list[str]:
    """What is wrong in words, with the line's number from 1."""
    if len(codes) > MAX_CODES:
        return [f"代码最多 {MAX_CODES} 个，现在有 {len(codes)} 个"]
    return [
        f"第 {fault.line} 行{'' if fault.reason.startswith('没有') else '的'}{fault.reason}"
        for fault in code_faults(codes)
    ]


def pairs(codes: Iterable[Any]) -> list[tuple[str, str]]:
    """Stored codes as pairs."""
    return [(str(code), str(name)) for code, name in codes]


def parse_lines(text: str) -> list[tuple[str, str]]:
    """Codes from typed lines: code, then blank, tab or comma, then the meaning; empty lines are skipped."""
    found = []
    for line in text.splitlines():
        plain = line.replace("\t", " ").replace("，", ",").strip()
        if plain:
            code, _, name = (
                plain.partition(",") if "," in plain.split(" ")[0] else plain.partition(" ")
            )
            found.append((code.strip(), name.strip()))
    return found


def lines_of(codes: Iterable[tuple[str, str]]) -> str:
    """Codes as lines that :func:`parse_lines` reads back."""
    return "\n".join(f"{code} {name}" for code, name in codes)


def read_file(name: str, content: bytes) -> list[tuple[str, str]]:
    """Codes from an uploaded .xlsx or .csv: the first two columns; a header row is skipped.

    Raises:
        InvalidInput: too large, or neither of the two.
    """
    if len(content) > MAX_BYTES:
        raise _unreadable(f"文件超过 {MAX_BYTES // 1024**2} MB。")
    rows = _sheet(content) if zipfile.is_zipfile(io.BytesIO(content)) else _text_rows(name, content)
    pairs = [(_cell(row, 0), _cell(row, 1)) for row in rows]
    pairs = [pair for pair in pairs if any(pair)]
    return pairs[1:] if pairs and pairs[0][0] in {"代码", "code", "编码", "代码值"} else pairs


def _sheet(content: bytes) -> list[list[object]]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        return book.get_sheet_by_index(0).to_python(skip_empty_area=True)  # type: ignore[return-value]
    except (CalamineError, ValueError, OSError, IndexError) as error:
        raise _unreadable("无法打开这个 Excel 文件，可能已损坏或设了密码。") from error


def _text_rows(name: str, content: bytes) -> list[list[str]]:
    if not name.lower().endswith((".csv", ".txt")):
        raise _unreadable("只认 .xlsx 和 .csv 文件。")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return list(csv.reader(io.StringIO(text)))
    raise _unreadable("文件不是 UTF-8 或 GB18030 编码的文本。")


def _cell(row: Sequence[object], index: int) -> str:
    value = row[index] if index < len(row) else ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def _unreadable(message: str) -> InvalidInput:
    return InvalidInput(
        message, kept="没有导入任何代码。", advice="请用导出的文件做模板：第一列代码，第二列含义。",
        fields={"file": message},
    )  # fmt: skip


def workbook_of(codes: Codes) -> bytes:
    """An .xlsx with the codes as text, so that leading zeros stay."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet, plain = book.add_worksheet("代码"), book.add_format({"num_format": "@"})
    sheet.set_column(0, 0, 20, plain)
    sheet.set_column(1, 1, 48, plain)
    for line, pair in enumerate((HEADER, *codes)):
        for column, text in enumerate(pair):
            sheet.write_string(line, column, text, plain)
    book.close()
    return target.getvalue()


def csv_of(codes: Codes) -> bytes:
    """A .csv with a byte order mark, which Excel needs to read Chinese."""
    target = io.StringIO()
    csv.writer(target).writerows((HEADER, *codes))
    return target.getvalue().encode("utf-8-sig")
