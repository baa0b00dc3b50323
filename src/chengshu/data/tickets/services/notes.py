"""Acts that change no state: remarks with files, 督办, and more time on request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from chengshu.data.tickets import clock
from chengshu.data.tickets.choices import ExtensionState, State
from chengshu.data.tickets.flow import CLOCKS, DISPATCH, HANDLE, Clock
from chengshu.data.tickets.models import LONGEST_TERM, Extension, Ticket, TicketEvent
from chengshu.data.tickets.services.moves import NOTHING
from chengshu.data.tickets.services.trace import leave
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.files.services import store
from chengshu.kernel.unit_of_work import unit_of_work

PURPOSE = "tickets"
MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_FILES = 5
ALLOWED = (
    ".pdf", ".png", ".jpg", ".jpeg", ".xlsx", ".xls", ".csv", ".txt", ".docx", ".doc", ".ofd",
    ".zip",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as it comes from a form."""

    name: str
    chunks: Iterable[bytes]


def keep_files(
    *, actor: Actor, ticket: Ticket, attachments: Sequence[Attachment]
) -> list[StoredFile]:
    """Store attachments of a ticket (before the act that names them).

    Raises:
        InvalidInput: too many, too large, or a kind of file nobody needs here.
    """
    check(actor, "tickets.view", ticket)
    if len(attachments) > MAX_FILES:
        raise InvalidInput(f"一次最多附 {MAX_FILES} 个文件。", kept=NOTHING)
    for item in attachments:
        if not item.name.lower().endswith(ALLOWED):
            raise InvalidInput(
                f"“{item.name}”不是可以作附件的文件。", kept=NOTHING,
                advice="请用 PDF、图片、表格、文档或压缩包。", fields={"attached": "请换一种文件"},
            )  # fmt: skip
    return [
        store(
            actor=actor, name=item.name, chunks=item.chunks, purpose=PURPOSE,
            organization=ticket.department, max_bytes=MAX_FILE_BYTES,
        )
        for item in attachments
    ]  # fmt: skip


def comment(
    *, actor: Actor, ticket: Ticket, text: str, files: Sequence[StoredFile] = ()
) -> TicketEvent:
    """Add a remark, with files or without; also on a closed ticket.

    Raises:
        InvalidInput: neither text nor file.
    """
    check(actor, "tickets.view", ticket)
    if not text.strip() and not files:
        raise InvalidInput("请写点什么，或附上文件。", fields={"reason": "请写明说明"})
    with unit_of_work():
        locked = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
        return leave(
            actor=actor, ticket=locked, action="comment", before=locked.state,
            reason=text.strip()[:2_000], files=files,
        )  # fmt: skip


def supervise(*, actor: Actor, ticket: Ticket, reason: str, on: bool = True) -> Ticket:
    """Put a ticket under 督办, or lift it; the officer is told at once.

    Raises:
        InvalidInput: no reason. Conflict: it is so already, or the ticket is closed.
    """
    check(actor, DISPATCH, ticket)
    if not reason.strip():
        raise InvalidInput("请写明督办要求。", kept=NOTHING, fields={"reason": "请写明督办要求"})
    with unit_of_work():
        locked = _open(ticket)
        if locked.supervised == on:
            raise Conflict("工单已经在督办。" if on else "工单没有督办。", kept=NOTHING)
        locked.supervised, locked.updated_at = on, timezone.now()
        locked.save(update_fields=["supervised", "updated_at"])
        leave(
            actor=actor, ticket=locked, action="supervise" if on else "relax",
            before=locked.state, reason=reason.strip(),
        )  # fmt: skip
    return locked


def ask_extension(*, actor: Actor, ticket: Ticket, days: int, reason: str) -> Extension:
    """Ask for more working days; the term stays as it is until somebody agrees.

    Raises:
        InvalidInput: no reason, or an impossible number. Conflict: a wish is pending, or the clock does not run.
    """
    check(actor, HANDLE, ticket)
    if not reason.strip():
        raise InvalidInput("请写明延期理由。", kept=NOTHING, fields={"reason": "请写明理由"})
    if not 1 <= days <= LONGEST_TERM:
        raise InvalidInput(
            f"延期天数应在 1 到 {LONGEST_TERM} 个工作日之间。", kept=NOTHING,
            fields={"days": f"请填 1 到 {LONGEST_TERM}"},
        )  # fmt: skip
    with unit_of_work():
        locked = _open(ticket)
        if CLOCKS[State(locked.state)] is not Clock.DEPARTMENT:
            raise Conflict("本单位的时限现在没有在走，不需要延期。", kept=NOTHING)
        try:
            with transaction.atomic():
                wish = Extension.objects.create(
                    ticket=locked, days=days, reason=reason.strip()[:300], asked_by=actor.account
                )
        except IntegrityError as error:
            raise Conflict("已有一个延期申请在等审批。", kept=NOTHING) from error
        leave(
            actor=actor, ticket=locked, action="ask_extension", before=locked.state,
            reason=reason.strip(), data={"days": days},
        )  # fmt: skip
    return wish


def decide_extension(
    *, actor: Actor, extension: Extension, agree: bool, answer: str = ""
) -> Ticket:
    """Agree or not; agreeing adds the days to the term and moves the end of it.

    Raises:
        InvalidInput: a refusal without a reason. NotAllowed: one's own wish. Conflict: decided already.
    """
    check(actor, DISPATCH, extension.ticket)
    if not agree and not answer.strip():
        raise InvalidInput(
            "不同意延期需要写明理由。", kept=NOTHING, fields={"answer": "请写明理由"}
        )
    if actor.account is not None and extension.asked_by_id == actor.account.pk:
        raise NotAllowed("不能审批自己的延期申请。", kept=NOTHING)
    now = timezone.now()
    with unit_of_work():
        locked = _open(extension.ticket)
        wish = Extension.objects.select_for_update().get(pk=extension.pk)
        if wish.state != ExtensionState.PENDING:
            raise Conflict("这个延期申请已经审批过了。", kept=NOTHING)
        wish.state = ExtensionState.APPROVED if agree else ExtensionState.REFUSED
        wish.decided_by, wish.decided_at, wish.answer = actor.account, now, answer.strip()[:300]
        wish.save()
        if agree:
            locked.term_days += wish.days
            if CLOCKS[State(locked.state)] is Clock.DEPARTMENT:
                locked.due_at = clock.deadline(locked, now).at
        locked.updated_at, locked.version = now, locked.version + 1
        locked.save(update_fields=["term_days", "due_at", "updated_at", "version"])
        leave(
            actor=actor, ticket=locked, before=locked.state, reason=answer.strip(),
            action="grant_extension" if agree else "refuse_extension", data={"days": wish.days},
        )  # fmt: skip
    return locked


def _open(ticket: Ticket) -> Ticket:
    rows = Ticket.objects.select_for_update(of=("self",)).select_related("department", "owner")
    locked = rows.get(pk=ticket.pk)
    if not locked.is_open:
        raise Conflict("工单已经关闭。", kept=NOTHING, advice="问题又出现时可以重新打开。")
    return locked
