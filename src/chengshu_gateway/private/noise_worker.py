"""The process that draws noise: OpenDP is loaded here only, so that a gateway stays small without it.

One JSON object per line comes in: `epsilon` and `releases`, each a list of whole `values` with their
`sensitivity` (how much all of them together can change through one person). One line goes out: the
values with discrete Laplace noise, the scale of it, and what 95 % of its draws keep below. Ends when its
input ends, therefore also with a killed gateway.
"""

import importlib
import json
import math
import sys
from typing import Any

ALPHA = 0.05


def serve() -> None:
    """Answer until the input ends."""
    # Half a second and 60 MB, and it need not be installed: in this process only.
    dp = importlib.import_module("opendp.prelude")
    dp.enable_features("contrib")
    for line in sys.stdin:
        try:
            told = draw(dp, json.loads(line))
        except Exception as error:  # noqa: BLE001 - the gateway must hear of it, and the next question is another
            told = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def draw(dp: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Share epsilon out evenly among the releases and add each one's noise."""
    releases = asked["releases"]
    # Rounded down, so that the parts never add up to more than the whole.
    part = math.nextafter(asked["epsilon"] / len(releases), 0.0)
    return {"releases": [_release(dp, each, part) for each in releases]}


def _release(dp: Any, asked: dict[str, Any], epsilon: float) -> dict[str, Any]:
    sensitivity = asked["sensitivity"]
    scale, measurement = calibrated(dp, sensitivity, epsilon)
    return {
        "values": measurement(asked["values"]) if asked["values"] else [],
        "scale": scale,
        "accuracy": dp.discrete_laplacian_scale_to_accuracy(scale, ALPHA),
    }


def calibrated(dp: Any, sensitivity: int, epsilon: float) -> tuple[float, Any]:
    """The least scale whose loss OpenDP proves to be at most epsilon, and its measurement."""
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    scale = sensitivity / epsilon
    while True:
        measurement = dp.m.make_laplace(*space, scale=scale)
        if measurement.map(sensitivity) <= epsilon:
            return scale, measurement
        scale = math.nextafter(scale, math.inf)


if __name__ == "__main__":
    serve()
