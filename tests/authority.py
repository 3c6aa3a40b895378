"""A certificate authority for both sides of mutual TLS. The caller gives the time."""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.emulator.certificate import SIGNING

LIFETIME: Final = timedelta(days=1)


class Authority:
    """A CA named *name*; its certificates are valid for a day, from an hour before *now*."""

    def __init__(self, name: str, now: datetime) -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._from = now - timedelta(hours=1)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            self._builder(self._name, self._key, self._from)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(SIGNING, critical=True)
            .add_extension(self._id, critical=False)
            .sign(self._key, SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM)

    def server(self) -> tuple[bytes, bytes]:
        """Return certificate and key of a server on 127.0.0.1."""
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        return self._issue("server", ExtendedKeyUsageOID.SERVER_AUTH, self._from, names)

    def client(self, *, expired: bool = False) -> tuple[bytes, bytes]:
        """Return certificate and key of a client."""
        since = self._from - 2 * LIFETIME if expired else self._from
        return self._issue("client", ExtendedKeyUsageOID.CLIENT_AUTH, since)

    def _issue(
        self,
        name: str,
        usage: x509.ObjectIdentifier,
        since: datetime,
        *extensions: x509.ExtensionType,
    ) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._id)
        builder = self._builder(subject, key, since)
        for extension in (issuer, x509.ExtendedKeyUsage([usage]), *extensions):
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)
        return certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, since: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(since + LIFETIME)
        )


def mount(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write *files*, and no others, as the kubelet mounts a Secret: all change at one instant.

    kubernetes@v1.34.0:pkg/volume/util/atomic_writer.go
    """
    data = Path(mkdtemp(prefix="..", dir=directory))
    for name, content in files.items():
        (data / name).write_bytes(content)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
    old = (directory / "..data").resolve()
    new = directory / "..data_tmp"
    new.symlink_to(data.name)
    new.rename(directory / "..data")
    rmtree(old, ignore_errors=True)  # absent at first
    for link in directory.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink()


def client_context(
    ca: bytes, directory: Path, shown: tuple[bytes, bytes] | None = None
) -> ssl.SSLContext:
    """Return the context of a client that trusts *ca* and shows a certificate with its key."""
    context = ssl.create_default_context(cadata=ca.decode())
    if shown is not None:
        file = directory / "client.pem"
        file.write_bytes(b"".join(shown))
        context.load_cert_chain(file)
    return context


def hello(context: ssl.SSLContext) -> bytes:
    """Return the first bytes of a TLS client."""
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):  # the client waits for the server
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="127.0.0.1").do_handshake()
    return sent.read()
