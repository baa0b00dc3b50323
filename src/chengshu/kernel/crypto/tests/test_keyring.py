"""Where the secret keys come from, and what is refused."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from chengshu.kernel.crypto import (
    KeyringError,
    SecretKey,
    development_keyring,
    keyring_from_env,
    new_key_text,
    read_or_create_private,
)
from chengshu.kernel.crypto.keyfiles import write_private

SECRET = bytes(range(32))
TEXT = base64.b64encode(SECRET).decode()


def test_the_first_key_is_active_and_all_are_known():
    text = f"k2:{base64.urlsafe_b64encode(b'~?' * 20).decode()}, k1:{TEXT}"
    ring = keyring_from_env({"CHENGSHU_SECRET_KEYS": text})
    assert ring.active.key_id == "k2"
    assert ring.active.secret == b"~?" * 20
    old = ring.get("k1")
    assert old is not None
    assert old.secret == SECRET
    assert ring.get("k3") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "没有配置"),
        (" , ", "没有配置"),
        (TEXT, "缺少编号"),
        ("k1:not base64!", "base64"),
        ("k1:密钥", "base64"),
        (f"k1:{base64.b64encode(bytes(31)).decode()}", "不足"),
        (f"K.1:{TEXT}", "编号"),
        (f"k1:{TEXT},k1:{TEXT}", "重复"),
    ],
)
def test_a_bad_key_list_is_refused_without_repeating_the_secret(text, message):
    with pytest.raises(KeyringError, match=message) as caught:
        keyring_from_env({"CHENGSHU_SECRET_KEYS": text})
    assert TEXT not in caught.value.detail
    assert "CHENGSHU_SECRET_KEYS" in caught.value.advice


def test_no_variable_at_all_says_how_to_set_it():
    with pytest.raises(KeyringError) as caught:
        keyring_from_env({})
    assert "base64" in caught.value.advice


def test_sub_keys_differ_by_purpose_and_master_but_not_by_time():
    key = SecretKey("k1", SECRET)
    assert key.derive("seal", 16) == SecretKey("k9", SECRET).derive("seal", 16)
    assert key.derive("seal", 16) != key.derive("search", 16)
    assert key.derive("seal", 16) != SecretKey("k1", SECRET[::-1]).derive("seal", 16)
    assert SECRET.hex() not in repr(key)
    assert str(SECRET) not in repr(key)


def test_a_new_key_is_random_and_readable():
    first, second = new_key_text("k1"), new_key_text("k1")
    assert first != second
    assert keyring_from_env({"CHENGSHU_SECRET_KEYS": first}).active.key_id == "k1"


def test_the_development_key_is_made_once_and_private(tmp_path):
    path = tmp_path / "new" / "keys"
    first = development_keyring(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert development_keyring(path) == first
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_share_one_key(tmp_path):
    path = tmp_path / "keys"
    with ThreadPoolExecutor(max_workers=8) as pool:
        rings = set(pool.map(lambda _: development_keyring(path), range(32)))
    assert len(rings) == 1


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "keys"
    development_keyring(path)
    path.chmod(0o640)
    with pytest.raises(KeyringError, match="其他账户") as caught:
        development_keyring(path)
    assert "chmod 600" in caught.value.advice


def test_an_existing_key_is_never_overwritten(tmp_path):
    path = tmp_path / "signing.pem"
    assert write_private(path, b"first")
    assert not write_private(path, b"second")
    assert read_or_create_private(path, lambda: b"third") == b"first"
