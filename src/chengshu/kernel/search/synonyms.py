"""The synonyms people keep: reading them into this process, adding, changing and removing."""

import re
import threading
from typing import Any

from django.db.models import Count, Max

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.search import segmentation
from chengshu.kernel.search.models import SynonymGroup
from chengshu.kernel.unit_of_work import unit_of_work

PERMISSION = "search.synonym.manage"
SHORTEST_GROUP = 2
MAX_WORDS = 20
LONGEST_WORD = 20
_WORD = re.compile(r"\w{2,20}")
_BETWEEN = re.compile(r"[\s,，、;；=＝|/]+")
_lock = threading.Lock()
_seen: dict[str, Any] = {}


def refresh() -> None:
    """Take over what another process or person changed since the last search (one small query)."""
    stamp = SynonymGroup.objects.aggregate(newest=Max("edited_at"), number=Count("pk"))
    if _seen.get("stamp", {"newest": None, "number": 0}) == stamp:
        return
    with _lock:
        groups = tuple(
            tuple(words) for words in SynonymGroup.objects.values_list("words", flat=True)
        )
        segmentation.use_groups(groups)
        _seen["stamp"] = stamp


def parse_words(text: str) -> list[str]:
    """The words of what a person typed, separated by any of comma, 、, =, space.

    Raises:
        InvalidInput: fewer than two, too many, or one that is no word of 2 to 20 characters.
    """
    words = list(dict.fromkeys(word.casefold() for word in _BETWEEN.split(text.strip()) if word))
    wrong = [word for word in words if not _WORD.fullmatch(word)]
    problem = ""
    if wrong:
        problem = f"“{wrong[0]}”不能用：每个词 2 到 {LONGEST_WORD} 个字，只含汉字、字母和数字"
    elif not SHORTEST_GROUP <= len(words) <= MAX_WORDS:
        problem = f"请填写 {SHORTEST_GROUP} 到 {MAX_WORDS} 个意思相同的词，用逗号或空格隔开"
    if problem:
        raise InvalidInput(f"{problem}。", kept="没有保存。", fields={"words": problem})
    return words


def save_group(*, actor: Actor, text: str, group: SynonymGroup | None = None) -> SynonymGroup:
    """Add a group of synonyms, or change one; searches use it at once.

    Raises:
        InvalidInput: the words, see :func:`parse_words`. Conflict: the same group is there already.
    """
    check(actor, PERMISSION)
    words = parse_words(text)
    key = "、".join(sorted(words))[:400]
    with unit_of_work():
        twins = SynonymGroup.objects.filter(text=key)
        if group is not None:
            twins = twins.exclude(pk=group.pk)
        if twins.exists():
            raise Conflict("已经有这一组同义词。", kept="没有保存。")
        before = {"words": "、".join(group.words)} if group else None
        row = group or SynonymGroup()
        row.words, row.text, row.edited_by = words, key, actor.account
        row.save()
        record(
            actor=actor, action="search.synonym.saved", obj=row, before=before,
            after={"words": "、".join(words)},
        )  # fmt: skip
    return row


def remove_group(*, actor: Actor, group: SynonymGroup) -> None:
    """Remove a group; what the platform brings along stays."""
    check(actor, PERMISSION)
    with unit_of_work():
        record(
            actor=actor, action="search.synonym.removed", obj=group,
            before={"words": "、".join(group.words)},
        )  # fmt: skip
        group.delete()
