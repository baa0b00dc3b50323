"""What a way of proving who calls costs the gateway: CPU microseconds a call, in-process with audit.

    python benchmarks/gateway_schemes.py

The client's own work (signing, proving) is done before the clock starts.
"""

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from chengshu_gateway.bundle import AppKey
from chengshu_gateway.tests.sample_city import APP, SECRET, local, publish, signed
from chengshu_gateway.tests.test_certificates import OWN, PROXY, RULES, ask, handed, thumbprint
from chengshu_gateway.tests.test_oauth import BASE, proof, token_of
from chengshu_sm2 import Sm2PrivateKey

ROW = "/share/v1/residents/R1"
CALLS, ROUNDS = 300, 7


def main() -> None:
    """Print one line per scheme: the median and the least of the rounds."""
    private = Sm2PrivateKey.generate()
    point = private.public_key().point().hex()
    keys = (
        AppKey("s1", "", scheme="sm2-sm3", public_key=point),
        AppKey("c1", "", scheme="tls-self-signed", public_key=thumbprint(OWN)),
    )
    settings = {"public_url": BASE, "trusted_proxies": [PROXY], "certificates": RULES}
    with tempfile.TemporaryDirectory() as folder:
        data = publish(Path(folder), app=replace(APP, keys=(*APP.keys, *keys)))
        with local(data, **settings) as gateway:
            token = token_of(gateway)
            bound = ask(gateway, OWN).json["access_token"]
            schemes = {
                "HMAC-SHA256": lambda: signed(ROW, key_id="k1", secret=SECRET),
                "SM2 with SM3": lambda: signed(ROW, key_id="s1", secret=private),
                "token and certificate": lambda: {
                    "authorization": f"Bearer {bound}",
                    "client-cert": handed(OWN),
                },
                "token and DPoP": lambda: {
                    "authorization": f"DPoP {token}",
                    "dpop": proof(method="GET", path=ROW, token=token),
                },
            }
            found: dict[str, list[float]] = {name: [] for name in schemes}
            for _ in range(ROUNDS):
                for name, prepare in schemes.items():
                    prepared = [prepare() for _ in range(CALLS)]
                    begun = time.process_time()
                    for headers in prepared:
                        if gateway.ask(ROW, headers=headers, ip=PROXY).status != 200:
                            raise RuntimeError("a good call was refused")
                    found[name].append((time.process_time() - begun) / CALLS * 1e6)
    for name, rounds in found.items():
        print(f"{name:22} {statistics.median(rounds):7.0f} µs median {min(rounds):7.0f} µs least")


if __name__ == "__main__":
    main()
