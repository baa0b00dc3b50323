"""The gateway's side of the noise: starts the process that draws it, asks, starts another when it died."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chengshu_gateway.keys import SECRET_VARIABLE

SECONDS = 20.0
_WORKER = "chengshu_gateway.private.noise_worker"


class NoiseError(RuntimeError):
    """No noise was drawn; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Release:
    """Whole numbers that leave together; one person can change them by `sensitivity` in all."""

    sensitivity: int
    values: list[int]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The same numbers with noise, its scale, and what 95 % of its draws keep below."""

    values: list[int]
    scale: float
    accuracy: float


def installed() -> bool:
    """Tell whether OpenDP is there; it is optional."""
    return importlib.util.find_spec("opendp") is not None


class Noise:
    """One process per gateway worker, started at the first question; ask from any thread."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """The process that draws, if one was started."""
        return None if self._process is None else self._process.pid

    def draw(self, epsilon: float, releases: Sequence[Release]) -> list[Drawn]:
        """Return the releases with noise that tells at most `epsilon` about one person, all together.

        Raises:
            NoiseError: OpenDP refuses, or its process died twice; what was drawn meanwhile left nobody.
        """
        asked = {
            "epsilon": epsilon,
            "releases": [
                {"sensitivity": each.sensitivity, "values": each.values} for each in releases
            ],
        }
        with self._lock:
            found = self._ask(asked) or self._ask(asked)
        if found is None:
            raise NoiseError("the noise process died twice")
        if "error" in found:
            raise NoiseError(found["error"])
        return [
            Drawn(each["values"], each["scale"], each["accuracy"]) for each in found["releases"]
        ]

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """One question to the process; None when it died or took too long, and then it is ended."""
        process = self._process = self._process or _started()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(SECONDS, process.kill)
        late.start()
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            late.cancel()
        if line.endswith("\n"):
            found: dict[str, Any] = json.loads(line)
            return found
        self._end()
        return None

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _started() -> subprocess.Popen[str]:
    # The gateway's secret is none of its business.
    told = {name: text for name, text in os.environ.items() if name != SECRET_VARIABLE}
    return subprocess.Popen(  # noqa: S603 - our own module with our own interpreter
        [sys.executable, "-m", _WORKER],
        env=told,
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
