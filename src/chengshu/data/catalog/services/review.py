"""Submit, withdraw, send back, approve: from a draft to the published version, by two different people."""

from collections.abc import Mapping

from django.utils import timezone

from chengshu.data.catalog.change.impact import Impact, impact_of
from chengshu.data.catalog.change.models import Handling
from chengshu.data.catalog.change.notices import tell_hit, tell_person
from chengshu.data.catalog.change.rounds import close_round, open_round
from chengshu.data.catalog.choices import EDITABLE_STATES, ResourceState, VersionState
from chengshu.data.catalog.content import label, version_content
from chengshu.data.catalog.contract import code_values
from chengshu.data.catalog.diff import VersionDiff, compare
from chengshu.data.catalog.models import Resource, ResourceVersion
from chengshu.data.catalog.services.locking import lock_resource, lock_version, refuse_stale
from chengshu.data.catalog.services.mirroring import mirror, mirror_business
from chengshu.data.catalog.validation import missing
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events.services import emit
from chengshu.kernel.unit_of_work import unit_of_work

SHORTEST_STATEMENT = 5


def submit(
    *,
    actor: Actor,
    version: ResourceVersion,
    revision: int | None = None,
    handling: str = "",
    answers: Mapping[str, str] | None = None,
) -> ResourceVersion:
    """Hand a complete draft to the reviewers.

    Args:
        actor: who submits.
        version: the draft.
        revision: the edit the actor saw; None: whatever is stored.
        handling: how those whom the change hits are handled; demanded when anybody is hit.
        answers: what the submitter says to single remarks of the last return, by their keys.

    Raises:
        InvalidInput: something is missing; ``fields`` lists all of it, ``handling`` when the statement is.
        Conflict: not a draft, or edited after ``revision`` was read.
    """
    check(actor, "catalog.resource.submit", version.resource)
    with unit_of_work():
        resource = lock_resource(
            version.resource, actor=actor, permission="catalog.resource.submit"
        )
        locked = lock_version(version)
        if revision is not None:
            refuse_stale(locked, revision)
        if locked.state not in EDITABLE_STATES:
            raise _wrong_state(locked, "提交")
        if resource.published is not None and _same(resource.published, locked):
            raise Conflict(
                "这个版本与已发布版本完全相同，无需审核。", advice="请修改后再提交，或放弃它。"
            )
        found = missing_in(locked)
        if found:
            raise InvalidInput(
                f"还有 {len(found)} 处没有填好，不能提交：" + "；".join(found.values()) + "。",
                kept="草稿已保留。",
                fields=found,
            )
        _state_handling(actor, locked, handling)
        close_round(version=locked, answers=answers or {})
        locked.state = VersionState.SUBMITTED
        locked.submitted_at, locked.submitted_by = timezone.now(), actor.account
        locked.review_remark, locked.field_remarks = "", {}
        locked.reviewed_at = locked.reviewed_by = None
        locked.save()
        _note(actor, resource, locked, "submitted")
    return locked


def _state_handling(actor: Actor, version: ResourceVersion, statement: str) -> None:
    """Keep who is hit and how they are handled; refuse a breaking change without a word about it."""
    impact = impact_of(version)
    if not impact.breaking:
        Handling.objects.filter(version=version).delete()
        return
    text = statement.strip()
    if len(text) < SHORTEST_STATEMENT:
        raise InvalidInput(
            f"这次变更影响 {len(impact.hits)} 个使用方，请说明怎样处理后再提交。",
            kept="草稿已保留。",
            fields={"handling": f"请写明怎样处理受影响的使用方（至少 {SHORTEST_STATEMENT} 个字）"},
        )
    Handling.objects.update_or_create(
        version=version,
        defaults={
            "statement": text[:1000], "hits": impact.as_list(), "stated_at": timezone.now(),
            "stated_by": actor.account,
        },
    )  # fmt: skip


def missing_in(version: ResourceVersion) -> dict[str, str]:
    """All that keeps a draft from being submitted, by field; see :mod:`..validation` for the keys."""
    content = version_content(version)
    found = missing(content, code_values(item.code_table for item in content.items))
    if version.number > 1 and not content.change_note.strip():
        found["change_note"] = "请填写变更说明，告诉使用方改了什么、为什么"
    return found


def _same(published: ResourceVersion, draft: ResourceVersion) -> bool:
    return compare(version_content(published), version_content(draft)).is_empty


def withdraw(*, actor: Actor, version: ResourceVersion) -> ResourceVersion:
    """Take a submitted version back to draft.

    Raises:
        Conflict: it is not waiting for review.
    """
    check(actor, "catalog.resource.submit", version.resource)
    with unit_of_work():
        resource = lock_resource(
            version.resource, actor=actor, permission="catalog.resource.submit"
        )
        locked = lock_version(version)
        if locked.state != VersionState.SUBMITTED:
            raise _wrong_state(locked, "撤回")
        locked.state = VersionState.DRAFT
        locked.submitted_at = locked.submitted_by = None
        locked.save()
        record(
            actor=actor, action="catalog.resource.withdrawn", obj=resource,
            after={"version": locked.number},
        )  # fmt: skip
    return locked


