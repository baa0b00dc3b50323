"""The bundle: everything the gateway must know about who may see what, as immutable data.

The control plane builds a `Bundle` and publishes it (`bundle_store.publish_bundle`); the gateway
loads it into an index of compiled grants (`policy`). All instants are unix seconds.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from chengshu_gateway import masks, privacy_terms, rowfilter, sources
from chengshu_gateway.privacy_terms import Privacy, PrivacyError
from chengshu_gateway.sources import Source

FORMAT = 4
"""Written format; 2 added the kinds of calls, 3 more of them, the schemes of keys and sources,
4 the limits of misses and tries, differential privacy and keys that are certificates.

Older ones are still read: grants of format 1 allow lookups, keys without a scheme are shared secrets.
"""
READABLE = frozenset({1, 2, 3, FORMAT})
SCHEME_HMAC, SCHEME_SM2, SCHEME_JWT = "hmac-sha256", "sm2-sm3", "private-key-jwt"
SCHEME_TLS_SELF, SCHEME_TLS_CA = "tls-self-signed", "tls-ca"
CALL_KINDS = ("lookup", "batch", "verify", "query", "changes", "export", "statistics", "proxy")
"""What a grant may allow: one record by key, many by keys, yes or no to values, by conditions, what
changed since a cursor, a file of everything, groups of records counted and summed; or, alone and for
an interface with a source, the department's own interface."""
PROXY = "proxy"
MAX_QUERYABLE = 8
DEFAULT_MINIMUM_GROUP = 10
LEAST_MINIMUM_GROUP = 3
"""Smallest group that statistics may show, whatever a grant says."""
DEFAULT_MISSES, MOST_MISSES = 300, 1_000_000
"""Records asked for and not found in a minute before an application has to wait."""
DEFAULT_TRIES, MOST_TRIES = 5, 100
"""Failed verifications of one record that an application has a day."""
COLUMN_TYPES = frozenset(
    {"text", "integer", "real", "decimal", "boolean", "date", "timestamp"},
)
NUMERIC = frozenset({"integer", "real", "decimal"})
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_SECRET_MINIMUM = 16
_PUBLIC_KEYS = {
    SCHEME_SM2: re.compile(r"04[0-9a-f]{128}"),
    SCHEME_JWT: re.compile(
        r"-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]{40,400}-----END PUBLIC KEY-----\n"
    ),
    SCHEME_TLS_SELF: re.compile(r"[A-Za-z0-9_-]{43}"),
    SCHEME_TLS_CA: re.compile(r"(subject_dn|san_(dns|uri|ip|email))=[^\x00-\x1f]{1,500}"),
}

KeyState = Literal["active", "disabled"]


