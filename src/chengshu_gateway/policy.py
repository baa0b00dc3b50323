"""The loaded bundle as the gateway uses it: indexed applications and compiled grants."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from chengshu_gateway import masks, rowfilter
from chengshu_gateway.bundle import AppKey, Application, BundleError, Column, Grant, Interface
from chengshu_gateway.bundle_store import LoadedBundle
from chengshu_gateway.encoding import Encoder, Row, RowEncoder, encoder_of
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.limits import QuotaHandle, tag
from chengshu_gateway.problems import (
    BAD_QUERY,
    FIELD_NOT_GRANTED,
    KIND_NOT_GRANTED,
    NETWORK_REFUSED,
    NO_SNAPSHOT,
    NOT_GRANTED,
    Refusal,
)
from chengshu_gateway.provers import Prover, prover_of, sm2_problem
from chengshu_gateway.rowfilter import Predicate
from chengshu_gateway.snapshot import Snapshot, SnapshotError

_MAX_PLANS = 64
_MAX_ADDRESSES = 1024
_MAX_QUERY = 4096
_INFINITE = float("inf")


class Plan:
    """How one grant answers one choice of fields: statement, filter, masks and JSON in one."""

    __slots__ = ("_bound", "_pairs", "_predicate", "_rows", "columns", "fields", "statement")

    def __init__(
        self,
        fields: Sequence[str],
        columns: Sequence[str],
        encoders: Sequence[Encoder],
        predicate: Predicate | None,
        subjects: Mapping[int, int] | None = None,
    ) -> None:
        """`columns` begin with `fields` and go on with what filter and masks read besides.

        `subjects` maps the position of a field whose mask needs to know whom the row is about to the
        position of the column that says so; such an encoder takes the pair of both values.
        """
        self.fields = ",".join(fields)
        self.columns = tuple(columns)
        self._rows = RowEncoder(fields, encoders)
        self._predicate = predicate
        self._pairs = tuple((subjects or {}).items())
        self._bound: Snapshot | None = None
        self.statement = ""

    def fetch(self, snapshot: Snapshot, key: str) -> str | None:
        """Return the visible row as JSON text; None when absent or hidden by the filter."""
        row = self.row(snapshot, key)
        return None if row is None else self.encode(row)

    def row(self, snapshot: Snapshot, key: str) -> Row | None:
        """Return the visible row as stored, `columns` in their order; None as for `fetch`."""
        if snapshot is not self._bound:
            try:
                self.statement = snapshot.statement(self.columns)
            except SnapshotError as error:
                raise Refusal(NO_SNAPSHOT) from error
            self._bound = snapshot
        row: Row | None = snapshot.fetch(self.statement, (key,)).fetchone()
        if row is None or (self._predicate is not None and self._predicate(row) is not True):
            return None
        return row

    def visible(self, row: Row) -> bool:
        """Tell whether the row filter lets a row through, whose values begin with `columns`."""
        return self._predicate is None or self._predicate(row) is True

    def encode(self, row: Row) -> str:
        """Return the fields of a row as JSON text, masked."""
        return self._rows.one(self._paired(row) if self._pairs else row)

    def encode_all(self, rows: Sequence[Row]) -> str:
        """Return the fields of rows as JSON texts with commas between them, masked."""
        return ",".join(self._rows.many(list(map(self._paired, rows)) if self._pairs else rows))

    def _paired(self, row: Row) -> Row:
        cells = list(row)
        for at, subject in self._pairs:
            cells[at] = (row[at], row[subject])
        return tuple(cells)


class CompiledGrant:
    """A grant with everything that can be prepared before a call."""

    def __init__(self, grant: Grant, interface: Interface, hash_key: bytes) -> None:
        """Compile masks, filter and networks of a validated grant."""
        self.grant = grant
        self.interface = interface
        self.valid_from = grant.valid_from or 0.0
        self.valid_until = _INFINITE if grant.valid_until is None else grant.valid_until
        self.quota = QuotaHandle(
            tag("grant", grant.app_id, grant.interface_id), grant.per_minute, grant.per_day
        )
        # A masked column could be found out by asking for ranges of it: only bare ones can be asked.
        self.queryable = tuple(
            name
            for name in interface.queryable
            if name in grant.fields and not masks.parse(grant.masks.get(name, "none")).hides
        )
        self.looks_up = "lookup" in grant.kinds
        self._networks = [ipaddress.ip_network(each) for each in grant.networks]
        self._addresses: dict[str, bool] = {}
        self._plans: dict[bytes, Plan] = {}
        self._columns = {column.name: column for column in interface.columns}
        self._hash_key = hash_key

    def check(self, now: float, address: str) -> None:
        """Raise Refusal when the grant is not valid now or not for this network."""
        if not self.valid_from <= now < self.valid_until:
            raise Refusal(NOT_GRANTED)
        if self._networks and not self._inside(address):
            raise Refusal(NETWORK_REFUSED)

    def plan(self, query: bytes) -> Plan:
        """Return the plan of a raw query string; raises Refusal for unknown parameters or fields."""
        plan = self._plans.get(query)
        if plan is None:
            plan = self._make_plan(_wanted(query) or self.grant.fields)
            if len(self._plans) >= _MAX_PLANS:
                self._plans.clear()
            self._plans[query] = plan
        return plan

    def plan_of(self, fields: tuple[str, ...]) -> Plan:
        """Return the plan of fields named in a body (none: all granted); raises Refusal."""
        return self.plan(f"fields={quote(','.join(fields))}".encode() if fields else b"")

    def require(self, kind: str) -> None:
        """Raise Refusal unless the grant allows this way of calling."""
        if kind not in self.grant.kinds:
            raise Refusal(KIND_NOT_GRANTED)

    def columns(self) -> list[Column]:
        """Return the granted columns in the grant's order."""
        return [self._columns[name] for name in self.grant.fields]

    def _inside(self, address: str) -> bool:
        known = self._addresses.get(address)
        if known is None:
            try:
                parsed = ipaddress.ip_address(address)
            except ValueError:
                return False
            known = any(parsed in network for network in self._networks)
            if len(self._addresses) >= _MAX_ADDRESSES:
                self._addresses.clear()
            self._addresses[address] = known
        return known

    def _make_plan(self, fields: Sequence[str]) -> Plan:
        refused = [name for name in fields if name not in self.grant.fields]
        if refused:
            raise Refusal(FIELD_NOT_GRANTED, extra="未授权：" + "、".join(refused)[:200])
        columns = list(fields)
        predicate = None
        if self.grant.row_filter is not None:
            for name in rowfilter.fields_of(self.grant.row_filter):
                if name not in columns:
                    columns.append(name)
            positions = {name: at for at, name in enumerate(columns)}
            predicate = rowfilter.compile_filter(self.grant.row_filter, positions)
        subjects = {}
        for at, name in enumerate(fields):
            if subject := masks.parse(self.grant.masks.get(name, "none")).subject:
                if subject not in columns:
                    columns.append(subject)
                subjects[at] = columns.index(subject)
        encoders = [self._encoder(name) for name in fields]
        return Plan(fields, columns, encoders, predicate, subjects)

    def _encoder(self, name: str) -> Encoder:
        mask = masks.parse(self.grant.masks.get(name, "none"))
        return encoder_of(self._columns[name].type, mask, self._hash_key)


