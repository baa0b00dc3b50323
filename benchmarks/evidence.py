"""Handing out a trail and proving it: records a second, peak memory, for as many calls as asked.

python benchmarks/evidence.py [200000]
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from chengshu_evidence import anchors
from chengshu_evidence.export import Period, export, gateway_heads, gateway_sources
from chengshu_evidence.verify import verify
from chengshu_gateway import audit_chain
from chengshu_sm2 import Sm2PrivateKey

CALL = (
    '"kind":"call","app":"app-1","key":"k1","verified":true,"interface":"residents","record":"{n:032x}",'
    '"fields":"code,name,id_number,phone","outcome":"ok","status":200,"purpose":"居民核验",'
    '"ip":"127.0.0.1","version":"20261130T000000-00000000","digest":"{n:064x}","counted":true,'
    '"nonce":"{n:016x}","client_ms":1796000000000,"micros":160'
)
PER_SEGMENT = 140_000


def trail(audit: Path, count: int) -> None:
    """Write a chain as the gateway would."""
    folder = audit / "w00"
    folder.mkdir(parents=True)
    head, seq = audit_chain.GENESIS, 0
    for number, start in enumerate(range(0, count, PER_SEGMENT), 1):
        with audit_chain.segment_path(folder, number).open("wb") as file:
            for n in range(start, min(start + PER_SEGMENT, count)):
                seq += 1
                text = f'{{"seq":{seq},"time":"2026-11-30T08:00:00.000+08:00",{CALL.format(n=n)}'
                line, head = audit_chain.seal(text, head)
                file.write(line)


def main() -> None:
    """Print one line per step."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    private = Sm2PrivateKey.generate()
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        trail(data / "audit", count)
        anchors.append(data / "anchors.jsonl", gateway_heads(data / "audit"), private)
        begun = time.process_time()
        sources = gateway_sources(data / "audit", Period())
        export(
            data / "out", sources, owner="bench", anchors=data / "anchors.jsonl", private=private
        )
        exported = time.process_time()
        report = verify(data / "out", public_pem=private.public_key().pem())
        proven = time.process_time()
        if not report.ok or report.records != count:
            raise RuntimeError("a sound trail was not proven")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{count:,} calls: export {exported - begun:.1f} CPU s, proof {proven - exported:.1f} CPU s, {peak} MB"
    )


if __name__ == "__main__":
    main()
