"""Today's use of quotas and nonces, read back from the audit after a reboot."""

import time
from collections.abc import Iterator
from pathlib import Path

from chengshu_gateway import audit_chain
from chengshu_gateway.audit_reader import Call, read_calls
from chengshu_gateway.limits import Used, day_of
from chengshu_gateway.signing import WINDOW_SECONDS


def used_today(audit: Path) -> Iterator[Used]:
    """Yield today's counted calls and the nonces that could still be replayed."""
    if not audit.is_dir():
        return
    now_ms = time.time_ns() // 1_000_000
    today = day_of(now_ms)
    recent = now_ms - 2 * WINDOW_SECONDS * 1000
    for _position, call in read_calls(audit, _start_of_today(audit, today)):
        at_ms = int(call.time.timestamp() * 1000)
        # A time-stamp outside the window was refused: its nonce was never remembered.
        fresh = abs(at_ms - call.client_ms) <= WINDOW_SECONDS * 1000
        if (
            call.verified
            and fresh
            and (at_ms >= recent or (call.counted and day_of(at_ms) == today))
        ):
            yield Used(
                app=call.app,
                interface=call.interface,
                nonce=int(call.nonce, 16),
                client_ms=call.client_ms,
                at_ms=at_ms,
                counted=call.counted,
                amount=call.cost,
                guess=call.key_hash if _failed_guess(call) else "",
            )


def _failed_guess(call: Call) -> bool:
    return call.kind == "verify" and call.outcome == "ok" and call.found < call.asked


def _start_of_today(audit: Path, today: int) -> str:
    """Return a reading position that skips segments finished before yesterday ended."""
    places = []
    for chain in audit_chain.worker_directories(audit):
        for number, path in audit_chain.segments(chain):
            if day_of(int(path.stat().st_mtime * 1000)) >= today - 1:
                places.append(f"{int(chain.name[1:])}:{number}:0")
                break
    return ",".join(places)
