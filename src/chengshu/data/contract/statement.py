"""The one SELECT of a contract: typed value and violation mask of every column, in DuckDB SQL.

Input columns of the scanned batch, by position i of the contract: `n{i}` normalised text, and where
they apply `s{i}` (format is right), `d{i}` (check digit is right), `k{i}` (code is known).
Output, in the order of the input: the typed value `t{i}` of every column that is not text (normalised
text needs no typing), and the mask `m{i}` of rule bits of every column.
"""

from collections.abc import Iterable

from chengshu.data.contract.model import ColumnFormat, ColumnSpec, ColumnType, TableContract
from chengshu.data.contract.rules import RULES

ROW_COLUMN = "_row"
CHECKED_FORMATS = (ColumnFormat.ID_NUMBER, ColumnFormat.USCC, ColumnFormat.BANK_CARD)

TRUE_WORDS = ("是", "真", "true", "t", "yes", "y", "1")
FALSE_WORDS = ("否", "假", "false", "f", "no", "n", "0")
_CHINA_OFFSET = 8 * 3600 * 1_000_000  # microseconds
_DAY = r"[1-9]\d{3}-\d{1,2}-\d{1,2}"
_TIME = r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?"
_ZONE = r"( ?(Z|[+-]\d{2}(:?\d{2})?))"


