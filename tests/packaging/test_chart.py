"""The manifests for Kubernetes and for Compose: valid, and what they say to the server is true."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from drum_like import __version__
from scripts.manifests import CHART, MANIFESTS, find_helm, plain, rendered
from tests.support.certificates import Authority
from tests.support.http_calls import call
from tests.support.serving import Server, serve
from tests.support.stores import POSTGRES, place_on

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("1.27", kubernetes_validate.latest_version())
"""The oldest version that the chart takes, and the newest one."""

OWN_KINDS = {"ServiceMonitor"}
"""Kinds of operators, which Kubernetes itself does not know."""

HOOK = (
    "def load_model(d):\n    return 1\n\n\ndef score(data, model, **_):\n    return data[['x']]\n"
)
TOKEN = "an-observer-of-the-chart"
CREDENTIALS = f"- name: watcher\n  passphrase: {TOKEN}\n  scopes: [observe]\n"

VALUES = {
    "one-model": ("model.claim=model", "settings.target-type=regression"),
    "scaled-and-guarded": (
        "image.repository=images.example/drum-like",
        "image.tag=abc",
        "pullSecrets[0].name=images",
        "model.claim=model",
        "model.loadS=7",
        "settings.target-type=regression",
        "settings.max-workers=1",
        "credentials.secret=people",
        "autoscaling.enabled=true",
        "autoscaling.cpu=80",
        "serviceMonitor.enabled=true",
        "serviceMonitor.labels.release=prometheus",
        "networkPolicy.enabled=true",
        "networkPolicy.from[0].podSelector.matchLabels.app=gateway",
    ),
    "store": (
        "replicas=1",
        "store.enabled=true",
        "store.secret=database",
        "store.claim=files",
        "settings.allow-code-uploads=true",
        "settings.contracts=probes\\,metrics\\,wallaroo",
        "networkPolicy.enabled=true",
        "networkPolicy.egress[0].ports[0].port=5432",
        "nodeSelector.disk=fast",
        "tolerations[0].operator=Exists",
    ),
    "tls": (
        "model.claim=model",
        "settings.target-type=regression",
        "credentials.secret=people",
        "tls.secret=certificate",
        "serviceMonitor.enabled=true",
        "serviceMonitor.tlsConfig.ca.secret.name=certificate",
        "serviceMonitor.tlsConfig.ca.secret.key=ca.crt",
        "networkPolicy.enabled=true",
    ),
}

HELM = find_helm()
with_helm = pytest.mark.skipif(HELM is None, reason="make chart brings Helm")

Manifests = dict[str, dict[str, Any]]
"""Manifests by their kind; there is one of each."""


def parsed(text: str) -> Manifests:
    """Return the manifests in a text."""
    found = [one for one in yaml.safe_load_all(text) if one]
    by_kind = {one["kind"]: one for one in found}
    assert len(by_kind) == len(found)
    return by_kind


def made(values: str) -> Manifests:
    """Return the manifests that Helm makes of values."""
    assert HELM is not None
    return parsed(rendered(HELM, VALUES[values]))


def pod(manifests: Manifests) -> Any:
    """Return the pod of a deployment."""
    return manifests["Deployment"]["spec"]["template"]["spec"]


def container(manifests: Manifests) -> Any:
    """Return the container of a pod."""
    (found,) = pod(manifests)["containers"]
    return found


def probes(manifests: Manifests) -> list[Any]:
    """Return the requests of the probes of a container."""
    names = ("startup", "readiness", "liveness")
    return [container(manifests)[f"{name}Probe"]["httpGet"] for name in names]


def valid(manifests: Manifests) -> None:
    """Compare manifests with the schemas of Kubernetes."""
    for manifest in manifests.values():
        for version in VERSIONS if manifest["kind"] not in OWN_KINDS else ():
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_manifests_without_helm_are_valid() -> None:
    manifests = parsed(MANIFESTS.read_text())

    valid(manifests)
    assert manifests.keys() == {"Deployment", "Service", "PodDisruptionBudget"}


def test_a_manifest_with_a_word_that_kubernetes_does_not_know_is_not_valid() -> None:
    manifests = parsed(MANIFESTS.read_text())
    container(manifests)["readinesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        valid(manifests)


def test_the_chart_is_of_the_version_of_the_server() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


@with_helm
def test_the_manifests_without_helm_are_those_of_helm() -> None:
    assert HELM is not None
    assert MANIFESTS.read_text() == plain(HELM)


@with_helm
def test_helm_finds_no_fault() -> None:
    done = subprocess.run(
        [str(HELM), "lint", "--strict", str(CHART)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@with_helm
@pytest.mark.parametrize("values", VALUES)
def test_what_helm_makes_is_valid_and_fits_together(values: str) -> None:
    manifests = made(values)
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"] for port in container(manifests)["ports"]}
    names = {volume["name"] for volume in pod(manifests)["volumes"]}

    valid(manifests)
    for selector in _selectors(manifests):
        assert selector.items() <= labels.items()
    assert {mount["name"] for mount in container(manifests)["volumeMounts"]} == names
    assert manifests["Service"]["spec"]["ports"][0]["targetPort"] in ports
    assert {probe["port"] for probe in probes(manifests)} == ports
    assert set(_ports_by_name(manifests)) <= ports
    assert pod(manifests)["terminationGracePeriodSeconds"] > 65


def _selectors(manifests: Manifests) -> Iterator[Mapping[str, str]]:
    yield manifests["Service"]["spec"]["selector"]
    yield manifests["Deployment"]["spec"]["selector"]["matchLabels"]
    if "PodDisruptionBudget" in manifests:
        yield manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    if "NetworkPolicy" in manifests:
        yield manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    if "ServiceMonitor" in manifests:  # that of the service, whose labels are those of the pods
        yield manifests["ServiceMonitor"]["spec"]["selector"]["matchLabels"]


def _ports_by_name(manifests: Manifests) -> Iterator[str]:
    """Yield the ports that rules for others name; that of the service is named as the pod's."""
    yield manifests["Service"]["spec"]["ports"][0]["name"]
    if "NetworkPolicy" in manifests:
        yield manifests["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"]
    if "ServiceMonitor" in manifests:
        yield manifests["ServiceMonitor"]["spec"]["endpoints"][0]["port"]


