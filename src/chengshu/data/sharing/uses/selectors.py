"""Who looked a person up: reads by the person's own identity number, which comes from the account alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Count, Max, QuerySet

from chengshu.data.sharing.models import Application, ShareInterface
from chengshu.data.sharing.publishing import keys
from chengshu.data.sharing.uses.models import RecordUse, UseObjection
from chengshu.kernel.calendar.working_days import last_day
from chengshu.kernel.crypto.facade import open_sealed
from chengshu.kernel.identity.models import Account
from chengshu_gateway.keys import hash_record_key

ID_PLACE = "person.id_number"
PAGE = 20


@dataclass(frozen=True, slots=True)
class Group:
    """Look-ups of one application through one interface; ``last_at`` is the newest."""

    application: str
    application_name: str
    unit: str
    interface: str
    interface_title: str
    calls: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """All look-ups of a period: how many, by how many units, and by whom."""

    groups: Sequence[Group] = ()

    @property
    def calls(self) -> int:
        """Look-ups together."""
        return sum(group.calls for group in self.groups)

    @property
    def units(self) -> int:
        """Departments that looked."""
        return len({group.unit for group in self.groups})

    @property
    def applications(self) -> int:
        """Applications that looked."""
        return len({group.application for group in self.groups})


@dataclass(frozen=True, slots=True)
class Use:
    """One look-up as the person reads it; ``fields`` are the titles of what was told."""

    at: datetime
    kind: str
    found: bool | None
    purpose: str
    request_id: str
    fields: Sequence[str] = field(default=())


def hashes_of(account: Account) -> list[str]:
    """The hashes under which the trail knows a person; empty when the account carries no identity number.

    A number that ends in X may have been asked for in either case.
    """
    person = account.person
    if person is None or not person.id_number_sealed:
        return []
    number = open_sealed(person.id_number_sealed, place=ID_PLACE)
    return hashes_of_key(number)


def hashes_of_key(value: str) -> list[str]:
    """The hashes of a record's key in the ways it may have been written."""
    secret = keys().record_key
    return [hash_record_key(secret, text) for text in {value, value.upper(), value.lower()}]


def uses_of(hashes: Sequence[str], since: datetime | None = None) -> QuerySet[RecordUse]:
    """Look-ups of the records with these hashes, along the index."""
    rows = RecordUse.objects.filter(key_hash__in=hashes)
    return rows.filter(called_at__gte=since) if since else rows


def summary(account: Account, since: datetime) -> Summary:
    """Who looked the person up since then, latest first."""
    found = (
        uses_of(hashes_of(account), since)
        .order_by()
        .values("profile__application", "profile__interface")
        .annotate(calls=Count("pk"), last_at=Max("called_at"))
        .order_by("-last_at")
    )
    rows = list(found)
    applications = {
        item.code: item
        for item in Application.objects.filter(
            code__in={row["profile__application"] for row in rows}
        ).select_related("owner")
    }
    titles = _titles({row["profile__interface"] for row in rows})
    groups = []
    for row in rows:
        code, interface = row["profile__application"], row["profile__interface"]
        known = applications.get(code)
        groups.append(
            Group(
                application=code, application_name=known.name if known else code,
                unit=known.owner.name if known else "单位未登记", interface=interface,
                interface_title=titles.get(interface, interface),
                calls=row["calls"], last_at=row["last_at"],
            )
        )  # fmt: skip
    return Summary(groups)


def _titles(codes: set[str]) -> dict[str, str]:
    return dict(ShareInterface.objects.filter(code__in=codes).values_list("code", "title"))


def single_uses(
    account: Account, *, application: str, interface: str, since: datetime, page: int = 1
) -> tuple[list[Use], bool]:
    """One page of the person's look-ups by an application through an interface, and whether older ones follow."""
    rows = uses_of(hashes_of(account), since).filter(
        profile__application=application, profile__interface=interface
    )
    start = (page - 1) * PAGE
    found = list(
        rows.select_related("profile").order_by("-called_at", "-pk")[start : start + PAGE + 1]
    )
    item = ShareInterface.objects.filter(code=interface).first()
    names = {column["name"]: column["title"] for column in item.columns} if item else {}
    shown = [_use(row, names) for row in found[:PAGE]]
    return shown, len(found) > PAGE


def _use(row: RecordUse, names: dict[str, str]) -> Use:
    asked = [name for name in row.profile.fields.split(",") if name]
    return Use(
        at=row.called_at, kind=row.profile.kind, found=row.found, purpose=row.purpose,
        request_id=row.request_id, fields=[names.get(name, name) for name in asked],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AskedObjection:
    """A person's question with where it stands; ``answer`` is what the data bureau said."""

    item: UseObjection
    application_name: str
    number: str
    state: str
    open: bool
    answer_by: date | None
    answer: str


ANSWERING = ("submit", "withdraw", "uphold")


def objections(account: Account) -> list[AskedObjection]:
    """The person's own questions, newest first."""
    asked = UseObjection.objects.filter(account=account).select_related("interface", "ticket")
    rows = list(asked.prefetch_related("ticket__history"))
    names = dict(
        Application.objects.filter(code__in={r.application for r in rows}).values_list(
            "code", "name"
        )
    )
    return [_asked(row, names.get(row.application, row.application)) for row in rows]


def _asked(row: UseObjection, name: str) -> AskedObjection:
    ticket = row.ticket
    said = [event.reason for event in ticket.history.all() if event.action in ANSWERING]
    return AskedObjection(
        item=row, application_name=name, number=ticket.number or "",
        state="正在核实" if ticket.is_open else "已答复", open=ticket.is_open,
        answer_by=last_day(ticket.due_at) if ticket.due_at else None,
        answer="" if ticket.is_open else next(filter(None, said), ""),
    )  # fmt: skip
