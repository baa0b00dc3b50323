"""Trying record keys out: an application that asks for many records that are not there is slowed.

A key space such as identity numbers can be walked by whoever holds a grant. So only so many misses a
minute are free as the grant says; then the application's calls of that interface wait until the minute
is over. It costs an honest bulk check some patience and a walker centuries, and each refusal stands in the trail
under its own word, where the administrator's page of anomalies finds it.
"""

from chengshu_gateway import problems
from chengshu_gateway.limits import SharedLimits, tag
from chengshu_gateway.problems import Refusal
from chengshu_gateway.request import CallRecord

PAUSE_SECONDS = 60


class ScanGuard:
    """Counts misses of verified applications per interface, shared by all workers."""

    def __init__(self, limits: SharedLimits) -> None:
        """Bind the shared counters."""
        self._limits = limits

    def refuse(self, call: CallRecord, now_ms: int) -> None:
        """Raise Refusal(SCANNING) while the application has to wait."""
        if not self._limits.any_locked(now_ms // 1000):
            return
        seconds = self._limits.locked_for(now_ms // 1000, _tag(call))
        if seconds > 0:
            raise Refusal(problems.SCANNING, retry_after=seconds)

    def count(self, call: CallRecord, outcome: str, now_ms: int) -> None:
        """Count what an answered call asked for and did not find."""
        missed = _missed(call, outcome)
        if missed and call.most_misses:
            self._limits.record_failure(
                now_ms // 1000,
                {_tag(call): call.most_misses},
                amount=missed,
                seconds=PAUSE_SECONDS,
            )


def _missed(call: CallRecord, outcome: str) -> int:
    if not call.kind:
        return int(outcome == problems.NO_RECORD.code)
    if outcome != "ok":
        return 0
    if call.kind == "batch":
        return call.asked - call.found
    # A record that is not there and one that differs are answered, and counted, alike.
    return int(call.kind == "verify" and call.found < call.asked)


def _tag(call: CallRecord) -> int:
    return tag("misses", call.app, call.interface)
