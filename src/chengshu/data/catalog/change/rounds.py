"""Field-level remarks: kept when a version is returned, ticked off as it is edited, answered at resubmission."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone

from chengshu.data.catalog.change.models import ReviewRound
from chengshu.data.catalog.content import (
    ITEM_FIELDS,
    ItemContent,
    VersionContent,
    display,
    label,
    version_content,
)
from chengshu.data.catalog.models import ResourceVersion
from chengshu.kernel.access.actor import Actor

ITEM = "items."
GONE = "（已删除）"
ANSWER_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark with what became of it. ``changed``: what it is about reads otherwise now."""

    key: str
    title: str
    text: str
    before: str
    now: str
    answer: str = ""

    @property
    def changed(self) -> bool:
        return self.before != self.now

    @property
    def done(self) -> bool:
        """Changed, or answered in words."""
        return self.changed or bool(self.answer)


def open_round(*, actor: Actor, version: ResourceVersion) -> ReviewRound:
    """Keep the remarks of a return with what each field said; inside the transaction of the return."""
    content = version_content(version)
    remarks: dict[str, str] = version.field_remarks
    return ReviewRound.objects.create(
        version=version, remark=version.review_remark, remarks=remarks,
        before={key: _reading(content, key) for key in remarks}, returned_by=actor.account,
    )  # fmt: skip


def close_round(*, version: ResourceVersion, answers: Mapping[str, str]) -> ReviewRound | None:
    """Keep what became of the remarks at resubmission; None when the version was not returned before."""
    found = ReviewRound.objects.filter(version=version, resubmitted_at=None).first()
    if found is None:
        return None
    content = version_content(version)
    found.after = {key: _reading(content, key) for key in found.remarks}
    found.answers = {
        key: text.strip()[:ANSWER_LENGTH]
        for key, text in answers.items()
        if key in found.remarks and text.strip()
    }
    found.resubmitted_at = timezone.now()
    found.save()
    return found


def open_remarks(version: ResourceVersion) -> list[Remark]:
    """The remarks of the last return with what became of them so far, for the edit form."""
    found = ReviewRound.objects.filter(version=version, resubmitted_at=None).first()
    if found is None:
        return []
    content = version_content(version)
    return _remarks(found, {key: _reading(content, key) for key in found.remarks})


def answered(version: ResourceVersion) -> tuple[ReviewRound, list[Remark]] | None:
    """The last round with its answers, for the reviewer; None when it was never returned."""
    found = (
        ReviewRound.objects.filter(version=version)
        .exclude(resubmitted_at=None)
        .select_related("returned_by")
        .first()
    )
    return (found, _remarks(found, found.after)) if found else None


def _remarks(kept: ReviewRound, now: Mapping[str, str]) -> list[Remark]:
    return [
        Remark(
            key, _title(key, kept), text, kept.before.get(key, ""), now.get(key, ""),
            kept.answers.get(key, ""),
        )
        for key, text in kept.remarks.items()
    ]  # fmt: skip


def _title(key: str, kept: ReviewRound) -> str:
    if key.startswith(ITEM):
        name = key.removeprefix(ITEM)
        # The reading of an item begins with its title.
        title = str(kept.before.get(key, "")).partition("，")[0]
        return f"数据项“{title or name}”（{name}）"
    return label(key)


def _reading(content: VersionContent, key: str) -> str:
    """What a field or an item says, in one line."""
    if key.startswith(ITEM):
        name = key.removeprefix(ITEM)
        item = next((i for i in content.items if i.name == name), None)
        return _item_reading(item) if item else GONE
    return display(key, getattr(content, key, ""))


def _item_reading(item: ItemContent) -> str:
    parts = [item.title]
    for name in ITEM_FIELDS:
        value = getattr(item, name)
        if name not in {"name", "title"} and value not in (None, "", False):
            parts.append(f"{label(name)} {display(name, value)}")
    return "，".join(parts)
