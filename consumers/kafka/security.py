"""TLS and SASL: settings as Java's clients and librdkafka name them, as kafka-python's arguments.

Certificates and keys are PEM files; Java's own stores are refused with the command that converts them.
"""

import re
from collections.abc import Mapping
from typing import Any

SECRETS = frozenset({"sasl_plain_password", "ssl_password"})
FILES = frozenset({"ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile"})
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
WITH_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
MECHANISMS = (*WITH_PASSWORD, "GSSAPI", "AWS_MSK_IAM")

ALIASES: Mapping[str, tuple[str, ...]] = {
    "sasl.mechanism": ("sasl_mechanism",),
    "sasl.mechanisms": ("sasl_mechanism",),
    "sasl.username": ("sasl_plain_username",),
    "sasl.password": ("sasl_plain_password",),
    "ssl.truststore.location": ("ssl_cafile",),
    "ssl.ca.location": ("ssl_cafile",),
    "ssl.certificate.location": ("ssl_certfile",),
    "ssl.key.location": ("ssl_keyfile",),
    "ssl.key.password": ("ssl_password",),
    "ssl.keystore.location": ("ssl_certfile", "ssl_keyfile"),  # a PEM store holds both
    "ssl.crl.location": ("ssl_crlfile",),
}
STORE_TYPES = ("ssl.truststore.type", "ssl.keystore.type")
JAVA_STORES = (".jks", ".p12", ".pfx", ".pkcs12")
REFUSED = {
    "ssl.truststore.password": "a PEM file of certificates has none",
    "ssl.keystore.password": "name a PEM file, and the password of its key in ssl.key.password",
    "ssl.cipher.suites": "kafka-python takes it and does nothing with it",
    "ssl.ciphers": "kafka-python takes it and does nothing with it",
    "enable.ssl.certificate.verification": "certificates are always verified; name their authority in ssl.ca.location",
}
JAAS = re.compile(r'(\w+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;"]+))')


def translate(name: str, value: str) -> dict[str, str] | None:
    """kafka-python's arguments for a setting; none where only the dots differ, and no entry where it says nothing new.

    Raises:
        ValueError: it cannot be followed.
    """
    if name in REFUSED:
        raise ValueError(f"{name} cannot be followed: {REFUSED[name]}")
    if name == "sasl.jaas.config":
        return _login(value)
    if name == "ssl.endpoint.identification.algorithm":
        return {"ssl_check_hostname": "true" if value.lower() == "https" else "false"}
    if name in STORE_TYPES:
        return _only_pem(name, value)
    if name in {"ssl.truststore.location", "ssl.keystore.location"} and value.lower().endswith(JAVA_STORES):
        return _only_pem(name, value)
    if name not in ALIASES:
        return None
    return dict.fromkeys(ALIASES[name], value)


def _only_pem(name: str, value: str) -> dict[str, str]:
    if value.upper() == "PEM":
        return {}
    raise ValueError(f"{name} names a Java store; give PEM: openssl pkcs12 -in STORE.p12 -out STORE.pem")


def _login(value: str) -> dict[str, str]:
    found = {key: re.sub(r"\\(.)", r"\1", quoted) or bare for key, quoted, bare in JAAS.findall(value)}
    if not re.search(r"\.(Plain|Scram)LoginModule\b", value) or not {"username", "password"} <= found.keys():
        raise ValueError(
            "sasl.jaas.config: only PlainLoginModule and ScramLoginModule, with username and password, are known"
        )
    return {"sasl_plain_username": found["username"], "sasl_plain_password": found["password"]}


def complete(told: dict[str, Any]) -> dict[str, Any]:
    """The settings, once it is clear that those of security fit together.

    Raises:
        ValueError: they do not.
    """
    protocol = told.get("security_protocol", "PLAINTEXT")
    if protocol not in PROTOCOLS:
        raise ValueError(f"security.protocol is one of {', '.join(PROTOCOLS)}, not {protocol!r}")
    for prefix, wanted in (("sasl_", "SASL_"), ("ssl_", "SSL")):
        useless = sorted(name for name in told if name.startswith(prefix))
        if useless and wanted not in protocol:
            raise ValueError(f"{useless[0].replace('_', '.')} has no effect with security.protocol={protocol}")
    if protocol.startswith("SASL_"):
        _check_login(told)
    return told


def _check_login(told: Mapping[str, Any]) -> None:
    mechanism = told.get("sasl_mechanism")
    if mechanism is None:
        protocol = told["security_protocol"]
        raise ValueError(f"security.protocol={protocol} needs sasl.mechanism, one of {', '.join(MECHANISMS)}")
    if mechanism not in MECHANISMS:
        raise ValueError(f"sasl.mechanism is one of {', '.join(MECHANISMS)}, not {mechanism!r}")
    if mechanism in WITH_PASSWORD and not {"sasl_plain_username", "sasl_plain_password"} <= told.keys():
        raise ValueError(f"sasl.mechanism={mechanism} needs sasl.username and sasl.password")
