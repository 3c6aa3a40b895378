"""A certificate authority for a run, its server certificate, and self-signed certificates.

Takes `now`; knows no user of the certificates.
"""

from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=30)
_CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Azure emulator CA")])
_SELF_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Azure emulator token signer")])
_SERVER_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Azure emulator")])
# Python 3.13 verifies strictly (RFC 5280): a CA needs a key usage and a Subject Key Identifier, a
# certificate names its issuer's. https://docs.python.org/3.13/library/ssl.html#ssl.VERIFY_X509_STRICT
SIGNING = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def write_certificates(directory: Path, addresses: tuple[str, ...], now: datetime) -> None:
    """Write `ca.crt`, and `server.pem` with key and certificate for localhost and *addresses*.

    Both are valid from one hour before *now*. The CA's key is forgotten.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = (
        _builder(_CA_NAME, _CA_NAME, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(SIGNING, critical=True)
        .add_extension(ca_id, critical=False)
        .sign(ca_key, SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id)
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(a)) for a in addresses)]
    server = (
        _builder(_SERVER_NAME, _CA_NAME, key.public_key(), now)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "ca.crt").write_bytes(ca.public_bytes(Encoding.PEM))
    secret = directory / "server.pem"
    secret.touch(mode=0o600)
    secret.write_bytes(pem + server.public_bytes(Encoding.PEM))


def self_signed(key: rsa.RSAPrivateKey, now: datetime) -> bytes:
    """Return a certificate of *key*, in PEM, valid from one hour before *now*."""
    builder = _builder(_SELF_NAME, _SELF_NAME, key.public_key(), now)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    now: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )
