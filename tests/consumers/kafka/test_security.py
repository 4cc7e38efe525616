"""TLS and logins, against a broker that asks for both, through a file of settings alone."""

import ipaddress
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kafka import TopicPartition
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from consumers.cloudevents import Message, position_of
from consumers.kafka.connecting import ConnectError, NotLetInError, connect_admin, connect_consumer, connect_producer
from consumers.kafka.publisher import Publisher
from consumers.kafka.publishing import Plan
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames, create_topics
from events.store import Record
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-security")]
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
LISTENER = "listener.name.sasl_ssl"
USER, PASSWORD = "understudy", "not for everybody"
Key = ec.EllipticCurvePrivateKey


class Authority(NamedTuple):
    """One that signs certificates."""

    key: Key
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, certify(name, key.public_key(), name, key, authority=True))

    def write(self, path: Path) -> Path:
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path

    def write_server(self, path: Path) -> Path:
        """A key and its certificate for loopback, in one file, as a broker wants them."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = certify("broker", key.public_key(), self.certificate.subject.rfc4514_string()[3:], self.key)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM) + self.certificate.public_bytes(Encoding.PEM))
        return path


def certify(
    name: str, key: ec.EllipticCurvePublicKey, issuer: str, issuer_key: Key, *, authority: bool = False
) -> x509.Certificate:
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


class Secured(NamedTuple):
    """A broker, the authority that its certificate is from, and a file that gets one in."""

    broker: Broker
    authority: Path
    file: Path

    def told(self, text: str) -> ClientSettings:
        self.file.write_text(text)
        self.file.chmod(0o600)
        return ClientSettings.read(self.broker.secure, self.file)


@pytest.fixture
def secured(new_broker: Callable[..., Broker], tmp_path: Path) -> Secured:
    """A broker with TLS, and one user, who may log in with PLAIN or with SCRAM-SHA-512."""
    authority = Authority.make("throw-away authority")
    broker = new_broker(
        {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            f"{LISTENER}.plain.sasl.jaas.config": f'{PLAIN} required user_{USER}="{PASSWORD}";',
            f"{LISTENER}.scram-sha-512.sasl.jaas.config": f"{SCRAM} required;",
            f"{LISTENER}.ssl.keystore.type": "PEM",
            f"{LISTENER}.ssl.keystore.location": str(authority.write_server(tmp_path / "server.pem")),
        },
        listener="SASL_SSL",
    )
    with closing(broker.admin()) as admin:
        admin.alter_user_scram_credentials([UserScramCredentialUpsertion(USER, ScramMechanism.SCRAM_SHA_512, PASSWORD)])
    return Secured(broker, authority.write(tmp_path / "ca.pem"), tmp_path / "client.properties")


def login(secured: Secured, *, password: str = PASSWORD, mechanism: str = "SCRAM-SHA-512") -> str:
    return (
        f"security.protocol=SASL_SSL\nsasl.mechanism={mechanism}\nsasl.username={USER}\nsasl.password={password}\n"
        f"ssl.ca.location={secured.authority}\n"
    )


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_every_client_gets_in_with_a_file_of_settings(secured: Secured, mechanism: str) -> None:
    settings = secured.told(login(secured, mechanism=mechanism))
    names = TopicNames.of("secret")
    with closing(connect_admin(settings)) as admin:
        assert len(create_topics(admin, names)) == 3
    with closing(connect_producer(settings, transactional_id="secret")) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(names.events, b"told").get(20)
        producer.commit_transaction()
    with closing(connect_consumer(settings)) as consumer:
        consumer.assign([TopicPartition(names.events, 0)])
        consumer.seek_to_beginning()
        assert next(consumer).value == b"told"


def test_a_login_as_java_s_tools_write_it_gets_in(secured: Secured) -> None:
    settings = secured.told(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
        f'sasl.jaas.config={SCRAM} required username="{USER}" password="{PASSWORD}";\n'
        f"ssl.truststore.type=PEM\nssl.truststore.location={secured.authority}\n"
    )
    with closing(connect_admin(settings)) as admin:
        assert admin.describe_cluster()["brokers"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password_is_an_error_that_says_so_and_does_not_show_it(secured: Secured, mechanism: str) -> None:
    settings = secured.told(login(secured, password="wrong-one", mechanism=mechanism))
    for connect in (connect_admin, connect_consumer, connect_producer):
        # kafka-python may see the end of the connection before it reads why.
        with pytest.raises(ConnectError, match=r"Authentication failed|and the login") as raised:
            connect(settings, bootstrap_timeout_ms=20_000)
        assert "wrong-one" not in str(raised.value)


def test_a_certificate_of_another_authority_is_refused_with_its_reason(secured: Secured, tmp_path: Path) -> None:
    Authority.make("throw-away authority").write(tmp_path / "ca.pem")  # the same name, another key
    with pytest.raises(NotLetInError, match="certificate verify failed: self-signed certificate"):
        connect_admin(secured.told(login(secured)))


def test_a_publisher_beside_something_else_goes_on_once_it_is_let_in(
    secured: Secured, tmp_path: Path, record: Record, story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.kafka.publisher.REFUSED_PAUSE", 0.1)
    story.whole()
    right = secured.authority.read_bytes()
    Authority.make("throw-away authority").write(tmp_path / "ca.pem")
    publisher = Publisher(record, secured.told(login(secured)), Plan("let-in", create=True), stand_by=True)
    thread = threading.Thread(target=publisher.run)
    thread.start()
    try:
        until(lambda: publisher.status.restarts["kafka-away"] > 1)
        assert (publisher.status.position, publisher.status.oldest_unpublished) == (None, None)
        (tmp_path / "ca.pem").write_bytes(right)
        until(lambda: publisher.status.position == record.head())
    finally:
        publisher.stop()
        thread.join()


def until(reached: Callable[[], bool]) -> None:
    deadline, breath = time.monotonic() + 60, threading.Event()
    while not reached():
        assert time.monotonic() < deadline
        breath.wait(0.02)


PROGRAM = (sys.executable, "-m", "understudy")


def publish(home: Path, secured: Secured) -> subprocess.CompletedProcess[str]:
    words = ("publish", "kafka", "--once", "--create-topics", "--home", str(home), "--kafka", secured.broker.secure)
    command = [*PROGRAM, *words, "--kafka-config", str(secured.file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_publisher_gets_in_with_a_file_of_settings(secured: Secured, home: Path, record: Record, story) -> None:
    story.whole()
    settings = secured.told(login(secured))

    done = publish(home, secured)

    assert done.stdout == f"Published up to position {record.head()}.\n", done.stderr
    assert done.returncode == 0
    with closing(connect_consumer(settings)) as consumer:
        partition = TopicPartition(TopicNames.of().events, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning()
        positions = [position_of(Message(one.key, one.value, one.headers)) for one in islice(consumer, record.head())]
        assert positions == [*range(1, record.head() + 1)]


def test_a_publisher_that_is_not_let_in_says_why_in_a_line(secured: Secured, home: Path, record: Record) -> None:
    secured.told(login(secured, password="wrong-one"))

    done = publish(home, secured)

    assert done.returncode == 1
    *_, said = done.stderr.splitlines()
    assert secured.broker.secure in said
    # kafka-python may see the end of the connection before it reads why.
    assert re.search(r"Authentication failed|and the login\.$", said)
    assert "wrong-one" not in done.stderr
    assert record.head() == 0
