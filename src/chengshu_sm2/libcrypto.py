"""A thin cffi binding (ABI mode, no compiler needed) to the EVP interface of OpenSSL 3's
libcrypto, for SM2 only.

Only calls and ownership live here: every object OpenSSL allocates is owned by a ``ffi.gc``
handle or freed in the same function. cffi releases the GIL during each call. OpenSSL's error
queue belongs to the thread and is shared with Python's ``ssl`` module, so every failing path
empties it.
"""

import ctypes.util
import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cffi import FFI

from chengshu_sm2.errors import Sm2Unavailable

ENV_NAME = "CHENGSHU_LIBCRYPTO"
_MINIMUM_VERSION = 0x30000000
_CANDIDATES = ("libcrypto.so.3", "libcrypto.so.4", "libcrypto.so", "libcrypto.3.dylib")

_DECLARATIONS = """
typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_pkey_ctx_st EVP_PKEY_CTX;
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;
typedef struct evp_cipher_st EVP_CIPHER;
typedef struct bio_st BIO;
typedef struct bio_method_st BIO_METHOD;
typedef int pem_password_cb(char *, int, int, void *);

unsigned long OpenSSL_version_num(void);
const char *OpenSSL_version(int type);
unsigned long ERR_peek_last_error(void);
void ERR_error_string_n(unsigned long code, char *buffer, size_t size);
void ERR_clear_error(void);

EVP_PKEY_CTX *EVP_PKEY_CTX_new_from_name(void *library, const char *name, const char *properties);
EVP_PKEY_CTX *EVP_PKEY_CTX_new_from_pkey(void *library, EVP_PKEY *key, const char *properties);
void EVP_PKEY_CTX_free(EVP_PKEY_CTX *context);
int EVP_PKEY_CTX_set1_id(EVP_PKEY_CTX *context, const void *id, int length);
int EVP_PKEY_keygen_init(EVP_PKEY_CTX *context);
int EVP_PKEY_generate(EVP_PKEY_CTX *context, EVP_PKEY **key);
int EVP_PKEY_public_check(EVP_PKEY_CTX *context);
int EVP_PKEY_pairwise_check(EVP_PKEY_CTX *context);
int EVP_PKEY_is_a(const EVP_PKEY *key, const char *name);
int EVP_PKEY_get_size(const EVP_PKEY *key);
void EVP_PKEY_free(EVP_PKEY *key);

const EVP_MD *EVP_sm3(void); const EVP_CIPHER *EVP_aes_256_cbc(void); EVP_MD_CTX
*EVP_MD_CTX_new(void); void EVP_MD_CTX_free(EVP_MD_CTX *context); void
EVP_MD_CTX_set_pkey_ctx(EVP_MD_CTX *context, EVP_PKEY_CTX *key_context); int
EVP_DigestSignInit(EVP_MD_CTX *, EVP_PKEY_CTX **, const EVP_MD *, void *engine, EVP_PKEY *); int
EVP_DigestSign(EVP_MD_CTX *, unsigned char *signature, size_t *length, const unsigned char *,
size_t); int EVP_DigestVerifyInit(EVP_MD_CTX *, EVP_PKEY_CTX **, const EVP_MD *, void *engine,
EVP_PKEY *); int EVP_DigestVerify(EVP_MD_CTX *, const unsigned char *, size_t, const unsigned
char *, size_t);

const BIO_METHOD *BIO_s_mem(void);
const BIO_METHOD *BIO_s_secmem(void);
BIO *BIO_new(const BIO_METHOD *method);
BIO *BIO_new_mem_buf(const void *data, int length);
int BIO_read(BIO *bio, void *data, int length);
size_t BIO_ctrl_pending(BIO *bio);
int BIO_free(BIO *bio);
EVP_PKEY *PEM_read_bio_PrivateKey(BIO *, EVP_PKEY **, pem_password_cb *, void *password);
EVP_PKEY *PEM_read_bio_PUBKEY(BIO *, EVP_PKEY **, pem_password_cb *, void *password);
EVP_PKEY *d2i_PrivateKey_bio(BIO *, EVP_PKEY **);
EVP_PKEY *d2i_PUBKEY_bio(BIO *, EVP_PKEY **);
int PEM_write_bio_PKCS8PrivateKey(BIO *, const EVP_PKEY *, const EVP_CIPHER *, const char *, int,
                                  pem_password_cb *, void *);
int PEM_write_bio_PUBKEY(BIO *, const EVP_PKEY *);
int i2d_PUBKEY_bio(BIO *, const EVP_PKEY *);
                """


