"""Data elements and business items of the demo city, and what its entries say beyond the city's own description.

What an element is called and means is written here; its type, length, code table and level are read from the city's
own data items, so that the elements fit the catalogue they are derived from.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from chengshu.data.catalog.choices import BusinessKind, Level
from chengshu.data.catalog.suggestions import ElementIndex, KnownElement, normal, unit_of


class SourceItem(Protocol):
    """A data item as the demo city describes it."""

    @property
    def column(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def length(self) -> int | None: ...
    @property
    def precision(self) -> int | None: ...
    @property
    def scale(self) -> int | None: ...
    @property
    def code_table(self) -> str | None: ...
    @property
    def format(self) -> str | None: ...
    @property
    def level(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoElement:
    """A data element; ``owner`` is the last part of the unit's code, ``synonyms`` other names."""

    identifier: str
    title: str
    english: str
    object_class: str
    property_word: str
    representation: str
    owner: str
    source: str
    definition: str
    synonyms: tuple[str, ...]


# Title | English | object class | property | representation | unit | source | definition | other names
_ELEMENTS = """
公民身份号码|citizen identification number|人员|身份|号码|GA|公安部门|公安机关为公民编制的唯一的、终身不变的身份代码（GB 11643-1999）|身份证号、身份证号码、居民身份证号、身份号码
姓名|person name|人员|姓名|名称|GA|公安部门|在户籍管理部门登记注册、人事档案中正式记载的姓氏名称|人员姓名、本人姓名
性别代码|gender code|人员|性别|代码|GA|公安部门|人的性别的代码（GB/T 2261.1）|性别
出生日期|date of birth|人员|出生|日期|GA|公安部门|人员出生证明或户籍上记载的出生日期|出生年月日
民族代码|ethnic group code|人员|民族|代码|GA|公安部门|人员所属民族的代码（GB/T 3304）|民族
籍贯|native place|人员|籍贯|名称|GA|公安部门|人员祖居地或原籍所在地|祖籍
婚姻状况代码|marital status code|人员|婚姻状况|代码|SS|民政部门|人员当前婚姻状况的代码（GB/T 2261.2）|婚姻状况
政治面貌代码|political status code|人员|政治面貌|代码|ZZ|组织部门|人员政治面貌的代码（GB/T 4762）|政治面貌
学历代码|education level code|人员|学历|代码|SS|教育部门|人员接受教育的最高程度的代码（GB/T 4658）|文化程度
健康状况|health condition|人员|健康状况|状况|SS|卫生健康部门|人员身体健康的情况|身体状况
证件类型代码|identity document type code|证件|类型|代码|GA|公安部门|证明人员身份的证件的种类的代码|证件种类
户号|household number|户|编号|号码|GA|公安部门|户籍管理中户的编号|户编号
户主姓名|head of household name|户主|姓名|名称|GA|公安部门|户主的姓氏名称|
户主身份号码|head of household identification number|户主|身份|号码|GA|公安部门|户主的公民身份号码|户主公民身份号码
与户主关系代码|relation to head of household code|人员|与户主关系|代码|GA|公安部门|人员与户主关系的代码（GB/T 4761）|与户主关系
家庭住址|home address|人员|住所|地址|GA|公安部门|人员实际居住的地址|住址、居住地址、现住址
联系电话|contact telephone number|人员|联系电话|号码|GA|公安部门|能联系到本人的移动电话号码|手机号、手机号码、本人电话
电子邮箱|e-mail address|人员|电子邮箱|地址|ZHCS|数据主管部门|接收电子邮件的地址|邮箱、电子邮件
紧急联系人|emergency contact name|紧急联系人|姓名|名称|SS|民政部门|紧急情况下联系的人的姓名|
紧急联系人电话|emergency contact telephone|紧急联系人|联系电话|号码|SS|民政部门|紧急联系人的移动电话号码|
工作单位|employer name|人员|工作单位|名称|SS|人力资源社会保障部门|人员就业的单位的名称|就业单位
工作单位统一社会信用代码|employer unified social credit code|工作单位|统一社会信用|代码|SS|人力资源社会保障部门|人员就业的单位的统一社会信用代码|
社会保障卡银行账号|social security card account|社会保障卡|银行账号|号码|SS|人力资源社会保障部门|社会保障卡金融账户的账号|社保卡账号
银行卡号|bank card number|银行卡|卡号|号码|CZ|财政部门|发放资金的银行卡的卡号|银行账号
开户银行|bank name|账户|开户银行|名称|CZ|财政部门|开立账户的银行的名称|开户行
统一社会信用代码|unified social credit code|法人和其他组织|统一社会信用|代码|SJ|市场监管部门|法人和其他组织的唯一身份代码（GB 32100-2015）|社会信用代码、信用代码
单位名称|organization name|法人和其他组织|名称|名称|SJ|市场监管部门|依法登记的法人和其他组织的名称|企业名称、机构名称、市场主体名称
法定代表人姓名|legal representative name|法定代表人|姓名|名称|SJ|市场监管部门|依法代表法人行使职权的负责人的姓名|法定代表人、法人代表
法定代表人身份号码|legal representative identification number|法定代表人|身份|号码|SJ|市场监管部门|法定代表人的公民身份号码|
注册地址|registered address|法人和其他组织|注册|地址|SJ|市场监管部门|登记机关登记的住所|住所、注册住所
生产经营地址|business address|法人和其他组织|生产经营|地址|SJ|市场监管部门|实际从事生产经营的地址|经营地址、经营场所
经营范围|business scope|法人和其他组织|经营范围|说明|SJ|市场监管部门|登记的生产经营的项目|
注册资本(万元)|registered capital|法人和其他组织|注册资本|金额|SJ|市场监管部门|登记机关登记的资本总额|注册资金
成立日期|establishment date|法人和其他组织|成立|日期|SJ|市场监管部门|登记机关核准成立的日期|
登记状态代码|registration status code|法人和其他组织|登记状态|代码|SJ|市场监管部门|市场主体登记状态的代码|登记状态
行业门类代码|industry section code|法人和其他组织|行业门类|代码|JF|经济发展部门|国民经济行业门类的代码（GB/T 4754）|行业门类
市场主体类型|market entity type|法人和其他组织|类型|类别|SJ|市场监管部门|市场主体的种类|主体类型
从业人数(人)|number of employees|法人和其他组织|从业人员|数量|JF|经济发展部门|在单位工作并取得报酬的人数|从业人员数
纳税信用等级|tax credit rating|法人和其他组织|纳税信用|等级|SJ|税务部门|税务机关评定的纳税信用级别|纳税信用级别
信用风险等级|credit risk level|法人和其他组织|信用风险|等级|SJ|市场监管部门|监管用的企业信用风险的级别|
上年产值(万元)|output value of last year|法人和其他组织|上年产值|金额|JF|经济发展部门|上一年度工业产品的总价值|
联系人|contact name|单位联系人|姓名|名称|SJ|市场监管部门|单位指定的联系人的姓名|单位联系人
联系人手机|contact mobile number|单位联系人|手机|号码|SJ|市场监管部门|单位联系人的移动电话号码|联系人电话
单位联系电话|organization telephone|法人和其他组织|联系电话|号码|SJ|市场监管部门|单位对外公布的电话号码|单位电话
所属社区代码|community code|社区|区划|代码|ZF|民政部门|所在社区的 12 位统计用区划代码|社区代码
所属社区名称|community name|社区|名称|名称|ZF|民政部门|所在社区的名称|社区名称
所属网格编码|grid code|网格|编码|代码|ZF|政法部门|基层治理网格的编码|网格编码
详细地址|full address|地址|详细|地址|GA|公安部门|标准地址库中的完整地址|地址
街路巷名称|street name|街路巷|名称|名称|GA|公安部门|街路巷的标准名称|
门牌号|door number|门牌|编号|号码|GA|公安部门|门牌的编号|门牌号码
邮政编码|postal code|地址|邮政|代码|ZHCS|邮政部门|地址所属投递区的邮政编码|邮编
经度(度)|longitude|位置|经度|坐标|ZG|自然资源部门|2000 国家大地坐标系下的经度|经度坐标
纬度(度)|latitude|位置|纬度|坐标|ZG|自然资源部门|2000 国家大地坐标系下的纬度|纬度坐标
高程(米)|elevation|位置|高程|数值|ZG|自然资源部门|1985 国家高程基准下的高程|
坐标系|coordinate reference system|位置|坐标系|名称|ZG|自然资源部门|坐标所用的参考系的名称|
占地面积(平方米)|site area|地块|占地面积|数量|ZG|自然资源部门|占用土地的面积|
受理时间|acceptance time|办件|受理|时间|SP|政务服务部门|受理申请的时间|
受理人|acceptor name|办件|受理人|名称|SP|政务服务部门|受理申请的人员的姓名|
受理渠道|acceptance channel|办件|受理渠道|类别|SP|政务服务部门|提出申请的途径|
审核结果|review result|办件|审核结果|结果|SP|政务服务部门|审核的结论|
审核时间|review time|办件|审核|时间|SP|政务服务部门|作出审核结论的时间|
发证日期|issue date|证照|发证|日期|SP|政务服务部门|颁发证照的日期|颁证日期
发证机关|issuing authority|证照|发证机关|名称|SP|政务服务部门|颁发证照的机关的名称|颁证机关、发证单位
有效期起|valid from|证照|有效期起始|日期|SP|政务服务部门|证照有效期开始的日期|有效期自、有效期开始日期
有效期止|valid to|证照|有效期截止|日期|SP|政务服务部门|证照有效期结束的日期|有效期至、有效期截止日期
证照状态|licence status|证照|状态|类别|SP|政务服务部门|证照是否有效的情况|证件状态
号牌号码|vehicle plate number|机动车|号牌|号码|GA|公安部门|机动车号牌上的号码（GA 36）|车牌号、车牌号码
更新时间|update time|数据记录|更新|时间|ZHCS|数据主管部门|记录最近一次修改的时间|最后更新时间、修改时间
创建时间|creation time|数据记录|创建|时间|ZHCS|数据主管部门|记录建立的时间|
数据状态|record status|数据记录|状态|类别|ZHCS|数据主管部门|记录有效与否的情况|
数源单位代码|source organization code|数源单位|机构|代码|ZHCS|数据主管部门|产生数据的单位的机构代码|
数源单位名称|source organization name|数源单位|名称|名称|ZHCS|数据主管部门|产生数据的单位的名称|
源系统记录标识|source record identifier|数据记录|源系统标识|标识符|ZHCS|数据主管部门|记录在源系统中的唯一标识|
"""  # noqa: E501 - a table

