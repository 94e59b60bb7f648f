"""Search over TLS with an API key, as docker-compose's Elasticsearch wants it: nginx stands before the real server and asks for both."""

import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from marketplace.core.settings import Settings
from search.engines.elasticsearch import ElasticsearchEngine
from search.engines.port import SearchUnavailable
from tests.production.deployment import free_port
from tests.services import need

API_KEY = "bWFya2V0OmtleQ=="


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An authority, a certificate of 127.0.0.1 signed by it, and another authority that signed nothing."""
    authority, its_key = _certificate("Market CA", None, None)
    node, node_key = _certificate("elasticsearch", authority, its_key)
    stranger, _ = _certificate("Stranger CA", None, None)
    for name, certificate in {"ca": authority, "node": node, "stranger": stranger}.items():
        (tmp_path / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (tmp_path / "node.key").write_bytes(node_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """The secured address of the real server."""
    nginx, upstream, port = need("nginx"), need("Elasticsearch"), free_port()
    as_root = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"""{as_root} daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}
        http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port} ssl;
            ssl_certificate {folder}/node.crt; ssl_certificate_key {folder}/node.key;
            if ($http_authorization != "ApiKey {API_KEY}") {{ return 401; }}
            location / {{ proxy_pass {upstream}; }} }} }}""",
        encoding="utf-8",
    )
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        _wait(f"https://127.0.0.1:{port}", folder)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _settings(address: str, authority: Path, key: str) -> Settings:
    return Settings(elasticsearch_url=address, elasticsearch_ca_path=str(authority), elasticsearch_api_key=SecretStr(key), http_retries=0)


class TestSecuredElasticsearch:
    def test_works_with_authority_and_key(self, address: str, folder: Path) -> None:
        engine = ElasticsearchEngine(_settings(address, folder / "ca.crt", API_KEY), alias=f"henanroad-tls-{uuid4().hex[:10]}")
        try:
            engine.prepare()
            engine.check()
        finally:
            engine.drop()
            engine.close()

    def test_does_not_trust_another_authority(self, address: str, folder: Path) -> None:
        with pytest.raises(SearchUnavailable):
            ElasticsearchEngine(_settings(address, folder / "stranger.crt", API_KEY)).prepare()

    def test_is_sent_away_with_another_key(self, address: str, folder: Path) -> None:
        with pytest.raises(SearchUnavailable):
            ElasticsearchEngine(_settings(address, folder / "ca.crt", "d3Jvbmc6a2V5")).prepare()


def _certificate(
    name: str, issuer: x509.Certificate | None, issuer_key: ec.EllipticCurvePrivateKey | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Signed by the issuer, by itself when there is none."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    at = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    return builder.sign(issuer_key or key, hashes.SHA256()), key


def _wait(address: str, folder: Path) -> None:
    for _ in range(100):
        try:
            httpx.get(address, verify=ssl.create_default_context(cafile=folder / "ca.crt"), timeout=2)
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError((folder / "error.log").read_text(encoding="utf-8"))
