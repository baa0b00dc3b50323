"""SM2 with SM3 (GB/T 32918) over the machine's libcrypto: a pure library, used by the platform's
kernel and by the gateway, which know nothing of each other (docs/adr/0003-sm2-library.md).
"""

from chengshu_sm2.errors import Sm2Error, Sm2KeyError, Sm2Unavailable
from chengshu_sm2.keys import (
    DEFAULT_USER_ID,
    POINT_BYTES,
    SCALAR_BYTES,
    Sm2PrivateKey,
    Sm2PublicKey,
    der_to_raw,
    raw_to_der,
)
from chengshu_sm2.libcrypto import Libcrypto, libcrypto

__all__ = [
    "DEFAULT_USER_ID",
    "POINT_BYTES",
    "SCALAR_BYTES",
    "Libcrypto",
    "Sm2Error",
    "Sm2KeyError",
    "Sm2PrivateKey",
    "Sm2PublicKey",
    "Sm2Unavailable",
    "der_to_raw",
    "libcrypto",
    "raw_to_der",
]
