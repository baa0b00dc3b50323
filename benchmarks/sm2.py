"""SM2 signatures and verifications per second through our binding, beside ``openssl speed sm2``.

Run: ``python benchmarks/sm2.py``. Medians of five rounds; one thread, messages of 200 bytes. The number to reach is
1,000 signatures a second.
"""

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable

from chengshu.kernel.crypto import HmacSigner, Sm2Signer
from chengshu.kernel.crypto.sm2 import libcrypto

ROUNDS, SECONDS = 5, 0.6
MESSAGE = b"330383" * 33 + b"00"


def rate(operation: Callable[[], object]) -> float:
    """Return how often ``operation`` ran per second, the median of five rounds."""
    found = []
    for _ in range(ROUNDS):
        count, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < SECONDS:
            for _ in range(20):
                operation()
            count += 20
        found.append(count / spent)
    return statistics.median(found)


def main() -> None:
    """Print one line per measurement."""
    signer = Sm2Signer.generate("bench")
    verifier = signer.verifier()
    signature = signer.sign(MESSAGE)
    shared = HmacSigner(b"s" * 32, "bench")
    print(f"libcrypto: {libcrypto().version}")
    print(f"SM2 sign    {rate(lambda: signer.sign(MESSAGE)):>10,.0f} /s")
    print(f"SM2 verify  {rate(lambda: verifier.verify(MESSAGE, signature)):>10,.0f} /s")
    print(f"HMAC-SHA256 {rate(lambda: shared.sign(MESSAGE)):>10,.0f} /s")
    program = shutil.which("openssl")
    if program:
        done = subprocess.run(
            [program, "speed", "-seconds", "1", "sm2"], capture_output=True, text=True, check=True
        )
        print("openssl speed (digest given, C only):", *done.stdout.splitlines()[-2:], sep="\n")


if __name__ == "__main__":
    main()