@dataclass(frozen=True)
class Libcrypto:
    """A loaded libcrypto that has SM2 and SM3.

    Attributes:
        ffi: the cffi instance its types belong to.
        lib: its functions.
        path: which file was loaded.
        version: as OpenSSL names itself, e.g. "OpenSSL 3.0.19 27 Jan 2026".
    """

    ffi: Any
    lib: Any
    path: str
    version: str

    def last_error(self) -> str:
        """Return OpenSSL's own words for the last failure of this thread, and empty its queue."""
        code = self.lib.ERR_peek_last_error()
        buffer = self.ffi.new("char[256]")
        self.lib.ERR_error_string_n(code, buffer, 256)
        self.lib.ERR_clear_error()
        return str(self.ffi.string(buffer).decode(errors="replace"))


_loaded: list[Libcrypto] = []
_lock = threading.Lock()


def libcrypto() -> Libcrypto:
    """Return the process's libcrypto with SM2, loaded once.

    Raises:
        Sm2Unavailable: no libcrypto at hand is OpenSSL 3 with SM2; the message lists what was
            tried.
    """
    if _loaded:
        return _loaded[0]
    with _lock:
        if not _loaded:
            _loaded.append(_load(_paths(os.environ.get(ENV_NAME, ""))))
    return _loaded[0]


def _load(paths: Iterator[str]) -> Libcrypto:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    tried: list[str] = []
    for path in paths:
        try:
            return _open(ffi, path)
        except (OSError, AttributeError) as reason:
            # AttributeError: a symbol is missing, that is a libcrypto older than 3.0.
            tried.append(f"{path}({reason})")
    raise Sm2Unavailable(
        "本机没有支持 SM2 的 OpenSSL 3 密码库（libcrypto），无法使用 SM2 签名和验签。",
        kept="没有签名或写入任何数据。其他算法（SM3、SM4、HMAC、Ed25519）不受影响。",
        advice=(
            f"请安装编译时启用了 SM2 的 OpenSSL 3，并用环境变量 {ENV_NAME} 指明其 libcrypto 文件。"
            f"已尝试：{';'.join(tried) or '没有找到任何 libcrypto'}"
        ),
    )


def _open(ffi: FFI, path: str) -> Libcrypto:
    lib: Any = ffi.dlopen(path)
    number = lib.OpenSSL_version_num()
    version = ffi.string(lib.OpenSSL_version(0)).decode()
    if number < _MINIMUM_VERSION:
        raise OSError(f"{version}，版本低于 3.0")
    context = lib.EVP_PKEY_CTX_new_from_name(ffi.NULL, b"SM2", ffi.NULL)
    if context == ffi.NULL:
        lib.ERR_clear_error()
        raise OSError(f"{version}，编译时未启用 SM2")
    lib.EVP_PKEY_CTX_free(context)
    if lib.EVP_sm3() == ffi.NULL:
        raise OSError(f"{version}，编译时未启用 SM3")
    return Libcrypto(ffi=ffi, lib=lib, path=path, version=version)


def _paths(override: str) -> Iterator[str]:
    """Yield the libraries to try: the operator's choice alone, or Python's own and then the
    system's.
    """
    if override:
        yield override
        return
    seen: set[str] = set()
    for path in (*_mapped(), ctypes.util.find_library("crypto") or "", *_CANDIDATES):
        if path and path not in seen:
            seen.add(path)
            yield path


def _mapped() -> list[str]:
    """Return the libcrypto files this process has already loaded, as Python's ``ssl`` does on
    most systems.

    A Python with OpenSSL linked in statically has none; the system's library is then loaded
    beside it, which is safe because its symbols stay local to the handle.
    """
    maps = Path("/proc/self/maps")
    if not ssl.OPENSSL_VERSION or not maps.exists():
        return []
    files = {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines() if "/" in line}
    return sorted(f for f in files if Path(f).name.startswith("libcrypto"))
