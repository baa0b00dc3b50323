"""What a look at a file tells, before anything is loaded."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FileKind(StrEnum):
    """Real type, by content."""

    TEXT = "text"
    XLSX = "xlsx"
    XLS = "xls"
    PARQUET = "parquet"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class EncodingGuess:
    """One possible encoding. `sample` shows the same bytes as this encoding would read them."""

    encoding: str
    confidence: float
    evidence: str
    sample: str
    bad_bytes: int = 0


@dataclass(frozen=True, slots=True)
class SheetReport:
    """A sheet of a workbook. `rows` counts used rows including the header."""

    name: str
    rows: int
    columns: int
    hidden: bool

    @property
    def empty(self) -> bool:
        """No cell is filled."""
        return self.rows == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """Facts and proposals for a file. Row numbers start at 1 and count as the file (or Excel) does.

    `encodings` is ordered, best first, and empty for workbooks; `needs_confirmation` says that a
    person should look at the preview before the load. `estimated_rows` are data rows.
    """

    path: Path
    kind: FileKind
    size: int
    encodings: tuple[EncodingGuess, ...]
    delimiter: str | None
    sheets: tuple[SheetReport, ...]
    sheet: str | None
    header_row: int
    headers: tuple[str, ...]
    duplicate_headers: tuple[str, ...]
    preview: tuple[tuple[str, ...], ...]
    estimated_rows: int
    needs_confirmation: bool
    warnings: tuple[str, ...]

    @property
    def encoding(self) -> str | None:
        """The likeliest encoding; None for workbooks."""
        return self.encodings[0].encoding if self.encodings else None
