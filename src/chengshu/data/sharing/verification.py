"""Proves the gateway's trail of calls, with checkpoints kept away from it."""

from dataclasses import asdict
from typing import Any

from chengshu.data.sharing.models import GatewayCheckpoint
from chengshu.data.sharing.publishing import gateway_dir, keys
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.services import record
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.audit_reader import Checkpoint, read_checkpoints
from chengshu_gateway.audit_verify import verify
from chengshu_gateway.signers import HmacSigner

_FIELDS = ("worker", "segment", "seq", "head", "time", "signer", "signature")
_CHUNK = 2_000


def verify_trail() -> dict[str, Any]:
    """Verify all chains, then keep the checkpoints that were seen; return the report as JSON.

    ``{"ok", "records", "segments", "checkpoints", "torn": [...], "problems": [{worker, segment, line, kind,
    text}]}``. Checkpoints of earlier runs count as known, so a chain cut together with its own checkpoint
    file is found too. New ones are kept only when the trail is sound.
    """
    folder = gateway_dir() / "audit"
    signer = HmacSigner(keys().checkpoint)
    known = [Checkpoint(**row) for row in GatewayCheckpoint.objects.values(*_FIELDS).iterator()]
    seen = list(read_checkpoints(folder)) if folder.is_dir() else []
    report = verify(folder, signer, known=known)
    if report.ok:
        GatewayCheckpoint.objects.bulk_create(
            [GatewayCheckpoint(**{name: getattr(mark, name) for name in _FIELDS}) for mark in seen],
            batch_size=_CHUNK,
            ignore_conflicts=True,
        )
    result = {
        "ok": report.ok, "records": report.records, "segments": report.segments,
        "checkpoints": len({(m.worker, m.seq, m.head) for m in (*known, *seen)}),
        "torn": list(report.torn), "problems": [asdict(problem) for problem in report.problems],
    }  # fmt: skip
    with unit_of_work():
        record(
            actor=platform("共享核验"), action="sharing.trail_verified", object_name="共享调用留痕",
            after={"ok": report.ok, "records": report.records, "problems": len(report.problems)},
        )  # fmt: skip
    return result
