"""Words and papers beside the acts: comments, attachments, copies, quick phrases."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.files.services import store
from chengshu.kernel.identity.models import Account
from chengshu.kernel.notices.services import notify
from chengshu.kernel.process import candidates
from chengshu.kernel.process.choices import TraceAct
from chengshu.kernel.process.models import CaseCopy, CaseFile, ProcessCase, QuickPhrase
from chengshu.kernel.process.services import powers
from chengshu.kernel.process.services.holding import task_url
from chengshu.kernel.process.work import on_case
from chengshu.kernel.unit_of_work import unit_of_work

MAX_PHRASES = 30
MAX_FILE_BYTES = 100 * 1024 * 1024


def may_see(actor: Actor, case: ProcessCase) -> bool:
    """Whether a person may read a case: they started it, do or did or could do a task of it, got a copy, or hold the
    right to view the cases of its organisation.
    """
    if allows(actor, powers.VIEW, case) or allows(actor, powers.MANAGE, case):
        return True
    account = actor.account
    if account is None:
        return False
    if case.started_by_id == account.pk or case.copies.filter(account=account).exists():
        return True
    mine = Q(assignee=account) | Q(finished_by=account) | Q(delegated_by=account)
    if case.tasks.filter(mine).exists():
        return True
    return case.tasks.filter(group_id__in=candidates.groups_of(actor)).exists()


def require_sight(actor: Actor, case: ProcessCase) -> None:
    """Raise unless ``actor`` may read ``case``; the same answer as for one that does not exist.

    Raises:
        NotFound: they may not.
    """
    if not may_see(actor, case):
        raise NotFound("没有找到这个办件。", advice="请回到列表重新选择。")


def comment(*, actor: Actor, case_id: int, text: str) -> ProcessCase:
    """Say something about a case without moving it; everybody who may see it may.

    Raises:
        InvalidInput: nothing said. NotFound: not theirs to see.
    """
    if not text.strip():
        raise InvalidInput("请写下内容。", kept="没有留言。", fields={"text": "请写下内容"})
    with on_case(actor, case_id) as work:
        powers.require_signed_in(actor)
        require_sight(actor, work.case)
        work.note(TraceAct.COMMENT, text=text.strip())
        work.save("process.case.commented")
    return work.case


def attach(*, actor: Actor, case_id: int, name: str, chunks: Iterable[bytes]) -> CaseFile:
    """Attach a file to a running case.

    Raises:
        NotFound: not theirs to see. Conflict: it has ended. InvalidInput, Unavailable: as ``files.store``.
    """
    case = ProcessCase.objects.filter(pk=case_id).select_related("organization", "region").first()
    if case is None:
        raise NotFound("没有找到这个办件。")
    require_sight(actor, case)
    if case.ended:
        raise Conflict("办件已结束，不能再加附件。", kept="没有保存文件。")
    # The file is durable before the case is locked: nobody waits for somebody's upload.
    kept = store(
        actor=actor, name=name, chunks=chunks, purpose="process.attachment",
        organization=case.organization, max_bytes=MAX_FILE_BYTES,
    )  # fmt: skip
    with on_case(actor, case_id) as work:
        item = CaseFile.objects.create(case=work.case, file=kept, added_by=actor.account)
        work.note(TraceAct.COMMENT, text=f"上传附件 {kept.name}", file=str(kept.pk))
        work.save("process.case.attached")
    return item


def copy_to(*, actor: Actor, case_id: int, people: Iterable[Account]) -> int:
    """Send copies of a case to read (抄送); return how many are new.

    Raises:
        InvalidInput: nobody named. NotFound: not theirs to see.
    """
    named = list(people)
    if not named:
        raise InvalidInput("请选择抄送的人。", kept="没有抄送。", fields={"people": "请选择"})
    with on_case(actor, case_id) as work:
        powers.require_signed_in(actor)
        require_sight(actor, work.case)
        new = []
        for person in named:
            made = CaseCopy.objects.get_or_create(
                case=work.case, account=person, defaults={"sent_by": actor.account}
            )[1]
            if made:
                new.append(person)
                notify(account=person, title=f"抄送：{work.case.title}", url=task_url(case_id))
        if new:
            work.note(TraceAct.COPY, text="、".join(str(person) for person in new))
            work.save("process.case.copied")
    return len(new)


def mark_copy_read(*, actor: Actor, case_id: int) -> None:
    """Note that a copy was opened."""
    with unit_of_work():
        CaseCopy.objects.filter(case_id=case_id, account=actor.account, read_at=None).update(
            read_at=timezone.now()
        )


def keep_phrase(*, actor: Actor, text: str) -> QuickPhrase:
    """Keep words for later opinions.

    Raises:
        InvalidInput: empty, longer than 120 characters, or more than 30 kept.
    """
    powers.require_signed_in(actor)
    words = text.strip()
    if not words or len(words) > 120:  # noqa: PLR2004 - the column's length
        raise InvalidInput("常用语要在 1 到 120 字之间。", kept="没有保存。")
    with unit_of_work():
        if QuickPhrase.objects.filter(account=actor.account).count() >= MAX_PHRASES:
            raise InvalidInput(
                f"常用语最多 {MAX_PHRASES} 条。", kept="没有保存。", advice="请先删去几条。"
            )
        return QuickPhrase.objects.get_or_create(account=actor.account, text=words)[0]


def drop_phrase(*, actor: Actor, phrase_id: str) -> None:
    """Forget one's own phrase."""
    with unit_of_work():
        QuickPhrase.objects.filter(account=actor.account, pk=phrase_id).delete()