def literal(value: str) -> str:
    """A text as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def select_statement(contract: TableContract, source: str, positions: Iterable[int]) -> str:
    """SELECT of some columns of the prepared batch `source` (see the module's text)."""
    carried: list[str] = []
    outer: list[str] = []
    masks: list[str] = []
    for i in positions:
        spec = contract.columns[i]
        carried += [f"n{i}", *(name + str(i) for name in _flags(spec))]
        if spec.type is not ColumnType.TEXT:
            carried.append(f"{_typed(spec, f'n{i}')} AS t{i}")
            outer.append(f"t{i}")
        masks.append(f"{_mask(spec, i)} AS m{i}")
    inner = f"SELECT {', '.join(carried)} FROM {source}"  # noqa: S608 - built from quoted parts
    return f"SELECT {', '.join(outer + masks)} FROM ({inner})"  # noqa: S608


def _flags(spec: ColumnSpec) -> list[str]:
    if spec.codes is not None:
        return ["k"]
    return ["s", "d"] if spec.format is not None else []


def _matches(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, {literal(pattern)})"


def _typed(spec: ColumnSpec, n: str) -> str:
    """The typed value; NULL where the text is not of that type."""
    match spec.type:
        case ColumnType.INTEGER:
            loose = _matches(n, r"[+-]?(\d{1,19}|\d{1,3}(,\d{3})+)(\.0*)?")
            digits = f"replace(split_part(ltrim({n}, '+'), '.', 1), ',', '')"
            return (
                f"CASE WHEN {_matches(n, r'-?[0-9]{1,19}')} THEN TRY_CAST({n} AS BIGINT) "
                f"WHEN {loose} THEN TRY_CAST({digits} AS BIGINT) END"
            )
        case ColumnType.DECIMAL:
            precision, scale = spec.decimal_size
            return (
                f"CASE WHEN {_decimal_shape(n)} THEN "
                f"TRY_CAST({_decimal_text(n)} AS DECIMAL({precision}, {scale})) END"
            )
        case ColumnType.DATE:
            return _date(n)
        case ColumnType.DATETIME:
            return _datetime(n)
        case _:
            yes, no = (", ".join(literal(w) for w in ws) for ws in (TRUE_WORDS, FALSE_WORDS))
            return f"CASE WHEN lower({n}) IN ({yes}) THEN TRUE WHEN lower({n}) IN ({no}) THEN FALSE END"


def _decimal_shape(n: str) -> str:
    return _matches(n, r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?|[+-]?\.\d+")


def _decimal_text(n: str) -> str:
    return f"CASE WHEN contains({n}, ',') THEN replace({n}, ',', '') ELSE {n} END"


def _date(n: str) -> str:
    other = _matches(n, r"[1-9]\d{3}(/\d{1,2}/\d{1,2}|\.\d{1,2}\.\d{1,2})")
    compact = f"{n}[1:4] || '-' || {n}[5:6] || '-' || {n}[7:8]"
    midnight = _matches(n, r"[1-9]\d{3}[-/]\d{1,2}[-/]\d{1,2}[ T]0?0:00(:00(\.0+)?)?")
    return (
        f"CASE WHEN {_matches(n, _DAY)} THEN TRY_CAST({n} AS DATE) "
        f"WHEN {other} THEN TRY_CAST(translate({n}, '/.', '--') AS DATE) "
        f"WHEN {_matches(n, r'[1-9][0-9]{7}')} THEN TRY_CAST({compact} AS DATE) "
        f"WHEN {midnight} THEN "
        f"TRY_CAST(regexp_extract(replace({n}, '/', '-'), {literal(_DAY)}) AS DATE) "
        f"WHEN {_matches(n, r'[0-9]{1,2}-[A-Za-z]{3}-[1-9][0-9]{3}')} THEN "
        f"CAST(try_strptime({n}, '%d-%b-%Y') AS DATE) END"
    )


def _datetime(n: str) -> str:
    """Wall-clock time in China; a text with an offset is shifted to it."""
    other_marks, dashes = literal(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})"), literal(r"\1-\2-\3")
    dashed = f"regexp_replace({n}, {other_marks}, {dashes})"
    plain = _matches(dashed, rf"{_DAY}([ T]{_TIME})?")
    zoned = _matches(dashed, rf"{_DAY}[ T]{_TIME}{_ZONE}")
    short_hour, long_hour = literal(r"[ T](\d):"), literal(r" 0\1:")
    padded = f"regexp_replace({dashed}, {short_hour}, {long_hour})"
    compact = _matches(n, r"[1-9]\d{13}")
    return (
        f"CASE WHEN {plain} THEN TRY_CAST({padded} AS TIMESTAMP) "
        f"WHEN {compact} THEN try_strptime({n}, '%Y%m%d%H%M%S') "
        f"WHEN {zoned} THEN make_timestamp(epoch_us(TRY_CAST({padded} AS TIMESTAMPTZ)) + {_CHINA_OFFSET}) "
        f"ELSE CAST({_date(n)} AS TIMESTAMP) END"
    )


def _mask(spec: ColumnSpec, i: int) -> str:
    """Sum of the bits of the broken rules of column i."""
    n, required = f"n{i}", RULES["required"].bit if spec.required else 0
    rules = _conditions(spec, i)
    total = " + ".join(f"CASE WHEN {test} THEN {RULES[key].bit} ELSE 0 END" for key, test in rules)
    broken = total or "0"
    trace = _spreadsheet_trace(spec, i)
    if trace:
        broken = f"CASE WHEN {trace} THEN {RULES['id_as_number'].bit} ELSE {broken} END"
    return f"CAST(CASE WHEN {n} IS NULL THEN {required} ELSE {broken} END AS USMALLINT)"


def _conditions(spec: ColumnSpec, i: int) -> list[tuple[str, str]]:
    n, t = f"n{i}", f"t{i}"
    rules: list[tuple[str, str]] = []
    if spec.type is ColumnType.DECIMAL:
        scale, text = spec.decimal_size[1], f"({_decimal_text(n)})"
        too_fine = (
            f"contains({n}, '.') AND strlen({text}) - strpos({text}, '.') > {scale} AND "
            f"strlen(rtrim(split_part({text}, '.', 2), '0')) > {scale}"
        )
        rules.append(("type", f"{t} IS NULL AND NOT {_decimal_shape(n)}"))
        rules.append(("precision", f"({too_fine}) OR ({t} IS NULL AND {_decimal_shape(n)})"))
    elif spec.type is not ColumnType.TEXT:
        rules.append(("type", f"{t} IS NULL"))
    if spec.length is not None:
        if spec.type is ColumnType.TEXT:
            rules.append(("length", f"length({n}) > {spec.length}"))
        elif spec.type is ColumnType.INTEGER:
            rules.append(("length", f"length(ltrim(CAST({t} AS VARCHAR), '-')) > {spec.length}"))
    if spec.codes is not None:
        rules.append(("code", f"NOT k{i}"))
    elif spec.format is not None:
        rules.append(("format", f"NOT s{i}"))
    if spec.codes is None and spec.format in CHECKED_FORMATS:
        rules.append(("check_digit", f"NOT d{i}"))
    if spec.pattern is not None:
        rules.append(("pattern", f"NOT {_matches(n, spec.pattern)}"))
    outside = [
        f"{t} {sign} {_bound(spec, bound)}"
        for sign, bound in (("<", spec.minimum), (">", spec.maximum))
        if bound is not None
    ]
    return [*rules, ("range", " OR ".join(outside))] if outside else rules


def _bound(spec: ColumnSpec, bound: str) -> str:
    """A bound keeps all its digits: rounding 0.005 to two places would move the fence."""
    target = {
        ColumnType.INTEGER: "HUGEINT",
        ColumnType.DECIMAL: "DOUBLE" if "e" in bound.lower() else "",
        ColumnType.DATE: "DATE",
    }.get(spec.type, "TIMESTAMP")
    return f"CAST({literal(bound)} AS {target})" if target else f"({bound})"


def _spreadsheet_trace(spec: ColumnSpec, i: int) -> str | None:
    """Signs that a spreadsheet stored the identifier as a number (it keeps 15 digits)."""
    n = f"n{i}"
    if spec.type is not ColumnType.TEXT or spec.codes is not None:
        return None
    with_plus = _matches(n, r"[1-9](\.[0-9]+)?[Ee]\+[0-9]{1,3}")
    scientific = f"(contains({n}, '+') AND {with_plus})"
    if spec.format is None or spec.format is ColumnFormat.EMAIL:
        return scientific
    with_point, bare = _matches(n, r"[0-9]+\.[0-9]+"), _matches(n, r"[1-9](\.[0-9]+)?E[0-9]{1,3}")
    number = f"(contains({n}, '.') AND {with_point})"
    exponent = f"(contains({n}, 'E') AND {bare})"
    cut_off = f" OR (NOT d{i} AND {_matches(n, r'[0-9]{15}000+')})"
    if spec.format not in CHECKED_FORMATS:
        cut_off = ""
    return f"({scientific} OR {number} OR {exponent}{cut_off})"
