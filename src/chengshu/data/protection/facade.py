"""What other data packages use of the protection library: detectors of personal data, and masks."""

from chengshu.data.protection.detectors import (
    Finding,
    Kind,
    Span,
    detect_column,
    hide_personal,
    spans_of,
)
from chengshu.data.protection.detectors.numbers import STRICT_PATTERNS
from chengshu.data.protection.keys import mask_key
from chengshu.data.protection.masking import (
    NONE,
    SENSITIVE,
    Example,
    choices,
    examples,
    is_personal,
    joinable,
    mask_by_title,
    mask_name,
    preview_mask,
    sharing_mask,
    suggested,
)

__all__ = [
    "NONE",
    "SENSITIVE",
    "STRICT_PATTERNS",
    "Example",
    "Finding",
    "Kind",
    "Span",
    "choices",
    "detect_column",
    "examples",
    "hide_personal",
    "is_personal",
    "joinable",
    "mask_by_title",
    "mask_key",
    "mask_name",
    "preview_mask",
    "sharing_mask",
    "spans_of",
    "suggested",
]
