"""An RSA key to sign and verify JWTs.

Takes `now`; knows no claim except `exp`, `nbf` and `aud`.
"""

import base64
import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from jwt.types import Options

from tests.emulator.certificate import self_signed

# The times are compared with `now`; PyJWT would use the machine's clock.
SIGNATURE_ONLY: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}


class TokenRefused(Exception):
    """A token is malformed, foreign, expired, not yet valid or for another audience."""


class Signer:
    """The key of one issuer: Entra's, or ACR's."""

    def __init__(self) -> None:
        self._key = generate_private_key(public_exponent=65537, key_size=2048)
        self._kid = key_id(self._key.public_key())

    def certificate(self, now: datetime) -> bytes:
        """Return a self-signed certificate of the key, in PEM, valid at *now*."""
        return self_signed(self._key, now)

    def jwks(self) -> dict[str, Any]:
        """Return the public key as in an issuer's `/openid/v1/jwks`."""
        key: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [key | {"kid": self._kid, "alg": "RS256", "use": "sig"}]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a JWT with RS256; the header begins `{"alg":"RS256",` like ACR's."""
        headers = {"kid": self._kid}
        return jwt.encode(dict(claims), self._key, "RS256", headers=headers, sort_headers=True)

    def verify(self, token: str, *, audiences: Collection[str], now: datetime) -> dict[str, Any]:
        """Return the claims of *token* for one of *audiences*, a final `/` aside.

        Raises:
            TokenRefused: Another key signed the token, the token is not valid at *now*, or the
                token is for another audience.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key.public_key(), algorithms=["RS256"], options=SIGNATURE_ONLY
            )
        except jwt.InvalidTokenError as error:
            raise TokenRefused("token: not signed with this key") from error
        if not claims["nbf"] <= now.timestamp() < claims["exp"]:
            raise TokenRefused("token: expired or not yet valid")
        if claims["aud"].rstrip("/") not in audiences:
            raise TokenRefused("token: for another audience")
        return claims


def key_id(key: RSAPublicKey) -> str:
    """Return the `kid` of *key* by libtrust's rule; Docker's registry 2.8 finds keys by `kid`.

    SHA-256 of the DER key, cut to 240 bits, in 12 groups of base32: docker/libtrust@aabc10e:util.go
    """
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ":".join(text[i : i + 4] for i in range(0, len(text), 4))
