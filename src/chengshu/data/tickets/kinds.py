"""Kinds of problems, as the packages that find them register them.

A kind knows how to look again (``recheck``), where its evidence is (``evidence_url``), and, optionally, how to show
the failing rows masked on the ticket's page (``evidence``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from chengshu.data.tickets.models import Ticket
from chengshu.kernel.access.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckResult:
    """What a second look found.

    ``remaining`` rows still fail; 0 closes the ticket, None says that it cannot be told yet (e.g. before the next
    delivery). ``note`` is one Chinese sentence for the time line.
    """

    remaining: int | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLink:
    """A way to mend the problem: a page, prefiltered, or a download."""

    title: str
    url: str
    icon: str = "arrow-right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The failing rows, masked for ``actor`` by the kind, and how to mend them.

    ``columns`` are titles; ``rows`` hold as many texts each; ``total`` counts all failing rows. ``steps`` say what to
    do where the usual way (mend rows, have them re-checked) does not fit; the links then follow them.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    total: int = 0
    sentence: str = ""
    good: str = ""
    links: tuple[EvidenceLink, ...] = ()
    steps: tuple[str, ...] = ()


Recheck = Callable[[Ticket], RecheckResult]
EvidenceUrl = Callable[[Ticket], str]
ShowEvidence = Callable[[Actor, Ticket], Evidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A registered kind."""

    key: str
    name: str
    recheck: Recheck
    evidence_url: EvidenceUrl
    evidence: ShowEvidence | None = None


KINDS: dict[str, Kind] = {}


def register_kind(
    key: str,
    name: str,
    recheck: Recheck,
    evidence_url: EvidenceUrl,
    evidence: ShowEvidence | None = None,
) -> None:
    """Register a kind from the package's ``apps.py``; the same key replaces the earlier one."""
    KINDS[key] = Kind(
        key=key, name=name, recheck=recheck, evidence_url=evidence_url, evidence=evidence
    )


def kind_choices() -> list[tuple[str, str]]:
    """For filters."""
    return [(kind.key, kind.name) for kind in KINDS.values()]


def kind_name(key: str) -> str:
    """The name of a kind; one that nobody registers any more shows its key."""
    known = KINDS.get(key)
    return known.name if known else key
