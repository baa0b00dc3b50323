"""Counts downloads: per dataset, day and format, without any trace of who."""

from django.db.models import F
from django.utils import timezone

from chengshu.data.opening.models import DownloadCount, OpenDataset
from chengshu.kernel.unit_of_work import unit_of_work


def count_download(*, dataset: OpenDataset, file_format: str) -> None:
    """Add one download of today."""
    day = timezone.localdate()
    with unit_of_work():
        item, _created = DownloadCount.objects.get_or_create(
            dataset=dataset, day=day, format=file_format
        )
        DownloadCount.objects.filter(pk=item.pk).update(count=F("count") + 1)
        OpenDataset.objects.filter(pk=dataset.pk).update(downloads=F("downloads") + 1)