# System (last part of its code) | kind | name | words in the titles of the entries it produces
_BUSINESS = """
XT02|service|政务服务办件受理|政务服务办件、办件共享材料
XT02|service|企业开办“一件事”|企业开办
XT02|service|出生“一件事”联办|出生一件事
XT02|service|身后“一件事”联办|身后一件事
XT02|permit|投资项目审批|投资项目
XT02|service|电子证照签发|电子证照、行政审批专用章
XT03|service|矛盾纠纷调处化解|矛盾纠纷、人民调解员
XT03|service|法律援助申请|法律援助
XT03|inspection|网格事件上报与处置|网格事件、网格员、网格划分
XT03|other_power|社区矫正对象管理|社区矫正
XT04|payment|最低生活保障审核确认|最低生活保障、低保边缘
XT04|payment|临时救助审核|临时救助
XT04|payment|特困人员救助供养|特困
XT04|payment|城乡居民养老保险待遇核发|养老保险、养老金
XT04|payment|高龄津贴发放|高龄津贴
XT04|payment|残疾人两项补贴|残疾人
XT04|confirmation|工伤认定|工伤
XT04|service|失业登记与就业登记|失业登记、就业登记
XT04|confirmation|婚姻登记|婚姻登记、离婚登记
XT04|confirmation|收养登记|收养
XT04|permit|社会组织成立登记|社会组织
XT04|payment|医疗救助|医疗救助
XT05|permit|公共场所卫生许可|公共场所卫生许可
XT05|permit|医师执业注册|执业医师
XT05|service|预防接种|预防接种
XT05|service|家庭医生签约服务|家庭医生
XT05|confirmation|出生医学证明签发|出生医学证明
XT06|service|义务教育入学报名|入学报名、学区
XT06|confirmation|教师资格认定|教师资格
XT06|payment|学生资助|学生资助
XT07|confirmation|户口登记与迁移|户籍人口、户口迁移、出生登记、死亡注销
XT07|confirmation|居民身份证办理|居民身份证
XT07|service|流动人口居住登记|流动人口、出租房屋
XT07|permit|出入境证件签发|出入境
XT07|other_power|公章刻制备案|印章刻制
XT08|permit|机动车登记|机动车登记
XT08|permit|机动车驾驶证核发|机动车驾驶人
XT08|penalty|交通违法处理|交通违法
XT09|confirmation|不动产登记|不动产、地籍
XT09|permit|建设工程规划许可|工程规划
XT09|permit|建筑工程施工许可|施工许可、竣工验收
XT09|service|商品房买卖合同备案|商品房、存量房
XT09|payment|公共租赁住房保障|公共租赁
XT10|confirmation|农村宅基地使用权确认|宅基地、建房审批
XT10|service|农村产权流转交易|产权交易、经营权流转
XT10|payment|耕地地力保护补贴|耕地地力
XT11|permit|市场主体设立登记|市场主体登记
XT11|permit|市场主体变更、注销登记|变更登记、注销登记
XT11|permit|食品经营许可|食品经营
XT11|permit|药品零售许可|药品零售
XT11|permit|特种设备使用登记|特种设备
XT11|service|消费投诉举报处理|消费投诉
XT11|penalty|市场监管行政处罚|市场监管行政处罚
XT12|permit|危险化学品经营许可|危险化学品
XT12|inspection|企业安全生产检查|隐患排查、风险分级
XT12|inspection|消防监督检查|消防监督
XT13|penalty|综合行政执法案件办理|行政执法案件、简易程序
XT13|permit|户外广告设置许可|户外广告
XT13|permit|建筑垃圾准运许可|建筑垃圾
XT14|internal|部门预算管理|部门预算
XT14|internal|政府采购|政府采购
XT14|payment|惠民惠农补贴发放|惠民惠农
XT15|payment|惠企政策兑现|惠企政策
XT15|permit|排污许可|排污许可
XT16|service|用水报装与缴费|用水
XT17|service|公交卡办理|公交卡
"""

