"""Certificates of an authority that a test makes, and what their holders need."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a certificate.

    Attributes:
        chain: PEM of the certificate.
        key: PEM of its key.
        serial: Its number.
    """

    chain: Path
    key: Path
    serial: int

    @property
    def flags(self) -> Sequence[str]:
        """The flags of a server that shows the certificate."""
        return "--tls-cert", str(self.chain), "--tls-key", str(self.key)


def new_key(*, is_rsa: bool = False) -> Key:
    """Return a key on the curve P-256, or one of RSA."""
    return (
        rsa.generate_private_key(65537, 2048) if is_rsa else ec.generate_private_key(ec.SECP256R1())
    )


def pem(key: Key, passphrase: bytes = b"") -> bytes:
    """Return a key as PEM, encrypted if there is a passphrase."""
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


class Authority:
    """An authority that signs certificates of 127.0.0.1.

    Args:
        folder: Where files go.

    Attributes:
        path: PEM of its own certificate.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, new_key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        made = self._builder(self._name, self._key, 30).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.path = folder / "authority.pem"
        self.path.write_bytes(made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def issue(self, name: str = "server", *, days: int = 30, is_rsa: bool = False) -> Files:
        """Return the files of a new certificate.

        Args:
            name: Of the files.
            days: For how long it is valid from now on; negative for one that has expired.
            is_rsa: Whether its key is of RSA.
        """
        key = new_key(is_rsa=is_rsa)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
        builder = self._builder(subject, key, days).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        made = builder.sign(self._key, SHA256())
        files = Files(
            self._folder / f"{name}.pem", self._folder / f"{name}.key", made.serial_number
        )
        files.chain.write_bytes(made.public_bytes(Encoding.PEM))
        files.key.write_bytes(pem(key))
        return files

    def trusting(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this authority alone."""
        return ssl.create_default_context(cafile=self.path)

    def _builder(self, subject: x509.Name, key: Key, days: int) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 60 * _DAY)
            .not_valid_after(now + days * _DAY)
            .add_extension(authority, critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
