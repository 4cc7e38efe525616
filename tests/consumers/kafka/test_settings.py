"""A file of settings in Kafka's own names says how we connect; what is wrong in it is named, secrets never are."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from consumers.kafka.settings import LARGEST_REQUEST, ClientSettings, SettingsError

JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule"
Read = Callable[[str], ClientSettings]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "client.properties"


@pytest.fixture
def read(file: Path) -> Read:
    """Reads the settings of a text."""

    def from_text(text: str) -> ClientSettings:
        file.write_text(text)
        file.chmod(0o600)
        return ClientSettings.read("broker:9092", file)

    return from_text


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.touch()
    return path


def test_without_a_file_there_are_only_brokers() -> None:
    settings = ClientSettings.read("a:9092, [::1]:9093")
    assert settings.admin() == {"bootstrap_servers": ["a:9092", "[::1]:9093"]}


def test_every_client_gets_what_it_knows(read: Read) -> None:
    settings = read("client.id=noc\nlinger.ms = 5\nfetch.min.bytes: 7\nmetrics.enabled=FALSE\n")
    producer, consumer, admin = settings.producer(), settings.consumer(), settings.admin()
    assert (producer["client_id"], producer["linger_ms"], producer["metrics_enabled"]) == ("noc", 5, False)
    assert (consumer["client_id"], consumer["fetch_min_bytes"]) == ("noc", 7)
    assert "linger_ms" not in consumer
    assert admin == {"client_id": "noc", "bootstrap_servers": ["broker:9092"]}


def test_the_file_goes_before_what_is_preferred(read: Read) -> None:
    producer = read("linger.ms=9").producer(linger_ms=5, batch_size=1000)
    assert (producer["linger_ms"], producer["batch_size"]) == (9, 1000)


def test_what_keeps_the_stream_exact_is_said_to_every_client() -> None:
    settings = ClientSettings.read("broker:9092")
    producer, consumer = settings.producer(transactional_id="one"), settings.consumer()
    assert (producer["acks"], producer["enable_idempotence"], producer["transactional_id"]) == ("all", True, "one")
    assert producer["max_request_size"] == LARGEST_REQUEST
    assert (consumer["isolation_level"], consumer["enable_auto_commit"]) == ("read_committed", False)
    assert not producer["allow_auto_create_topics"]
    assert not consumer["allow_auto_create_topics"]


@pytest.mark.parametrize(
    "name",
    ["acks", "enable.idempotence", "isolation.level", "transactional.id", "group.id", "group.instance.id", "retries"],
)
def test_what_keeps_the_stream_exact_is_not_open_to_settings(read: Read, name: str) -> None:
    with pytest.raises(SettingsError, match=rf"client\.properties, line 2: {name} is not open to settings: \w"):
        read(f"# ours\n{name}=1")


def test_a_login_as_librdkafka_writes_it(read: Read, authority: Path) -> None:
    admin = read(
        "security.protocol=SASL_SSL\nsasl.mechanisms=SCRAM-SHA-512\nsasl.username=noc\nsasl.password=top=secret\n"
        f"ssl.ca.location={authority}\n"
    ).admin()
    del admin["bootstrap_servers"]
    assert admin == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "noc",
        "sasl_plain_password": "top=secret",
        "ssl_cafile": str(authority),
    }


def test_a_login_as_java_writes_it(read: Read, authority: Path) -> None:
    admin = read(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
        f'sasl.jaas.config={JAAS} required \\\n    username="noc" \\\n    password="it\'s; a=secret";\n'
        f"ssl.truststore.type=PEM\nssl.truststore.location={authority}\nssl.endpoint.identification.algorithm=\n"
    ).admin()
    assert (admin["sasl_plain_username"], admin["sasl_plain_password"]) == ("noc", "it's; a=secret")
    assert admin["ssl_cafile"] == str(authority)
    assert not admin["ssl_check_hostname"]


def test_a_store_in_pem_holds_the_certificate_and_its_key(read: Read, authority: Path) -> None:
    admin = read(f"security.protocol=SSL\nssl.keystore.location={authority}\nssl.key.password=x\n").admin()
    assert (admin["ssl_certfile"], admin["ssl_keyfile"]) == (str(authority), str(authority))
    assert admin["ssl_password"] == "x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("linger=5", "line 1: linger is no setting of a client: linger.ms"),
        ("\nlinger.ms=soon", "line 2: linger.ms is a whole number, not 'soon'"),
        ("metrics.enabled=maybe", "metrics.enabled is true or false, not 'maybe'"),
        ("partitioner=murmur", "partitioner cannot be set in a file"),
        ("ssl.cipher.suites=ALL", "ssl.cipher.suites cannot be followed: kafka-python takes it and does nothing"),
        ("ssl.truststore.type=JKS", "ssl.truststore.type names a Java store; give PEM: openssl"),
        ("ssl.keystore.location=/etc/kafka.p12", "ssl.keystore.location names a Java store"),
        ("security.protocol=TLS", "security.protocol is one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL, not 'TLS'"),
        ("security.protocol=SSL\nssl.ca.location=/no/ca.pem", "line 2: ssl.ca.location: there is no file /no/ca.pem"),
        ("sasl.username=noc", "sasl.plain.username has no effect with security.protocol=PLAINTEXT"),
        ("security.protocol=SASL_SSL", "security.protocol=SASL_SSL needs sasl.mechanism, one of PLAIN, "),
        ("security.protocol=SASL_SSL\nsasl.mechanism=NTLM", "sasl.mechanism is one of PLAIN, "),
        ("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN", "needs sasl.username and sasl.password"),
        ("sasl.jaas.config=com.example.Kerberos required;", "only PlainLoginModule and ScramLoginModule"),
    ],
)
def test_a_wrong_setting_is_named(read: Read, file: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(text)
    assert str(raised.value).startswith(str(file))
    assert message in str(raised.value)


@pytest.mark.parametrize("brokers", ["broker", "broker:", ":9092", "broker:kafka", "a:1,,b:2", "broker:99999"])
def test_brokers_are_hosts_with_ports(brokers: str) -> None:
    with pytest.raises(SettingsError, match="is no Kafka broker: host:port"):
        ClientSettings.read(brokers)


def test_brokers_may_be_in_the_file_and_are_needed(read: Read, file: Path) -> None:
    assert read("bootstrap.servers=other:1").bootstrap == ("broker:9092",)
    assert ClientSettings.read(None, file).bootstrap == ("other:1",)
    with pytest.raises(SettingsError, match="--kafka"):
        ClientSettings.read()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="absent: cannot be read"):
        ClientSettings.read("broker:9092", tmp_path / "absent")


@pytest.mark.parametrize("secret", ["hunter2", r"hunter\\2"])
def test_secrets_are_never_shown(read: Read, secret: str) -> None:
    settings = read(f"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=noc\nsasl.password={secret}")
    for shown in (repr(settings), str(settings), f"{settings}"):
        assert "hunter" not in shown
        assert "noc" in shown
    for wrong in (f"sasl.jaas.config=x.PlainLoginModule password={secret};", f"sasl.pasword={secret}"):
        with pytest.raises(SettingsError) as raised:
            read(wrong)
        assert "hunter" not in str(raised.value)


@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o640, False)])
def test_a_password_that_everybody_may_read_is_warned_of(
    read: Read, file: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: bool
) -> None:
    read("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=noc\nsasl.password=hunter2")
    file.chmod(mode)
    with caplog.at_level(logging.WARNING):
        ClientSettings.read("broker:9092", file)
    assert ("everybody may read it" in caplog.text) is warned
    assert "hunter2" not in caplog.text
