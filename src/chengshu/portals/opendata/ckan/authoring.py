"""CKAN's dataset fields as our drafts have them, both ways.

What a client reads of its own dataset it can change and send back: fields that follow from others, and fields that
we have no place for, are accepted as long as they say what was read, and refused by name otherwise. What decides over
opening stands in ``extras`` (``catalogue_code``, ``fields``, ``masks``, ``legal_basis``, ``access``).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.opening import gate, terms
from chengshu.data.opening.choices import ApprovalState, Licence
from chengshu.data.opening.models import OpenDataset
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import ChengshuError
from chengshu.portals.opendata.ckan import shapes
from chengshu.portals.opendata.ckan.entries import NOT_OPEN, THEMES
from chengshu.portals.opendata.ckan.errors import invalid
from chengshu.portals.opendata.ckan.parameters import Parameters
from chengshu.portals.opendata.ckan.shapes import Shape, Site

OPEN, RESTRICTED = "open", shapes.RESTRICTED
MAX_SUMMARY = 2_000
_WRITTEN = {
    "name", "title", "notes", "license_id", "maintainer", "tags", "tag_string", "groups", "owner_org", "private",
    "state", "extras", "resources", "catalogue_code",
}  # fmt: skip
# Follow from other fields, or steer CKAN's own answer.
_FOLLOWS = {
    "id", "num_tags", "num_resources", "metadata_modified", "metadata_created", "license_title",
    "license_url", "isopen", "organization", "return_id_only",
}  # fmt: skip
_DECIDING = ("catalogue_code", "fields", "masks", "legal_basis", "access", "revision")
_TOLD = ("update_cycle", "records", "masked_fields", "access_conditions", "row_filter", "review")
_REVIEWS = {
    ApprovalState.WAITING: "等待另一人审批", ApprovalState.APPROVED: "已审批，等待发布",
    ApprovalState.RETURNED: "已退回，改好后重新提交",
}  # fmt: skip


def working_copy(site: Site, dataset: OpenDataset) -> Shape | None:
    """A dataset as its authors see it, for a token that may; None for any other."""
    if not allows(site.actor, "opening.view", dataset):
        return None
    return authored(site, dataset, entry_of(dataset))


def entry_of(dataset: OpenDataset) -> PublishedResource | None:
    """The catalogue entry in force; None while it is out of service."""
    try:
        return published_by_id(dataset.resource_id)
    except ChengshuError:
        return None  # then nothing can be opened from it; the dataset itself can still be read


def authored(site: Site, dataset: OpenDataset, resource: PublishedResource | None) -> Shape:
    """A dataset as its authors see it: the public form, and what the next release will be made of."""
    shape = shapes.package(site, dataset)
    told = {
        "catalogue_code": dataset.resource.code, "fields": json.dumps(dataset.fields),
        "masks": json.dumps(dataset.masks, ensure_ascii=False, sort_keys=True) if dataset.masks else "",
        "row_filter": json.dumps(dataset.row_filter, ensure_ascii=False) if dataset.row_filter else "",
        "legal_basis": dataset.basis, "access": RESTRICTED if dataset.restricted else OPEN,
        "revision": str(dataset.revision), "review": review_of(dataset, resource),
    }  # fmt: skip
    kept = {extra["key"]: extra["value"] for extra in shape["extras"]} | told
    shape["extras"] = [{"key": key, "value": value} for key, value in kept.items() if value]
    return shape


def review_of(dataset: OpenDataset, resource: PublishedResource | None) -> str:
    """Where a dataset stands on its way to the portal."""
    if resource is None:
        return "目录条目已停用"
    if not terms.needs_approval(dataset, resource):
        return "" if dataset.public else "等待发布"
    last = terms.latest(dataset)
    if last is not None and last.digest == terms.digest(dataset) and last.state in _REVIEWS:
        return _REVIEWS[ApprovalState(last.state)]
    return "还没有提交审批：请写明 legal_basis"


class Said:
    """Reads what a call says of a dataset; collects every problem before it refuses.

    ``before`` is the dataset as its author reads it, None for a new one.
    """

    def __init__(self, given: Parameters, before: Shape | None) -> None:
        self._given = given
        self._before = before or {}
        self.problems: dict[str, str] = {}
        self.extras = self._extras()

    def require(self) -> None:
        """Refuse when anything could not be understood.

        Raises:
            CkanError: names every field.
        """
        self._others()
        self._unpublished()
        if self.problems:
            raise invalid(**self.problems)

    def text(self, name: str, default: str, most: int) -> str:
        """A line or a paragraph; absent or null gives the default."""
        value = self._given.raw(name)
        if value is None:
            return default
        return self.sentence(name, value, most)

    def sentence(self, name: str, value: Any, most: int) -> str:
        """A text without control characters."""
        if not isinstance(value, str) or any(ord(c) < 32 and c not in "\r\n\t" for c in value):  # noqa: PLR2004
            self.problems[name] = "应为一段文字，不含控制字符。"
        elif any("\ud800" <= c <= "\udfff" for c in value):
            self.problems[name] = "含有不成对的代理字符。"
        elif len(value) > most:
            self.problems[name] = f"最多 {most:,} 个字。"
        else:
            return value
        return ""

    def words(self, default: Sequence[str]) -> list[str]:
        """Keywords, of ``tags`` or ``tag_string``."""
        tags = self._given.raw("tags")
        if tags is None:
            line = self.text("tag_string", ",".join(default), 1_000)
            return [word.strip() for word in line.split(",") if word.strip()]
        return self._names("tags", tags)

    def theme(self, default: str) -> str:
        """The one theme, of ``groups``."""
        groups = self._given.raw("groups")
        if groups is None:
            return default
        names = self._names("groups", groups)
        if len(names) != 1 or names[0] not in THEMES:
            self.problems["groups"] = f"一个数据集归入一个主题，可用：{'、'.join(THEMES)}。"
            return ""
        return names[0]

    def _names(self, name: str, value: Any) -> list[str]:
        parts = value if isinstance(value, list) else [None]
        found = [part.get("name") if isinstance(part, dict) else part for part in parts]
        if not all(isinstance(part, str) for part in found):
            self.problems[name] = '应为 [{"name": "…"}] 的列表。'
            return []
        return [self.sentence(name, part, 60) for part in found]

    def licence(self, default: str) -> str:
        """The licence; "not open" stays what it is where an agreement is asked."""
        value = self.text("license_id", "", 60)
        if value in {"", NOT_OPEN, "notspecified"}:
            return default
        if value not in Licence.values:
            self.problems["license_id"] = f"可用：{'、'.join(Licence.values)}。"
        return value

    def restricted(self, *, default: bool) -> bool:
        """Whether it is opened under an agreement."""
        value = self.extras.get("access") or (RESTRICTED if default else OPEN)
        if value not in {OPEN, RESTRICTED}:
            self.problems["access"] = f"可用：{OPEN}、{RESTRICTED}。"
        return bool(value == RESTRICTED)

    def fields(self, default: Sequence[str]) -> list[str]:
        """Names of the fields to open."""
        value = self.extras.get("fields")
        if isinstance(value, str) and value.strip():
            value = (
                self._json("fields", value) if value.lstrip().startswith("[") else value.split(",")
            )
        if not value:
            return list(default)
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            self.problems["fields"] = "应为字段名的列表。"
            return []
        return [part.strip() for part in value]

    def masks(self, default: Mapping[str, str]) -> dict[str, str]:
        """Declarations of masks by field."""
        value = self.extras.get("masks")
        if isinstance(value, str) and value.strip():
            value = self._json("masks", value)
        if not value:
            return dict(default)
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            self.problems["masks"] = '应为 {"字段": "脱敏方式"}。'
            return {}
        return value

    def basis(self, default: str) -> str:
        """The law or authorisation it rests on."""
        value = self.extras.get("legal_basis")
        return default if value is None else self.sentence("legal_basis", value, 500)

    def revision(self, default: int) -> int:
        """The revision that was read, where the client sent it back."""
        value = str(self.extras.get("revision") or default)
        if not (value.isascii() and value.isdigit() and len(value) < 9):  # noqa: PLR2004
            self.problems["revision"] = "请原样送回读到的 revision。"
            return default
        return int(value)

    def _json(self, name: str, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            self.problems[name] = "不是完整的 JSON。"
            return None

    def _extras(self) -> dict[str, Any]:
        value = self._given.raw("extras")
        found: dict[str, Any] = {}
        parts = [] if value is None else value if isinstance(value, list) else [None]
        for part in parts:
            key = part.get("key") if isinstance(part, dict) else None
            if not (isinstance(part, dict) and isinstance(key, str)):
                self.problems["extras"] = '应为 [{"key": "…", "value": "…"}] 的列表。'
            elif key in _DECIDING:
                found[key] = part.get("value")
            elif key not in _TOLD or not self._as_read(key, part.get("value")):
                self.problems["extras"] = f"不能写“{key[:40]}”。可用：{'、'.join(_DECIDING)}。"
        if "catalogue_code" in self._given:
            found.setdefault("catalogue_code", self._given.raw("catalogue_code"))
        return found

    def _as_read(self, key: str, value: Any) -> bool:
        if key in {"records", "review"}:  # change by themselves between reading and writing
            return True
        return {"key": key, "value": value} in self._before.get("extras", ())

    def _others(self) -> None:
        """What has no place here may only say what was read."""
        for name in self._given:
            value = self._given.raw(name)
            if name in _WRITTEN or name in _FOLLOWS or value in (None, "", [], {}):
                continue
            if name == "type" and value == "dataset":
                continue
            if not self._before or value != self._before.get(name):
                self.problems[name[:60]] = "本门户没有地方记这一项，请去掉。"
        files = self._given.raw("resources")
        if files and (not self._before or _ids(files) != _ids(self._before.get("resources"))):
            self.problems["resources"] = (
                "文件由平台从归集的数据生成，不在这里写。请先写数据集，再用 resource_create 上传数据。"
            )

    def _unpublished(self) -> None:
        """Nothing is made public, or taken back, by saying so."""
        before = self._before or {"state": "draft", "private": True}
        told = "这里只写草稿。审批和发布在后台由有权的人办理，撤回也是。"
        state, private = self._given.raw("state"), self._given.raw("private")
        if state not in (None, "", before["state"]):
            self.problems["state"] = told
        if private not in (
            None,
            "",
            before["private"],
            str(before["private"]),
            str(before["private"]).lower(),
        ):
            self.problems["private"] = told


def _ids(files: Any) -> list[Any]:
    parts = files if isinstance(files, list) else [files] if files else []
    return [part.get("id") if isinstance(part, dict) else part for part in parts]


def default_fields(resource: PublishedResource) -> list[str]:
    """What a new dataset opens when nothing is said: the fields that may be opened as they are."""
    return gate.allowed_fields(resource)
