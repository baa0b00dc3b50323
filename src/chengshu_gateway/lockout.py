"""Who guessed too often: failures by address and by address and application, never by application."""

from chengshu_gateway import problems
from chengshu_gateway.limits import (
    FAILURES_PER_ADDRESS,
    FAILURES_PER_PAIR,
    SharedLimits,
    tag,
)
from chengshu_gateway.problems import Refusal
from chengshu_gateway.request import CallRecord


class Lockout:
    """Counts failed proofs of identity, whichever way they were tried."""

    def __init__(self, limits: SharedLimits) -> None:
        """Bind the shared counters."""
        self._limits = limits

    def refuse_locked(self, call: CallRecord, now_ms: int) -> None:
        """Raise Refusal(LOCKED) while the caller is shut out."""
        if not self._limits.any_locked(now_ms // 1000):
            return
        seconds = self._limits.locked_for(now_ms // 1000, *_tags(call))
        if seconds > 0:
            raise Refusal(problems.LOCKED, retry_after=seconds)

    def count(self, call: CallRecord, now_ms: int) -> None:
        """Count one failure."""
        address, pair = _tags(call)
        self._limits.record_failure(
            now_ms // 1000, {address: FAILURES_PER_ADDRESS, pair: FAILURES_PER_PAIR}
        )


def _tags(call: CallRecord) -> tuple[int, int]:
    # Never the application alone: a stranger could lock it out by guessing in its name.
    return tag("address", call.ip), tag("pair", call.ip, call.app)
