"""How much a source may cost before it is refused."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLimits:
    """Sizes in bytes unless the name says otherwise. Text files stream, so they may be large;
    workbooks are held in memory by their reader, so `workbook_cells` (rows x columns of the used
    range) bounds that memory at roughly 50 bytes a cell.
    """

    text_bytes: int = 8 * GIBIBYTE
    workbook_bytes: int = 256 * MEBIBYTE
    old_workbook_bytes: int = 64 * MEBIBYTE
    archive_entries: int = 5_000
    archive_unpacked_bytes: int = 2 * GIBIBYTE
    archive_ratio: int = 200
    archive_ratio_from_bytes: int = 16 * MEBIBYTE
    workbook_cells: int = 24_000_000
    columns: int = 2_000
    block_bytes: int = 16 * MEBIBYTE
    batch_rows: int = 100_000


DEFAULT_LIMITS = ReadLimits()
