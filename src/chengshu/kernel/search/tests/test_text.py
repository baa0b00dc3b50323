"""Chinese search as people type it, in a real FTS5 index."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.kernel.search import pinyin, segmentation
from chengshu.kernel.search.text import (
    FTS5_TOKENIZER,
    Mode,
    Query,
    Term,
    document_tokens,
    fts5_match,
    parse_query,
    part_tokens,
    title_tokens,
    tsquery,
)

TITLES = [
    "城乡居民养老保险待遇发放明细",
    "企业职工退休金领取人员名册",
    "不动产登记信息",
    "房屋租赁合同备案",
    "企业法人基本信息",
    "个体工商户登记信息",
    "户籍人口基本信息",
    "居民户口簿补发记录",
    "城镇职工医疗保险参保缴费",
    "住房公积金缴存明细",
    "最低生活保障对象名单",
    "残疾人两项补贴发放记录",
    "印刷包装企业信用档案",
    "生活垃圾分类投放点位",
    "污水零直排小区清单",
    "公共交通线路站点",
    "停车场泊位实时状态",
    "失业保险金发放记录",
    "驾驶证信息查询",
    "新生儿出生登记",
    "婚姻登记信息",
    "行政区划代码 330383198001",
    "统一社会信用代码 91330383MA2AXXXX1B",
    "空气质量监测站小时数据",
    "应急避难场所分布",
    "网格员巡查事件",
    "矛盾纠纷调解案卷",
    "数据共享接口 API v2 调用日志",
]

# query → the titles (by a part of each) a person would expect.
LABELLED = {
    "养老": ["养老保险待遇"],
    "养老金": ["养老保险待遇", "退休金"],
    "退休金怎么领": ["退休金"],
    "房产": ["不动产登记"],
    "租房": ["房屋租赁"],
    "法人": ["企业法人", "印刷包装企业", "企业职工"],
    "户口": ["户籍人口", "户口簿"],
    "户籍": ["户籍人口", "户口簿"],
    "医保": ["医疗保险"],
    "公积金": ["公积金"],
    "低保": ["最低生活保障"],
    "残疾人补助": ["残疾人两项补贴"],
    "印刷企业": ["印刷包装企业"],
    "垃圾分类": ["垃圾分类"],
    "污水": ["污水零直排"],
    "公交": ["公共交通"],
    "停车": ["停车场"],
    "失业金": ["失业保险金"],
    "驾照": ["驾驶证"],
    "结婚": ["婚姻登记"],
    "区划": ["行政区划"],
    "330383198001": ["行政区划"],
    "330383": ["行政区划"],
    "91330383ma2a": ["统一社会信用代码"],
    "９１３３０３８３ＭＡ２Ａ": ["统一社会信用代码"],
    "信用代码": ["统一社会信用代码"],
    "大气": ["空气质量"],
    "纠纷": ["纠纷调解"],
    "接口日志": ["接口 API"],
    "api": ["接口 API"],
    "ylbx": ["养老保险待遇", "医疗保险"],
    "bdc": ["不动产"],
}


class Index:
    """A full-text index in memory."""

    def __init__(self, titles: list[str]) -> None:
        self.titles = titles
        self.database = sqlite3.connect(":memory:")
        self.database.execute(
            f"CREATE VIRTUAL TABLE found USING fts5(title, body, tokenize='{FTS5_TOKENIZER}')"
        )
        rows = [(" ".join(title_tokens(t)), " ".join(document_tokens(t))) for t in titles]
        self.database.executemany("INSERT INTO found VALUES (?, ?)", rows)

    def match(self, expression: str) -> list[str]:
        rows = self.database.execute(
            "SELECT rowid FROM found WHERE found MATCH ? ORDER BY rank", [expression]
        )
        return [self.titles[rowid - 1] for (rowid,) in rows]

    def search(self, text: str) -> list[str]:
        query = parse_query(text)
        return self.match(fts5_match(query)) or self.match(fts5_match(query, mode=Mode.ANY))


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    made = Index(TITLES)
    yield made
    made.database.close()


@pytest.mark.parametrize("text", LABELLED)
def test_what_a_person_expects_is_found(index, text):
    found = index.search(text)
    missing = [part for part in LABELLED[text] if not any(part in title for title in found)]
    assert missing == []


def test_little_else_is_found(index):
    expected = sum(len(parts) for parts in LABELLED.values())
    returned = sum(len(index.search(text)) for text in LABELLED)
    assert expected / returned > 0.7


@pytest.mark.parametrize(
    "text", [t[start : start + size] for t in TITLES[:8] for size in (2, 3, 4) for start in (0, 1)]
)
def test_any_two_to_four_characters_of_a_title_find_it(index, text):
    title = next(t for t in TITLES if text in t)
    assert title in index.search(text)


def test_a_word_nobody_indexed_still_finds_its_parts(index):
    assert index.match(fts5_match(parse_query("养老服务机构"))) == []
    assert "城乡居民养老保险待遇发放明细" in index.search("养老服务机构")


def test_polite_words_do_not_narrow_the_search(index):
    assert index.search("请问我的公积金怎么查询？")[0] == "住房公积金缴存明细"


class TestDocuments:
    def test_chinese_gives_characters_and_pairs_and_codes_stay_whole(self):
        assert document_tokens("龙港市GB/T 2260") == [
            *("龙", "港", "市", "龙港", "港市"),
            *("gb", "t", "gbt", "2260"),
        ]

    def test_pairs_do_not_cross_punctuation(self):
        assert "港社" not in document_tokens("龙港、社区")
        assert "港社" not in document_tokens("龙港 社区")

    def test_full_width_and_case_are_folded(self):
        assert document_tokens("ＡＢＣ１２３") == document_tokens("abc123") == ["abc123"]

    def test_rare_characters_of_names_are_kept(self):
        assert document_tokens("𬭊〇") == ["𬭊", "〇", "𬭊〇"]

    def test_eighteen_digits_stay_one_token(self):
        assert document_tokens("330383198001010011") == ["330383198001010011"]

    @given(st.text())
    def test_a_token_never_holds_a_separator_or_a_quote(self, text):
        for token in title_tokens(text):
            assert token
            assert not re.search(r"[\s'\"\\*:&|!()\x00-\x1f]", token)
            assert len(token) <= 64


class TestPinyin:
    @pytest.mark.parametrize(
        ("word", "letters"),
        [
            ("养老金", "ylj"),
            ("不动产", "bdc"),
            ("龙港市社区", "lgssq"),
            ("企业法人", "qyfr"),
            ("啊匝座", "azz"),
            ("空气质量", "kqzl"),
            ("应急", "yj"),
            ("统一", "ty"),
            ("纳税人", "nsr"),
            ("偶发", "of"),
        ],
    )
    def test_common_characters_have_their_initial(self, word, letters):
        assert pinyin.initials(word) == [letters]

    def test_an_unknown_character_parts_the_letters(self):
        assert pinyin.initials("龙\U0003239f港") == ["l", "g"]

    @pytest.mark.parametrize(
        ("title", "typed"),
        [
            ("银行账户", "yinhang"),
            ("行政区划", "xzqh"),
            ("重庆路", "chongqinglu"),
            ("龙港市长安路", "changan"),
            ("住房公积金缴存明细", "gongjijin"),
            ("参加工作时间", "canjia"),
        ],
    )
    def test_whole_pinyin_finds_with_the_reading_of_the_word(self, title, typed):
        own = Index([title])
        assert own.search(typed) == [title]
        own.database.close()

    def test_the_parts_of_a_thing_are_found_by_their_beginning_only(self):
        tokens = part_tokens("公民身份号码")
        assert {"gmsfhm", "gongminshenfenhaoma", "身份"} <= set(tokens)
        assert "sfhm" not in tokens

    def test_initials_from_the_middle_of_a_title_find_it(self, index):
        assert "住房公积金缴存明细" in index.search("gjj")

    def test_long_texts_carry_no_initials(self):
        assert "gjj" not in document_tokens("公积金")


class TestQueries:
    def test_a_word_and_its_synonyms_are_one_group(self):
        (group,) = parse_query("医保").groups
        assert (Term("医保"),) in group
        assert (Term("医疗"), Term("疗保"), Term("保险")) in group

    def test_only_codes_match_by_prefix(self):
        assert parse_query("330383").groups == (((Term("330383", prefix=True),),),)
        assert not any(t.prefix for g in parse_query("养老金").groups for a in g for t in a)

    @pytest.mark.parametrize("text", ["", "   ", "？！，。", '"', "()*:^-"])
    def test_a_text_without_words_is_an_empty_query_and_is_not_rendered(self, text):
        query = parse_query(text)
        assert not query
        for render in (fts5_match, tsquery):
            with pytest.raises(ValueError, match="没有可检索"):
                render(query)

    def test_a_very_long_query_is_cut(self):
        assert len(parse_query("养老金发放标准和条件" * 500).groups) <= 12

    def test_synonyms_lead_both_ways(self):
        table = segmentation.synonym_table()
        for word, others in table.items():
            assert len(word) > 1
            for other in others:
                assert word in table[other]


class TestNothingTypedBecomesSyntax:
    hostile = [
        '" OR 1 --',
        '养老" OR title : "户籍',
        "NEAR(养老 户籍, 5)",
        "养老 NOT 退休",
        "a* OR b*",
        "'; DROP TABLE found; --",
        "x' | 'y",
        "!secret & <-> (",
        "\\' :* & \x00 户籍",
        "title:养老",
        "^养老 + 户籍",
    ]

    @pytest.mark.parametrize("text", hostile)
    def test_operators_are_only_words(self, index, text):
        index.search(text)
        query = parse_query(text)
        for mode in Mode:
            # Without quoted tokens nothing but our own signs may be left.
            assert re.fullmatch(
                r"[() ]*((AND|OR|\*)[() ]*)*", re.sub(r'"\w+"', "", fts5_match(query, mode=mode))
            )
            assert re.fullmatch(
                r"[()&| ]*((:\*)[()&| ]*)*", re.sub(r"'\w+'", "", tsquery(query, mode=mode))
            )

    @settings(max_examples=150, deadline=None)
    @given(text=st.text(max_size=40))
    def test_any_text_at_all_is_a_valid_search(self, index, text):
        query = parse_query(text)
        if query:
            for mode in Mode:
                index.match(fts5_match(query, mode=mode))
                tsquery(query, mode=mode)

    @settings(max_examples=60, deadline=None)
    @given(text=st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=20))
    def test_every_text_finds_itself(self, text):
        own = Index([text])
        query = parse_query(text)
        if query:
            assert own.match(fts5_match(query)) == [text]
        own.database.close()

    def test_a_forged_token_is_refused(self):
        with pytest.raises(ValueError, match="不允许"):
            fts5_match(Query((((Term('x" OR "y'),),),)))

    def test_one_column_can_be_asked_for_and_its_name_is_checked(self, index):
        query = parse_query("ylbx")
        assert index.match(fts5_match(query, column="title"))
        assert index.match(fts5_match(query, column="body")) == []
        with pytest.raises(ValueError, match="列名"):
            fts5_match(query, column="title) OR (body")


def test_postgresql_gets_quoted_tokens():
    query = parse_query("养老金 330383")
    assert tsquery(query) == (
        "(('养老' & '老金') | ('退休' & '休金') | ('养老' & '老保' & '保险' & '险待' & '待遇'))"
        " & (('330383':*))"
    )
    assert tsquery(parse_query("户籍"), mode=Mode.ANY) == "'户籍' | '户口'"


class TestSegmentation:
    def test_words_put_together_are_the_run_again(self):
        for run in ("企业法人信用代码", "城乡居民养老保险待遇发放", "龙港市行政审批局"):
            assert "".join(word.text for word in segmentation.words(run)) == run

    def test_a_synonym_inside_a_longer_word_is_seen(self):
        assert "户籍" in [word.text for word in segmentation.words("户籍人口")]

    def test_many_threads_may_search_at_once(self):
        with ThreadPoolExecutor(max_workers=8) as pool:
            queries = set(pool.map(parse_query, ["新生儿怎么上户口"] * 50))
        assert len(queries) == 1

    def test_jieba_is_loaded_late_silently_and_leaves_no_file(self, tmp_path):
        code = (
            "import sys; from chengshu.kernel.search.text import parse_query;"
            "assert 'jieba' not in sys.modules; assert parse_query('养老金');"
            "assert 'jieba' in sys.modules"
        )
        environment = {
            **os.environ,
            "TMPDIR": str(tmp_path),
            # No byte code at hand: the compiler's warnings come up as on a fresh installation.
            "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert list(tmp_path.iterdir()) == []