def send_back(
    *,
    actor: Actor,
    version: ResourceVersion,
    remark: str,
    field_remarks: dict[str, str] | None = None,
) -> ResourceVersion:
    """Return a submitted version with a remark and, where it helps, remarks by field.

    ``field_remarks`` keys are version fields, or ``items.<column>``.

    Raises:
        InvalidInput: no remark.
        Conflict: it is not waiting for review.
    """
    check(actor, "catalog.resource.review", version.resource)
    if not remark.strip():
        raise InvalidInput(
            "退回须写明意见。", kept="没有退回。", fields={"remark": "请告诉提交人要改什么"}
        )
    remarks = {
        key: text.strip()[:300] for key, text in (field_remarks or {}).items() if text.strip()
    }
    with unit_of_work():
        resource = lock_resource(
            version.resource, actor=actor, permission="catalog.resource.review"
        )
        locked = lock_version(version)
        if locked.state != VersionState.SUBMITTED:
            raise _wrong_state(locked, "退回")
        locked.state = VersionState.RETURNED
        locked.review_remark, locked.field_remarks = remark.strip()[:1000], remarks
        locked.reviewed_at, locked.reviewed_by = timezone.now(), actor.account
        locked.save()
        kept = open_round(actor=actor, version=locked)
        tell_person(
            account=locked.submitted_by, resource=resource,
            title=f"“{locked.title}”v{locked.number} 被退回", body=f"审核意见：{remark.strip()}",
            key=f"catalog.returned:{kept.pk}",
        )  # fmt: skip
        _note(actor, resource, locked, "returned", reason=remark.strip())
    return locked


def approve(*, actor: Actor, version: ResourceVersion, remark: str = "") -> ResourceVersion:
    """Approve and publish in one transaction: the change takes effect everywhere or nowhere.

    Raises:
        NotAllowed: the actor submitted it (four eyes, always).
        Conflict: it is not waiting for review.
    """
    check(actor, "catalog.resource.publish", version.resource)
    with unit_of_work():
        resource = lock_resource(
            version.resource, actor=actor, permission="catalog.resource.publish"
        )
        locked = lock_version(version)
        if locked.state != VersionState.SUBMITTED:
            raise _wrong_state(locked, "发布")
        if actor.account is not None and locked.submitted_by_id == actor.account.pk:
            raise NotAllowed(
                "不能审核自己提交的目录。",
                kept="它仍在待审核队列中。",
                advice="请由另一位审核人员处理。",
            )
        # Asked before the new version takes effect: who is hit now, not who was at submission.
        impact = impact_of(locked)
        previous, difference = _supersede(resource, locked)
        locked.state = VersionState.PUBLISHED
        locked.review_remark, locked.field_remarks = remark.strip()[:1000], {}
        locked.reviewed_at = locked.published_at = timezone.now()
        locked.reviewed_by = actor.account
        locked.save()
        _take_effect(resource, locked)
        _announce(actor, resource, locked, previous, difference)
        _tell(actor, resource, locked, impact)
    return locked


def _tell(actor: Actor, resource: Resource, version: ResourceVersion, impact: Impact) -> None:
    """Tell those whom the change hits, and the submitter that it is published."""
    stated = Handling.objects.filter(version=version).values_list("statement", flat=True).first()
    tell_hit(resource=resource, impact=impact, number=version.number, statement=stated or "")
    if actor.account is None or actor.account.pk != version.submitted_by_id:
        tell_person(
            account=version.submitted_by, resource=resource,
            title=f"“{version.title}”v{version.number} 已通过审核并发布",
            body=version.review_remark, key=f"catalog.approved:{version.pk}",
        )  # fmt: skip


def _supersede(
    resource: Resource, version: ResourceVersion
) -> tuple[ResourceVersion | None, VersionDiff | None]:
    previous = resource.published
    if previous is None:
        return None, None
    difference = compare(version_content(previous), version_content(version))
    previous.state = VersionState.SUPERSEDED
    previous.save(update_fields=["state"])
    return previous, difference


def _take_effect(resource: Resource, version: ResourceVersion) -> None:
    resource.published, resource.working = version, None
    mirror(resource, version)
    if resource.state == ResourceState.DRAFT:
        resource.state = ResourceState.PUBLISHED
    resource.updated_at = timezone.now()
    resource.save()
    mirror_business(resource, version)


def _announce(
    actor: Actor,
    resource: Resource,
    version: ResourceVersion,
    previous: ResourceVersion | None,
    difference: VersionDiff | None,
) -> None:
    data = {
        "id": resource.pk,
        "code": resource.code,
        "title": version.title,
        "version": version.number,
        "previous": previous.number if previous else None,
        "diff": difference.as_dict() if difference else None,
    }
    record(actor=actor, action="catalog.resource.published", obj=resource, after=data)
    emit(
        type="city.catalog.resource.published", source="catalog", subject=resource.code, data=data,
        idempotency_key=f"catalog.published:{resource.pk}:{version.number}",
    )  # fmt: skip


def _note(
    actor: Actor, resource: Resource, version: ResourceVersion, verb: str, *, reason: str = ""
) -> None:
    data = {
        "id": resource.pk, "code": resource.code, "title": version.title, "version": version.number,
    }  # fmt: skip
    record(actor=actor, action=f"catalog.resource.{verb}", obj=resource, after=data, reason=reason)
    emit(
        type=f"city.catalog.resource.{verb}", source="catalog", subject=resource.code,
        data={**data, "remark": reason},
    )  # fmt: skip


def _wrong_state(version: ResourceVersion, verb: str) -> Conflict:
    return Conflict(
        f"{label('title')}“{version.title}”v{version.number} 现在是“{version.get_state_display()}”，不能{verb}。",
        kept="没有做任何改动。",
        advice="可能刚有人处理过，请刷新页面查看。",
    )
