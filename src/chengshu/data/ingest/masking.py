"""How values are shown to people on the pages of collection; what is masked how, the protection library says."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import pyarrow as pa

from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.protection.facade import (
    Kind,
    detect_column,
    hide_personal,
    is_personal,
    mask_by_title,
    preview_mask,
    suggested,
)
from chengshu_gateway.masks import parse

Mask = Callable[[object], str | None]

mask_kind = preview_mask
# What looks like an identity, bank or mobile number in text nobody has described yet.
_LONG_DIGITS = re.compile(r"(?<!\d)\d[\d\- ]{9,20}[\dXx](?!\d)", re.ASCII)
_SHORTEST_NUMBER = 11


def masks_of(columns: Iterable[ColumnSpec]) -> dict[str, Mask]:
    """Column name → mask, of the personal columns only."""
    return {
        column.name: parse(mask_kind(column)).compile() for column in columns if is_personal(column)
    }


def masked(masks: Mapping[str, Mask], column: str, value: object) -> str | None:
    """A value as it is shown."""
    mask = masks.get(column)
    if mask is not None:
        return mask(value)
    return None if value is None else str(value)


def hide_numbers(text: str) -> str:
    """Text of unknown meaning without anything personal the detectors know, and without any other long number."""

    def starred(found: re.Match[str]) -> str:
        digits = re.sub(r"[\- ]", "", found[0])
        if len(digits) < _SHORTEST_NUMBER:
            return found[0]
        return f"{digits[:3]}{'*' * (len(digits) - 5)}{digits[-2:]}"

    return hide_personal(_LONG_DIGITS.sub(starred, text))


def mask_unknown(name: str, title: str, values: Sequence[str | None]) -> list[str]:
    """Values of a source column nobody has catalogued, masked by what its words and its values say it carries."""
    findings = [
        f for f in detect_column(pa.array(values, pa.string()), name=name, title=title)
        if f.kind is not Kind.USCC and not f.embedded
    ]  # fmt: skip
    declaration = mask_by_title(title)
    if findings:
        kind = findings[0].kind
        declaration = suggested(title=kind.label, kind="string", form=kind)
    if declaration:
        mask = parse(declaration).compile()
        return [mask(value) or "" for value in values]
    return [hide_numbers(value or "") for value in values]
