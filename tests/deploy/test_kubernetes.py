"""The manifests: rendered by kustomize, valid by Kubernetes' schemas, and at one with the program and each other."""

import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
CUSTOM = {"PodMonitor"}
"""Kinds of the Prometheus operator, which Kubernetes' own schemas do not know."""

RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
Document = dict[str, Any]


@pytest.fixture(scope="module")
def render(kubectl: str, read_yaml: Callable[[str], list[Document]]) -> Callable[[str], list[Document]]:
    """Renders a folder, by kustomize."""

    def by_kustomize(folder: str) -> list[Document]:
        command = [kubectl, "kustomize", str(FOLDER / folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return read_yaml(done.stdout)

    return by_kustomize


@pytest.fixture(scope="module", params=["base", "overlays/example"])
def rendered(request: pytest.FixtureRequest, render: Callable[[str], list[Document]]) -> list[Document]:
    return render(request.param)


@pytest.fixture(scope="module")
def example(render: Callable[[str], list[Document]]) -> list[Document]:
    """The example, which can be applied as it is but for what it asks for by name."""
    return render("overlays/example")


def of_kind(documents: list[Document], kind: str) -> dict[str, Document]:
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == kind}


def pods(documents: list[Document]) -> dict[str, Document]:
    """The pod template of each deployment, by its component."""
    templates = [each["spec"]["template"] for each in of_kind(documents, "Deployment").values()]
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each for each in templates}


def containers(documents: list[Document]) -> Iterator[Document]:
    for pod in pods(documents).values():
        yield from pod["spec"]["containers"]
        yield from pod["spec"].get("initContainers", [])


def selected(documents: list[Document], selector: Document) -> set[str]:
    """The components whose pods a selector matches."""
    found: set[str] = set()
    for component, pod in pods(documents).items():
        labels = pod["metadata"]["labels"]
        wanted = selector.get("matchLabels", {}).items() <= labels.items()
        among = [labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])]
        found |= {component} if wanted and all(among) else set()
    return found


