"""Code tables through their life: drafted, edited, proposed, returned or published as a whole, retired.

``CodeValue`` rows are what contracts read; publishing replaces them in the same transaction that supersedes the old
version, so that a batch sees the old codes or the new ones, never a mixture.
"""

from typing import Any

from django.db.models import Max, QuerySet
from django.utils import timezone

from chengshu.data.catalog.choices import (
    OPEN_STANDARD_STATES,
    StandardState,
    StandardVersionState,
)
from chengshu.data.catalog.codes import KEY, CodeDiff, Codes, code_problems, compare_codes, pairs
from chengshu.data.catalog.models import CodeTable, CodeTableVersion, CodeValue, DataItem
from chengshu.data.catalog.services.locking import refuse_own, refuse_stale
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

EDIT = "catalog.standard.edit"
EDITABLE = (StandardVersionState.DRAFT, StandardVersionState.RETURNED)


def create_code_table(
    *,
    actor: Actor,
    key: str,
    name: str,
    standard: str = "",
    description: str = "",
    owner: Organization | None = None,
    codes: Codes = (),
) -> CodeTable:
    """Draft a code table; its codes count from the first publication on.

    Raises:
        InvalidInput: the key is wrong or taken, no name, or a code is wrong.
    """
    check(actor, EDIT)
    found = {}
    if not KEY.fullmatch(key):
        found["key"] = "标识用字母、数字、点、横线或下划线，最多 60 个字符"
    elif CodeTable.objects.filter(key=key).exists():
        found["key"] = "这个标识已经用过"
    _refuse(found | _problems(name, codes))
    with unit_of_work():
        table = CodeTable.objects.create(
            key=key, name=name.strip(), standard=standard.strip(), description=description.strip(),
            owner=owner, state=StandardState.DRAFT, number=0,
        )  # fmt: skip
        CodeTableVersion.objects.create(
            table=table, number=1, codes=_stored(codes), edited_by=actor.account
        )
        _note(actor, table, "created", {"key": key, "codes": len(codes)})
    return table


def describe_code_table(
    *,
    actor: Actor,
    table: CodeTable,
    name: str,
    standard: str,
    description: str,
    owner: Organization | None,
) -> CodeTable:
    """Change name, standard, description and managing unit; the codes stay.

    Raises:
        InvalidInput: no name.
    """
    check(actor, EDIT)
    _refuse(_problems(name, ()))
    with unit_of_work():
        locked = CodeTable.objects.select_for_update().get(pk=table.pk)
        before = {"name": locked.name, "standard": locked.standard}
        locked.name, locked.standard = name.strip(), standard.strip()
        locked.description, locked.owner = description.strip(), owner
        locked.save()
        after = {"name": locked.name, "standard": locked.standard}
        record(
            actor=actor, action="catalog.code_table.edited", obj=locked, before=before, after=after
        )
    return locked


def revise_code_table(*, actor: Actor, table: CodeTable) -> CodeTableVersion:
    """Open a new version that copies the codes in force.

    Raises:
        Conflict: a version is open already, or the table is retired.
    """
    check(actor, EDIT)
    with unit_of_work():
        locked = CodeTable.objects.select_for_update().get(pk=table.pk)
        if locked.versions.filter(state__in=OPEN_STANDARD_STATES).exists():
            raise Conflict("已经有一个修订中的版本。", advice="请在那个版本上继续，或先放弃它。")
        if locked.state != StandardState.PUBLISHED:
            raise Conflict(f"“{locked}”{locked.get_state_display()}，不能修订。")
        keep_history(locked)
        top = locked.versions.aggregate(top=Max("number"))["top"]
        version = CodeTableVersion.objects.create(
            table=locked, number=top + 1, codes=_stored(codes_in_force(locked)),
            edited_by=actor.account,
        )  # fmt: skip
        _note(actor, locked, "revised", {"version": version.number})
    return version


def edit_codes(
    *, actor: Actor, version: CodeTableVersion, revision: int, codes: Codes, change_note: str = ""
) -> CodeTableVersion:
    """Replace the codes of an open version.

    Raises:
        InvalidInput: a code is wrong; ``fields["codes"]`` says which.
        Conflict: it waits for publication, or somebody else saved meanwhile.
    """
    check(actor, EDIT)
    _refuse(_problems("-", codes))
    with unit_of_work():
        _, locked = _lock(version.table, EDITABLE, "编辑")
        refuse_stale(locked, revision)
        locked.revision += 1
        locked.codes, locked.change_note = _stored(codes), change_note.strip()[:500]
        locked.edited_at, locked.edited_by = timezone.now(), actor.account
        locked.save()
        _note(actor, locked.table, "codes_edited", {"version": locked.number, "codes": len(codes)})
    return locked


