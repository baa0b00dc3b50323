"""Data sources: register, check, change secrets, look at what they offer, and open them for a collection."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from chengshu.data.catalog.facade import published
from chengshu.data.ingest.models import DataSource
from chengshu.data.ingest.services import clocks
from chengshu.data.ingest.sources import (
    Connection,
    Field,
    Reason,
    SourceError,
    SourceObject,
    SourceStructure,
    connector,
    connectors,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import open_sealed, seal
from chengshu.kernel.errors import InvalidInput, Unavailable
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

SECRETS_PLACE = "ingest.data_source.secrets"
NOTHING_READ = "没有读取任何数据。"
_PASSING_FOLDER = "passing"


def register_source(
    *,
    actor: Actor,
    kind: str,
    name: str,
    owner: Organization,
    options: Mapping[str, Any],
    secrets: Mapping[str, str],
    warehouse: Any = None,
) -> DataSource:
    """Register a source after really connecting to it once.

    Raises:
        InvalidInput: a field is missing or wrong, or the name is taken. Unavailable: it cannot be reached; says why.
    """
    check(actor, "ingest.source.manage", owner)
    if kind not in connectors():
        raise InvalidInput("数据源没有登记。", fields={"kind": "没有这一类数据源"})
    fields = {} if name.strip() else {"name": "请填写"}
    plain, wrong = _plain(kind, options)
    sealed, lacking = _secrets(kind, secrets)
    if fields | wrong | lacking:
        raise InvalidInput("数据源没有登记。", fields=fields | wrong | lacking)
    if DataSource.objects.filter(name=name.strip()).exists():
        raise _name_taken()
    source = DataSource(
        name=name.strip(), owner=owner, warehouse=warehouse, kind=kind, options=plain,
        secrets_sealed=sealed, created_by=actor.account,
    )  # fmt: skip
    answered = _try(source)
    source.checked_at, source.check_passed, source.check_message = timezone.now(), True, answered
    try:
        with unit_of_work():
            source.save()
            record(
                actor=actor, action="ingest.source_registered", obj=source,
                after={"kind": kind, "host": source.place},
            )  # fmt: skip
            emit(
                type="city.ingest.source.registered", source="ingest", subject=source.name,
                data={"id": source.pk, "owner": owner.code, "kind": kind},
            )  # fmt: skip
    except IntegrityError as error:  # somebody took the name meanwhile
        raise _name_taken() from error
    return source


def _name_taken() -> InvalidInput:
    return InvalidInput("数据源没有登记。", fields={"name": "这个名称已被使用"})


def _plain(kind: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings of a kind, cleaned, and what is wrong with them by field."""
    plain: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in connector(kind).plain_fields():
        given = options.get(field.key, field.default)
        try:
            plain[field.key] = _cleaned(field, given)
        except ValueError as error:
            wrong[field.key] = str(error)
    return plain, wrong


def _cleaned(field: Field, given: Any) -> Any:
    if field.kind == "flag":
        return given in (True, "on", "true", "True", "1")
    text = "" if given is None else str(given).strip()
    if not text:
        if field.required:
            raise ValueError("请填写")
        return ""
    if field.kind == "number":
        if not text.isdecimal() or int(text) < 1:
            raise ValueError("请填写大于 0 的整数")
        if field.maximum is not None and int(text) > field.maximum:
            raise ValueError(f"不能超过 {field.maximum}")
        return int(text)
    if field.choices and text not in dict(field.choices):
        raise ValueError("请从列出的选项中选择")
    if field.maximum is not None and len(text) > field.maximum:
        raise ValueError(f"不能超过 {field.maximum} 个字符")
    if "\x00" in text:
        raise ValueError("含有不允许的字符")
    return text


