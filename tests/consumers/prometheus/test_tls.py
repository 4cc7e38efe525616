"""The exporter over TLS, to clients with and without a certificate."""

import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from consumers.prometheus.server import REQUESTS_AT_ONCE, ListenError, Tls

EXTENSIONS = ("-addext", "subjectAltName=IP:127.0.0.1")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A certificate for this host that is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    files = Tls(folder / "cert.pem", folder / "key.pem")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", files.key)
    command = ["openssl", "req", "-x509", *key, "-subj", "/CN=exporter", *EXTENSIONS, "-out", files.certificate]
    subprocess.run(command, check=True, capture_output=True)
    return files


def get(client: Any, context: ssl.SSLContext) -> int:
    with urllib.request.urlopen(f"{client.exporter.url}/metrics", timeout=30, context=context) as answer:
        return int(answer.status)


def trusting(signed: Tls, *, certified: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=signed.certificate)
    if certified:
        context.load_cert_chain(signed.certificate, signed.key)
    return context


def test_it_serves_https_with_a_certificate(export, signed: Tls) -> None:
    client = export(tls=signed)
    assert client.exporter.url.startswith("https://")
    assert get(client, trusting(signed)) == 200
    with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
        get(client, ssl.create_default_context())


def test_a_client_without_a_certificate_is_turned_away_where_one_is_wanted(export, signed: Tls) -> None:
    client = export(tls=signed._replace(client_ca=signed.certificate))
    assert get(client, trusting(signed, certified=True)) == 200
    with pytest.raises((urllib.error.URLError, OSError), match=r"(?i)certificate required|reset|EOF|closed"):
        get(client, trusting(signed))
    assert get(client, trusting(signed, certified=True)) == 200


def test_files_that_hold_no_certificate_are_named(export, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nothing")
    with pytest.raises(ListenError, match=r"cannot use .*cert\.pem, .*key\.pem: "):
        export(tls=Tls(tmp_path / "cert.pem", tmp_path / "key.pem"))


def test_who_shakes_hands_byte_by_byte_does_not_keep_others_out(export, signed: Tls, monkeypatch) -> None:
    monkeypatch.setattr("consumers.prometheus.server.DEADLINE_SECONDS", 0.5)
    client, over = export(tls=signed), threading.Event()
    slow = [socket.create_connection(client.where) for _ in range(REQUESTS_AT_ONCE)]

    def trickle() -> None:
        for byte in b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + bytes(10_000):
            if over.wait(0.05):
                return
            for each in slow:
                with suppress(OSError):  # it was cut off
                    each.sendall(bytes([byte]))

    def answered() -> bool:
        try:
            return get(client, trusting(signed)) == 200
        except (urllib.error.URLError, OSError):
            return False

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        for _ in range(200):
            if answered():
                break
            threading.Event().wait(0.05)
        else:
            raise AssertionError("they keep everybody out")
    finally:
        over.set()
        thread.join()
        for each in slow:
            each.close()
