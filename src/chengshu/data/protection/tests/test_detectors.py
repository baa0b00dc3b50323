import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from chengshu.data.protection.facade import Kind, detect_column, hide_personal, spans_of

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
PEOPLE = ["陈晓雯", "林国强", "欧阳思远", "黄丽", "李梓萱", "王建平", "张慧", "周明", "叶子涵"]


def identity(number: int) -> str:
    body = f"39038319900312{number % 1000:03d}"
    total = sum(int(d) * w for d, w in zip(body, WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def card(number: int) -> str:
    body = f"62170000000{number:07d}"
    return body + luhn.calc_check_digit(body)


def kinds(values, **words):
    return {finding.kind: finding for finding in detect_column(pa.array(values), **words)}


COLUMNS = {
    Kind.ID_NUMBER: [identity(n) for n in range(50)],
    Kind.MOBILE: [f"1380000{n:04d}" for n in range(50)],
    Kind.BANK_CARD: [card(n) for n in range(50)],
    Kind.NAME: PEOPLE,
    Kind.ADDRESS: [f"浙江省龙港市城东社区龙翔路{n}号" for n in range(1, 30)],
    Kind.PLATE: [f"浙C{n:05d}" for n in range(30)],
    Kind.EMAIL: [f"lg{n}@example.com" for n in range(30)],
    Kind.PHONE: [f"0577-6422{n:04d}" for n in range(30)],
}


@pytest.mark.parametrize("kind", COLUMNS, ids=str)
def test_a_column_is_recognised_by_its_values_alone(kind):
    found = kinds(COLUMNS[kind])
    assert set(found) == {kind}
    assert found[kind].share == 1
    assert not found[kind].embedded


@pytest.mark.parametrize("kind", COLUMNS, ids=str)
def test_a_name_that_says_so_raises_the_confidence_and_another_lowers_it(kind):
    words = {
        Kind.ID_NUMBER: "身份证号", Kind.MOBILE: "手机", Kind.BANK_CARD: "银行卡号", Kind.NAME: "姓名",
        Kind.ADDRESS: "住址", Kind.PLATE: "车牌", Kind.EMAIL: "邮箱", Kind.PHONE: "电话",
    }  # fmt: skip
    plain = kinds(COLUMNS[kind])[kind].confidence
    assert kinds(COLUMNS[kind], title=words[kind])[kind].confidence >= plain
    doubtful = kinds(COLUMNS[kind], title="流水编号")
    assert kind not in doubtful or doubtful[kind].confidence <= plain


@pytest.mark.parametrize(
    "values",
    [
        [f"LG{n:014d}" for n in range(50)],
        [f"{n:011d}" for n in range(50)],
        [f"2026112300{n:07d}" for n in range(50)],
        ["正常", "高中", "温州", "黄色", "安全", "方案", "经理", "白天", "成功"] * 5,
        ["江山社区", "黄河村", "石桥路", "金山镇", "方山村", "白沙社区", "沙洲村"] * 3,
        ["龙翔路", "世纪大道", "人民路", "通港路", "镇前路", "西一街"],
        [f"{n:032x}" for n in range(50)],
        [f"https://data.example/f/{n:09d}" for n in range(50)],
        ["龙翔路路灯不亮，影响居民夜间出行。", "资料齐全", "2026年11月23日已核对"] * 4,
        [None, "", "  "],
        [],
    ],
)
def test_harmless_columns_stay_silent(values):
    assert detect_column(pa.array(values, pa.string())) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"本人身份证{identity(7)}，已核验", Kind.ID_NUMBER),
        ("请拨打13800001234联系", Kind.MOBILE),
        (f"退款至卡号{card(5)}，三日内到账", Kind.BANK_CARD),
        ("材料发到 zhang@example.com 即可", Kind.EMAIL),
        ("车辆浙C12345占用通道", Kind.PLATE),
        ("联系人：欧阳锦程，下午在家", Kind.NAME),
        ("住在龙港市城东社区龙翔路195号3幢201室，请上门", Kind.ADDRESS),
        ("身份证号390383900312123", Kind.ID_NUMBER),
    ],
)
def test_one_row_among_thousands_of_remarks_is_found_and_hidden(text, kind):
    found = kinds(["资料齐全", "已核对"] * 1000 + [text], title="备注")
    assert set(found) == {kind}
    assert (found[kind].hits, found[kind].embedded) == (1, True)
    (span,) = spans_of(text)
    assert span.text not in hide_personal(text)
    assert span.text not in " ".join(found[kind].examples)


def test_a_cell_that_is_nothing_but_a_number_stands_out_among_words():
    found = kinds(["资料齐全", "已核对", "社区代办"] * 50 + ["13800001234"], title="备注")
    assert found[Kind.MOBILE].hits == 1


def test_whole_numbers_full_width_digits_and_spaces_do_not_hide_it():
    assert Kind.MOBILE in kinds([13800001234 + n for n in range(30)])
    wide = [
        identity(n).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
        for n in range(20)
    ]
    assert Kind.ID_NUMBER in kinds([f" {value} " for value in wide])


def test_a_wrong_check_digit_is_no_identity_number():
    wrong = [identity(n)[:-1] + ("0" if identity(n)[-1] != "0" else "1") for n in range(50)]
    assert Kind.ID_NUMBER not in kinds(wrong)


def test_other_types_carry_nothing():
    assert detect_column(pa.array([1.5, 2.5]), title="姓名") == []
    assert detect_column(pa.array([True, None]), title="姓名") == []


@given(st.text(max_size=80))
def test_hiding_never_fails_and_leaves_no_number_behind(text):
    planted = f"{text} {identity(3)} "
    assert identity(3) not in hide_personal(planted)


@given(st.lists(st.text(max_size=30) | st.none(), max_size=30))
def test_any_column_is_judged_with_shares_between_nothing_and_all(values):
    for finding in detect_column(pa.array(values, pa.string()), title="备注"):
        assert 0 < finding.share <= 1
        assert 0.5 <= finding.confidence <= 1
        assert finding.hits <= finding.filled
