"""Calls that work when copied: in Python and with curl, with the caller's own identifiers filled in."""

from dataclasses import dataclass

from django.conf import settings

PLACEHOLDER = "签发时给出的密钥"


@dataclass(frozen=True, slots=True)
class CallSample:
    """Who calls what; the secret is never known here, people paste it."""

    interface: str
    record: str
    application: str
    key_id: str
    purpose: str = "业务核验"

    @property
    def python(self) -> str:
        """With the client that comes with the platform."""
        return f"""from chengshu_gateway.client import GatewayClient

client = GatewayClient(
    "{settings.GATEWAY_URL}",
    app="{self.application}",
    key_id="{self.key_id}",
    secret="{PLACEHOLDER}",
)
answer = client.lookup("{self.interface}", "{self.record}", purpose="{self.purpose}")
print(answer.data)
"""

    @property
    def shell(self) -> str:
        """With curl and openssl only; the eight lines of the signed text as the protocol says."""
        return f"""APP={self.application}
KEY={self.key_id}
SECRET='{PLACEHOLDER}'
TARGET=/share/v1/{self.interface}/{self.record}
STAMP=$(date +%s)000
NONCE=$(openssl rand -hex 16)
EMPTY=$(printf '' | openssl dgst -sha256 -r | cut -d ' ' -f 1)
SIGNATURE=$(printf 'CS1-HMAC-SHA256\\nGET\\n%s\\n\\n%s\\n%s\\n%s\\n' "$TARGET" "$STAMP" "$NONCE" "$EMPTY" \\
  | openssl dgst -sha256 -hmac "$SECRET" -binary | openssl base64 -A | tr '+/' '-_' | tr -d '=')
curl -s "{settings.GATEWAY_URL}$TARGET" \\
  -H "X-Cs-App: $APP" -H "X-Cs-Key: $KEY" -H "X-Cs-Timestamp: $STAMP" \\
  -H "X-Cs-Nonce: $NONCE" -H "X-Cs-Signature: $SIGNATURE"
"""
