"""What can go wrong between us and a source, in words a data officer can act on."""

from enum import StrEnum

from chengshu.data.ingest.reading.errors import ReadingError


class Reason(StrEnum):
    """Why a source did not give its data; a closed list that schedules and boards can reckon with."""

    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a reason's name
    UNKNOWN_HOST = "unknown_host"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    NO_PERMISSION = "no_permission"
    NO_DATABASE = "no_database"
    NO_OBJECT = "no_object"
    NO_COLUMN = "no_column"
    BAD_VALUE = "bad_value"
    HOST_KEY = "host_key"
    CERTIFICATE = "certificate"
    ENCRYPTION = "encryption"
    FORBIDDEN_ADDRESS = "forbidden_address"
    TOO_BUSY = "too_busy"
    BAD_ANSWER = "bad_answer"
    LYING_PAGES = "lying_pages"
    CHANGED = "changed"
    OTHER = "other"


# What may be well again in a few minutes without anybody doing anything.
_PASSING = frozenset(
    {Reason.REFUSED, Reason.TIMED_OUT, Reason.LOST, Reason.TOO_BUSY, Reason.CHANGED}
)


class SourceError(ReadingError):
    """A source refuses, fails, or is not what it was.

    Args:
        reason: the kind of failure.
        message: what happened, one Chinese sentence; never holds a password.
        advice: what to do, one Chinese sentence.
        column: the source column concerned, where one is.
    """

    def __init__(
        self, reason: Reason, message: str, advice: str = "", *, column: str | None = None
    ) -> None:
        super().__init__(f"{message}{advice}", column=column)
        self.reason = reason
        self.message = message
        self.advice = advice

    @property
    def passing(self) -> bool:
        """Whether trying again later may help."""
        return self.reason in _PASSING