class BundleError(ValueError):
    """A bundle that must not be published or used; the text says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class AppKey:
    """One key of an application; `secret` is the text the integrator received.

    With every other scheme only `public_key` is known, and `secret` is empty: hex of the point
    04‖x‖y, the PEM of a P-256 or Ed25519 key that asks for tokens, the thumbprint (`x5t#S256`) of a
    client certificate, or the name such a certificate must bear ("subject_dn=…", RFC 8705 §2.1.2).
    """

    key_id: str
    secret: str = field(repr=False)
    state: KeyState = "active"
    not_before: float | None = None
    expires: float | None = None
    scheme: str = SCHEME_HMAC
    public_key: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """A calling application and its keys."""

    app_id: str
    name: str
    keys: tuple[AppKey, ...]
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an interface: identifier, type (COLUMN_TYPES) and Chinese title.

    What follows is for descriptions only: `format` names what a text is (`id_number`, `mobile` …),
    `length` is its greatest number of characters, `required` says that it is never empty, `codes`
    are the values of its code list with their meanings.
    """

    name: str
    type: str = "text"
    title: str = ""
    format: str = ""
    length: int | None = None
    required: bool = False
    codes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interface:
    """A published table that can be looked up by one key column, or a department's own interface.

    `queryable` are the columns that queries may ask for; its snapshot must index them. With a
    `source` there is no snapshot, and the key column only says whom a record is about (may be empty).
    """

    interface_id: str
    resource: str
    title: str
    snapshot: str
    key_column: str
    columns: tuple[Column, ...]
    queryable: tuple[str, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What one application may see of one interface.

    `masks` maps a field to a mask declaration (absent: unmasked); `networks` are CIDRs (empty:
    any); quotas count the records that were asked for, None is unlimited; the day is Beijing time;
    `kinds` are the ways of calling that are allowed (CALL_KINDS); `minimum_group` is how many
    records a group needs to appear in statistics; `misses_per_minute` and `tries_per_day` are how many
    keys without a record and failed verifications of one record are allowed; `privacy` puts statistics
    (the only way of calling then) under differential privacy.
    """

    app_id: str
    interface_id: str
    fields: tuple[str, ...]
    masks: dict[str, str] = field(default_factory=dict)
    row_filter: dict[str, Any] | None = None
    per_minute: int | None = None
    per_day: int | None = None
    networks: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None
    kinds: tuple[str, ...] = ("lookup",)
    minimum_group: int = DEFAULT_MINIMUM_GROUP
    misses_per_minute: int = DEFAULT_MISSES
    tries_per_day: int = DEFAULT_TRIES
    privacy: Privacy | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """A complete set of rules; publishing replaces the former set as a whole."""

    applications: tuple[Application, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    grants: tuple[Grant, ...] = ()


def to_document(bundle: Bundle) -> dict[str, Any]:
    """Return the JSON form of a bundle's content."""
    return asdict(bundle)


def from_document(document: dict[str, Any]) -> Bundle:
    """Rebuild a bundle from its JSON form; raises BundleError when the shape is foreign."""
    try:
        return Bundle(
            applications=tuple(
                Application(**{**each, "keys": tuple(AppKey(**key) for key in each["keys"])})
                for each in document["applications"]
            ),
            interfaces=tuple(
                Interface(
                    **{
                        **each,
                        "columns": tuple(Column(**c) for c in each["columns"]),
                        "queryable": tuple(each.get("queryable", ())),
                        "source": _source(each.get("source")),
                    }
                )
                for each in document["interfaces"]
            ),
            grants=tuple(
                Grant(
                    **{
                        **each,
                        "fields": tuple(each["fields"]),
                        "networks": tuple(each["networks"]),
                        "kinds": tuple(each.get("kinds", ("lookup",))),
                        "privacy": _privacy(each.get("privacy")),
                    }
                )
                for each in document["grants"]
            ),
        )
    except (KeyError, TypeError) as error:
        raise BundleError(f"授权包的结构不认识：{error}。已继续使用旧的授权包。") from error


def _privacy(document: dict[str, Any] | None) -> Privacy | None:
    try:
        return None if document is None else privacy_terms.from_document(document)
    except PrivacyError as error:
        raise BundleError(str(error)) from error


def _source(document: dict[str, Any] | None) -> Source | None:
    return None if document is None else Source.from_document(document)


def validate(bundle: Bundle) -> None:
    """Raise BundleError unless the bundle is consistent in itself."""
    applications = _unique((each.app_id for each in bundle.applications), "应用")
    interfaces = {each.interface_id: each for each in bundle.interfaces}
    _unique((each.interface_id for each in bundle.interfaces), "接口")
    for application in bundle.applications:
        _check_keys(application)
    for interface in bundle.interfaces:
        _check_interface(interface)
    seen: set[tuple[str, str]] = set()
    for grant in bundle.grants:
        where = f"授权 {grant.app_id} → {grant.interface_id}"
        if grant.app_id not in applications or grant.interface_id not in interfaces:
            raise BundleError(f"{where}：应用或接口不在授权包中。")
        if (grant.app_id, grant.interface_id) in seen:
            raise BundleError(f"{where}：重复。")
        seen.add((grant.app_id, grant.interface_id))
        _check_grant(grant, interfaces[grant.interface_id], where)


def _unique(identifiers: Iterable[str], what: str) -> set[str]:
    seen: set[str] = set()
    for each in identifiers:
        if not _IDENTIFIER.fullmatch(each):
            raise BundleError(f"{what}标识不合规：{each!r}（字母、数字、点、下划线、连字符）。")
        if each in seen:
            raise BundleError(f"{what}标识重复：{each!r}。")
        seen.add(each)
    return seen


def _check_keys(application: Application) -> None:
    _unique((key.key_id for key in application.keys), f"应用 {application.app_id} 的密钥")
    for key in application.keys:
        _check_material(key, f"应用 {application.app_id} 的密钥 {key.key_id}")
        if key.state not in ("active", "disabled"):
            raise BundleError(f"密钥 {key.key_id} 的状态不认识：{key.state!r}。")


def _check_material(key: AppKey, where: str) -> None:
    if key.scheme == SCHEME_HMAC:
        if len(key.secret) < _SECRET_MINIMUM:
            raise BundleError(f"{where} 过短，至少 {_SECRET_MINIMUM} 字符。")
        return
    shape = _PUBLIC_KEYS.get(key.scheme)
    if shape is None:
        raise BundleError(f"{where} 的签名方式不认识：{key.scheme!r}。")
    if key.secret or not shape.fullmatch(key.public_key):
        raise BundleError(f"{where} 应只有公钥，公钥不合规。")


def _check_interface(interface: Interface) -> None:
    names = [column.name for column in interface.columns]
    for column in interface.columns:
        if not _COLUMN.fullmatch(column.name) or column.type not in COLUMN_TYPES:
            raise BundleError(
                f"接口 {interface.interface_id} 的字段 {column.name!r}（{column.type}）不合规。"
            )
    keyed = interface.key_column in names or (
        interface.source is not None and not interface.key_column
    )
    if len({name.lower() for name in names}) != len(names) or not keyed:
        raise BundleError(f"接口 {interface.interface_id} 的字段重复，或主键字段不在其中。")
    if (
        len(set(interface.queryable)) != len(interface.queryable)
        or len(interface.queryable) > MAX_QUERYABLE
        or not set(interface.queryable) <= set(names)
    ):
        raise BundleError(
            f"接口 {interface.interface_id} 的查询条件字段重复、超过 {MAX_QUERYABLE} 个，或不在字段中。"
        )
    if interface.source is not None:
        _check_source(interface, interface.source, set(names))
    elif not _IDENTIFIER.fullmatch(interface.snapshot):
        raise BundleError(f"接口 {interface.interface_id} 的快照名不合规。")


def _check_source(interface: Interface, source: Source, names: set[str]) -> None:
    if interface.snapshot or interface.queryable:
        raise BundleError(f"代理接口 {interface.interface_id} 不能有快照和查询条件。")
    try:
        sources.check(source, names)
    except sources.SourceError as error:
        raise BundleError(f"代理接口 {interface.interface_id}：{error}") from error


def _check_grant(grant: Grant, interface: Interface, where: str) -> None:
    columns = {column.name: column.type for column in interface.columns}
    if not grant.fields or len(set(grant.fields)) != len(grant.fields):
        raise BundleError(f"{where}：至少一个字段，且不能重复。")
    _check_kinds(grant, interface, where)
    for name in (*grant.fields, *grant.masks):
        if name not in columns:
            raise BundleError(f"{where}：字段 {name!r} 不在接口中。")
    try:
        _check_masks(grant, columns)
        if grant.row_filter is not None:
            rowfilter.validate(grant.row_filter, columns)
        for network in grant.networks:
            ipaddress.ip_network(network)
    except ValueError as error:
        raise BundleError(f"{where}：{error}") from error
    _check_limits(grant, where)
    if grant.privacy is not None:
        _check_privacy(grant, grant.privacy, columns, where)


def _check_privacy(grant: Grant, terms: Privacy, columns: dict[str, str], where: str) -> None:
    # Any other way would tell without noise what the noise is to hide.
    if grant.kinds != ("statistics",):
        raise BundleError(f"{where}：差分隐私只用于只许“统计查询”的授权。")
    try:
        privacy_terms.check(terms)
        privacy_terms.check_columns(terms, columns, NUMERIC)
    except PrivacyError as error:
        raise BundleError(f"{where}：{error}") from error


def _check_limits(grant: Grant, where: str) -> None:
    if grant.minimum_group < LEAST_MINIMUM_GROUP:
        raise BundleError(f"{where}：统计最小组不能小于 {LEAST_MINIMUM_GROUP} 条。")
    if not 1 <= grant.misses_per_minute <= MOST_MISSES:
        raise BundleError(f"{where}：每分钟查无记录应为 1 至 {MOST_MISSES:,} 条。")
    if not 1 <= grant.tries_per_day <= MOST_TRIES:
        raise BundleError(f"{where}：每天核验不符应为 1 至 {MOST_TRIES} 次。")
    if any(limit is not None and limit < 0 for limit in (grant.per_minute, grant.per_day)):
        raise BundleError(f"{where}：限额不能为负。")


def _check_kinds(grant: Grant, interface: Interface, where: str) -> None:
    if interface.source is not None and grant.kinds != (PROXY,):
        raise BundleError(f"{where}：代理接口只能以“代理”方式调用。")
    if interface.source is None and PROXY in grant.kinds:
        raise BundleError(f"{where}：这个接口不是代理接口，不能以“代理”方式调用。")
    if not grant.kinds or len(set(grant.kinds)) != len(grant.kinds):
        raise BundleError(f"{where}：至少一种调用方式，且不能重复。")
    if unknown := [kind for kind in grant.kinds if kind not in CALL_KINDS]:
        raise BundleError(f"{where}：不认识的调用方式 {'、'.join(map(str, unknown))}。")


def _check_masks(grant: Grant, columns: dict[str, str]) -> None:
    for declaration in grant.masks.values():
        subject = masks.parse(declaration).subject
        if subject and subject not in columns:
            raise masks.MaskError(f"日期平移所依据的字段 {subject!r} 不在接口中。")