def _secrets(kind: str, secrets: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    known = {f.key: secrets.get(f.key, "") for f in connector(kind).secret_fields()}
    required = {f.key for f in connector(kind).secret_fields() if f.required}
    lacking = {key: "请填写" for key in required if not known[key]}
    filled = {key: value for key, value in known.items() if value}
    text = json.dumps(filled, ensure_ascii=False) if filled else ""
    return seal(text, place=SECRETS_PLACE), lacking


def change_secrets(*, actor: Actor, source: DataSource, secrets: Mapping[str, str]) -> None:
    """Replace the secrets after really connecting with them.

    Raises:
        InvalidInput: a required one is empty. Unavailable: the connection fails; the old ones stay.
    """
    check(actor, "ingest.source.manage", source)
    sealed, lacking = _secrets(source.kind, secrets)
    if lacking:
        raise InvalidInput("没有更换。", fields=lacking)
    source.secrets_sealed = sealed
    answered = _try(source)
    with unit_of_work():
        source.save(update_fields=["secrets_sealed"])
        _note_check(source, answered, passed=True)
        record(actor=actor, action="ingest.source_password_changed", obj=source)


def change_settings(
    *, actor: Actor, source: DataSource, options: Mapping[str, Any], warehouse: Any = None
) -> None:
    """Change where a source is, after really connecting there.

    Raises:
        InvalidInput: a setting is wrong. Unavailable: the connection fails; everything stays as it was.
    """
    check(actor, "ingest.source.manage", source)
    plain, wrong = _plain(source.kind, options)
    if wrong:
        raise InvalidInput("没有保存。", fields=wrong)
    before = dict(source.options)
    source.options, source.warehouse = plain, warehouse
    answered = _try(source)
    with unit_of_work():
        source.save(update_fields=["options", "warehouse"])
        _note_check(source, answered, passed=True)
        record(
            actor=actor, action="ingest.source_changed", obj=source, before=before,
            after=source.options,
        )  # fmt: skip


def check_source(*, actor: Actor, source: DataSource) -> str:
    """Connect now and keep how it went; returns what answered.

    Raises:
        Unavailable: the connection fails; says why.
    """
    check(actor, "ingest.source.manage", source)
    try:
        answered = _try(source)
    except Unavailable as error:
        _note_check(source, error.message, passed=False)
        raise
    _note_check(source, answered, passed=True)
    return answered


def _note_check(source: DataSource, message: str, *, passed: bool) -> None:
    source.checked_at, source.check_passed = timezone.now(), passed
    source.check_message = message[:400]
    source.save(update_fields=["checked_at", "check_passed", "check_message", *clocks.NOTED])


def _try(source: DataSource) -> str:
    with opened(source) as to, words():
        answered = source.connector.check(to)
        clocks.look(source, to)
        source.options = {**source.options, **source.connector.learned(to)}
        return answered


def objects(*, actor: Actor, source: DataSource) -> list[SourceObject]:
    """What a source offers, with columns.

    Raises:
        Unavailable: it cannot be read; says why and what to do.
    """
    check(actor, "ingest.source.manage", source)
    with opened(source) as to, words():
        return source.connector.objects(to)


def structure(*, actor: Actor, source: DataSource, name: str) -> SourceStructure:
    """The columns of one object, with a fingerprint that changes when they do.

    Raises:
        Unavailable: it cannot be read, or is not there; says which.
    """
    check(actor, "ingest.source.manage", source)
    with opened(source) as to, words():
        return source.connector.structure(to, name)


def sample(
    *, actor: Actor, source: DataSource, name: str, rows: int = 10
) -> tuple[tuple[str, ...], list[tuple[str | None, ...]]]:
    """Headers and first rows of an object, unmasked: whoever shows them masks them.

    Raises:
        Unavailable: it cannot be read; says why.
    """
    check(actor, "ingest.source.manage", source)
    with opened(source) as to, words():
        return source.connector.sample(to, name, rows=rows)


def propose_mapping(resource_code: str, structure: SourceStructure) -> dict[str, str]:
    """Source column → data item, by column name or by the column's comment."""
    contract = published(resource_code).contract
    mapping = dict(contract.match_headers([c.name for c in structure.columns]))
    by_comment = contract.match_headers([c.comment for c in structure.columns if c.comment])
    for column in structure.columns:
        target = by_comment.get(column.comment)
        if column.name not in mapping and target and target not in mapping.values():
            mapping[column.name] = target
    return mapping


@contextmanager
def opened(source: DataSource) -> Iterator[Connection]:
    """A connection's settings with opened secrets and a folder that is gone afterwards."""
    root = Path(settings.DATA_DIR) / _PASSING_FOLDER
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=root))
    try:
        yield connection(source, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def connection(source: DataSource, folder: Path) -> Connection:
    """A connection's settings with opened secrets."""
    text = open_sealed(source.secrets_sealed, place=SECRETS_PLACE)
    return Connection(
        name=source.name, options=source.options, secrets=json.loads(text) if text else {},
        folder=folder, inside=settings.SOURCES_MAY_BE_LOCAL,
        roots=settings.DROP_ROOTS or (Path(settings.DATA_DIR) / "drops",),
    )  # fmt: skip


@contextmanager
def words() -> Iterator[None]:
    """A connector's failures as the platform's own errors."""
    try:
        yield
    except SourceError as error:
        fields = {"password": error.message} if error.reason is Reason.WRONG_PASSWORD else {}
        raise Unavailable(
            error.message, kept=NOTHING_READ, advice=error.advice, fields=fields
        ) from error
