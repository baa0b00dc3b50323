"""How numbers, sizes and times read in Chinese: pure functions behind the template filters."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

Number = int | float | Decimal

WAN = 10_000
YI = 100_000_000
_SIZE_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_KIB = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_RELATIVE_DAYS = 7


def number(value: Number, places: int | None = None) -> str:
    """Write ``value`` with thousands separators: ``1,738,598``; ``places`` fixes the decimals."""
    if places is not None:
        return f"{value:,.{places}f}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def compact(value: Number) -> tuple[str, str]:
    """Split ``value`` as people speak: ``("632.29", "万")``, ``("1.2", "亿")``, ``("4,534", "")``.

    Below one 万 the number stays exact.
    """
    exact = Decimal(str(value))
    # Rounding must not produce "10,000 万": what rounds up to one 亿 is spoken in 亿.
    if abs(exact) >= YI - WAN * Decimal("0.005"):
        return number(round(exact / YI, 2)), "亿"
    if abs(exact) >= WAN:
        return number(round(exact / WAN, 2)), "万"
    return number(value), ""


def file_size(octets: int) -> str:
    """Write a number of bytes with a unit: ``3.4 MB``."""
    size = float(octets)
    for unit in _SIZE_UNITS:
        if size < _KIB or unit == _SIZE_UNITS[-1]:
            break
        size /= _KIB
    return f"{octets} B" if unit == "B" else f"{size:.1f} {unit}"


def percent(part: Number, whole: Number, places: int = 1) -> str:
    """Write ``part`` of ``whole`` as a percentage; ``—`` when there is no whole."""
    if not whole:
        return "—"
    return f"{float(part) * 100 / float(whole):.{places}f}%"


def duration(seconds: float) -> str:
    """Write a duration with its two largest units: ``3 分 20 秒``."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, secs = divmod(rest, _MINUTE)
    parts = [(days, "天"), (hours, "小时"), (minutes, "分"), (secs, "秒")]
    first = next((i for i, (count, _) in enumerate(parts) if count), len(parts) - 1)
    told = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(told) or "0 秒"


def date_time(moment: datetime) -> str:
    """Write a moment in local time: ``2026-11-23 14:05``."""
    return f"{_local(moment):%Y-%m-%d %H:%M}"


def iso_date(day: date) -> str:
    """Write a day: ``2026-11-23``; of a moment, its local day."""
    return f"{_local(day) if isinstance(day, datetime) else day:%Y-%m-%d}"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Tell a moment relative to now: ``刚刚``, ``5 分钟前``, ``昨天 14:05``, ``3 天后``, else the date."""
    then, today = _local(moment), _local(now or timezone.now())
    gap = (today - then).total_seconds()
    word = "前" if gap >= 0 else "后"
    gap = abs(gap)
    if gap < _MINUTE:
        return "刚刚" if word == "前" else "马上"
    if gap < _HOUR:
        return f"{int(gap // _MINUTE)} 分钟{word}"
    if then.date() == today.date():
        return f"{int(gap // _HOUR)} 小时{word}"
    days = (today.date() - then.date()) / timedelta(days=1)
    if abs(days) == 1:
        return f"{'昨天' if days > 0 else '明天'} {then:%H:%M}"
    if abs(days) < _RELATIVE_DAYS:
        return f"{int(abs(days))} 天{word}"
    return f"{then:%Y-%m-%d}"


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment
