"""SM2 keys and signatures (GB/T 32918-2016, GM/T 0009-2023) over libcrypto.

A signature covers SM3(Z || message), where Z binds the signer's user id, the curve and the
public key (GB/T 32918.2 §5.5). The default id ``1234567812345678`` is the one of GM/T 0009; it
is always set explicitly, because OpenSSL before 4.0 signs with an empty id when none is given.

Keys are immutable; every operation uses its own context, so one key may serve any number of
threads.
"""

from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from chengshu_sm2.errors import Sm2KeyError, Sm2Unavailable
from chengshu_sm2.libcrypto import Libcrypto, libcrypto

DEFAULT_USER_ID = b"1234567812345678"
POINT_BYTES = 65
SCALAR_BYTES = 32
_MAX_ID_BYTES = 8191  # ENTL counts bits in 16 bits (GB/T 32918.2 §5.5)

# DER around a bare key: SubjectPublicKeyInfo (RFC 5480) and PKCS #8 (RFC 5958) with
# id-ecPublicKey and the curve sm2p256v1 (1.2.156.10197.1.301). A bare point or scalar is how
# Chinese systems usually exchange SM2 keys.
_PUBLIC_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_PRIVATE_PREFIX = bytes.fromhex(
    "3041020100301306072a8648ce3d020106082a811ccf5501822d042730250201010420"
)


class Sm2PublicKey:
    """A public key that verifies."""

    def __init__(self, crypto: Libcrypto, handle: Any) -> None:
        self._crypto = crypto
        self._handle = handle

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read a ``PUBLIC KEY`` PEM.

        Raises:
            Sm2KeyError: not a PEM, not SM2, or not a point of the curve.
            Sm2Unavailable: no libcrypto with SM2.
        """
        crypto = libcrypto()
        return cls(crypto, _read(crypto, pem, crypto.lib.PEM_read_bio_PUBKEY, b""))

    @classmethod
    def from_point(cls, point: bytes) -> Self:
        """Read an uncompressed point: ``04 || x || y`` (65 bytes), or ``x || y`` (64 bytes).

        Raises:
            Sm2KeyError: wrong length, or not a point of the curve.
        """
        whole = b"\x04" + point if len(point) == POINT_BYTES - 1 else point
        if len(whole) != POINT_BYTES or whole[0] != 4:  # noqa: PLR2004 - SEC 1 tag: uncompressed
            raise Sm2KeyError("SM2 公钥应为 65 字节（04 开头）或 64 字节的坐标。")
        crypto = libcrypto()
        return cls(crypto, _read(crypto, _PUBLIC_PREFIX + whole, crypto.lib.d2i_PUBKEY_bio))

    def pem(self) -> bytes:
        """Return the key as a ``PUBLIC KEY`` PEM."""
        return _write(self._crypto, lambda lib, bio: lib.PEM_write_bio_PUBKEY(bio, self._handle))

    def point(self) -> bytes:
        """Return the key as an uncompressed point of 65 bytes."""
        der = _write(self._crypto, lambda lib, bio: lib.i2d_PUBKEY_bio(bio, self._handle))
        return der[-POINT_BYTES:]

    def verify(self, message: bytes, signature: bytes, user_id: bytes = DEFAULT_USER_ID) -> bool:
        """Tell whether the DER signature over ``message`` is genuine; a malformed one is not."""
        crypto = self._crypto
        with _Operation(crypto, self._handle, user_id) as context:
            done = crypto.lib.EVP_DigestVerifyInit(
                context, crypto.ffi.NULL, crypto.lib.EVP_sm3(), crypto.ffi.NULL, self._handle
            )
            if done != 1:
                raise _failed(crypto, "验签")
            verdict = crypto.lib.EVP_DigestVerify(
                context, signature, len(signature), message, len(message)
            )
            if verdict != 1:
                crypto.lib.ERR_clear_error()
            return bool(verdict == 1)


class Sm2PrivateKey:
    """A private key that signs. Its ``repr`` shows nothing of it."""

    def __init__(self, crypto: Libcrypto, handle: Any) -> None:
        self._crypto = crypto
        self._handle = handle
        self._signature_size = int(crypto.lib.EVP_PKEY_get_size(handle))

    @classmethod
    def generate(cls) -> Self:
        """Make a new key with OpenSSL's random generator.

        Raises:
            Sm2Unavailable: no libcrypto with SM2.
        """
        crypto = libcrypto()
        ffi, lib = crypto.ffi, crypto.lib
        context = lib.EVP_PKEY_CTX_new_from_name(ffi.NULL, b"SM2", ffi.NULL)
        slot = ffi.new("EVP_PKEY **")
        try:
            if lib.EVP_PKEY_keygen_init(context) != 1 or lib.EVP_PKEY_generate(context, slot) != 1:
                raise _failed(crypto, "生成密钥")
        finally:
            lib.EVP_PKEY_CTX_free(context)
        return cls(crypto, ffi.gc(slot[0], lib.EVP_PKEY_free))

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes = b"") -> Self:
        """Read a ``PRIVATE KEY``, ``ENCRYPTED PRIVATE KEY`` or ``EC PRIVATE KEY`` PEM.

        Raises:
            Sm2KeyError: not a PEM, not SM2, wrong password, or public and private part do
                not fit.
            Sm2Unavailable: no libcrypto with SM2.
        """
        if b"\0" in password:
            raise Sm2KeyError("私钥口令不能包含空字符。")
        crypto = libcrypto()
        handle = _read(crypto, pem, crypto.lib.PEM_read_bio_PrivateKey, password)
        return cls(crypto, _checked_pair(crypto, handle))

    @classmethod
    def from_scalar(cls, scalar: bytes) -> Self:
        """Read a bare private key of 32 bytes, big-endian.

        Raises:
            Sm2KeyError: wrong length or out of the curve's range.
        """
        if len(scalar) != SCALAR_BYTES:
            raise Sm2KeyError("SM2 私钥应为 32 字节。")
        crypto = libcrypto()
        handle = _read(crypto, _PRIVATE_PREFIX + scalar, crypto.lib.d2i_PrivateKey_bio)
        return cls(crypto, _checked_pair(crypto, handle))

    def pem(self, password: bytes = b"") -> bytes:
        """Return the key as PKCS #8 PEM; with a password encrypted (PBES2, AES-256-CBC)."""
        ffi = self._crypto.ffi
        cipher = self._crypto.lib.EVP_aes_256_cbc() if password else ffi.NULL
        secret = ffi.from_buffer("char[]", password) if password else ffi.NULL
        return _write(
            self._crypto,
            lambda lib, bio: lib.PEM_write_bio_PKCS8PrivateKey(
                bio, self._handle, cipher, secret, len(password), ffi.NULL, ffi.NULL
            ),
            secure=True,
        )

    def public_key(self) -> Sm2PublicKey:
        """Return the public half."""
        public = _write(self._crypto, lambda lib, bio: lib.i2d_PUBKEY_bio(bio, self._handle))
        return Sm2PublicKey.from_point(public[-POINT_BYTES:])

    def sign(self, message: bytes, user_id: bytes = DEFAULT_USER_ID) -> bytes:
        """Return the DER signature of ``message`` (70 to 72 bytes as a rule).

        Raises:
            Sm2Unavailable: OpenSSL failed, for example without randomness.
        """
        crypto = self._crypto
        ffi, lib = crypto.ffi, crypto.lib
        with _Operation(crypto, self._handle, user_id) as context:
            if (
                lib.EVP_DigestSignInit(context, ffi.NULL, lib.EVP_sm3(), ffi.NULL, self._handle)
                != 1
            ):
                raise _failed(crypto, "签名")
            signature = ffi.new("unsigned char[]", self._signature_size)
            length = ffi.new("size_t *", self._signature_size)
            if lib.EVP_DigestSign(context, signature, length, message, len(message)) != 1:
                raise _failed(crypto, "签名")
            return bytes(ffi.buffer(signature, length[0]))


def der_to_raw(signature: bytes) -> bytes:
    """Turn a DER signature into ``r || s`` (64 bytes).

    Raises:
        ValueError: not a DER signature of this curve.
    """
    r, s = decode_dss_signature(signature)
    try:
        return r.to_bytes(SCALAR_BYTES, "big") + s.to_bytes(SCALAR_BYTES, "big")
    except OverflowError as cause:
        raise ValueError("签名中的数值超出 SM2 曲线的范围。") from cause


