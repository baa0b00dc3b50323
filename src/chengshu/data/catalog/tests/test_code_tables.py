"""Code tables: versions in force as a whole, who is hit by a removed code, files in and out."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from chengshu.data.catalog import facade, standards
from chengshu.data.catalog.codes import (
    code_problems,
    compare_codes,
    csv_of,
    lines_of,
    parse_lines,
    read_file,
    workbook_of,
)
from chengshu.data.catalog.models import CodeTable, CodeTableVersion
from chengshu.data.catalog.services import code_tables as services
from chengshu.data.catalog.tests.cast import published
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed

THREE = [("0", "未知"), ("1", "男性"), ("2", "女性")]
_CODE = st.text("0123456789甲乙丙ABab", min_size=1, max_size=6)
_NAME = st.text("一二三四五男女性号xyz", min_size=1, max_size=6)
_CODES = st.dictionaries(_CODE, _NAME, max_size=8).map(lambda found: list(found.items()))


@given(_CODES, _CODES)
def test_a_difference_applied_to_the_old_codes_gives_the_new(old, new):
    found = compare_codes(old, new)
    codes = dict(old)
    for code, _ in found.removed:
        del codes[code]
    codes |= dict(found.added) | {code: name for code, _, name in found.renamed}
    assert codes == dict(new)
    assert found.is_empty is (old == new)


@given(_CODES)
def test_codes_survive_typing_excel_and_csv(codes):
    assert parse_lines(lines_of(codes)) == codes
    for name, content in (("a.xlsx", workbook_of(codes)), ("a.csv", csv_of(codes))):
        assert read_file(name, content) == codes


def test_leading_zeros_and_gb18030_files_are_kept():
    assert read_file("a.csv", "代码,含义\r\n007,七\r\n".encode("gb18030")) == [("007", "七")]
    with pytest.raises(InvalidInput, match="只认"):
        read_file("a.doc", b"x")


def test_every_wrong_line_is_named():
    assert code_problems([("1", "男"), ("", "女"), ("1", "又"), ("3", ""), ("4 5", "x")]) == [
        "第 2 行没有代码（含义：女）", "第 3 行的代码“1”与第 1 行重复", "第 4 行的代码“3”没有含义",
        "第 5 行的代码“4 5”含有空格或逗号",
    ]  # fmt: skip


def revised(cast, codes, note="按新国标"):
    table = CodeTable.objects.get(key="gender")
    version = services.revise_code_table(actor=cast.admin, table=table)
    services.edit_codes(
        actor=cast.admin, version=version, revision=1, codes=codes, change_note=note
    )
    services.submit_codes(actor=cast.admin, table=table)
    return table


def test_a_published_version_takes_effect_in_the_contract_as_a_whole(cast):
    entry = published(cast)
    table = revised(cast, [*THREE, ("9", "未说明")])
    assert facade.published(entry.code).column("sex").codes == {"1": "男性", "2": "女性"}
    services.publish_codes(actor=cast.second_admin, table=table)
    assert facade.published(entry.code).column("sex").codes == dict([*THREE, ("9", "未说明")])
    history = CodeTableVersion.objects.filter(table=table).order_by("number")
    assert [(v.number, v.state, len(v.codes)) for v in history] == [
        (1, "superseded", 2), (2, "published", 4),
    ]  # fmt: skip


def test_removing_a_code_in_use_needs_the_publisher_to_know_who_is_hit(cast):
    entry = published(cast)
    table = revised(cast, [("1", "男性")])
    assert [i.version.resource_id for i in services.uses(table)] == [entry.pk]
    with pytest.raises(InvalidInput) as refused:
        services.publish_codes(actor=cast.second_admin, table=table)
    assert "有 1 个已发布的数据项" in refused.value.fields["accept_removal"]
    assert facade.published(entry.code).column("sex").codes == {"1": "男性", "2": "女性"}
    services.publish_codes(actor=cast.second_admin, table=table, accept_removal=True)
    assert facade.published(entry.code).column("sex").codes == {"1": "男性"}


def test_life_and_refusals(cast):
    with pytest.raises(NotAllowed):
        services.create_code_table(actor=cast.officer, key="x", name="x")
    table = services.create_code_table(actor=cast.admin, key="x", name="x", codes=[("1", "一")])
    assert (table.state, table.values.count()) == ("draft", 0)
    services.submit_codes(actor=cast.admin, table=table)
    with pytest.raises(NotAllowed, match="不能发布自己提请的标准"):
        services.publish_codes(actor=cast.admin, table=table)
    services.publish_codes(actor=cast.second_admin, table=table)
    with pytest.raises(InvalidInput, match="已经用过"):
        services.create_code_table(actor=cast.admin, key="x", name="y")
    with pytest.raises(Conflict, match="没有修订中的版本"):
        services.publish_codes(actor=cast.second_admin, table=table)
    services.revise_code_table(actor=cast.admin, table=table)
    with pytest.raises(Conflict, match="完全相同"):
        services.submit_codes(actor=cast.admin, table=table)
    with pytest.raises(Conflict, match="已经有一个修订中"):
        services.revise_code_table(actor=cast.admin, table=CodeTable.objects.get(key="x"))
    services.discard_codes(actor=cast.admin, table=table)
    services.retire_code_table(actor=cast.admin, table=table, reason="并入国标")
    with pytest.raises(Conflict, match="已废止"):
        services.revise_code_table(actor=cast.admin, table=table)


def test_two_editors_of_the_codes_the_second_is_told(cast):
    version = services.revise_code_table(
        actor=cast.admin, table=CodeTable.objects.get(key="gender")
    )
    services.edit_codes(actor=cast.admin, version=version, revision=1, codes=THREE)
    with pytest.raises(Conflict, match="admin同志"):
        services.edit_codes(actor=cast.second_admin, version=version, revision=1, codes=[])
    assert len(CodeTableVersion.objects.get(pk=version.pk).codes) == 3


def test_the_pages_from_new_to_published(cast, client):
    client.force_login(cast.admin.account)
    root = "/console/catalog/code-tables/"
    made = client.post(
        f"{root}new/", {"key": "blood", "name": "血型代码", "standard": "", "owner": ""}
    )
    table = CodeTable.objects.get(key="blood")
    assert made.url == f"{root}{table.pk}/codes/"
    assert 'name="revision" value="1"' in client.get(made.url).content.decode()
    bad = client.post(made.url, {"codes": "1 甲\n1 乙", "revision": 1})
    assert bad.status_code == 422
    assert "第 2 行的代码“1”与第 1 行重复" in bad.content.decode()
    upload = SimpleUploadedFile("a.csv", csv_of([("1", "A 型"), ("2", "B 型")]))
    saved = client.post(made.url, {"codes": "", "file": upload, "revision": 1})
    shown = client.get(saved.url).content.decode()
    assert "新增 2 个" in shown
    client.post(saved.url)
    assert "要由另一位数据管理员核对" in client.get(saved.url).content.decode()
    client.force_login(cast.second_admin.account)
    sent_back = client.post(f"{root}{table.pk}/return/", {"reason": "缺 O 型"})
    assert "退回意见：缺 O 型" in client.get(sent_back.url).content.decode()
    client.force_login(cast.admin.account)
    client.post(saved.url)
    client.force_login(cast.second_admin.account)
    assert standards.waiting_code_tables(cast.second_admin) == 1
    client.post(saved.url)
    assert standards.waiting_code_tables(cast.second_admin) == 0
    page = client.get(f"{root}{table.pk}/").content.decode()
    assert "B 型" in page
    assert "已发布" in page
    exported = client.get(f"{root}{table.pk}/export/?format=csv").content
    assert read_file("a.csv", exported) == [("1", "A 型"), ("2", "B 型")]
    assert client.get(f"{root}{table.pk}/export/?format=exe").status_code == 404


def test_the_publish_page_shows_who_is_hit_and_asks(cast, client):
    published(cast)
    table = revised(cast, [("1", "男"), ("3", "新")])
    client.force_login(cast.second_admin.account)
    url = f"/console/catalog/code-tables/{table.pk}/publish/"
    page = client.get(url).content.decode()
    for text in ("城乡居民养老保险参保信息", "人社局", "女性", "新增 1 个，删除 1 个，改含义 1 个"):
        assert text in page
    refused = client.post(url)
    assert refused.status_code == 422
    assert "请确认知晓" in refused.content.decode()
    assert client.post(url, {"accept_removal": "1"}).status_code == 302
    old = client.get(f"/console/catalog/code-tables/{table.pk}/versions/1/").content.decode()
    assert "女性" in old
    client.force_login(cast.officer.account)
    assert client.get(url).status_code == 403