def submit_codes(*, actor: Actor, table: CodeTable) -> CodeTableVersion:
    """Propose the open version for publication by another person.

    Raises:
        InvalidInput: no codes, or no note. Conflict: no version is open for writing, or it changes nothing.
    """
    check(actor, EDIT)
    with unit_of_work():
        locked, version = _lock(table, EDITABLE, "提请发布")
        _complete(locked, version, compare_codes(codes_in_force(locked), pairs(version.codes)))
        version.state, version.submitted_by = StandardVersionState.SUBMITTED, actor.account
        version.remark = ""
        version.save()
        _note(actor, locked, "submitted", {"version": version.number})
    return version


def return_codes(*, actor: Actor, table: CodeTable, remark: str) -> CodeTableVersion:
    """Give a proposed version back with a remark; whoever proposed it may take it back so, too.

    Raises:
        InvalidInput: no remark. Conflict: nothing is proposed.
    """
    check(actor, EDIT)
    if not remark.strip():
        raise InvalidInput(
            "退回须写明意见。", kept="没有退回。", fields={"reason": "请写明要改什么"}
        )
    with unit_of_work():
        locked, version = _lock(table, (StandardVersionState.SUBMITTED,), "退回")
        version.state, version.remark = StandardVersionState.RETURNED, remark.strip()[:500]
        version.save()
        _note(actor, locked, "returned", {"version": version.number}, remark.strip())
    return version


def publish_codes(
    *, actor: Actor, table: CodeTable, accept_removal: bool = False
) -> CodeTableVersion:
    """Put the proposed version in force for every contract at once.

    ``accept_removal``: the actor has seen which entries a removed code hits.

    Raises:
        NotAllowed: the actor proposed it (four eyes, as for entries).
        InvalidInput: codes vanish that published entries use and that was not accepted.
        Conflict: nothing is proposed, or it changes nothing.
    """
    check(actor, EDIT)
    with unit_of_work():
        locked, version = _lock(table, (StandardVersionState.SUBMITTED,), "发布")
        refuse_own(version, actor)
        new = pairs(version.codes)
        difference = compare_codes(codes_in_force(locked), new)
        _publishable(locked, version, difference, accept_removal=accept_removal)
        locked.versions.filter(state=StandardVersionState.PUBLISHED).update(
            state=StandardVersionState.SUPERSEDED
        )
        version.state = StandardVersionState.PUBLISHED
        version.published_at, version.published_by = timezone.now(), actor.account
        version.save()
        locked.values.all().delete()
        CodeValue.objects.bulk_create(
            [
                CodeValue(table=locked, code=code, name=name, order=order)
                for order, (code, name) in enumerate(new, 1)
            ],
            batch_size=500,
        )
        locked.state, locked.number = StandardState.PUBLISHED, version.number
        locked.published_at = version.published_at
        locked.save(update_fields=["state", "number", "published_at"])
        data = {
            "key": locked.key, "version": version.number, "summary": difference.summary,
            "removed": [code for code, _ in difference.removed],
        }  # fmt: skip
        _note(actor, locked, "published", data)
        emit(
            type="city.catalog.code_table.published", source="catalog", subject=locked.key,
            data=data, idempotency_key=f"catalog.code_table:{locked.pk}:{version.number}",
        )  # fmt: skip
    return version


def _complete(table: CodeTable, version: CodeTableVersion, difference: CodeDiff) -> None:
    if not version.codes:
        _refuse({"codes": "还没有一个代码"})
    if table.number and difference.is_empty:
        raise Conflict("与现行版本完全相同，无需发布。", advice="请修改代码，或放弃这个版本。")
    if table.number and not version.change_note.strip():
        _refuse({"change_note": "请填写修订说明，告诉使用方改了什么、为什么"})


def _publishable(
    table: CodeTable, version: CodeTableVersion, difference: CodeDiff, *, accept_removal: bool
) -> None:
    _complete(table, version, difference)
    if difference.breaking and not accept_removal and (hit := uses(table).count()):
        _refuse(
            {
                "accept_removal": f"删除了 {len(difference.removed)} 个代码，有 {hit} 个已发布的数据项"
                "在用这个代码表，带这些代码的数据今后会被隔离；请确认知晓"
            }
        )


