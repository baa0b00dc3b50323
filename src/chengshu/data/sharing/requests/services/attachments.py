"""Material that supports a request: kinds of files that cannot carry a program, checked by their content.

A name proves nothing, therefore the first bytes must be those of the kind; packages of Office and OFD are opened, and
refused when they carry macros or embedded programs, or say they unfold to more than is reasonable.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.flow import APPLY
from chengshu.data.sharing.requests.models import AccessRequest, RequestEvent
from chengshu.data.sharing.requests.services.trace import leave
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.files.services import store
from chengshu.kernel.unit_of_work import unit_of_work

PURPOSE = "access-request"
MAX_BYTES, MAX_AT_ONCE, MAX_OF_ONE = 20 * 1024 * 1024, 5, 20
MAX_UNFOLDED = 20 * MAX_BYTES
_ZIP = b"PK\x03\x04"
# Extension → its first bytes, and for packages the member that makes them what they say.
_KINDS: dict[str, tuple[bytes, str]] = {
    ".pdf": (b"%PDF-", ""), ".png": (b"\x89PNG\r\n\x1a\n", ""), ".jpg": (b"\xff\xd8\xff", ""),
    ".jpeg": (b"\xff\xd8\xff", ""), ".docx": (_ZIP, "word/document.xml"),
    ".xlsx": (_ZIP, "xl/workbook.xml"), ".ofd": (_ZIP, "OFD.xml"),
}  # fmt: skip
ALLOWED = tuple(_KINDS)
_ACTIVE = (".bin", ".exe", ".dll", ".js", ".vbs", ".hta", ".scr", ".bat", ".cmd", ".jar")
KEPT = "没有保存任何文件。"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as it comes from a form; ``content`` can be read, sought and read in ``chunks()``."""

    name: str
    content: Any


def attached(item: AccessRequest) -> list[StoredFile]:
    """The material of a request, oldest first (one query)."""
    found = StoredFile.objects.filter(pk__in=item.history.values("files"))
    return list(found.order_by("created_at"))


def may_attach(actor: Actor, item: AccessRequest) -> bool:
    """Whether the actor may add material now: the applicant's side, while the request is open."""
    return item.is_open and allows(actor, APPLY, item.application)


def attach(*, actor: Actor, item: AccessRequest, attachments: Sequence[Attachment]) -> RequestEvent:
    """Add material to an open request; all of it or none.

    Raises:
        NotAllowed: not of the applicant's side.
        InvalidInput: too many, too large, or not a file of an allowed kind by name and content.
        Conflict: the request is closed.
    """
    check(actor, APPLY, item.application)
    if not 0 < len(attachments) <= MAX_AT_ONCE:
        raise _refused(f"一次附 1 到 {MAX_AT_ONCE} 个文件。")
    for one in attachments:
        _require_harmless(one)
    kept = [
        store(
            actor=actor, name=one.name, chunks=one.content.chunks(), purpose=PURPOSE,
            organization=item.application.owner, max_bytes=MAX_BYTES,
        )
        for one in attachments
    ]  # fmt: skip
    with unit_of_work():
        locked = AccessRequest.objects.select_for_update(of=("self",)).select_related(
            "application", "interface", "provider", "applicant"
        ).get(pk=item.pk)  # fmt: skip
        if not locked.is_open:
            raise Conflict("申请已经办结，不能再补充材料。", kept="申请没有变化。")
        if len(attached(locked)) + len(kept) > MAX_OF_ONE:
            raise _refused(f"一件申请最多附 {MAX_OF_ONE} 个文件。")
        names = [one.name for one in kept]
        event = leave(
            actor=actor, item=locked, action="attach", before=State(locked.state),
            data={"files": names, "digests": [one.sha256 for one in kept]},
        )  # fmt: skip
        event.files.set(kept)
    return event


def _require_harmless(one: Attachment) -> None:
    magic, member = _KINDS.get(PurePath(one.name).suffix.lower(), (b"", ""))
    if not magic:
        raise _refused(f"“{one.name}”不是可以作材料的文件。")
    if one.content.size > MAX_BYTES:
        raise _refused(f"“{one.name}”超过 {MAX_BYTES // 1024**2} MB。")
    one.content.seek(0)
    if one.content.read(len(magic)) != magic:
        raise _refused(f"“{one.name}”的内容和扩展名不符。")
    if member:
        _require_plain_package(one, member)
    one.content.seek(0)


def _require_plain_package(one: Attachment, member: str) -> None:
    one.content.seek(0)
    try:
        with zipfile.ZipFile(one.content) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise _refused(f"“{one.name}”打不开，可能已损坏。") from error
    names = [entry.filename for entry in entries]
    if member not in names:
        raise _refused(f"“{one.name}”的内容和扩展名不符。")
    if any(name.lower().endswith(_ACTIVE) for name in names):
        raise _refused(f"“{one.name}”带宏或嵌入的程序，不能上传。")
    if sum(entry.file_size for entry in entries) > MAX_UNFOLDED:
        raise _refused(f"“{one.name}”解开后过大，不能上传。")


def _refused(text: str) -> InvalidInput:
    return InvalidInput(
        text,
        kept=KEPT,
        advice="请用 PDF、OFD、图片或不带宏的 Word、Excel。",
        fields={"material": text},
    )
