"""What other packages use of the scan."""

from chengshu.data.classification.mask_uses import register_mask_uses
from chengshu.data.classification.selectors import count_open

__all__ = ["count_open", "register_mask_uses"]
