"""The whole stack: valid by the schema of Compose, and its parts agree with each other and with the program."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
OURS = f"understudy:{VERSION}"
Service = dict[str, Any]
Read = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def services(compose: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = compose["services"]
    return found


@pytest.fixture
def ours(services: dict[str, Service]) -> dict[str, Service]:
    """Those that run our image's own entry point."""
    return {name: each for name, each in services.items() if each["image"] == OURS and "entrypoint" not in each}


def mounts(service: Service) -> Iterator[tuple[str, str]]:
    """Source and target of each."""
    for volume in service.get("volumes", []):
        source, target, *_ = volume.split(":")
        yield source, target


def option(service: Service, name: str) -> str:
    """What follows an option in the command."""
    words: list[str] = service["command"]
    return words[words.index(name) + 1]


def test_the_schema_of_compose_is_met() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(FOLDER / "compose.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_mounted_file_exists_and_every_volume_is_declared(compose: dict[str, Any]) -> None:
    used = [source for service in compose["services"].values() for source, _ in mounts(service)]
    files = {source for source in used if source.startswith(".")}
    assert files
    assert {source for source in files if not (FOLDER / source).exists()} == set()
    assert set(used) - files == set(compose["volumes"])


def test_the_image_is_built_from_the_files_that_are_named(services: dict[str, Service]) -> None:
    built = [service["build"] for service in services.values() if "build" in service]
    assert built
    for build in built:
        context = (FOLDER / build["context"]).resolve()
        assert context == ROOT
        assert (context / build["dockerfile"]).is_file()


def test_every_image_names_a_whole_version(services: dict[str, Service]) -> None:
    tags = {name: service["image"].rpartition(":")[2] for name, service in services.items()}
    assert {name: tag for name, tag in tags.items() if not re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)?", tag)} == {}
    assert {name for name, service in services.items() if "build" in service} == {
        name for name, service in services.items() if service["image"] == OURS
    }


def test_our_commands_are_ones_that_the_program_takes(ours: dict[str, Service], program: Any) -> None:
    assert {"understudy", "publisher"} == set(ours)
    for service in ours.values():
        program.parse(service["command"])


def test_our_variables_are_ones_that_the_program_reads(services: dict[str, Service], program: Any) -> None:
    for service in services.values():
        assert not program.unknown(service.get("environment", {}))


def test_nothing_is_published_beyond_this_machine(services: dict[str, Service]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len({port.rpartition(":")[0] for port in published}) == len(published)


def test_the_stack_starts_without_any_variable_of_the_host() -> None:
    asked = re.findall(r"\$\{[^}]*\}", (FOLDER / "compose.yaml").read_text())
    assert asked
    assert all(re.fullmatch(r"\$\{[A-Z_]+:-\w+\}", each) for each in asked)


def test_every_service_is_bounded_and_comes_back(services: dict[str, Service]) -> None:
    for name, service in services.items():
        assert {"cpus", "memory"} == set(service["deploy"]["resources"]["limits"]), name
        assert service["restart"] in {"unless-stopped", "on-failure:5"}, name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["logging"]["options"]["max-size"], name


def test_who_waits_for_health_waits_for_a_service_that_tells_of_it(services: dict[str, Service]) -> None:
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            health = services[other].get("healthcheck", {})
            if wait["condition"] == "service_healthy":
                assert "test" in health or services[other] == services["understudy"], f"{name} waits for {other}"
            if wait["condition"] == "service_completed_successfully":
                assert services[other]["restart"] == "on-failure:5", f"{other} never completes"


def test_our_store_is_the_database_that_is_made(services: dict[str, Service]) -> None:
    made = services["postgres"]["environment"]
    for name in ("cards", "understudy", "publisher"):
        store = services[name]["environment"]["UNDERSTUDY_STORE"]
        user, password = made["POSTGRES_USER"], made["POSTGRES_PASSWORD"]
        assert store == f"postgresql://{user}:{password}@postgres:5432/{made['POSTGRES_DB']}"


def test_a_container_serves_its_metrics_where_prometheus_and_its_own_health_check_look(
    services: dict[str, Service],
    ours: dict[str, Service],
    dockerfile: list[tuple[str, str]],
    prometheus_config: dict[str, Any],
) -> None:
    scraped = {
        each
        for job in prometheus_config["scrape_configs"]
        for part in job["static_configs"]
        for each in part["targets"]
    }
    listening = {name: option(service, "--listen").removeprefix("0.0.0.0:") for name, service in ours.items()}
    assert scraped == {f"{name}:{port}" for name, port in listening.items()}
    (inherited,) = [argument for name, argument in dockerfile if name == "HEALTHCHECK"]
    for name, port in listening.items():
        asked = str(services[name].get("healthcheck", {}).get("test", inherited))
        assert f"http://127.0.0.1:{port}/-/healthy" in asked


def test_alerts_go_to_the_alertmanager_of_the_stack(
    services: dict[str, Service], prometheus_config: dict[str, Any]
) -> None:
    managers = [part for each in prometheus_config["alerting"]["alertmanagers"] for part in each["static_configs"]]
    assert [part["targets"] for part in managers] == [["alertmanager:9093"]]
    assert services["alertmanager"]["ports"] == ["127.0.0.1:9093:9093"]
    targets = {name: {target: source for source, target in mounts(services[name])} for name in services}
    for name in ("prometheus", "alertmanager"):
        (file,) = [word.partition("=")[2] for word in services[name]["command"] if word.startswith("--config.file=")]
        source = targets[name].get(file) or f"{targets[name][str(Path(file).parent)]}/{Path(file).name}"
        assert (FOLDER / source).is_file()
    for file in prometheus_config["rule_files"]:
        assert (FOLDER / "prometheus" / file).is_file()


def test_grafana_finds_its_data_and_its_dashboards(services: dict[str, Service], read_yaml: Read) -> None:
    def load(folder: str, key: str) -> list[dict[str, Any]]:
        files = (provisioning / folder).glob("*.y*ml")
        return [each for file in files for document in read_yaml(file.read_text()) for each in document[key]]

    mounted = {target: FOLDER / source for source, target in mounts(services["grafana"])}
    provisioning = mounted["/etc/grafana/provisioning"]
    sources = load("datasources", "datasources")
    assert [urlsplit(str(each["url"])).netloc for each in sources] == ["prometheus:9090"]
    providers = load("dashboards", "providers")
    assert providers
    for provider in providers:
        assert list(mounted[provider["options"]["path"]].rglob("*.json"))
