"""Gauges the benchmarks share."""

import resource
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_STATUS = Path("/proc/self/status")
_EVERY = 0.01


class Memory:
    """The peak of this process's memory while the block runs, in MB.

    ``anonymous`` is what the process holds itself; ``mapped`` are pages of files (libraries, mapped spool files)
    which the system takes back whenever it needs room. They are sampled every 10 ms; ``resident`` is the kernel's
    own maximum of both together, over the whole life of the process.
    """

    def __init__(self) -> None:
        self.anonymous = self.mapped = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def resident(self) -> float:
        """Peak resident memory of the process so far."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        found = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
        self.anonymous = max(self.anonymous, int(found["RssAnon"].split()[0]) / 1024)
        self.mapped = max(self.mapped, int(found["RssFile"].split()[0]) / 1024)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look()


def cpu_seconds() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
