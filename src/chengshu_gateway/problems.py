"""Every refusal of the gateway: status, Chinese title and advice (RFC 9457 problem details).

The table is the single source for answers, the audit's `outcome` words and the documentation.
"""

import json
from dataclasses import dataclass, field

_DEFAULT_RETRY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One documented way in which a call is refused; `code` is the audit outcome."""

    code: str
    status: int
    title: str
    detail: str


def _kind(code: str, status: int, title: str, detail: str) -> ProblemKind:
    kind = ProblemKind(code, status, title, detail)
    KINDS[code] = kind
    return kind


KINDS: dict[str, ProblemKind] = {}

BAD_PATH = _kind(
    "bad_path",
    400,
    "请求地址不合规",
    "地址应为 /share/v1/{接口}/{主键}，主键按 UTF-8 百分号编码一次，"
    "不能含斜杠、百分号或控制字符。请改正后重新签名再发。",
)
BAD_QUERY = _kind(
    "bad_query",
    400,
    "查询参数不合规",
    "只接受一个 fields 参数，内容是逗号分隔的字段名，例如 ?fields=name,address。"
    "请去掉其他参数后重新签名再发。",
)
BAD_HEADER = _kind(
    "bad_header",
    400,
    "请求头不合规",
    "X-Cs-Purpose 应为百分号编码的 UTF-8 文本，不超过 200 字；X-Cs-Nonce 应为 8 至 64 个"
    "可见 ASCII 字符。请改正后重新签名再发。",
)
BAD_BODY = _kind(
    "bad_body",
    400,
    "请求体过大或没有收完",
    "按主键查一条不需要请求体（上限 64 KB）；批量等 POST 调用的请求体不超过 256 KB，20 秒内发完。"
    "请减少内容，分几次发。",
)
BAD_CONTENT = _kind(
    "bad_content",
    400,
    "请求内容不合规",
    "POST 的请求体应为一个 UTF-8 编码的 JSON 对象，只含该调用方式约定的成员，写法见接口文档。"
    "请改正后重新签名再发。",
)
BAD_CURSOR = _kind(
    "bad_cursor",
    400,
    "翻页标记不可用",
    "after 应为上一页应答里的 next，条件与上一页完全相同，由同一应用使用。请从第一页重新查询。",
)
STALE_CURSOR = _kind(
    "stale_cursor",
    410,
    "增量起点已失效",
    "变更记录只保留一段时间，授权或字段变了也要重来。请不带 since 从头全量读一遍（按 id 覆盖原有副本，"
    "没有读到的删去），再用新的 next 继续。",
)
UNSIGNED = _kind(
    "unsigned",
    401,
    "缺少签名",
    "请带齐 X-Cs-App、X-Cs-Key、X-Cs-Timestamp、X-Cs-Nonce、X-Cs-Signature 五个请求头，"
    "签名方法见接入指南。",
)
BAD_SIGNATURE = _kind(
    "bad_signature",
    401,
    "签名不正确",
    "应用、密钥编号或签名不匹配。请核对应用标识、密钥和签名原文（接入指南附有对照样例），"
    "连续失败会暂时锁定。",
)
BAD_TIMESTAMP = _kind(
    "bad_timestamp",
    401,
    "请求已过期",
    "X-Cs-Timestamp 与服务器时间相差超过 300 秒。请校准本机时钟（建议 NTP），重新签名再发。",
)
KEY_INACTIVE = _kind(
    "key_inactive",
    401,
    "密钥不可用",
    "该密钥已停用、尚未生效或已过期。请在控制台的应用页面启用或更换密钥。",
)
APP_DISABLED = _kind(
    "app_disabled", 403, "应用已停用", "该应用已被停用。请联系数据管理员了解原因并申请恢复。"
)
NOT_GRANTED = _kind(
    "not_granted",
    403,
    "未获授权",
    "该应用没有此接口的有效授权（接口不存在、未授权或授权已到期）。请在控制台提交共享申请。",
)
FIELD_NOT_GRANTED = _kind(
    "field_not_granted",
    403,
    "字段未获授权",
    "请求的字段不在授权范围内。请只请求已授权字段（访问 /share/v1/{接口} 可查看），"
    "或申请增加字段。",
)
NOT_QUERYABLE = _kind(
    "not_queryable",
    403,
    "字段不能作查询条件",
    "只能用接口声明为查询条件、并且不脱敏地授权给本应用的字段（访问 /share/v1/{接口} 可查看）。"
    "请改用这些字段，或申请增加。",
)
KIND_NOT_GRANTED = _kind(
    "kind_not_granted",
    403,
    "调用方式未获授权",
    "授权不含这种调用方式。请访问 /share/v1/{接口} 查看已授权的方式，或申请增加。",
)
NETWORK_REFUSED = _kind(
    "network_refused",
    403,
    "来源网络不允许",
    "请求来源地址不在授权的网络范围内。请从登记的服务器调用，或申请变更网络范围。",
)
NO_RECORD = _kind(
    "no_record", 404, "没有查到记录", "授权范围内没有该主键的记录。请核对主键；本次调用已留痕。"
)
NO_EXPORT = _kind(
    "no_export",
    404,
    "没有这份导出",
    "没有这个编号的导出，或还没有做好、已过期。请用 export-state 查看状态，或重新申请导出。",
)
BAD_METHOD = _kind(
    "bad_method",
    405,
    "不支持的请求方法",
    "按主键查用 GET /share/v1/{接口}/{主键}；批量查、核验、条件查询用 "
    "POST /share/v1/{接口}/batch、/verify、/query。请改正后再发。",
)
REPLAYED = _kind(
    "replayed",
    409,
    "重复的请求",
    "该随机数已经用过。每次调用（包括重试）都要用新的 X-Cs-Nonce 和时间戳重新签名。",
)
QUOTA_MINUTE = _kind(
    "quota_minute",
    429,
    "超过每分钟限额",
    "本分钟的限额不够这次调用。请按 Retry-After 的秒数等待后再调用，或申请提高限额。",
)
QUOTA_DAY = _kind(
    "quota_day",
    429,
    "超过每日限额",
    "今日的限额不够这次调用，北京时间零点恢复。如业务需要，请申请提高限额。",
)
GUESS_LIMIT = _kind(
    "guess_limit",
    429,
    "这条记录今日核验不符次数过多",
    "同一条记录一天内核验不符的次数已到授权的上限，北京时间零点恢复。请核对材料后再核验，不要逐个试值。",
)
SCANNING = _kind(
    "scanning",
    429,
    "查无记录过多，暂缓",
    "一分钟内查无记录或核验不符已到授权的上限，该接口暂缓一分钟，并已提示管理员。"
    "请核对主键来源，不要逐个试主键；查的人本来多不在册的，请申请放宽。",
)
LOCKED = _kind(
    "locked",
    429,
    "失败次数过多，暂时锁定",
    "短时间内签名失败次数过多。请按 Retry-After 的秒数等待，核对密钥后再试。",
)
BUSY = _kind(
    "busy",
    429,
    "调用过于密集",
    "该应用一分钟内的调用超过网关可承受的上限。请按 Retry-After 的秒数等待后再调用。",
)
BAD_TOKEN = _kind(
    "bad_token",
    401,
    "令牌不可用",
    "Authorization 应为 DPoP（绑定证书的为 Bearer）加本网关签发的令牌，五分钟内有效。请重新换取再发。",
)
BAD_PROOF = _kind(
    "bad_proof",
    401,
    "令牌的证明不正确",
    "DPoP 请求头应为持有密钥对本次请求签名的证明（RFC 9449），每次都要新的。请改正后再发。",
)
BAD_CERTIFICATE = _kind(
    "bad_certificate",
    401,
    "客户端证书不正确",
    "应以登记的、换取令牌时用的那张证书建立连接，由网关前的可信代理转来。请核对证书后重新换取令牌。",
)
BAD_CLIENT = _kind(
    "bad_client",
    401,
    "应用身份不正确",
    "应用编号与密钥、断言或客户端证书不匹配。请核对后再发，连续失败会暂时锁定。",
)
BAD_TOKEN_REQUEST = _kind(
    "bad_token_request",
    400,
    "换取令牌的请求不合规",
    "应为 POST 表单，grant_type=client_credentials，写法见接入指南。请改正后再发。",
)
NO_BUNDLE = _kind(
    "no_bundle",
    503,
    "共享服务尚未就绪",
    "网关还没有可用的授权数据。请稍后重试；若持续出现，请联系平台运维重新发布。",
)
NO_SNAPSHOT = _kind(
    "no_snapshot",
    503,
    "接口数据暂不可用",
    "该接口的数据正在发布或更新。请稍后重试；若持续出现，请联系数据提供部门。",
)
AUDIT_UNAVAILABLE = _kind(
    "audit_unavailable",
    503,
    "留痕服务不可用",
    "调用记录无法可靠保存，网关按规定停止应答，未返回任何数据。请稍后重试并通知平台运维。",
)
SOURCE_FAILED = _kind(
    "source_failed",
    502,
    "提供部门的接口出错",
    "平台已按授权转发，提供部门的接口没有给出合规的应答。不是您的请求有误，请按 Retry-After 的秒数稍后重试；"
    "若持续出现，请联系数据提供部门。",
)
SOURCE_OPEN = _kind(
    "source_open",
    503,
    "提供部门的接口暂停转发",
    "提供部门的接口连续出错，平台暂停转发，让它恢复。请按 Retry-After 的秒数稍后重试，或联系数据提供部门。",
)
SOURCE_BUSY = _kind(
    "source_busy",
    503,
    "提供部门的接口忙",
    "正在转发的请求太多，或提供部门限流。请按 Retry-After 的秒数稍后重试。",
)
SOURCE_TIMEOUT = _kind(
    "source_timeout",
    504,
    "提供部门的接口超时",
    "平台已按授权转发，提供部门没有在约定的时限内应答。请按 Retry-After 的秒数稍后重试；"
    "若持续出现，请联系数据提供部门。",
)
BUDGET_SPENT = _kind(
    "budget_spent",
    429,
    "本期隐私预算已用完",
    "每项统计都会用掉一些隐私预算，本期的已不够答新的问题；问过的问题仍可再问，答案相同，不再用预算。"
    "请按 Retry-After 的秒数在下一期再问，或申请增加预算。",
)
PRIVACY_UNAVAILABLE = _kind(
    "privacy_unavailable",
    503,
    "差分隐私暂不可用",
    "这项授权的统计要加随机扰动，本网关没有安装所需的 OpenDP，或预算账本写不下去，因此没有应答。请通知平台运维。",
)
INTERNAL = _kind(
    "internal",
    500,
    "网关内部错误",
    "网关处理请求时出错，未返回数据。请把 request_id 告知平台运维后重试。",
)


class Refusal(Exception):
    """A call that must not be answered with data.

    `extra` is shown to the caller (for example the fields that were not granted);
    `retry_after` is whole seconds: for 429 answers always, for others where somebody knows.
    """

    def __init__(
        self, kind: ProblemKind, *, retry_after: int | None = None, extra: str | None = None
    ) -> None:
        """Keep what the answer and the audit need."""
        super().__init__(kind.code)
        self.kind = kind
        self.retry_after = retry_after
        self.extra = extra


@dataclass(slots=True)
class ProblemAnswer:
    """A rendered problem document and its extra headers."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def render(refusal: Refusal, request_id: str) -> ProblemAnswer:
    """Return the problem+json answer for a refusal."""
    kind = refusal.kind
    document = {
        "type": f"urn:chengshu:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail if refusal.extra is None else f"{kind.detail}（{refusal.extra}）",
        "code": kind.code,
        "request_id": request_id,
    }
    headers: list[tuple[bytes, bytes]] = []
    if refusal.retry_after is not None or kind.status == 429:  # noqa: PLR2004 - an HTTP status is its own name
        seconds = max(refusal.retry_after or _DEFAULT_RETRY_SECONDS, 1)
        headers.append((b"retry-after", b"%d" % seconds))
        document["retry_after"] = seconds
    if kind is BAD_METHOD:
        headers.append((b"allow", b"GET"))
    if kind in (BAD_TOKEN, BAD_PROOF):
        word = b"invalid_token" if kind is BAD_TOKEN else b"invalid_dpop_proof"
        headers.append((b"www-authenticate", b'DPoP error="%s", algs="ES256 EdDSA Ed25519"' % word))
    if kind is BAD_CERTIFICATE:
        headers.append((b"www-authenticate", b'Bearer error="invalid_token"'))
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return ProblemAnswer(kind.status, body, headers)
