"""Row locks and the optimistic lock: two people edit one entry, the second is told."""

from typing import Protocol

from django.utils import timezone

from chengshu.data.catalog.models import Resource, ResourceVersion
from chengshu.data.catalog.models.standards import StandardVersion
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, NotAllowed
from chengshu.kernel.identity.models import Account


class Revised(Protocol):
    """A record that counts its edits."""

    revision: int
    edited_by: Account | None

    @property
    def edited_at(self) -> object: ...


def refuse_stale(stored: "Revised", revision: int) -> None:
    """Raise Conflict unless ``revision`` is the stored one; the message names the other person and the time."""
    if stored.revision == revision:
        return
    who = stored.edited_by.display_name if stored.edited_by else "平台"
    when = timezone.localtime(stored.edited_at).strftime("%Y-%m-%d %H:%M")  # type: ignore[arg-type]
    raise Conflict(
        f"您打开页面之后，{who}在 {when} 修改并保存了它。",
        kept="已保留对方的修改，您刚填写的内容还没有保存。",
        advice="请在新窗口查看最新内容，合并后重新保存。",
    )


def refuse_own(version: StandardVersion, actor: Actor) -> None:
    """Raise NotAllowed when the actor proposed the version of a standard: publishing takes a second person."""
    if is_own(version, actor):
        raise NotAllowed(
            "不能发布自己提请的标准。",
            kept="它仍在等待发布。",
            advice="请由另一位数据管理员核对后发布。",
        )


def is_own(version: StandardVersion, actor: Actor) -> bool:
    """Whether the actor proposed the version; the platform itself owns nothing."""
    return actor.account is not None and version.submitted_by_id == actor.account.pk


def lock_resource(resource: Resource, *, actor: Actor, permission: str) -> Resource:
    """Lock a resource row inside the caller's transaction and check the actor's right to it again."""
    locked = (
        Resource.objects.select_for_update(of=("self",))
        .select_related("provider", "published", "working")
        .get(pk=resource.pk)
    )
    check(actor, permission, locked)
    return locked


def lock_version(version: ResourceVersion) -> ResourceVersion:
    """Lock a version row inside the caller's transaction, after its resource."""
    return (
        ResourceVersion.objects.select_for_update(of=("self",))
        .select_related("resource__provider", "system", "warehouse", "edited_by", "submitted_by")
        .get(pk=version.pk)
    )