@with_helm
def test_values_turn_parts_on() -> None:
    kinds = {values: made(values).keys() - {"Deployment", "Service"} for values in VALUES}
    scaled = made("scaled-and-guarded")

    assert kinds == {
        "one-model": {"PodDisruptionBudget"},
        "scaled-and-guarded": {
            *("PodDisruptionBudget", "HorizontalPodAutoscaler", "ServiceMonitor", "NetworkPolicy"),
        },
        "store": {"NetworkPolicy"},
        "tls": {"PodDisruptionBudget", "ServiceMonitor", "NetworkPolicy"},
    }
    assert "replicas" not in scaled["Deployment"]["spec"]
    assert (
        scaled["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"]
        == (scaled["Deployment"]["metadata"]["name"])
    )
    assert container(scaled)["startupProbe"]["failureThreshold"] == 4, "two seconds each"


@with_helm
def test_a_certificate_turns_everything_to_tls() -> None:
    assert HELM is not None
    manifests = made("tls")
    (endpoint,) = manifests["ServiceMonitor"]["spec"]["endpoints"]
    (port,) = manifests["Service"]["spec"]["ports"]
    (volume,) = (one for one in pod(manifests)["volumes"] if one["name"] == "tls")
    (mount,) = (one for one in container(manifests)["volumeMounts"] if one["name"] == "tls")
    unmonitored = parsed(rendered(HELM, ["tls.secret=certificate"]))

    assert {probe["scheme"] for probe in probes(manifests)} == {"HTTPS"}
    assert (port["name"], port["port"]) == ("https", 443)
    assert endpoint["scheme"] == "https"
    assert endpoint["tlsConfig"] == {
        "serverName": "model-drum-like.default.svc",
        "ca": {"secret": {"name": "certificate", "key": "ca.crt"}},
    }
    assert volume["secret"] == {"secretName": "certificate", "defaultMode": 0o440}
    assert mount["readOnly"] is True
    annotations = unmonitored["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/scheme"] == "https"


@with_helm
def test_a_port_of_the_service_that_is_chosen_stays() -> None:
    assert HELM is not None
    ports = [
        parsed(rendered(HELM, values))["Service"]["spec"]["ports"][0]["port"]
        for values in ((), ("service.port=81",), ("service.port=81", "tls.secret=certificate"))
    ]

    assert ports == [80, 81, 81]


@with_helm
def test_a_store_without_its_database_is_refused() -> None:
    assert HELM is not None
    with pytest.raises(subprocess.CalledProcessError) as caught:
        rendered(HELM, ["store.enabled=true"])

    assert "store.enabled needs store.secret" in caught.value.stderr


