"""Actions about the caller: units it may write for, and its own tokens."""

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from chengshu.kernel.identity.models import Organization
from chengshu.kernel.tokens import services as tokens
from chengshu.kernel.tokens.models import ApiToken
from chengshu.portals.opendata.ckan import shapes
from chengshu.portals.opendata.ckan.catalogue import MOST_ROWS, Action
from chengshu.portals.opendata.ckan.errors import refused
from chengshu.portals.opendata.ckan.parameters import Parameters
from chengshu.portals.opendata.ckan.shapes import Shape, Site


def organization_list_for_user(site: Site, _given: Parameters) -> list[Shape]:
    """Units the caller may write datasets for; none without a token."""
    places = [
        Q(path__startswith=s.organization_path) for s in site.actor.scopes.get("opening.manage", ())
    ]
    if not places:
        return []
    units = Organization.objects.filter(reduce(or_, places)).order_by("code")[:MOST_ROWS]
    return [shapes.organization(u) | {"display_name": u.name, "capacity": "editor"} for u in units]


def api_token_list(site: Site, _given: Parameters) -> list[Shape]:
    """The caller's own tokens, without their text."""
    if site.actor.account is None:
        raise refused("没有令牌的调用看不到令牌。")
    return [
        {
            "id": token.prefix, "name": token.name, "user_id": site.actor.account.username,
            "created_at": shapes.moment(token.created_at), "last_access": shapes.moment(token.last_used_at),
            "expires_at": shapes.moment(token.expires_at), "state": "active" if token.usable else "deleted",
        }
        for token in ApiToken.objects.filter(account=site.actor.account)
    ]  # fmt: skip


def api_token_create(_site: Site, _given: Parameters) -> Any:
    """Tokens are made by the person, on a page, never by a token."""
    raise refused("令牌由本人登录后在“个人资料 → API 令牌”签发。")


def api_token_revoke(site: Site, given: Parameters) -> None:
    """Take one of the caller's own tokens back: by its text (``token``) or its beginning (``jti``)."""
    word = given.required("jti", "token")
    prefix = word.split("-")[1] if word.startswith(f"{tokens.START}-") else word
    tokens.revoke(actor=site.actor, token=tokens.own(site.actor, prefix))


READING: dict[str, Action] = {
    action.__name__: action for action in (organization_list_for_user, api_token_list)
}
ACTIONS: dict[str, Action] = {
    action.__name__: action for action in (api_token_create, api_token_revoke)
}
