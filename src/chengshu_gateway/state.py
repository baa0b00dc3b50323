"""What a worker has loaded: the current policy and the open snapshots, refreshed by polling.

A reload happens in a thread while calls go on with the old policy; a bundle that fails its seal
or is older than the loaded one is refused and reported by /healthz, never used.
"""

import asyncio
import logging
import sqlite3
import time
from pathlib import Path

from chengshu_gateway import pointer
from chengshu_gateway.bundle import BundleError
from chengshu_gateway.bundle_store import load_bundle
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.policy import Policy
from chengshu_gateway.problems import NO_SNAPSHOT, Refusal
from chengshu_gateway.snapshot import Snapshot, SnapshotError, open_current

_log = logging.getLogger("chengshu_gateway")

_RETRY_SECONDS = 5.0

Stamp = tuple[int, int] | None


class LoadedState:
    """Policy and snapshots of one worker; use it on the event loop's thread."""

    def __init__(self, data: Path, keys: GatewayKeys, *, per_app_minute: int) -> None:
        """Prepare for the data directory; nothing is read yet."""
        self._bundles = data / "bundles"
        self._snapshots = data / "snapshots"
        self._keys = keys
        self._per_app_minute = per_app_minute
        self._bundle_stamp: Stamp = None
        self._retry_at = 0.0
        self._open: dict[str, Snapshot | None] = {}
        self._stamps: dict[str, Stamp] = {}
        self.policy: Policy | None = None
        self.bundle_error = ""
        self.snapshot_errors: dict[str, str] = {}

    async def refresh(self) -> None:
        """Take up a new bundle and new snapshot versions, if there are any."""
        stamp = pointer.stamp(self._bundles)
        retry = self.bundle_error and time.monotonic() >= self._retry_at
        if stamp != self._bundle_stamp or retry:
            self._bundle_stamp = stamp
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            try:
                self._adopt(await asyncio.to_thread(self._load))
            except (BundleError, ValueError, OSError) as error:
                self.bundle_error = str(error)
                _log.error("bundle refused: %s", error)
        for name in tuple(self._open):
            if pointer.stamp(self._snapshots / name) != self._stamps[name]:
                self._reopen(name)

    def snapshot(self, name: str) -> Snapshot:
        """Return the open snapshot of a name; raises Refusal(NO_SNAPSHOT)."""
        found = self._open.get(name)
        if found is None:
            if name not in self._open:
                found = self._reopen(name)
            if found is None:
                raise Refusal(NO_SNAPSHOT)
        return found

    def close(self) -> None:
        """Close all snapshots."""
        for each in self._open.values():
            if each is not None:
                each.close()
        self._open.clear()

    def _load(self) -> Policy | None:
        loaded = load_bundle(self._bundles, self._keys.bundle)
        if loaded is None:
            return None
        return Policy(loaded, self._keys, per_app_minute=self._per_app_minute)

    def _adopt(self, policy: Policy | None) -> None:
        if policy is None:
            raise BundleError("授权包指针已消失，已继续使用旧的授权包。请重新发布。")
        if self.policy is not None and policy.version < self.policy.version:
            raise BundleError(
                f"授权包版本倒退（{self.policy.version} → {policy.version}），已拒绝。"
                "如需恢复旧规则，请重新发布为新版本。"
            )
        self.policy = policy
        self.bundle_error = ""
        for name in [name for name in self._open if name not in policy.snapshots]:
            former = self._open.pop(name)
            self._stamps.pop(name)
            self.snapshot_errors.pop(name, None)
            if former is not None:
                former.close()
        _log.info("bundle %d in force (%s)", policy.version, policy.digest[:12])

    def _reopen(self, name: str) -> Snapshot | None:
        directory = self._snapshots / name
        # The stamp comes first: a swap in between is then seen at the next poll.
        self._stamps[name] = pointer.stamp(directory)
        former = self._open.get(name)
        try:
            fresh = open_current(directory)
        except (SnapshotError, ValueError, OSError, sqlite3.Error) as error:
            self.snapshot_errors[name] = str(error)
            _log.error("snapshot %s refused: %s", name, error)
            self._open[name] = former
            return former
        self.snapshot_errors.pop(name, None)
        self._open[name] = fresh
        if former is not None:
            former.close()
        return fresh
