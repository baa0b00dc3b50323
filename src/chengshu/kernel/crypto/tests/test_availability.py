"""The console shows what works here, and a wrong library is not called working."""

from chengshu.kernel.crypto import CryptoUnavailable, availability, self_check


def test_everything_the_platform_needs_works_on_this_machine():
    found = {capability.name: capability for capability in self_check()}
    assert set(found) == {"SM2", "SM3", "SM4-GCM", "Ed25519", "SHA-256"}
    assert [c for c in found.values() if not c.available or c.problem] == []
    assert "OpenSSL" in found["SM2"].provider


def test_a_machine_without_sm2_is_reported_and_the_rest_still_works(monkeypatch):
    def missing() -> None:
        raise CryptoUnavailable("没有 SM2。", advice="请安装 OpenSSL 3。")

    monkeypatch.setattr(availability, "libcrypto", missing)
    sm2, *others = self_check()
    assert (sm2.name, sm2.available) == ("SM2", False)
    assert sm2.problem == "没有 SM2。请安装 OpenSSL 3。"
    assert all(capability.available for capability in others)


def test_a_library_that_computes_wrongly_is_not_called_available(monkeypatch):
    monkeypatch.setattr(availability, "hexdigest", lambda *_: "00" * 32)
    sm3 = next(c for c in self_check() if c.name == "SM3")
    assert not sm3.available
    assert "请勿使用" in sm3.problem
