"""Files of releases: with checksum as entity tag, counted, resumable by asking again with the tag."""

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from chengshu.data.opening import selectors
from chengshu.data.opening.choices import CONTENT_TYPES
from chengshu.data.opening.errors import Gone
from chengshu.data.opening.models import DatasetRelease, OpenDataset
from chengshu.data.opening.services.downloads import count_download
from chengshu.kernel.errors import NotFound


@require_safe
def latest(request: HttpRequest, slug: str, file_format: str) -> HttpResponseBase:
    """The current release's file: an address that stays the same."""
    dataset = selectors.public_dataset(slug)
    assert dataset.current is not None
    return _answer(request, dataset, dataset.current, file_format, f"{slug}.{file_format}")


@require_safe
def release_file(
    request: HttpRequest, slug: str, number: int, name: str, file_format: str
) -> HttpResponseBase:
    """One release's file."""
    dataset = selectors.public_dataset(slug)
    if name != slug:
        raise NotFound("没有找到这个文件。", advice="请从数据集页面下载。")
    release = selectors.public_release(dataset, number)
    return _answer(request, dataset, release, file_format, f"{slug}-v{number}.{file_format}")


def _answer(
    request: HttpRequest, dataset: OpenDataset, release: DatasetRelease, file_format: str, name: str
) -> HttpResponseBase:
    known = release.files.get(file_format)
    if known is None:
        raise NotFound(
            f"没有 {file_format[:20]} 格式的文件。",
            advice=f"可用格式：{'、'.join(release.files)}。",
        )
    tag = f'"{known["sha256"]}"'
    response: HttpResponseBase
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponseNotModified()
    else:
        path = release.file(file_format)
        if not path.is_file():
            raise Gone("这一版的文件已清理。", advice="请下载较新的版本。")
        if request.method == "HEAD":
            response = HttpResponse(content_type=CONTENT_TYPES[file_format])
            response.headers["Content-Length"] = str(known["bytes"])
        else:
            count_download(dataset=dataset, file_format=file_format)
            response = FileResponse(
                path.open("rb"), as_attachment=True, filename=name,
                content_type=CONTENT_TYPES[file_format],
            )  # fmt: skip
    response.headers["ETag"] = tag
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
