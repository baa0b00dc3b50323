"""The working call on an interface's page, filled in for the person who looks at it."""

from collections.abc import Sequence

from chengshu.data.sharing.choices import CallKind, GrantState, KeyScheme, KeyState
from chengshu.data.sharing.models import Application, ApplicationKey, Grant, ShareInterface
from chengshu.data.sharing.samples import CallSample
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows


def own_sample(actor: Actor, item: ShareInterface, grants: Sequence[Grant]) -> CallSample | None:
    """A call by an application of the actor's that holds a grant; None when there is none."""
    for grant in grants:
        open_to_lookup = grant.state == GrantState.ACTIVE and CallKind.LOOKUP in grant.kinds
        if open_to_lookup and allows(actor, "sharing.view", grant.application):
            return sample(item, grant.application)
    return None


def sample(item: ShareInterface, application: Application) -> CallSample:
    """A call of an interface by an application, with its newest valid shared secret."""
    key = ApplicationKey.objects.filter(
        application=application, state=KeyState.ACTIVE, scheme=KeyScheme.HMAC
    ).first()
    return CallSample(
        interface=item.code, record=item.key_column.upper(), application=application.code,
        key_id=key.key_id if key else "密钥编号",
    )  # fmt: skip
