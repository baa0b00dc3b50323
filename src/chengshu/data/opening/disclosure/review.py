"""What was found when a release was looked at: a record that pages show (``OpenDataset.review``).

Refused cells are named by field and row: the values that would have been public, how many rows, the keys of some.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from chengshu.kernel.errors import InvalidInput

SMALL, ALIKE, APPEARED, VANISHED, PERSONAL = "small", "alike", "appeared", "vanished", "personal"
CELL_WORDS = {
    SMALL: "人数太少", ALIKE: "敏感值都一样", APPEARED: "与旧版相比新增太少", VANISHED: "与旧版相比减少太少",
    PERSONAL: "个人信息",
}  # fmt: skip

Review = dict[str, Any]
Cell = dict[str, Any]


class ReleaseRefused(InvalidInput):
    """A release that may not leave; ``review`` names the cells and what to do about each."""

    def __init__(self, message: str, *, review: Review, advice: str) -> None:
        titles = "；".join(dict.fromkeys(cell["why"] for cell in review["cells"]))
        super().__init__(
            message, kept="这一版没有发布，原有版本不变。", advice=advice, fields={"fields": titles}
        )
        self.review = review


def begun(rows: int) -> Review:
    """An empty record of a look at so many rows."""
    return {
        "at": timezone.now().isoformat(timespec="seconds"), "rows": rows, "applies": False, "cells": [],
        "proposals": [], "compared": [],
    }  # fmt: skip


def cell(
    kind: str, *, columns: Sequence[str], rows: int, why: str, values: Mapping[str, Any] | None = None,
    keys: Sequence[str] = (),
) -> Cell:  # fmt: skip
    """One refused group of cells."""
    return {
        "kind": kind, "columns": list(columns), "rows": rows, "why": why, "values": dict(values or {}),
        "keys": list(keys),
    }  # fmt: skip


def proposal(
    kind: str, field: str, *, title: str, effect: str, mask: str = "", remaining: int | None = None
) -> dict[str, Any]:
    """One way out that a click can take: ``kind`` is ``drop``, ``mask`` or ``suppress``."""
    return {
        "key": ":".join(part for part in (kind, field, mask) if part), "kind": kind, "field": field,
        "mask": mask, "title": title, "effect": effect, "remaining": remaining,
    }  # fmt: skip
