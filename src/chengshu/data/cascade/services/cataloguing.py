"""The catalogue goes up: one document per version of an entry, its changes and withdrawal after it, the answer back."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.urls import reverse
from django.utils import timezone

from chengshu.data.cascade.adapters import Answer
from chengshu.data.cascade.choices import EntryState, PlatformState, Role
from chengshu.data.cascade.models import Entry, Platform
from chengshu.data.cascade.services.platforms import MANAGE
from chengshu.data.catalog.facade import Level, Resource, version_content
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.actor import platform as platform_actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.events.services import emit
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

KEEPER = "catalog.resource.edit"


def document(resource: Resource, *, withdrawn: bool = False) -> dict[str, Any]:
    """What goes up of a published entry: every field of the catalogue with its items, and where its DCAT form is.

    Real tables and addresses of the source stay here: the upper side needs neither, and they tell how to get in.
    """
    version = resource.published
    assert version is not None
    head = {
        "code": resource.code, "version": version.number, "withdrawn": withdrawn,
        "title": version.title, "provider": resource.provider.name,
        "provider_code": resource.provider.code, "level": version.level,
        "dataset": resource.physical_name, "category": resource.category.code,
        "category_name": resource.category.name,
        # Below the address of this platform, which the upper side has registered.
        "dcat": reverse("catalog_dcat:dataset", args=[resource.code]),
        "published_at": version.published_at.isoformat() if version.published_at else "",
    }  # fmt: skip
    content = asdict(version_content(version))
    for name in ("source_name", "source_table", "access_address"):
        content.pop(name, None)
    for name in ("temporal_start", "temporal_end"):
        content[name] = content[name].isoformat() if content[name] else ""
    return {**head, "content": content}


def send_up(*, actor: Actor, platform: Platform, resource: Resource) -> Entry:
    """Put the published version of an entry on its way up; the same version goes once.

    Raises:
        Conflict: not published, level L4, or the platform is paused or below us.
    """
    check(actor, MANAGE, resource)
    version = resource.published
    if version is None or resource.state != "published":
        raise Conflict(f"“{resource.title}”没有发布，不能上报。", advice="请先发布目录。")
    if version.level >= Level.L4:
        raise Conflict(f"“{resource.title}”是 L4，目录不上报。", kept="没有送出任何内容。")
    if platform.role != Role.UPPER or platform.state != PlatformState.ACTIVE:
        raise Conflict(f"“{platform}”不是使用中的上级平台。", advice="请选另一个平台。")
    with unit_of_work():
        item, made = Entry.objects.get_or_create(
            platform=platform, resource=resource, version=version.number, withdrawn=False,
            defaults={"document": document(resource)},
        )  # fmt: skip
        if made:
            _noted(actor, item)
    return item


def follow(resource: Resource) -> list[Entry]:
    """A published entry has changed or is new: send it where an earlier version went, or where everything goes."""
    version = resource.published
    if version is None or version.level >= Level.L4:
        return []
    platforms = Platform.objects.filter(role=Role.UPPER, state=PlatformState.ACTIVE)
    made = []
    for platform in platforms:
        before = _standing(platform, resource)
        by_rule = platform.entries_auto and version.level <= platform.entries_max_level
        if before or by_rule:
            made.append(send_up(actor=platform_actor("级联"), platform=platform, resource=resource))
    return made


def withdraw(resource: Resource) -> list[Entry]:
    """An entry is retired: take it back wherever it went."""
    made = []
    for platform in Platform.objects.filter(role=Role.UPPER):
        last = _standing(platform, resource)
        if last is None:
            continue
        with unit_of_work():
            item, new = Entry.objects.get_or_create(
                platform=platform, resource=resource, version=last.version, withdrawn=True,
                defaults={"document": {**last.document, "withdrawn": True}},
            )  # fmt: skip
            if new:
                _noted(platform_actor("级联"), item)
                made.append(item)
    return made


def _standing(platform: Platform, resource: Resource) -> Entry | None:
    """The newest version that went up and was not taken back."""
    rows = Entry.objects.filter(platform=platform, resource=resource).order_by("-pk")
    last = rows.first()
    return None if last is None or last.withdrawn else last


def _noted(actor: Actor, item: Entry) -> None:
    record(
        actor=actor, action="cascade.entry_withdrawn" if item.withdrawn else "cascade.entry_queued",
        obj=item, after={"platform": item.platform.name, "version": item.version},
    )  # fmt: skip
    emit(
        type="city.cascade.entry.queued", source="cascade", subject=item.resource.code,
        data={"platform": item.platform_id, "version": item.version, "withdrawn": item.withdrawn},
    )  # fmt: skip


def take_answer(*, item: Entry, answer: Answer) -> None:
    """What the upper side says: kept at the entry; a return is told to who keeps it, with the reason."""
    if answer.state == EntryState.SENT:
        if item.sent_at is None:
            item.state, item.sent_at, item.error = EntryState.SENT, timezone.now(), ""
            item.save(update_fields=["state", "sent_at", "error"])
        return
    with unit_of_work():
        locked = Entry.objects.select_for_update().get(pk=item.pk)
        if locked.answered_at is not None:
            return
        now = timezone.now()
        item.sent_at = item.sent_at or now
        item.state, item.reason, item.answered_at = answer.state, answer.reason, now
        item.error = ""
        item.save()
        record(
            actor=platform_actor("级联"), action="cascade.entry_answered", obj=item,
            after={"state": item.state, "version": item.version}, reason=item.reason,
        )  # fmt: skip
        emit(
            type="city.cascade.entry.answered", source="cascade", subject=item.resource.code,
            data={"platform": item.platform_id, "version": item.version, "state": item.state},
        )  # fmt: skip
        if item.state == EntryState.RETURNED:
            notify(
                organization=item.resource.provider, permission=KEEPER,
                title=f"上级退回目录：{item}",
                body=f"{item.platform.name}：{item.reason or '没有写原因'}\n请修改目录并重新发布，新版本会自动上报。",
                url=reverse("catalog:resource", args=[item.resource_id]),
                key=f"cascade-entry:{item.pk}:returned",
            )  # fmt: skip


def states_of(resource: Resource) -> Sequence[Entry]:
    """The newest word of every platform about an entry."""
    newest: dict[int, Entry] = {}
    for item in Entry.objects.filter(resource=resource).select_related("platform").order_by("pk"):
        newest[item.platform_id] = item
    return list(newest.values())
