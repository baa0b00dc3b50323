"""Masks of released fields: the same library as previews and sharing (``chengshu_gateway.masks``), applied for good.

A masked field is text, whatever it was. Keyed masks use a key of the dataset's own, so that pseudonyms stay the same
from release to release and cannot be joined with those of another dataset.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as arrow_compute
from django.conf import settings

from chengshu.data.contract.facade import ColumnSpec, ColumnType
from chengshu.data.protection.facade import NONE, Kind, mask_key, mask_name, suggested
from chengshu.kernel.crypto.keyring import keyring_from_text
from chengshu.kernel.errors import InvalidInput
from chengshu_gateway.mask_columns import mask_array
from chengshu_gateway.masks import Mask, MaskError, parse

# The stubs' overloads of the compute kernels are too narrow to be of help.
pc: Any = arrow_compute

# With "keep" people choose how much stays; at least this part of a value must go.
LEAST_HIDDEN = 3
# What a pseudonym looks like on purpose; a scan that finds it has found the fiction.
FABRICATED: dict[str, frozenset[Kind]] = {
    "pseudo_id": frozenset({Kind.ID_NUMBER}),
    "pseudo_id_kept": frozenset({Kind.ID_NUMBER}),
    "pseudo_phone": frozenset({Kind.MOBILE, Kind.PHONE}),
    "pseudo_name": frozenset({Kind.NAME}),
}


def proposed(column: ColumnSpec) -> str:
    """The mask to propose for a field that may be opened only masked: by format, then title, then type."""
    return suggested(
        title=column.title, kind=str(column.type), form=str(column.format or ""),
        level=column.sensitivity or "",
    )  # fmt: skip


def problem_of(declaration: str, columns: Sequence[ColumnSpec]) -> str:
    """Why a declaration cannot be used on a field of these columns; empty when it can."""
    try:
        mask = parse(declaration)
    except MaskError as error:
        return str(error).rstrip("。")
    if not mask.hides:
        return "选了“不脱敏”"
    if mask.subject and mask.subject not in {column.name for column in columns}:
        return f"日期平移要用的主体字段 {mask.subject} 不在目录中"
    return ""


def released(column: ColumnSpec, masks: Mapping[str, str]) -> ColumnSpec:
    """The column as the public gets it."""
    if column.name not in masks:
        return column
    return replace(
        column, type=ColumnType.TEXT, format=None, codes=None, length=None, precision=None,
        scale=None, minimum=None, maximum=None, pattern=None, key=False, nullable=True,
    )  # fmt: skip


def told(masks: Mapping[str, str], columns: Sequence[ColumnSpec]) -> str:
    """The masks in words: 姓名（姓名）、联系电话（电话号码）."""
    return "、".join(f"{c.title}（{mask_name(masks[c.name])}）" for c in columns if c.name in masks)


def dataset_key(slug: str) -> bytes:
    """The key of a dataset's keyed masks."""
    return mask_key(keyring_from_text(settings.SECRET_KEYS), f"opening/{slug}")


@dataclass(slots=True)
class Masker:
    """Masks the fields of one release while they are copied, and counts what a mask left recognisable.

    ``columns`` are those to release, ``masks`` their declarations by name (none for open fields).
    """

    columns: Sequence[ColumnSpec]
    masks: Mapping[str, str]
    key: bytes
    bare: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        held = {c.name for c in self.columns}
        self.masks = {n: m for n, m in self.masks.items() if n in held and m != NONE}

    @property
    def subjects(self) -> list[str]:
        """Columns that a mask goes by although they are not released."""
        wanted = {parse(mask).subject for mask in self.masks.values()} - {""}
        return sorted(wanted - {column.name for column in self.columns})

    def schema(self, source: pa.Schema) -> pa.Schema:
        """What leaves: masked fields as text."""
        return pa.schema(
            [
                pa.field(c.name, pa.string() if c.name in self.masks else source.field(c.name).type)
                for c in self.columns
            ]
        )

    def masked(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches with masks applied.

        Raises:
            InvalidInput: at the end, when values stayed recognisable; names the fields, never the values.
        """
        for batch in batches:
            yield self.masked_batch(batch)
        self.require_hidden()

    def masked_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """One batch as it leaves; what stays recognisable is counted in ``bare``."""
        arrays = []
        for column in self.columns:
            values = batch.column(column.name)
            if column.name in self.masks:
                mask = parse(self.masks[column.name])
                subjects = batch.column(mask.subject) if mask.subject else None
                shown = mask_array(values, mask, hash_key=self.key, subjects=subjects)
                self.bare[column.name] += _recognisable(values, shown, mask)
                values = shown
            arrays.append(values)
        return pa.RecordBatch.from_arrays(arrays, names=[c.name for c in self.columns])

    def require_hidden(self) -> None:
        """Refuse the release when a mask left values recognisable.

        Raises:
            InvalidInput: names the fields and how many values.
        """
        found = [
            f"“{c.title}”用“{mask_name(self.masks[c.name])}”后仍有 {self.bare[c.name]:,} 个值认得出来"
            for c in self.columns
            if self.bare[c.name]
        ]
        if found:
            raise InvalidInput(
                f"脱敏不够：{'；'.join(found)}。", kept="这一版没有发布，原有版本不变。",
                advice="请换一种隐藏更多的脱敏方式，重新提交审批后再发布。",
                fields={"fields": "；".join(found)},
            )  # fmt: skip


def _recognisable(values: Any, shown: Any, mask: Mask) -> int:
    """How many values came through as they were, or with less than a third hidden where people chose how much."""
    plain = _text(values)
    # A value that carries stars was masked at the source already; it may come back as it is.
    same = pc.and_(pc.equal(plain, shown), pc.invert(pc.match_substring(plain, "*")))
    same = pc.and_(same, pc.not_equal(pc.utf8_trim_whitespace(plain), ""))
    if mask.kind == "keep":
        stars = pc.count_substring(shown, "*")
        enough = pc.greater_equal(pc.multiply(stars, LEAST_HIDDEN), pc.utf8_length(plain))
        same = pc.or_(same, pc.invert(enough))
    return int(pc.sum(pc.fill_null(same, value := False)).as_py() or value)


def _text(values: Any) -> Any:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return pc.cast(values, pa.string())
