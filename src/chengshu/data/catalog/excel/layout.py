"""The sheets and columns of the file: one description for template, export and import."""

from dataclasses import dataclass
from typing import Literal

from chengshu.data.catalog import choices

CellKind = Literal["text", "number", "flag", "choice", "choices", "reference", "date", "words"]

NOTES_SHEET = "填写说明"
OPTIONS_SHEET = "选项"
EXAMPLE_PREFIX = "示例"
YES, NO = "是", "否"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetColumn:
    """One column. ``options`` are the pairs of an enumeration; ``source`` names a list of the options sheet.

    ``words`` are several texts in one cell, parted by 、.
    """

    field: str
    title: str
    note: str = ""
    required: bool = False
    kind: CellKind = "text"
    options: tuple[tuple[str, str], ...] = ()
    source: str = ""
    width: int = 16
    aliases: tuple[str, ...] = ()
    """Titles of earlier templates, which are still read."""

    @property
    def header(self) -> str:
        """The title as it stands in row 1; a star marks what must be filled."""
        return f"{self.title}*" if self.required else self.title


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet; the values of ``key`` identify a row."""

    title: str
    columns: tuple[SheetColumn, ...]
    examples: tuple[tuple[str, ...], ...]


def pairs(enumeration: type) -> tuple[tuple[str, str], ...]:
    """Values and words of an enumeration, as the options of a column."""
    return tuple((str(v), str(w)) for v, w in enumeration.choices)  # type: ignore[attr-defined]


SYSTEMS = Sheet(
    "信息系统",
    (
        SheetColumn(field="code", title="系统代码", required=True, note="字母、数字、点、横线，登记后不改"),
        SheetColumn(field="name", title="系统名称", required=True, width=28),
        SheetColumn(
            field="owner", title="责任单位", required=True, kind="reference",
            source="organizations", note="机构代码，可从下拉中选", width=26,
        ),
        SheetColumn(field="purpose", title="主要用途", required=True, width=40),
        SheetColumn(
            field="security_level", title="等保级别", required=True, kind="choice",
            options=pairs(choices.ProtectionLevel),
        ),
        SheetColumn(field="network", title="所在网络", note="如 政务外网"),
        SheetColumn(field="cloud", title="部署位置", note="如 政务云公共服务区"),
        SheetColumn(
            field="status", title="状态", kind="choice", options=pairs(choices.SystemStatus),
            note="不填为“运行”",
        ),
        SheetColumn(field="online_since", title="上线日期", kind="date", note="如 2024-03-01"),
        SheetColumn(field="cloud_zone", title="云区", note="如 公共服务区、行政服务区"),
        SheetColumn(field="security_record", title="等保备案号", width=22),
        SheetColumn(field="builder", title="承建单位", width=24),
        SheetColumn(field="maintainer", title="运维单位", width=24),
        SheetColumn(field="contact", title="联系人"),
        SheetColumn(field="contact_phone", title="联系电话"),
        SheetColumn(
            field="business_codes", title="业务事项", kind="words", note="事项编码，多个用顿号分开",
            width=28,
        ),
    ),
    (("示例-PERMIT", "示例 排污许可管理系统", "（机构代码）", "排污许可证的受理、审查与核发", "三级",
      "政务外网", "政务云行政服务区", "运行", "2024-03-01"),),
)  # fmt: skip

RESOURCES = Sheet(
    "数据资源",
    (
        SheetColumn(
            field="physical_name", title="物理表名", required=True, width=26,
            note="全市唯一，小写字母开头，用来把三张表连起来；登记后不改",
        ),
        SheetColumn(field="code", title="资源代码", note="新资源留空，保存时自动赋码", width=20),
        SheetColumn(field="title", title="资源名称", required=True, width=32),
        SheetColumn(
            field="provider", title="提供单位", required=True, kind="reference",
            source="organizations", width=26,
        ),
        SheetColumn(
            field="category", title="资源分类", required=True, kind="reference",
            source="categories", note="细目的分类代码", width=30,
        ),
        SheetColumn(field="summary", title="摘要", note="数据是什么、覆盖谁，至少 10 个字", width=44),
        SheetColumn(
            field="system", title="所属系统", kind="reference", source="systems", width=24,
            note="系统代码；可以是本文件“信息系统”表里新登记的",
        ),
        SheetColumn(
            field="warehouse", title="数据仓", kind="reference", source="warehouses", width=20
        ),
        SheetColumn(
            field="sharing_type", title="共享类型", kind="choice",
            options=pairs(choices.SharingType),
        ),
        SheetColumn(field="sharing_condition", title="共享条件", note="有条件共享时必填", width=28),
        SheetColumn(
            field="sharing_basis", title="共享属性依据", note="法规名称和条款，不予共享时必填",
            width=28, aliases=("不予共享的依据",),
        ),
        SheetColumn(
            field="sharing_method", title="共享方式", kind="choice",
            options=pairs(choices.SharingMethod), note="不填为“接口调用”",
        ),
        SheetColumn(
            field="open_type", title="开放类型", kind="choice", options=pairs(choices.OpenType),
        ),
        SheetColumn(field="open_condition", title="开放条件", note="受限开放时必填", width=28),
        SheetColumn(
            field="update_cycle", title="更新周期", kind="choice",
            options=pairs(choices.UpdateCycle),
        ),
        SheetColumn(
            field="level_floor", title="从严定级", kind="choice", options=pairs(choices.Level),
            note="留空则按数据项的最高级别",
        ),
        SheetColumn(
            field="national_class", title="国家分级", kind="choice",
            options=pairs(choices.NationalClass), note="不填为“一般数据”",
        ),
        SheetColumn(
            field="formats", title="数据格式", kind="choices", options=pairs(choices.DataFormat),
            note="多个用顿号分开",
        ),
        SheetColumn(field="change_note", title="变更说明", note="修改已发布的目录时填写", width=30),
        SheetColumn(
            field="kind", title="资源类型", kind="choice", options=pairs(choices.ResourceKind),
            note="不填为“库表”",
        ),
        SheetColumn(field="keywords", title="关键字", kind="words", note="多个用顿号分开", width=28),
        SheetColumn(
            field="theme", title="领域主题", kind="choice", options=pairs(choices.Theme),
        ),
        SheetColumn(field="spatial", title="空间范围", note="行政区划代码或名称"),
        SheetColumn(field="temporal_start", title="时间范围起", kind="date"),
        SheetColumn(field="temporal_end", title="时间范围止", kind="date", note="持续更新的留空"),
        SheetColumn(
            field="related", title="关联资源", kind="words", note="资源代码，多个用顿号分开", width=28
        ),
        SheetColumn(field="is_lead", title="数源单位", kind="flag", note="不填为“否”"),
        SheetColumn(field="source_name", title="来源数据源", width=22),
        SheetColumn(field="source_table", title="来源库表", note="模式名.表名", width=26),
        SheetColumn(
            field="business_codes", title="业务事项", kind="words", note="事项编码，多个用顿号分开",
            width=28,
        ),
        SheetColumn(field="open_basis", title="开放属性依据", note="法规名称和条款", width=28),
        SheetColumn(field="level_basis", title="定级依据", width=28),
        SheetColumn(field="access_protocol", title="协议", note="接口、数据流填写，如 REST/JSON、MQTT"),
        SheetColumn(field="access_method", title="请求方法", note="接口填写，如 GET"),
        SheetColumn(
            field="access_address", title="地址、路径或主题", width=36,
            note="接口地址；文件的路径与文件名；数据流的主题",
        ),
    ),
    (("示例_permit", "", "示例 排污许可证信息", "（机构代码）", "（分类代码）",
      "全市排污单位领取的排污许可证，一证一条", "示例-PERMIT", "", "无条件共享", "", "", "接口调用",
      "禁止开放", "", "每日", "", "一般数据", "数据库表", ""),),
)  # fmt: skip

ITEMS = Sheet(
    "数据项",
    (
        SheetColumn(
            field="physical_name", title="物理表名", required=True, width=26,
            note="与“数据资源”表一致",
        ),
        SheetColumn(field="name", title="字段名", required=True, width=22),
        SheetColumn(field="title", title="中文名称", required=True, width=22),
        SheetColumn(
            field="type", title="类型", required=True, kind="choice", options=pairs(choices.ItemType),
        ),
        SheetColumn(field="length", title="长度", kind="number", note="文本的最多字数"),
        SheetColumn(field="precision", title="总位数", kind="number", note="小数的总位数"),
        SheetColumn(field="scale", title="小数位", kind="number"),
        SheetColumn(field="nullable", title="可空", kind="flag", note="不填为“是”"),
        SheetColumn(field="is_key", title="主键", kind="flag", note="不填为“否”"),
        SheetColumn(
            field="code_table", title="代码表", kind="reference", source="code_tables", width=22
        ),
        SheetColumn(
            field="format", title="格式", kind="choice", options=pairs(choices.ItemFormat),
        ),
        SheetColumn(field="minimum", title="最小值"),
        SheetColumn(field="maximum", title="最大值"),
        SheetColumn(field="pattern", title="正则"),
        SheetColumn(
            field="sensitivity", title="敏感级别", kind="choice", options=pairs(choices.Level),
            note="不填为 L1",
        ),
        SheetColumn(field="definition", title="定义", width=36),
        SheetColumn(
            field="element", title="数据元", kind="reference", source="elements", width=22,
            note="数据元标识符",
        ),
        SheetColumn(field="english", title="英文名称", width=22),
        SheetColumn(field="unit", title="计量单位"),
    ),
    (("示例_permit", "permit_no", "许可证编号", "文本", "30", "", "", "否", "是", "", "", "", "",
      "", "L1", "核发机关编的许可证编号"),
     ("示例_permit", "uscc", "统一社会信用代码", "文本", "18", "", "", "否", "否", "",
      "统一社会信用代码", "", "", "", "L1", "")),
)  # fmt: skip

SHEETS = (SYSTEMS, RESOURCES, ITEMS)
