"""The key of one export file: an age identity that both sides derive from the application's key.

The file is an age file (age-encryption.org/v1: X25519, ChaCha20-Poly1305 in chunks of 64 KiB). The
identity is HMAC-SHA256(secret, "chengshu-export" NUL export) in age's own form, so that any age
program can open the file, every file has a key of its own, and none has to be sent.
"""

import hmac

_HRP = "age-secret-key-"
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def identity(secret: str, export: str) -> str:
    """Return the age identity ("AGE-SECRET-KEY-1…") of an export for the key that asked for it."""
    raw = hmac.digest(secret.encode(), f"chengshu-export\0{export}".encode(), "sha256")
    return _bech32(raw).upper()


def _bech32(raw: bytes) -> str:
    """BIP 173, as age writes its keys."""
    bits = int.from_bytes(raw, "big") << (-len(raw) * 8 % 5)
    count = -(-len(raw) * 8 // 5)
    values = [bits >> 5 * (count - 1 - at) & 31 for at in range(count)]
    prefix = [ord(each) >> 5 for each in _HRP] + [0] + [ord(each) & 31 for each in _HRP]
    left = _polymod([*prefix, *values, *[0] * _CHECKSUM]) ^ 1
    values += [left >> 5 * (_CHECKSUM - 1 - at) & 31 for at in range(_CHECKSUM)]
    return f"{_HRP}1{''.join(_ALPHABET[each] for each in values)}"


def _polymod(values: list[int]) -> int:
    left = 1
    for value in values:
        top = left >> 25
        left = (left & 0x1FFFFFF) << 5 ^ value
        for at, part in enumerate(_GENERATOR):
            left ^= part if top >> at & 1 else 0
    return left
