"""Issues the Certificates of metacontroller/mtls/cert-manager/, in place of cert-manager.

The Secrets have the keys and the type as cert-manager writes them:
cert-manager@2d0d7f7f7424:pkg/controller/certificates/issuing/internal/secret.go
"""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.e2e.api import Api
from tests.e2e.shell import NAMESPACE
from tests.emulator.certificate import SIGNING
from tests.test_manifests_mtls import CERTIFICATES

Key = ec.EllipticCurvePrivateKey
CA: Final = "acrpull-ca"
USAGES: Final = {
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
}
LOOPBACK: Final = x509.IPAddress(ip_address("127.0.0.1"))  # the hooks of the tests


class CertManager:
    """Writes the Secrets of Certificates with *api*, at the time that *clock* returns."""

    def __init__(self, api: Api, clock: Callable[[], datetime]) -> None:
        self._api, self._clock = api, clock
        self._keys: dict[str, Key] = {}
        self._ca: x509.Certificate | None = None

    def issue(self, name: str) -> None:
        """Issue or renew the Certificate *name*. The CA comes first."""
        spec = CERTIFICATES[name]
        if name not in self._keys or spec["privateKey"]["rotationPolicy"] == "Always":
            self._keys[name] = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(name, spec)
        if name == CA:
            self._ca = certificate
        assert self._ca is not None
        self._store(spec["secretName"], certificate, self._ca, self._keys[name])

    def _certificate(self, name: str, spec: dict[str, Any]) -> x509.Certificate:
        key, now = self._keys[name], self._clock()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, spec["commonName"])])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(hours=int(spec["duration"].removesuffix("h"))))
            .add_extension(x509.BasicConstraints(name == CA, None), critical=True)
        )
        if name == CA:
            identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            builder = builder.add_extension(SIGNING, critical=True)
            builder = builder.add_extension(identifier, critical=False)
            return builder.issuer_name(subject).sign(key, SHA256())
        assert self._ca is not None
        signer = self._keys[CA]
        names = [*map(x509.DNSName, spec["dnsNames"]), LOOPBACK]
        for extension in (
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            x509.ExtendedKeyUsage([USAGES[usage] for usage in spec["usages"] if usage in USAGES]),
            x509.SubjectAlternativeName(names),
        ):
            builder = builder.add_extension(extension, critical=False)
        return builder.issuer_name(self._ca.subject).sign(signer, SHA256())

    def _store(
        self, secret: str, certificate: x509.Certificate, ca: x509.Certificate, key: Key
    ) -> None:
        files = {
            "tls.crt": certificate.public_bytes(Encoding.PEM),
            "tls.key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "ca.crt": ca.public_bytes(Encoding.PEM),
        }
        data = {name: base64.b64encode(content).decode() for name, content in files.items()}
        metadata = {"name": secret, "namespace": NAMESPACE}
        new = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": data}
        if self._api.find("Secret", NAMESPACE, secret) is None:
            self._api.create({**new, "metadata": metadata})
        else:
            self._api.merge("Secret", NAMESPACE, secret, {"data": data})
