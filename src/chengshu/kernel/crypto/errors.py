"""Errors of the cryptography package. No message ever contains a key, a password or a plain
text.
"""

from http import HTTPStatus

from chengshu.kernel.errors import ChengshuError, Unavailable


class CryptoUnavailable(Unavailable):
    """The machine's libraries lack an algorithm; nothing was signed or encrypted."""

    title = "密码算法不可用"


class KeyringError(ChengshuError):
    """The secret keys of the environment are missing, malformed or readable by others."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "密钥配置有误"


class SealedValueError(ChengshuError):
    """A sealed value cannot be opened: altered, moved to another column, or sealed by an unknown
    key.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "加密数据无法解开"


class SigningKeyError(ChengshuError):
    """A signing key cannot be read: wrong format, wrong password, or not of the expected kind."""

    title = "签名密钥无法读取"
