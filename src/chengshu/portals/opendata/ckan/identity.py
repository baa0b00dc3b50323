"""Identifiers of datasets and files for CKAN clients: UUIDs (RFC 9562, version 8) that can be read back.

Harvesters keep the identifiers of many portals in one table, so ours must not meet those of another city; and finding
what an identifier means must not take a walk through all datasets. 48 bits name the city, 12 the kind of thing (0 the
dataset, else a file of its current release), 62 the record.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from chengshu.data.opening.choices import FileFormat

_VERSION = 8 << 76
_VARIANT = 2 << 62
_RECORD = (1 << 62) - 1
DESCRIPTOR, API = "datapackage", "api"
# Never renumber: others keep these identifiers.
_KINDS: dict[str, int] = {
    "": 0, FileFormat.CSV: 1, FileFormat.JSON: 2, FileFormat.XLSX: 3, FileFormat.PARQUET: 4,
    FileFormat.GEOJSON: 5, API: 14, DESCRIPTOR: 15,
}  # fmt: skip
_FILES = {number: kind for kind, number in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Makes and reads the identifiers of one city (``city`` is its region code)."""

    city: str

    @property
    def _prefix(self) -> int:
        digest = hashlib.sha256(f"chengshu/opendata/{self.city}".encode()).digest()
        return int.from_bytes(digest[:6], "big") << 80

    def of(self, record: int, file: str = "") -> str:
        """The identifier of a dataset, or of one of its files by format."""
        return str(UUID(int=self._prefix | _VERSION | _KINDS[file] << 64 | _VARIANT | record))

    def read(self, text: str) -> tuple[int, str] | None:
        """The record and the file an identifier names; None when it is none of this city's."""
        try:
            value = UUID(text).int
        except ValueError:
            return None
        kind = _FILES.get((value >> 64) & 0xFFF)
        record = value & _RECORD
        if kind is None or str(UUID(int=value)) != self.of(record, kind):
            return None
        return record, kind