def raw_to_der(signature: bytes) -> bytes:
    """Turn ``r || s`` (64 bytes) into a DER signature.

    Raises:
        ValueError: not 64 bytes.
    """
    if len(signature) != 2 * SCALAR_BYTES:
        raise ValueError("SM2 签名应为 64 字节。")
    r, s = signature[:SCALAR_BYTES], signature[SCALAR_BYTES:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


class _Operation:
    """The contexts of one signature or verification: made on entry, freed on exit whatever
    happens.
    """

    def __init__(self, crypto: Libcrypto, handle: Any, user_id: bytes) -> None:
        if len(user_id) > _MAX_ID_BYTES:
            raise ValueError("SM2 用户标识过长。")
        self._crypto, self._handle, self._user_id = crypto, handle, user_id

    def __enter__(self) -> Any:
        ffi, lib = self._crypto.ffi, self._crypto.lib
        lib.ERR_clear_error()
        self._digest = lib.EVP_MD_CTX_new()
        self._key = lib.EVP_PKEY_CTX_new_from_pkey(ffi.NULL, self._handle, ffi.NULL)
        if ffi.NULL in (self._digest, self._key):
            self._free()
            raise _failed(self._crypto, "初始化")
        lib.EVP_MD_CTX_set_pkey_ctx(self._digest, self._key)
        if lib.EVP_PKEY_CTX_set1_id(self._key, self._user_id, len(self._user_id)) != 1:
            self._free()
            raise _failed(self._crypto, "设置用户标识")
        return self._digest

    def __exit__(self, *_: object) -> None:
        self._free()

    def _free(self) -> None:
        # The digest context borrows the key context and must go first; both calls accept NULL.
        self._crypto.lib.EVP_MD_CTX_free(self._digest)
        self._crypto.lib.EVP_PKEY_CTX_free(self._key)


def _read(crypto: Libcrypto, data: bytes, reader: Any, password: bytes | None = None) -> Any:
    ffi, lib = crypto.ffi, crypto.lib
    lib.ERR_clear_error()
    source = ffi.from_buffer(data)
    bio = lib.BIO_new_mem_buf(source, len(data))
    try:
        if password is None:
            handle = reader(bio, ffi.NULL)
        else:
            # Even an empty password must be handed over: OpenSSL would otherwise ask the terminal
            # for one.
            secret = ffi.new("char[]", password)
            handle = reader(bio, ffi.NULL, ffi.NULL, secret)
    finally:
        lib.BIO_free(bio)
    if handle == ffi.NULL:
        raise Sm2KeyError(
            "密钥无法读取：内容不是有效的 SM2 密钥，或口令不对。", advice="请核对密钥文件和口令。"
        ) from RuntimeError(crypto.last_error())
    owned = ffi.gc(handle, lib.EVP_PKEY_free)
    if lib.EVP_PKEY_is_a(owned, b"SM2") != 1:
        raise Sm2KeyError("密钥不是 SM2 密钥。", advice="请核对密钥文件。")
    return _checked(crypto, owned, lib.EVP_PKEY_public_check)


def _checked_pair(crypto: Libcrypto, handle: Any) -> Any:
    return _checked(crypto, handle, crypto.lib.EVP_PKEY_pairwise_check)


def _checked(crypto: Libcrypto, handle: Any, check: Any) -> Any:
    ffi, lib = crypto.ffi, crypto.lib
    context = lib.EVP_PKEY_CTX_new_from_pkey(ffi.NULL, handle, ffi.NULL)
    try:
        valid = check(context) == 1
    finally:
        lib.EVP_PKEY_CTX_free(context)
    if not valid:
        raise Sm2KeyError("SM2 密钥未通过校验：不在曲线上，或公私钥不匹配。") from RuntimeError(
            crypto.last_error()
        )
    return handle


def _write(crypto: Libcrypto, writer: Any, *, secure: bool = False) -> bytes:
    ffi, lib = crypto.ffi, crypto.lib
    # Secure memory is wiped when it is freed.
    bio = lib.BIO_new(lib.BIO_s_secmem() if secure else lib.BIO_s_mem())
    try:
        if writer(lib, bio) != 1:
            raise _failed(crypto, "导出密钥")
        size = int(lib.BIO_ctrl_pending(bio))
        buffer = ffi.new("unsigned char[]", size)
        if lib.BIO_read(bio, buffer, size) != size:
            raise _failed(crypto, "导出密钥")
        return bytes(ffi.buffer(buffer, size))
    finally:
        lib.BIO_free(bio)


def _failed(crypto: Libcrypto, what: str) -> Sm2Unavailable:
    error = Sm2Unavailable(f"SM2 {what}失败。", kept="没有写入任何数据。", advice="请稍后重试。")
    error.add_note(crypto.last_error())
    return error
