"""Put interfaces into the cart, and take them out again; a cart is a person's own."""

from chengshu.data.catalog.facade import SharingType, published_queryset
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.requests.flow import APPLY
from chengshu.data.sharing.requests.models import CartItem
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, NotAllowed
from chengshu.kernel.identity.models import Account
from chengshu.kernel.unit_of_work import unit_of_work

MOST = 20


def add_to_cart(*, actor: Actor, interface: ShareInterface) -> CartItem:
    """Put an interface into the actor's cart; a second time changes nothing.

    Raises:
        Conflict: it cannot be applied for now, or the cart is full.
    """
    check(actor, APPLY)
    require_shareable(interface)
    account = _account(actor)
    with unit_of_work():
        mine = CartItem.objects.filter(account=account)
        if mine.count() >= MOST and not mine.filter(interface=interface).exists():
            raise Conflict(f"申请车里最多放 {MOST} 个接口。", advice="请先提交或移出一些。")
        return CartItem.objects.get_or_create(account=account, interface=interface)[0]


def remove_from_cart(*, actor: Actor, interface: ShareInterface) -> None:
    """Take an interface out of the actor's cart."""
    check(actor, APPLY)
    with unit_of_work():
        CartItem.objects.filter(account=_account(actor), interface=interface).delete()


def require_shareable(interface: ShareInterface) -> None:
    """Raise Conflict unless the catalogue shares the resource and the interface has fields to choose from."""
    resource = interface.resource
    if resource.published is None or not published_queryset().filter(pk=resource.pk).exists():
        raise Conflict(f"“{interface}”的数据资源没有在目录中发布，不能申请。")
    if resource.published.sharing_type == SharingType.NONE:
        raise Conflict(f"“{interface}”编目为不予共享，不能申请。", advice="请联系提供单位。")
    if not interface.columns or interface.state == InterfaceState.FAILED:
        raise Conflict(f"“{interface}”还没有发布完成，不能申请。", advice="请稍后再试。")


def _account(actor: Actor) -> Account:
    if actor.account is None:
        raise NotAllowed("申请车属于具体的人，平台自己没有。")
    return actor.account