def test_every_manifest_is_strictly_valid(rendered: list[Document]) -> None:
    checked = [document for document in rendered if document["kind"] not in CUSTOM]
    assert len(checked) > 8
    for document in checked:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_a_misspelt_field_is_noticed(rendered: list[Document]) -> None:
    (service, *_) = of_kind(rendered, "Service").values()
    wrong: Document = {**service, "spec": {**service["spec"], "selektor": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_there_are_two_supervisors_apart_from_each_other_and_one_of_each_that_would_count_twice(
    rendered: list[Document],
) -> None:
    replicas = {name: each["spec"]["replicas"] for name, each in of_kind(rendered, "Deployment").items()}
    assert replicas == {"understudy-supervisor": 2, "understudy-exporter": 1, "understudy-publisher": 1}
    spread = pods(rendered)["supervisor"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    (budget,) = of_kind(rendered, "PodDisruptionBudget").values()
    for selector in [budget["spec"]["selector"], *(each["labelSelector"] for each in spread)]:
        assert selected(rendered, selector) == {"supervisor"}


def test_every_deployment_selects_its_own_pods_and_no_others(rendered: list[Document]) -> None:
    for deployment in of_kind(rendered, "Deployment").values():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        own = {labels["app.kubernetes.io/component"]}
        assert selected(rendered, deployment["spec"]["selector"]) == own


def test_every_container_meets_the_restricted_standard(rendered: list[Document], dockerfile: Any) -> None:
    (user,) = [argument for name, argument in dockerfile if name == "USER"]
    for pod in pods(rendered).values():
        context = pod["spec"]["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == user
        assert context["runAsNonRoot"]
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False
    for container in containers(rendered):
        assert container["securityContext"] == RESTRICTED
        assert container["resources"]["limits"]["memory"]
        assert container["image"].rpartition(":")[2] == VERSION


def test_the_namespace_enforces_it(example: list[Document]) -> None:
    (namespace,) = of_kind(example, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {each["metadata"]["namespace"] for each in example if each["kind"] != "Namespace"} == {"understudy"}


def test_the_program_takes_every_command(rendered: list[Document], program: Any) -> None:
    for component, pod in pods(rendered).items():
        (container,) = pod["spec"]["containers"]
        program.parse(container["args"])
        listening = container["args"][container["args"].index("--listen") + 1]
        assert listening == f"0.0.0.0:{container['ports'][0]['containerPort']}", component


def test_the_program_takes_the_commands_that_name_a_chassis(example: list[Document], program: Any) -> None:
    (first,) = pods(example)["supervisor"]["spec"]["initContainers"]
    (script,) = first["args"]
    said = re.findall(r"understudy ([^;\n]+)", script)
    assert len(said) == 3
    for words in said:
        program.parse(words.split())


def test_the_program_reads_every_variable(rendered: list[Document], program: Any) -> None:
    given = {variable["name"] for container in containers(rendered) for variable in container.get("env", [])}
    for document in of_kind(rendered, "ConfigMap").values():
        given |= document["data"].keys()
    for document in of_kind(rendered, "Secret").values():
        given |= document["data"].keys()
    assert "UNDERSTUDY_KAFKA" in given
    assert not program.unknown(given)


def test_only_the_publisher_is_told_of_kafka(rendered: list[Document]) -> None:
    for component, pod in pods(rendered).items():
        (container,) = pod["spec"]["containers"]
        sources = [each["configMapRef"]["name"] for each in container["envFrom"] if "configMapRef" in each]
        assert all(source in of_kind(rendered, "ConfigMap") for source in sources)
        told = any("UNDERSTUDY_KAFKA" in of_kind(rendered, "ConfigMap")[source]["data"] for source in sources)
        assert told == (component == "publisher")


def test_every_probe_asks_the_port_that_the_container_has(rendered: list[Document]) -> None:
    paths = {"startupProbe": "/-/healthy", "livenessProbe": "/-/healthy", "readinessProbe": "/-/ready"}
    for pod in pods(rendered).values():
        (container,) = pod["spec"]["containers"]
        (port,) = container["ports"]
        assert {probe: container[probe]["httpGet"]["path"] for probe in paths} == paths
        assert {container[probe]["httpGet"]["port"] for probe in paths} == {port["name"]}


def test_every_mounted_volume_is_there_and_the_root_is_not_written_to(rendered: list[Document]) -> None:
    for component, pod in pods(rendered).items():
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert set(mounted.values()) == volumes, component
            assert {"/var/lib/understudy", "/tmp"} <= mounted.keys()
            for variable in container.get("env", []):
                assert str(Path(variable["value"]).parent) in mounted


def test_what_is_scraped_is_told_once_and_by_the_names_that_the_rules_know(
    rendered: list[Document], prometheus_config: Document
) -> None:
    jobs = prometheus_config["scrape_configs"]
    targets = {part for job in jobs for each in job["static_configs"] for part in each["targets"]}
    services = of_kind(rendered, "Service")
    assert targets == {f"{name}:{each['spec']['ports'][0]['port']}" for name, each in services.items()}
    reached = [selected(rendered, {"matchLabels": each["spec"]["selector"]}) for each in services.values()]
    assert sorted(reached, key=min) == [{"exporter"}, {"publisher"}]
    for monitor in of_kind(rendered, "PodMonitor").values():
        assert selected(rendered, monitor["spec"]["selector"]) == {"exporter", "publisher"}
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert endpoint["port"] == "metrics"
        assert {each["replacement"] for each in endpoint["relabelings"]} == {job["job_name"] for job in jobs}


def test_the_network_policy_lets_out_what_the_program_has_to_reach(example: list[Document]) -> None:
    (policy,) = of_kind(example, "NetworkPolicy").values()
    assert selected(example, policy["spec"]["podSelector"]) == {"supervisor", "exporter", "publisher"}
    (egress,) = policy["spec"]["egress"]
    open_ports = {each["port"] for each in egress["ports"] if each["protocol"] == "TCP"}
    store = (FOLDER / "overlays" / "example" / "store.env").read_text().partition("=")[2]
    kafka = [each["data"].get("UNDERSTUDY_KAFKA") for each in of_kind(example, "ConfigMap").values()]
    needed = {urlsplit(store).port, 22, 53} | {urlsplit(f"//{each}").port for each in kafka if each}
    assert needed == open_ports
    (ingress,) = policy["spec"]["ingress"]
    assert ingress["ports"] == [{"protocol": "TCP", "port": "metrics"}]
