"""What other data packages use of tickets.

Finding problems: :func:`register_kind` once in ``apps.py``, then :func:`open_ticket` as often as the problem is
found, and :func:`report_recheck` when it was looked at again. Reading: :func:`tickets_of`, :func:`open_counts`,
:func:`counters`, :func:`bureau`.
Acting for a person: :func:`act_on` and :func:`submit`.

After every ``city.ingest.batch.loaded`` the open tickets of that resource are re-checked by themselves through
``recheck`` of their kind. An upheld objection emits ``city.tickets.rule.disputed`` with ``rule``, ``column``,
``resource_id``, ``kind``, ``key`` and the reason: the package that keeps the rule should propose its change.
"""

from chengshu.data.tickets.choices import Resolution, Severity, State
from chengshu.data.tickets.kinds import Evidence, EvidenceLink, RecheckResult, register_kind
from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.selectors import bureau, counters, open_counts, tickets_of
from chengshu.data.tickets.services.moves import act_on
from chengshu.data.tickets.services.opening import open_ticket
from chengshu.data.tickets.services.rechecks import report_recheck, submit

__all__ = [
    "Evidence",
    "EvidenceLink",
    "RecheckResult",
    "Resolution",
    "Severity",
    "State",
    "Ticket",
    "act_on",
    "bureau",
    "counters",
    "open_counts",
    "open_ticket",
    "register_kind",
    "report_recheck",
    "submit",
    "tickets_of",
]
