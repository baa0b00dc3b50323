"""Say something, answer it, follow a dataset."""

import hmac
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.voices.choices import ABOUT_DATASET, VoiceKind, VoiceState
from chengshu.data.opening.voices.models import Subscription, Voice
from chengshu.data.protection.facade import hide_personal, spans_of
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.calendar.deadlines import due
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.crypto.keyring import keyring_from_text
from chengshu.kernel.errors import Conflict, InvalidInput, NotSignedIn, TooMany
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

PERMISSION = "opening.answer"
TITLE_LENGTH, TEXT_LENGTH, TEXT_LEAST = 80, 2_000, 10
PER_DAY = 5
_DIGEST = 32


def source_of(address: str) -> str:
    """A keyed digest of an address for today; nobody can tell the address from it, nor join two days."""
    key = keyring_from_text(settings.SECRET_KEYS).active.derive("opening/voices", 32)
    told = f"{timezone.localdate().isoformat()}|{address}"
    return hmac.new(key, told.encode(), "sha256").hexdigest()[:_DIGEST]


def submit(
    *, actor: Actor, kind: str, title: str, text: str, address: str, dataset: OpenDataset | None = None,
    link: str = "",
) -> Voice:  # fmt: skip
    """Keep what somebody says and tell the department that has to answer it.

    Personal data in the text is masked before anything is stored; a title with personal data is refused.

    Raises:
        InvalidInput: a value is missing, too long or personal. TooMany: too much from one place today.
        Conflict: the same was said already and waits for an answer.
    """
    problems = _problems(kind, title, text, dataset)
    if problems:
        raise InvalidInput("没有提交。", kept="您填写的内容还在这个页面上。", fields=problems)
    now, source = timezone.now(), source_of(address)
    department = dataset.resource.provider if dataset is not None else _city()
    with unit_of_work():
        recent = Voice.objects.filter(created_at__gte=now - timedelta(days=1))
        own = recent.filter(author=actor.account) if actor.account else recent.filter(source=source)
        if own.count() >= PER_DAY:
            raise TooMany(
                f"一天最多提 {PER_DAY} 条。",
                kept="这一条没有提交。",
                advice="请明天再来，急事请拨打 12345。",
            )
        told = hide_personal(text.strip())
        twin = Voice.objects.filter(kind=kind, dataset=dataset, state=VoiceState.WAITING)
        if twin.filter(title=title.strip(), text=told).exists():
            raise Conflict(
                "同样的内容已经有人提过，正在等答复。", advice="不用再提，答复后会公开。"
            )
        item = Voice.objects.create(
            kind=kind, title=title.strip(), text=told, link=link, dataset=dataset,
            department=department, author=actor.account, source="" if actor.account else source,
            due_at=due(now, settings.OPENING_ANSWER_DAYS, table=stored_table()).at, created_at=now,
        )  # fmt: skip
        record(actor=actor, action="opening.voice_submitted", obj=item, after={"kind": kind})
        notify(
            organization=department, permission=PERMISSION, title=f"{item.get_kind_display()}：{item.title}",
            body=f"请在 {settings.OPENING_ANSWER_DAYS} 个工作日内答复。", url=item.get_absolute_url(),
            key=f"opening.voice:{item.pk}",
        )  # fmt: skip
        emit(
            type="city.opening.voice.submitted", source="opening_voices", subject=str(item.pk),
            data={"id": item.pk, "kind": kind},
        )  # fmt: skip
    return item


def _problems(kind: str, title: str, text: str, dataset: OpenDataset | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if kind not in VoiceKind.values:
        found["kind"] = "请选择类别"
    if not 2 <= len(title.strip()) <= TITLE_LENGTH:  # noqa: PLR2004 - one character says nothing
        found["title"] = f"2 到 {TITLE_LENGTH} 个字"
    elif spans_of(title):
        found["title"] = "标题里不要写姓名、电话、证件号等个人信息"
    if not TEXT_LEAST <= len(text.strip()) <= TEXT_LENGTH:
        found["text"] = f"{TEXT_LEAST} 到 {TEXT_LENGTH:,} 个字"
    if kind in ABOUT_DATASET and dataset is None:
        found["kind"] = "纠错和提问要从数据集页面提出"
    return found


def _city() -> Organization:
    """Who hears a wish that concerns no dataset: the city's data bureau, through its root."""
    return Organization.objects.filter(parent=None).order_by("pk").get()


def take(*, actor: Actor, voice: Voice) -> Voice:
    """Become the official who answers.

    Raises:
        Conflict: answered already.
    """
    check(actor, PERMISSION, voice)
    with unit_of_work():
        item = _waiting(voice)
        before = {"owner": str(item.owner or "")}
        item.owner = actor.account
        item.save(update_fields=["owner"])
        record(
            actor=actor, action="opening.voice_taken", obj=item, before=before,
            after={"owner": str(item.owner or "")},
        )  # fmt: skip
    return item


def answer(*, actor: Actor, voice: Voice, text: str, public: bool = True) -> Voice:
    """Answer; ``public``: question and answer are shown to everybody, otherwise to whoever wrote only.

    Raises:
        InvalidInput: no answer, or personal data in it. Conflict: answered already.
    """
    check(actor, PERMISSION, voice)
    told = text.strip()
    if not TEXT_LEAST <= len(told) <= TEXT_LENGTH:
        raise InvalidInput("没有答复。", fields={"answer": f"{TEXT_LEAST} 到 {TEXT_LENGTH:,} 个字"})
    if spans_of(told):
        raise InvalidInput(
            "没有答复。", fields={"answer": "答复会公开，请不要写姓名、手机号、证件号等个人信息"}
        )
    with unit_of_work():
        item = _waiting(voice)
        now = timezone.now()
        item.state = VoiceState.ANSWERED if public else VoiceState.DECLINED
        item.answer, item.answered_at, item.on_time = told, now, now < item.due_at
        # Whoever answers is the one who answers for it.
        item.owner = actor.account
        item.save()
        record(
            actor=actor, action="opening.voice_answered", obj=item, before={"state": VoiceState.WAITING},
            after={"state": item.state},
        )  # fmt: skip
        if item.author is not None:
            notify(
                account=item.author, title=f"已答复：{item.title}", body=told,
                url=f"/open/voices/{item.token}/", key=f"opening.voice:{item.pk}:answered",
            )  # fmt: skip
    return item


def _waiting(voice: Voice) -> Voice:
    item = Voice.objects.select_for_update().get(pk=voice.pk)
    if item.state != VoiceState.WAITING:
        raise Conflict("这一条已经答复过了。", advice="请刷新页面。")
    return item


def follow(*, actor: Actor, dataset: OpenDataset, wanted: bool) -> bool:
    """Be told of new releases, or no longer; returns whether one is.

    Raises:
        NotSignedIn: messages need an account; the feed does not.
    """
    if actor.account is None:
        raise NotSignedIn("登录后才能收消息。", advice="不登录也可以用订阅源（Atom）。")
    with unit_of_work():
        held = Subscription.objects.filter(dataset=dataset, account=actor.account)
        if wanted and not held.exists():
            Subscription.objects.create(dataset=dataset, account=actor.account)
        elif not wanted:
            held.delete()
        record(actor=actor, action="opening.followed", obj=dataset, after={"wanted": wanted})
    return wanted