@contextmanager
def started(manifests: Manifests, folder: Path) -> Iterator[Server]:
    """Start the server as the container of a pod is, with its variables and its volumes."""
    (folder / "model").mkdir()
    (folder / "model" / "custom.py").write_text(HOOK)
    (folder / "people").mkdir()
    (folder / "people" / "credentials.yaml").write_text(CREDENTIALS)
    (folder / "files").mkdir()
    (folder / "certificate").mkdir()
    issued = Authority(folder / "certificate").issue("tls")
    issued.chain.rename(issued.chain.with_name("tls.crt"))
    volumes = {one["name"]: _of_volume(one, folder) for one in pod(manifests)["volumes"]}
    mounts = {
        one["mountPath"]: volumes[one["name"]]
        for one in container(manifests)["volumeMounts"]
        if one["name"] != "tmp"
    }
    with ExitStack() as stack:
        variables = {}
        for one in container(manifests)["env"]:
            if "value" not in one:
                assert one["valueFrom"]["secretKeyRef"] == {"name": "database", "key": "url"}
                place = stack.enter_context(place_on(POSTGRES, folder / "files"))
                assert place.url is not None
                one["value"] = place.url
            variables[one["name"]] = one["value"]
        for mount, real in mounts.items():
            variables = {name: text.replace(mount, str(real)) for name, text in variables.items()}
        yield stack.enter_context(serve(mounts.get("/opt/model"), env=variables))


def _of_volume(volume: Mapping[str, Any], folder: Path) -> Path:
    if "persistentVolumeClaim" in volume:
        return folder / str(volume["persistentVolumeClaim"]["claimName"])
    return folder / str(volume["secret"]["secretName"]) if "secret" in volume else folder


@with_helm
@pytest.mark.parametrize("values", VALUES)
def test_the_server_takes_what_the_pod_says_and_answers_its_probes(
    values: str, tmp_path: Path
) -> None:
    manifests = made(values)
    schemes = {probe.get("scheme", "HTTP").lower() for probe in probes(manifests)}

    with started(manifests, tmp_path) as server:
        replies = [server.get(probe["path"]) for probe in probes(manifests)]
        metrics = call(server.url, "GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        unknown = server.get("/metrics")

    assert {urlsplit(server.url).scheme} == schemes
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert metrics.status == 200
    assert "\ndrum_like_requests_waiting 0" in metrics.text
    assert (unknown.status == 401) == (values in ("scaled-and-guarded", "tls"))


@with_helm
def test_a_pod_drains_before_it_stops(tmp_path: Path) -> None:
    assert HELM is not None
    values = (*VALUES["one-model"], "drainDelayS=2")
    with started(parsed(rendered(HELM, values)), tmp_path) as server:
        began = time.monotonic()
        server.process.terminate()
        time.sleep(0.5)
        ready, alive = server.get("/readyz"), server.get("/livez")
        code = server.process.wait(20)

    assert (ready.status, alive.status, code) == (503, 200, 0)
    assert time.monotonic() - began >= 2


def test_compose_names_what_is_there() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    services, folder = compose["services"], ROOT / "deploy"
    named = [volume.split(":") for one in services.values() for volume in one.get("volumes", [])]
    prometheus = yaml.safe_load((folder / "prometheus.yaml").read_text())
    (scraped,) = prometheus["scrape_configs"]

    assert all((folder / source).exists() for source, *_ in named if source.startswith("."))
    assert {source for source, *_ in named if not source.startswith(".")} == compose[
        "volumes"
    ].keys()
    assert (folder / services["server"]["build"]["context"] / "deploy" / "Dockerfile").exists()
    assert scraped["static_configs"][0]["targets"] == ["server:8080"]
    assert [folder / name for name in prometheus["rule_files"] if (folder / name).exists()]


def test_the_server_of_compose_starts_with_its_variables(tmp_path: Path) -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    server = compose["services"]["server"]
    url = server["environment"]["DRUM_LIKE_DATABASE_URL"]
    assert re.fullmatch(r"postgresql://drum_like:\$\{\w+:\?[^}]*\}@database/drum_like", url)
    _, flag, store = server["command"]

    with place_on(POSTGRES, tmp_path) as place:
        assert place.url is not None
        variables = {**server["environment"], "DRUM_LIKE_DATABASE_URL": place.url}
        with serve(None, flag, str(tmp_path / store.lstrip("/")), env=variables) as running:
            assert running.get("/readyz").status == 200
