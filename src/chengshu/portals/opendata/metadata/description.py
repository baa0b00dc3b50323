"""What every description says about a dataset, gathered once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from chengshu.data.opening.choices import CONTENT_TYPES, LICENCE_URLS
from chengshu.data.opening.models import DatasetRelease, OpenDataset
from chengshu.kernel.ui.formatting import iso_date

PORTAL = "龙港公共数据开放平台"


@dataclass(frozen=True, slots=True)
class File:
    """A file of the release; the address names the release, so that size and digest stay true."""

    format: str
    label: str
    url: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Description:
    """A dataset with its current release, as the caller of ``request`` reaches it."""

    dataset: OpenDataset
    release: DatasetRelease
    base: str

    @classmethod
    def of(cls, request: HttpRequest, dataset: OpenDataset) -> "Description":
        """Describe a public dataset."""
        assert dataset.current is not None
        return cls(dataset, dataset.current, request.build_absolute_uri("/").rstrip("/"))

    def link(self, name: str, *arguments: Any) -> str:
        """The whole address of one of the portal's routes."""
        return f"{self.base}{reverse(f'opendata:{name}', args=arguments)}"

    @property
    def url(self) -> str:
        """The dataset's page."""
        return self.link("restricted" if self.dataset.restricted else "dataset", self.dataset.slug)

    @property
    def provider(self) -> str:
        """The providing unit's name."""
        return self.dataset.resource.provider.name

    @property
    def licence_url(self) -> str:
        """Where the licence is written down; the page with the agreement where one is asked."""
        return self.url if self.dataset.restricted else LICENCE_URLS[self.dataset.licence]

    @property
    def version(self) -> str:
        """The release as a semantic version: each release replaces the whole."""
        return f"{self.release.number}.0.0"

    @property
    def citation(self) -> str:
        """How to name the source."""
        title = f"{self.dataset.title}（第 {self.release.number} 版）"
        return f"{self.provider}. {title}. {PORTAL}, {self.day}. {self.url}"

    @property
    def day(self) -> str:
        """The day of the release here in the city."""
        return iso_date(self.release.published_at)

    @property
    def files(self) -> list[File]:
        """The release's files; a restricted dataset's are for nobody who only reads a description."""
        if self.dataset.restricted:
            return []
        slug, number = self.dataset.slug, self.release.number
        return [
            File(
                entry["format"], entry["label"],
                self.link("release-file", slug, number, slug, entry["format"]),
                CONTENT_TYPES[entry["format"]].partition(";")[0], entry["bytes"], entry["sha256"],
            )
            for entry in self.release.file_list
        ]  # fmt: skip


def told(column: Mapping[str, Any]) -> str:
    """A field in a sentence; a masked one says how, because its values are not the original ones."""
    definition = column.get("definition", "")
    return f"已脱敏：{column['mask_name']}。{definition}" if column.get("mask") else definition
