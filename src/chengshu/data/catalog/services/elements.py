"""Data elements through their life: drafted, proposed, returned or published, revised, retired.

Whoever writes a catalogue may draft and propose for the own unit; publishing, returning and retiring is the data
administrator's (``catalog.element.publish``), and nobody publishes what he proposed himself.
"""

from dataclasses import replace
from typing import Any

from django.db.models import Max
from django.utils import timezone

from chengshu.data.catalog.choices import (
    OPEN_STANDARD_STATES,
    StandardState,
    StandardVersionState,
)
from chengshu.data.catalog.element_rules import (
    IDENTIFIER,
    element_problems,
    missing_for_publication,
)
from chengshu.data.catalog.elements import PLAIN_ELEMENT_FIELDS, ElementContent, element_content
from chengshu.data.catalog.models import CodeTable, DataElement, ElementVersion
from chengshu.data.catalog.services.locking import refuse_own, refuse_stale
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

PROPOSE, PUBLISH = "catalog.element.propose", "catalog.element.publish"
_EDITABLE = (StandardVersionState.DRAFT, StandardVersionState.RETURNED)


def create_element(
    *, actor: Actor, identifier: str, owner: Organization, content: ElementContent
) -> DataElement:
    """Draft a data element.

    Raises:
        NotAllowed: the managing unit is outside the actor's scope.
        InvalidInput: a value is wrong or the identifier is taken.
    """
    check(actor, PROPOSE, owner)
    found = element_problems(content)
    if not IDENTIFIER.fullmatch(identifier):
        found["identifier"] = "标识符用字母、数字、点、横线或下划线，最多 40 个字符"
    elif DataElement.objects.filter(identifier=identifier).exists():
        found["identifier"] = "这个标识符已经用过"
    _refuse(found)
    with unit_of_work():
        element = DataElement.objects.create(
            identifier=identifier, title=content.title.strip(), owner=owner
        )
        version = ElementVersion(element=element, number=1)
        _write(version, content, actor)
        element.working = version
        element.save(update_fields=["working"])
        _note(actor, element, "created", {"identifier": identifier, "owner": owner.code})
    return element


def edit_element(
    *, actor: Actor, element: DataElement, revision: int, content: ElementContent
) -> ElementVersion:
    """Replace the content of the open draft.

    Raises:
        Conflict: no draft is open, it waits for publication, or somebody saved after ``revision`` was read.
        InvalidInput: a value is wrong.
    """
    check(actor, PROPOSE, element)
    _refuse(element_problems(content))
    with unit_of_work():
        locked, version = _lock(element, _EDITABLE, "编辑")
        refuse_stale(version, revision)
        version.revision += 1
        _write(version, content, actor)
        if locked.published_id is None:
            locked.title = version.title
        locked.updated_at = timezone.now()
        locked.save(update_fields=["title", "updated_at"])
        _note(actor, locked, "edited", {"version": version.number, "revision": version.revision})
    return version


def revise_element(*, actor: Actor, element: DataElement) -> ElementVersion:
    """Open a new draft that copies the version in force.

    Raises:
        Conflict: a draft is open already, or the element is not in force.
    """
    check(actor, PROPOSE, element)
    with unit_of_work():
        locked = _locked(element)
        if locked.working is not None:
            raise Conflict(
                f"已经有一个{locked.working.get_state_display()}的版本 v{locked.working.number}。",
                advice="请在那个版本上继续。",
            )
        if locked.published is None or locked.state != StandardState.PUBLISHED:
            raise Conflict("只有已发布的数据元可以修订。")
        top = locked.versions.aggregate(top=Max("number"))["top"]
        version = ElementVersion(element=locked, number=top + 1)
        _write(version, replace(element_content(locked.published), change_note=""), actor)
        locked.working = version
        locked.save(update_fields=["working"])
        _note(actor, locked, "revised", {"version": version.number})
    return version


def submit_element(*, actor: Actor, element: DataElement) -> ElementVersion:
    """Propose the draft for publication.

    Raises:
        InvalidInput: something the standard demands is missing. Conflict: no draft is open.
    """
    check(actor, PROPOSE, element)
    with unit_of_work():
        locked, version = _lock(element, _EDITABLE, "提请发布")
        _complete(locked, version)
        version.state, version.submitted_by = StandardVersionState.SUBMITTED, actor.account
        version.remark = ""
        version.save()
        _note(actor, locked, "submitted", {"version": version.number})
    return version


def return_element(*, actor: Actor, element: DataElement, remark: str) -> ElementVersion:
    """Give a proposed version back with a remark.

    Raises:
        InvalidInput: no remark. Conflict: nothing is proposed.
    """
    check(actor, PUBLISH, element)
    if not remark.strip():
        raise InvalidInput(
            "退回须写明意见。", kept="没有退回。", fields={"reason": "请告诉起草人要改什么"}
        )
    with unit_of_work():
        locked, version = _lock(element, (StandardVersionState.SUBMITTED,), "退回")
        version.state, version.remark = StandardVersionState.RETURNED, remark.strip()[:500]
        version.save()
        _note(actor, locked, "returned", {"version": version.number}, remark.strip())
    return version


