"""Keep, find and remove a person's own filters of a list.

Nobody sees or changes another person's: there is no permission to check beyond who is asking.
"""

from urllib.parse import parse_qsl, urlencode

from django.db.models import QuerySet

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import InvalidInput, NotAllowed, NotFound
from chengshu.kernel.identity.models import Account
from chengshu.kernel.ui.models import SavedFilter
from chengshu.kernel.unit_of_work import unit_of_work

MOST = 20
NAME_LENGTH, QUERY_LENGTH = 30, 500
# Where somebody stood in the list, or what they did there, is no condition.
_PASSING = ("cursor", "page", "export", "choose", "cols", "density")


def saved_filters(actor: Actor, list_key: str) -> QuerySet[SavedFilter]:
    """The actor's filters of one list, by name."""
    return SavedFilter.objects.filter(account=actor.account, list_key=list_key).order_by("name")


def conditions(query: str) -> str:
    """A query string without what is passing."""
    pairs = parse_qsl(query.removeprefix("?"))
    return urlencode([(key, value) for key, value in pairs if key not in _PASSING])


def save_filter(*, actor: Actor, list_key: str, name: str, query: str) -> SavedFilter:
    """Keep the conditions of a list under a name; the same name takes the new conditions.

    Raises:
        NotAllowed: nobody is signed in.
        InvalidInput: no name, no condition, too long, or 20 are kept already.
    """
    account, name, kept = _account(actor), name.strip(), conditions(query)
    if not name or len(name) > NAME_LENGTH:
        raise InvalidInput(f"请给这组条件起个名字，不超过 {NAME_LENGTH} 个字。", kept="没有保存。")
    if not kept or not list_key or len(kept) > QUERY_LENGTH:
        raise InvalidInput(
            "没有可以保存的条件。", kept="没有保存。", advice="请先在列表里选好条件，再保存。"
        )
    with unit_of_work():
        own = saved_filters(actor, list_key)
        if own.count() >= MOST and not own.filter(name=name).exists():
            raise InvalidInput(
                f"一个列表最多保存 {MOST} 组条件。", kept="没有保存。", advice="请先删掉不用的。"
            )
        item, _created = SavedFilter.objects.update_or_create(
            account=account, list_key=list_key[:60], name=name, defaults={"query": kept}
        )
    return item


def remove_filter(*, actor: Actor, pk: int) -> SavedFilter:
    """Forget one of the actor's own filters.

    Raises:
        NotAllowed: nobody is signed in. NotFound: there is none, or it is somebody else's.
    """
    with unit_of_work():
        item = SavedFilter.objects.filter(account=_account(actor), pk=pk).first()
        if item is None:
            raise NotFound("没有找到这组条件。", advice="它可能已经删掉了。")
        item.delete()
    return item


def _account(actor: Actor) -> Account:
    if actor.account is None:
        raise NotAllowed("请先登录。", kept="没有保存。")
    return actor.account
