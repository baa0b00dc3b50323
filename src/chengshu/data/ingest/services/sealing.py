"""Rejected rows of before they were sealed at rest: sealed where they lie."""

from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.loading import sealed
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.quarantined import quarantine_file
from chengshu.kernel.crypto.facade import is_sealed_file

_PIECE = 1 << 20


def seal_plain() -> int:
    """Seal the plain quarantine files of earlier versions, each whole or not at all; returns how many.

    The content stays the same byte for byte, so whoever reads one meanwhile reads the same rows.
    """
    count = 0
    for batch in Batch.objects.filter(state=BatchState.LOADED, quarantined__gt=0).iterator():
        path = quarantine_file(batch)
        if not path.is_file() or is_sealed_file(path):
            continue
        part = path.with_suffix(".sealing")
        with path.open("rb") as plain, sealed(part) as target:
            while piece := plain.read(_PIECE):
                target.write(piece)
        part.replace(path)
        count += 1
    return count
