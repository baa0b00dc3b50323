"""The router every module of the API adds to, and who is asking."""

from django.http import HttpRequest

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rest import ApiRouter

router = ApiRouter()
MAX_PAGE = 200


def actor_of(request: HttpRequest) -> Actor:
    """Who is asking."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor
