"""What a person may do about the look-ups of himself or herself: read them, on record, and ask why."""

from django.utils import timezone

from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.uses.models import UseObjection
from chengshu.data.sharing.uses.selectors import hashes_of, uses_of
from chengshu.data.tickets.facade import State, bureau, open_ticket
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Account
from chengshu.kernel.unit_of_work import unit_of_work

KIND = "sharing.use_objection"
SHORTEST, LONGEST = 5, 500
# 政务数据共享条例 asks for a limit of checking; ten working days is the default for a question about data.
ANSWER_DAYS = 10


def note_viewed(*, actor: Actor, months: int, application: str = "", interface: str = "") -> None:
    """Put on record that a person looked at who looked; the number itself is not in the record."""
    account = _person(actor)
    with unit_of_work():
        record(
            actor=actor, action="sharing_uses.viewed", obj=account,
            after={"months": months, "application": application, "interface": interface},
        )  # fmt: skip


def ask_why(*, actor: Actor, application: str, interface: str, words: str) -> UseObjection:
    """Ask the data bureau why an application looked the person up through an interface.

    Only about look-ups that the person's own list shows. One open question per application and interface.

    Raises:
        NotSignedIn: nobody is signed in. InvalidInput: the question is too short or too long.
        NotFound: no such look-up of this person. Conflict: the same was asked and is not answered yet.
    """
    account = _person(actor)
    words = words.strip()
    if not SHORTEST <= len(words) <= LONGEST:
        text = f"请用 {SHORTEST} 至 {LONGEST} 个字说说为什么觉得不对"
        raise InvalidInput(text + "。", kept="没有提交。", fields={"words": text})
    hashes = hashes_of(account)
    uses = uses_of(hashes).filter(profile__application=application, profile__interface=interface)
    item = ShareInterface.objects.select_related("resource").filter(code=interface).first()
    if item is None or not uses.exists():
        raise NotFound("没有找到这条查询记录。", advice="请从“谁查过我”里选一条再提。")
    with unit_of_work():
        # The account's row keeps a second click waiting until the first question is written.
        Account.objects.select_for_update().get(pk=account.pk)
        if _still_open(account, application, interface):
            raise Conflict(
                "这件事您已经提过，正在核实。", kept="没有重复提交。", advice="答复会显示在本页。"
            )
        made = UseObjection(
            account=account, application=application, interface=item, words=words,
            key_hashes=hashes, asked_at=timezone.now(),
        )  # fmt: skip
        return _ask(actor, made)


def _person(actor: Actor) -> Account:
    if actor.account is None:
        raise NotSignedIn("请先登录，再看谁查过您的信息。")
    return actor.account


def _still_open(account: Account, application: str, interface: str) -> bool:
    asked = UseObjection.objects.filter(
        account=account, application=application, interface__code=interface
    )
    return asked.exclude(ticket__state=State.CLOSED).exists()


def _ask(actor: Actor, made: UseObjection) -> UseObjection:
    application, interface = made.application, made.interface
    caller = Application.objects.select_related("owner").filter(code=application).first()
    name = caller.name if caller else application
    ticket = open_ticket(
        # A person holds no permission to open tickets; the question is his or hers all the same (see the audit).
        actor=platform("群众用数疑问"), kind=KIND, resource_id=interface.resource_id,
        title=f"群众疑问：“{name}”为什么查我的信息", department=bureau(),
        key=f"{made.account_id}:{application}:{interface.code}:{made.asked_at.isoformat()}",
        affected_rows=1, term_days=ANSWER_DAYS,
        evidence={
            "sentence": f"{interface.title}：{made.words}",
            "good": "查清是谁、为哪件事查的，把答复写在“提交复检”的说明里，群众会看到原话",
            "unit": caller.owner.name if caller else "",
        },
    )  # fmt: skip
    made.ticket = ticket
    made.save()
    record(
        actor=actor, action="sharing_uses.asked", obj=made,
        after={"application": application, "interface": interface.code, "ticket": ticket.number},
    )  # fmt: skip
    emit(
        type="city.sharing_uses.asked", source="sharing_uses", subject=str(made.pk),
        data={"application": application, "interface": interface.code, "ticket": ticket.number},
    )  # fmt: skip
    return made
