"""CPU seconds of every mask over an Arrow column of 1,000,000 different values, and of Faker beside it.

Faker (pseudonyms as people usually make them: a random fictitious value per original, remembered so that equal
values stay equal) runs only where it is installed; it is not a dependency. Prints one JSON line per mask.

    python benchmarks/masking.py [--rows 1000000]
"""

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from chengshu_gateway.mask_columns import mask_array
from chengshu_gateway.masks import KINDS, parse

KEY = b"benchmark".ljust(32, b"-")
SURNAMES = "陈林黄李王郑杨吴张周"
_HAN = "".join(chr(0x4E00 + 7 * n) for n in range(400))


def columns(rows: int) -> dict[str, Any]:
    """A column of different values for every shape the masks know."""
    n = np.arange(rows)
    names = [SURNAMES[i % 10] + _HAN[i // 10 % 400] + _HAN[i // 4000 % 400] for i in range(rows)]
    return {
        "id": pa.array([f"39{i // 1000:04}19900312{i % 1000:03}0" for i in range(rows)]),
        "phone": pa.array([f"138{i:08}" for i in range(rows)]),
        "name": pa.array(names),
        "address": pa.array([f"浙江省龙港市城东社区龙翔路{i}号" for i in range(rows)]),
        "email": pa.array([f"lg{i}@example.com" for i in range(rows)]),
        "card": pa.array([f"621700000{i:010}" for i in range(rows)]),
        "region": pa.array([f"330383{i % 1000:03}{i % 997:03}" for i in range(rows)]),
        "date": pa.array((n % 40_000).astype("int32"), pa.int32()).cast(pa.date32()),
        "number": pa.array(n),
    }


INPUT = {
    "name": "name", "pseudo_name": "name", "phone": "phone", "pseudo_phone": "phone",
    "address": "address", "address_street": "address", "email": "email", "bank_card": "card",
    "region": "region", "year": "date", "month": "date", "age_band": "date", "shift": "date",
    "band": "number", "pseudo_code": "card",
}  # fmt: skip


def tell(name: str, rows: int, seconds: float) -> None:
    """One line."""
    told = {
        "mask": name,
        "rows": rows,
        "seconds": round(seconds, 3),
        "per_second": round(rows / seconds),
    }
    print(json.dumps(told, ensure_ascii=False), flush=True)


def timed(run: Callable[[], object]) -> float:
    """CPU seconds of one run, of all threads: a busy machine stretches wall time, not these."""
    started = time.process_time()
    run()
    return time.process_time() - started


def main() -> None:
    """Measure every mask, then Faker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    made = columns(rows)
    for kind in KINDS[1:]:
        column = made[INPUT.get(kind.name, "id")]
        mask = parse(kind.example)
        more = {"subjects": made["id"]} if mask.subject else {}
        tell(
            kind.name,
            rows,
            timed(lambda c=column, m=mask, o=more: mask_array(c, m, hash_key=KEY, **o)),
        )
    if importlib.util.find_spec("faker") is None:
        print("Faker 没有安装，不作对比。")
        return
    from faker import Faker

    fake, few = Faker("zh_CN"), rows // 50
    for name, maker, source in (
        ("Faker ssn", fake.ssn, "id"), ("Faker name", fake.name, "name"),
        ("Faker phone", fake.phone_number, "phone"),
    ):  # fmt: skip
        known: dict[str, str] = {}
        values = made[source][:few].to_pylist()
        tell(name, few, timed(lambda v=values, k=known, m=maker: [k.setdefault(x, m()) for x in v]))


if __name__ == "__main__":
    main()
