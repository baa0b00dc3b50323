"""The sheets of the file of standards: data elements, code tables, and the codes of the tables."""

from chengshu.data.catalog import choices
from chengshu.data.catalog.excel.layout import Sheet, SheetColumn, pairs

ELEMENTS = Sheet(
    "数据元",
    (
        SheetColumn(
            field="identifier", title="标识符", required=True, width=14,
            note="字母、数字、点、横线，发布后不改；已有的标识符表示修订它",
        ),
        SheetColumn(field="title", title="中文名称", required=True, width=24),
        SheetColumn(
            field="owner", title="管理单位", required=True, kind="reference",
            source="organizations", note="机构代码，可从下拉中选", width=26,
        ),
        SheetColumn(field="english", title="英文名称", note="发布前必填", width=26),
        SheetColumn(field="name", title="建议字段名", note="小写字母、数字、下划线", width=20),
        SheetColumn(field="definition", title="定义", note="发布前必填", width=44),
        SheetColumn(
            field="synonyms", title="同义名称", kind="words", note="多个用顿号分开", width=28
        ),
        SheetColumn(field="object_class", title="对象类词", note="发布前必填"),
        SheetColumn(field="property_word", title="特性词"),
        SheetColumn(field="representation", title="表示词", note="发布前必填，如 号码、代码、日期"),
        SheetColumn(
            field="type", title="数据类型", kind="choice", options=pairs(choices.ItemType),
            note="不填为“文本”",
        ),
        SheetColumn(field="length", title="长度", kind="number"),
        SheetColumn(field="precision", title="总位数", kind="number"),
        SheetColumn(field="scale", title="小数位", kind="number"),
        SheetColumn(field="data_format", title="数据格式", note="如 an18；不填按类型和长度写出"),
        SheetColumn(
            field="format", title="校验格式", kind="choice", options=pairs(choices.ItemFormat)
        ),
        SheetColumn(
            field="code_table", title="代码表", kind="reference", source="code_tables", width=22,
            note="代码表标识；可以是本文件“代码表”里新登记的",
        ),
        SheetColumn(field="minimum", title="最小值"),
        SheetColumn(field="maximum", title="最大值"),
        SheetColumn(field="pattern", title="正则"),
        SheetColumn(field="value_domain", title="值域", width=28),
        SheetColumn(field="unit", title="计量单位"),
        SheetColumn(
            field="sensitivity", title="敏感级别", kind="choice", options=pairs(choices.Level),
            note="不填为 L1",
        ),
        SheetColumn(field="relation", title="关系", width=28),
        SheetColumn(field="source", title="来源机构", note="发布前必填，如 公安部门"),
        SheetColumn(field="application", title="所属应用"),
        SheetColumn(field="note", title="备注", width=28),
        SheetColumn(field="change_note", title="修订说明", note="修订已发布的数据元时填写", width=30),
    ),
    (("示例DE001", "示例 公民身份号码", "（机构代码）", "citizen identification number", "id_number",
      "公安机关为公民编制的身份代码", "身份证号、身份证号码", "人员", "身份", "号码", "文本", "18"),),
)  # fmt: skip

CODE_TABLES = Sheet(
    "代码表",
    (
        SheetColumn(
            field="key", title="代码表标识", required=True, width=20,
            note="字母、数字、横线、下划线，登记后不改；用来和“代码”表连起来",
        ),
        SheetColumn(field="name", title="名称", required=True, width=28),
        SheetColumn(field="standard", title="依据标准", note="如 GB/T 2261.1-2003", width=24),
        SheetColumn(
            field="owner", title="管理单位", kind="reference", source="organizations", width=26
        ),
        SheetColumn(field="description", title="说明", width=40),
        SheetColumn(field="change_note", title="修订说明", note="修订已发布的代码时填写", width=30),
    ),
    (("示例_gender", "示例 性别代码", "GB/T 2261.1-2003"),),
)  # fmt: skip

CODES = Sheet(
    "代码",
    (
        SheetColumn(
            field="key", title="代码表标识", required=True, width=20, note="与“代码表”一致"
        ),
        SheetColumn(
            field="code", title="代码", required=True, note="按文本填写，前面的 0 不会丢；顺序就是行的顺序"
        ),
        SheetColumn(field="name", title="含义", required=True, width=40),
    ),
    (("示例_gender", "1", "男性"), ("示例_gender", "2", "女性")),
)  # fmt: skip

STANDARD_SHEETS = (ELEMENTS, CODE_TABLES, CODES)
