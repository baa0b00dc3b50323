"""The one small error hierarchy of the platform.

Every error carries what the *person* reads: what happened, what was kept, what to do next. The log reads the cause
(``raise … from cause``). Portals and the API render these as pages and as RFC 9457 problem details.
"""

from http import HTTPStatus


class ChengshuError(Exception):
    """Base of all errors a user may see.

    Args:
        message: what happened, in Chinese.
        kept: what was kept (nothing is ever half-written).
        advice: what to do next.
        fields: messages by field name, for forms.
    """

    status: int = HTTPStatus.BAD_REQUEST
    title: str = "请求没有完成"

    # Seconds after which a program may try again; None: nobody knows.
    retry_after: int | None = None

    def __init__(
        self,
        message: str,
        *,
        kept: str = "",
        advice: str = "",
        fields: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kept = kept
        self.advice = advice
        self.fields = fields or {}

    @property
    def detail(self) -> str:
        """The whole sentence for the reader."""
        return "".join(part for part in (self.message, self.kept, self.advice) if part)


class InvalidInput(ChengshuError):
    """The values given break a rule of the field."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "填写的内容有误"


class NotAllowed(ChengshuError):
    """The actor lacks a permission; deny by default."""

    status = HTTPStatus.FORBIDDEN
    title = "没有权限"


class NotSignedIn(ChengshuError):
    """A session is needed."""

    status = HTTPStatus.UNAUTHORIZED
    title = "请先登录"


class NotFound(ChengshuError):
    """The object does not exist, or is outside the actor's scope: the same answer on purpose."""

    status = HTTPStatus.NOT_FOUND
    title = "没有找到"


class Conflict(ChengshuError):
    """The state does not allow the action, or somebody else changed the object first."""

    status = HTTPStatus.CONFLICT
    title = "与当前状态冲突"


class TooMany(ChengshuError):
    """A rate limit or a lock-out; ``retry_after`` seconds go into the answer's header."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "操作过于频繁"

    def __init__(
        self, message: str, *, kept: str = "", advice: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(message, kept=kept, advice=advice)
        self.retry_after = retry_after


class Unavailable(ChengshuError):
    """A part the action needs is down or full; nothing was written."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "服务暂时不可用"
