"""Who calls: CKAN clients send their API token as ``Authorization`` or ``X-CKAN-API-Key``.

A key of some other portal does no harm to reading. Only tokens of this platform, made by a person on the page
``/console/profile/tokens/``, open the actions that change something; a session never does, so no page of another site
can write in somebody's name.
"""

from django.http import HttpRequest

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import NotSignedIn
from chengshu.kernel.tokens.scopes import TokenScope
from chengshu.kernel.tokens.services import START, authenticate

SCOPES = (
    TokenScope(
        "opening.draft", "用 CKAN 接口写开放数据集（只出草稿，发布仍在后台）", ("opening.view", "opening.manage")
    ),
    TokenScope(
        "opening.upload", "用 CKAN 接口上传数据文件（经归集校验）",
        ("opening.view", "ingest.view", "ingest.batch.create"),
    ),
)  # fmt: skip


def sent(request: HttpRequest) -> str:
    """The key a client sent along; empty without one."""
    headers = request.headers
    return headers.get("X-CKAN-API-Key", "") or headers.get("Authorization", "")


def _here(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def caller(request: HttpRequest) -> Actor:
    """The actor of the token sent.

    Raises:
        NotSignedIn: none was sent, or it opens nothing (any more).
    """
    here = _here(request)
    return authenticate(sent(request), address=here.address, request_id=here.request_id)


def reader(request: HttpRequest) -> Actor:
    """The actor of the token sent, else the anonymous public: a key that opens nothing is as good as none."""
    word = sent(request)
    here = _here(request)
    anonymous = Actor(address=here.address, request_id=here.request_id)
    if START not in word:
        return anonymous
    try:
        return caller(request)
    except NotSignedIn:
        return anonymous
