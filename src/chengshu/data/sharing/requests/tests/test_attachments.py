"""Material of a request: harmless files only, by content; seen by both sides and nobody else."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from chengshu.data.sharing.requests.services import attachments
from chengshu.data.sharing.requests.services.attachments import MAX_BYTES, attached
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.notices.models import Receipt

PDF = b"%PDF-1.7\n1 0 obj\n"


def package(*names: str, size: int = 1) -> bytes:
    """A package of Office with the named members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as found:
        for name in names:
            found.writestr(name, b"0" * size)
    return made.getvalue()


@pytest.fixture
def upload(asked, client):
    """A function that posts files as somebody."""

    def send(*files, actor=None):
        client.force_login((actor or asked.applicant).account)
        given = [SimpleUploadedFile(name, content) for name, content in files]
        page = reverse("sharing_requests:attach", args=[asked.item.pk])
        return client.post(page, {"material": given}, follow=True)

    return send


def test_material_is_added_by_the_applicant_seen_by_both_sides_and_told(asked, upload, client):
    shown = upload(("三定规定.pdf", PDF), ("名单.xlsx", package("xl/workbook.xml")))
    assert "材料已补充" in shown.content.decode()
    one, other = attached(asked.item)
    assert {one.name, other.name} == {"三定规定.pdf", "名单.xlsx"}
    assert AuditRecord.objects.filter(action="access_request.attach").count() == 1
    told = Receipt.objects.filter(
        account=asked.bureau.account, notice__title__contains="补充了材料"
    )
    assert told.count() == 1
    pdf = next(file for file in (one, other) if file.name.endswith("pdf"))
    page = reverse("sharing_requests:file", args=[asked.item.pk, pdf.pk])
    for reader, status in (
        (asked.bureau, 200), (asked.provider, 200), (asked.scene.city.nobody, 403),
    ):  # fmt: skip
        client.force_login(reader.account)
        answer = client.get(page)
        assert answer.status_code == status
        if status == 200:
            assert b"".join(answer.streaming_content) == PDF
            assert answer["Content-Disposition"].startswith("attachment")
            assert answer["X-Content-Type-Options"] == "nosniff"
    assert upload(("x.pdf", PDF), actor=asked.provider).status_code == 403


@pytest.fixture
def small_packages(monkeypatch):
    """A limit for unfolded packages that a test reaches in no time."""
    monkeypatch.setattr(attachments, "MAX_UNFOLDED", 10_000)


@pytest.mark.usefixtures("small_packages")
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("病毒.exe", b"MZ", "不是可以作材料的文件"), ("改名.pdf", b"MZ\x90", "扩展名不符"),
        ("宏.docx", package("word/document.xml", "word/vbaProject.bin"), "带宏"),
        ("假.docx", package("readme.txt"), "扩展名不符"), ("坏.xlsx", b"PK\x03\x04xx", "打不开"),
        ("大.pdf", PDF + b"0" * MAX_BYTES, "超过 20 MB"),
        ("炸弹.xlsx", package("xl/workbook.xml", "a", size=6_000), "解开后过大"),
    ],
)  # fmt: skip
def test_what_could_carry_a_program_or_is_not_what_it_says_is_refused(upload, name, content, words):
    answer = upload(("好.pdf", PDF), (name, content))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not StoredFile.objects.exists(), "all of it or none"