def publish_element(*, actor: Actor, element: DataElement) -> ElementVersion:
    """Put the proposed version in force; the one before it becomes history. Items that now depart stay as they are.

    Raises:
        NotAllowed: the actor proposed it (four eyes, as for entries).
        InvalidInput: something the standard demands is missing. Conflict: nothing is proposed.
    """
    check(actor, PUBLISH, element)
    with unit_of_work():
        locked, version = _lock(element, (StandardVersionState.SUBMITTED,), "发布")
        refuse_own(version, actor)
        _complete(locked, version)
        if locked.published is not None:
            locked.published.state = StandardVersionState.SUPERSEDED
            locked.published.save(update_fields=["state"])
        version.state = StandardVersionState.PUBLISHED
        version.published_at, version.published_by = timezone.now(), actor.account
        version.remark = ""
        version.save()
        locked.published, locked.working, locked.title = version, None, version.title
        locked.state, locked.state_reason = StandardState.PUBLISHED, ""
        locked.updated_at = timezone.now()
        locked.save()
        data = {"identifier": locked.identifier, "version": version.number, "title": version.title}
        _note(actor, locked, "published", data)
        emit(
            type="city.catalog.element.published", source="catalog", subject=locked.identifier,
            data=data, idempotency_key=f"catalog.element:{locked.pk}:{version.number}",
        )  # fmt: skip
    return version


def retire_element(*, actor: Actor, element: DataElement, reason: str) -> DataElement:
    """Take an element out of force; bound items keep their binding, which is shown as 已废止.

    Raises:
        InvalidInput: no reason. Conflict: not in force, or a revision is open.
    """
    check(actor, PUBLISH, element)
    if not reason.strip():
        raise InvalidInput("请写明原因。", kept="没有废止。", fields={"reason": "请写明原因"})
    with unit_of_work():
        locked = _locked(element)
        if locked.state != StandardState.PUBLISHED:
            raise Conflict(f"“{locked.title}”现在是“{locked.get_state_display()}”，不能废止。")
        if locked.working is not None:
            raise Conflict("还有未完成的修订。", advice="请先放弃或发布它，再废止数据元。")
        locked.state, locked.state_reason = StandardState.RETIRED, reason.strip()[:300]
        locked.updated_at = timezone.now()
        locked.save(update_fields=["state", "state_reason", "updated_at"])
        _note(actor, locked, "retired", {"identifier": locked.identifier}, reason.strip())
    return locked


def discard_element(*, actor: Actor, element: DataElement) -> None:
    """Throw the open version away; an element never published disappears with it.

    Raises:
        Conflict: no version is open.
    """
    check(actor, PROPOSE, element)
    with unit_of_work():
        locked, version = _lock(element, OPEN_STANDARD_STATES, "放弃")
        _note(actor, locked, "discarded", {"version": version.number})
        locked.working = None
        locked.save(update_fields=["working"])
        version.delete()
        if locked.published_id is None:
            locked.delete()


def _write(version: ElementVersion, content: ElementContent, actor: Actor) -> None:
    for name in PLAIN_ELEMENT_FIELDS:
        value = getattr(content, name)
        setattr(version, name, value.strip() if isinstance(value, str) else value)
    version.synonyms = list(content.synonyms)
    version.code_table = None
    if content.code_table:
        version.code_table = CodeTable.objects.filter(key=content.code_table).first()
        if version.code_table is None:
            _refuse({"code_table": f"没有代码表“{content.code_table}”"})
    version.edited_at, version.edited_by = timezone.now(), actor.account
    version.save()


def _complete(element: DataElement, version: ElementVersion) -> None:
    found = missing_for_publication(element_content(version))
    if version.number > 1 and not version.change_note.strip():
        found["change_note"] = "请填写修订说明"
    if version.code_table is not None and version.code_table.state == StandardState.RETIRED:
        found["code_table"] = f"代码表“{version.code_table}”已废止"
    if found:
        raise InvalidInput(
            f"“{element.title}”还差 {len(found)} 处：" + "；".join(found.values()) + "。",
            kept="草案已保留。", fields=found,
        )  # fmt: skip


def _refuse(found: dict[str, str]) -> None:
    if found:
        raise InvalidInput(
            f"有 {len(found)} 处填写有误：" + "；".join(found.values()) + "。",
            kept="没有保存。",
            fields=found,
        )


def _locked(element: DataElement) -> DataElement:
    return (
        DataElement.objects.select_for_update(of=("self",))
        .select_related(
            "owner", "published__code_table", "working__code_table", "working__edited_by"
        )
        .get(pk=element.pk)
    )


def _lock(
    element: DataElement, states: tuple[StandardVersionState, ...], verb: str
) -> tuple[DataElement, ElementVersion]:
    locked = _locked(element)
    version = locked.working
    if version is None or version.state not in states:
        word = version.get_state_display() if version else "没有修订中的版本"
        raise Conflict(
            f"“{locked.title}”{word}，不能{verb}。", kept="没有做任何改动。",
            advice="可能刚有人处理过，请刷新页面查看。",
        )  # fmt: skip
    return locked, version


def _note(
    actor: Actor, element: DataElement, verb: str, after: dict[str, Any], reason: str = ""
) -> None:
    record(actor=actor, action=f"catalog.element.{verb}", obj=element, after=after, reason=reason)
