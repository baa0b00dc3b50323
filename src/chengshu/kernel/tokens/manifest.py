"""What tokens bring: names of what happens to them. The page is reached from one's own profile."""

from chengshu.kernel.registry.manifest import Action, Manifest

MANIFEST = Manifest(
    key="tokens",
    name="API 令牌",
    description="本人签发、限定用途和期限的令牌，供程序代本人调用接口",
    actions=(
        Action(
            key="tokens.issued", name="签发 API 令牌",
            fields=(("scopes", "用途"), ("expires_at", "到期时间")),
        ),
        Action(key="tokens.revoked", name="吊销 API 令牌"),
        Action(key="tokens.refused", name="用失效的 API 令牌调用，被拒绝"),
    ),
)  # fmt: skip