def _wanted(query: bytes) -> tuple[str, ...]:
    if not query:
        return ()
    name, separator, value = query.partition(b"=")
    if name != b"fields" or not separator or b"&" in value or len(value) > _MAX_QUERY:
        raise Refusal(BAD_QUERY)
    try:
        fields = tuple(unquote_to_bytes(value.replace(b"+", b" ")).decode().split(","))
    except UnicodeDecodeError as error:
        raise Refusal(BAD_QUERY) from error
    if not all(fields) or len(set(fields)) != len(fields):
        raise Refusal(BAD_QUERY, extra="字段名不能为空或重复")
    return fields


@dataclass(slots=True)
class AppEntry:
    """An application with its keys by id and its grants by interface."""

    application: Application
    keys: dict[bytes, tuple[Prover, AppKey]]
    grants: dict[str, CompiledGrant]
    rate: QuotaHandle


class Policy:
    """One loaded bundle, ready for constant-time lookups."""

    def __init__(self, loaded: LoadedBundle, keys: GatewayKeys, *, per_app_minute: int) -> None:
        """Index and compile; raises BundleError if the content contradicts itself."""
        self.version = loaded.version
        self.digest = loaded.digest
        self.created = loaded.created
        self.snapshots = {each.snapshot for each in loaded.bundle.interfaces if not each.source}
        interfaces = {each.interface_id: each for each in loaded.bundle.interfaces}
        self.applications = {
            each.app_id.encode(): AppEntry(
                each,
                {key.key_id.encode(): (prover_of(key), key) for key in each.keys},
                {},
                QuotaHandle(tag("app", each.app_id), per_app_minute, None),
            )
            for each in loaded.bundle.applications
        }
        self.sm2_error = sm2_problem(
            key for each in loaded.bundle.applications for key in each.keys
        )
        hash_keys: dict[str, bytes] = {}
        try:
            for grant in loaded.bundle.grants:
                hash_key = hash_keys.get(grant.app_id)
                if hash_key is None:
                    hash_key = hash_keys[grant.app_id] = keys.for_application(grant.app_id)
                self.applications[grant.app_id.encode()].grants[grant.interface_id] = CompiledGrant(
                    grant, interfaces[grant.interface_id], hash_key
                )
        except (KeyError, ValueError) as error:
            raise BundleError(f"授权包内容有误：{error}。已继续使用旧的授权包。") from error