# Field of life by warehouse; the others hold data of several fields.
THEMES = {
    "DW02": "market", "DW03": "geospatial", "DW04": "credit", "DW06": "employment",
    "DW07": "health", "DW08": "housing", "DW09": "safety", "DW10": "finance",
}  # fmt: skip


def demo_elements() -> list[DemoElement]:
    """The city's data elements, numbered in their order."""
    found = []
    for number, line in enumerate(_ELEMENTS.strip().splitlines(), 1):
        title, english, kind, prop, word, owner, source, definition, names = line.split("|")
        found.append(
            DemoElement(
                identifier=f"DE{number:05d}", title=normal(title), english=english,
                object_class=kind, property_word=prop, representation=word, owner=owner,
                source=source, definition=definition,
                synonyms=tuple(name for name in names.split("、") if name),
            )
        )  # fmt: skip
    return found


def element_index(elements: Iterable[DemoElement]) -> ElementIndex:
    """An index by title and synonym: what :class:`ElementIndex` finds for certain is bound."""
    return ElementIndex.of(
        KnownElement(identifier=e.identifier, title=e.title, synonyms=e.synonyms) for e in elements
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """How most of the city's items with an element's name are written."""

    column: str
    type: str
    length: int | None
    precision: int | None
    scale: int | None
    code_table: str
    format: str
    level: str
    unit: str


def shapes(items: Iterable[SourceItem]) -> dict[str, Shape]:
    """The commonest shape by normal title; of equally common levels the stricter one."""
    counted: dict[str, Counter[Shape]] = {}
    for item in items:
        shape = Shape(
            item.column, item.type, item.length, item.precision, item.scale, item.code_table or "",
            item.format or "", item.level or Level.L1, unit_of(item.title),
        )  # fmt: skip
        counted.setdefault(normal(item.title), Counter())[shape] += 1
    return {
        title: max(found.items(), key=lambda pair: (pair[1], pair[0].level, pair[0].column))[0]
        for title, found in counted.items()
    }


@dataclass(frozen=True, slots=True)
class DemoBusiness:
    """A business item of the system whose code ends with ``system``; ``words`` are in its entries' titles."""

    code: str
    system: str
    kind: str
    name: str
    words: tuple[str, ...]


def demo_business() -> Iterator[DemoBusiness]:
    """The city's business items."""
    for number, line in enumerate(_BUSINESS.strip().splitlines(), 1):
        system, kind, name, words = line.split("|")
        yield DemoBusiness(
            f"330383-SX{number:03d}", system, BusinessKind(kind), name, tuple(words.split("、"))
        )


def keywords(title: str, category: Iterable[str]) -> list[str]:
    """Words to find an entry by: its title without "信息", and where it is filed."""
    words = [title.removesuffix("信息"), *category]
    return list(dict.fromkeys(word for word in words if word))
