"""How much a push token may send in a minute. Counted in the database, so that all web processes share the count.

A minute is a calendar minute: a program may send two minutes' worth around its turn, and never more.
"""

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from chengshu.data.ingest.models import PushMinute, PushToken
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import InvalidInput, TooMany
from chengshu.kernel.unit_of_work import unit_of_work

MINUTE = timedelta(minutes=1)
MOST_REQUESTS, MOST_ROWS = 6_000, 10_000_000
KEPT = timedelta(days=1)


def limit_problems(requests: int, rows: int, *, largest_part: int) -> dict[str, str]:
    """What is wrong with limits, by field; a limit below one part would let nothing through."""
    wrong = {}
    if not 1 <= requests <= MOST_REQUESTS:
        wrong["requests_per_minute"] = f"应在 1 到 {MOST_REQUESTS:,} 之间"
    if not largest_part <= rows <= MOST_ROWS:
        wrong["rows_per_minute"] = f"应在 {largest_part:,}（一个部分的上限）到 {MOST_ROWS:,} 之间"
    return wrong


def change_limits(
    *, actor: Actor, token: PushToken, requests: int, rows: int, largest_part: int
) -> None:
    """Set what a token may send in a minute; holds from the next request on.

    Raises:
        InvalidInput: a limit is out of range.
    """
    check(actor, "ingest.source.manage", token)
    wrong = limit_problems(requests, rows, largest_part=largest_part)
    if wrong:
        raise InvalidInput("没有修改。", fields=wrong)
    before = {"requests": token.requests_per_minute, "rows": token.rows_per_minute}
    with unit_of_work():
        token.requests_per_minute, token.rows_per_minute = requests, rows
        token.save(update_fields=["requests_per_minute", "rows_per_minute"])
        record(
            actor=actor, action="ingest.push_token_limited", obj=token, before=before,
            after={"requests": requests, "rows": rows},
        )  # fmt: skip


def count_request(token: PushToken) -> None:
    """Count one request.

    Raises:
        TooMany: the minute is full; says when the next one begins.
    """
    now = timezone.now()
    with unit_of_work():
        row = _minute(token, now)
        counted = PushMinute.objects.filter(pk=row.pk, requests__lt=token.requests_per_minute)
        if not counted.update(requests=F("requests") + 1):
            raise _full(
                f"这个令牌每分钟最多 {token.requests_per_minute:,} 次请求，这一分钟已经用完。", now,
                "也可以把每个部分做大一些，请求就少了。",
            )  # fmt: skip


def count_rows(token: PushToken, rows: int) -> None:
    """Count the rows of a part that is about to be kept.

    Before the part's own transaction: other requests of the token must not wait while it is written to disk.

    Raises:
        TooMany: they do not fit into this minute any more; says when the next one begins.
    """
    now = timezone.now()
    with unit_of_work():
        row = _minute(token, now)
        room = PushMinute.objects.filter(pk=row.pk, rows__lte=token.rows_per_minute - rows)
        if not room.update(rows=F("rows") + rows):
            raise _full(
                f"这个令牌每分钟最多 {token.rows_per_minute:,} 行，这一分钟放不下这 {rows:,} 行。",
                now, "已收到的部分都在。",
            )  # fmt: skip


def _minute(token: PushToken, now: datetime) -> PushMinute:
    minute = now.replace(second=0, microsecond=0)
    return PushMinute.objects.get_or_create(token=token, minute=minute)[0]


def _full(what: str, now: datetime, more: str) -> TooMany:
    seconds = 60 - now.second
    return TooMany(
        what, kept="这个请求没有收下。",
        advice=f"请等 {seconds} 秒后原样重试。{more}需要更快请联系数据专员调高。",
        retry_after=seconds,
    )  # fmt: skip


def forget_minutes() -> int:
    """Remove counts nobody asks for any more; returns how many."""
    removed, _ = PushMinute.objects.filter(minute__lt=timezone.now() - KEPT).delete()
    return removed


def used_now(token: PushToken) -> tuple[int, int]:
    """Requests and rows of the minute that runs."""
    minute = timezone.now().replace(second=0, microsecond=0)
    found = PushMinute.objects.filter(token=token, minute=minute).first()
    return (found.requests, found.rows) if found else (0, 0)