def discard_codes(*, actor: Actor, table: CodeTable) -> None:
    """Throw the open version away; a table never published disappears with it.

    Raises:
        Conflict: no version is open, or a draft already uses the table.
    """
    check(actor, EDIT)
    with unit_of_work():
        locked, version = _lock(table, OPEN_STANDARD_STATES, "放弃")
        if locked.state == StandardState.DRAFT and locked.items.exists():
            raise Conflict("已有目录草稿选用了这个代码表，不能放弃。")
        _note(actor, locked, "discarded", {"version": version.number})
        version.delete()
        if locked.state == StandardState.DRAFT:
            locked.delete()


def retire_code_table(*, actor: Actor, table: CodeTable, reason: str) -> CodeTable:
    """Take a table out of use for new work; entries that use it keep working.

    Raises:
        InvalidInput: no reason. Conflict: not in force, or a version is open.
    """
    check(actor, EDIT)
    if not reason.strip():
        raise InvalidInput("请写明原因。", kept="没有废止。", fields={"reason": "请写明原因"})
    with unit_of_work():
        locked = CodeTable.objects.select_for_update().get(pk=table.pk)
        if locked.state != StandardState.PUBLISHED:
            raise Conflict(f"“{locked}”{locked.get_state_display()}，不能废止。")
        if locked.versions.filter(state__in=OPEN_STANDARD_STATES).exists():
            raise Conflict("还有修订中的版本。", advice="请先发布或放弃它。")
        locked.state, locked.state_reason = StandardState.RETIRED, reason.strip()[:300]
        locked.save(update_fields=["state", "state_reason"])
        _note(actor, locked, "retired", {"key": locked.key}, reason.strip())
    return locked


def codes_in_force(table: CodeTable) -> list[tuple[str, str]]:
    """The codes contracts read, in their order."""
    return list(table.values.order_by("order", "code").values_list("code", "name"))


def uses(table: CodeTable) -> QuerySet[DataItem]:
    """Data items of published entries whose contract holds the table."""
    return (
        DataItem.objects.filter(
            code_table=table, version__state="published", version__resource__state="published"
        )
        .select_related("version__resource__provider")
        .order_by("version__resource__provider__code", "version__title", "order")
    )


def keep_history(table: CodeTable) -> None:
    """Keep the codes in force as a version when the table was loaded without one."""
    if not table.versions.filter(state=StandardVersionState.PUBLISHED).exists():
        CodeTableVersion.objects.create(
            table=table, number=table.number, state=StandardVersionState.PUBLISHED,
            codes=_stored(codes_in_force(table)), change_note="首次发布",
            published_at=table.published_at,
        )  # fmt: skip


def _lock(
    table: CodeTable, states: tuple[StandardVersionState, ...], verb: str
) -> tuple[CodeTable, CodeTableVersion]:
    locked = CodeTable.objects.select_for_update().get(pk=table.pk)
    version = (
        locked.versions.filter(state__in=OPEN_STANDARD_STATES).select_related("edited_by").first()
    )
    if version is None:
        raise Conflict(
            f"“{locked}”没有修订中的版本。", kept="没有做任何改动。", advice="请刷新页面查看。"
        )
    if version.state not in states:
        raise Conflict(
            f"“{locked}”v{version.number} 是“{version.get_state_display()}”，不能{verb}。",
            kept="没有做任何改动。", advice="可能刚有人处理过，请刷新页面查看。",
        )  # fmt: skip
    version.table = locked
    return locked, version


def _stored(codes: Codes) -> list[list[str]]:
    return [[code, name] for code, name in codes]


def _problems(name: str, codes: Codes) -> dict[str, str]:
    found = {} if name.strip() else {"name": "请填写名称"}
    wrong = code_problems(codes)
    if wrong:
        rest = f"；还有 {len(wrong) - 5} 处" if len(wrong) > 5 else ""  # noqa: PLR2004 - a glance
        found["codes"] = "；".join(wrong[:5]) + rest
    return found


def _refuse(found: dict[str, str]) -> None:
    if found:
        raise InvalidInput("；".join(found.values()) + "。", kept="没有保存。", fields=found)


def _note(
    actor: Actor, table: CodeTable, verb: str, after: dict[str, Any], reason: str = ""
) -> None:
    record(actor=actor, action=f"catalog.code_table.{verb}", obj=table, after=after, reason=reason)
