"""The manifests are valid by the API's own schemas, and agree with the code. None was applied."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from app.server.drain_limit import DRAIN_SECONDS
from app.settings import Settings
from tests.server import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "kubernetes"
KEDA: dict[str, Any] = json.loads((Path(__file__).parent / "keda.json").read_text())
VERSIONS = ("1.31", "1.34")
KUSTOMIZATIONS = (FOLDER, FOLDER / "worker")

Manifest = dict[str, Any]


def manifests() -> Iterator[Manifest]:
    for file in sorted(FOLDER.rglob("*.yaml")):
        if file.name != "kustomization.yaml":
            yield from yaml.safe_load_all(file.read_text())


def check(manifest: Manifest, version: str) -> None:
    if manifest["apiVersion"].startswith("keda.sh/"):
        jsonschema.validate(manifest, KEDA[manifest["kind"]])
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


MANIFESTS = list(manifests())
DEPLOYMENTS = [one for one in MANIFESTS if one["kind"] == "Deployment"]


def pod_of(deployment: Manifest) -> Manifest:
    pod: Manifest = deployment["spec"]["template"]["spec"]
    return pod


def container_of(deployment: Manifest) -> Manifest:
    (container,) = pod_of(deployment)["containers"]
    found: Manifest = container
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=name_of)
def test_every_manifest_is_valid(manifest: Manifest, version: str) -> None:
    check(manifest, version)


WRONG: dict[str, Callable[[Manifest], Any]] = {
    "Deployment": lambda one: pod_of(one).update(enableServiceLink=False),
    "Service": lambda one: one["spec"]["ports"][0].update(port="http"),
    "HorizontalPodAutoscaler": lambda one: one["spec"].pop("maxReplicas"),
    "PodDisruptionBudget": lambda one: one["spec"].update(minAvailible=1),
    "ScaledObject": lambda one: one["spec"]["triggers"][0]["metadata"].update(queueLength=5),
    "TriggerAuthentication": lambda one: one["spec"]["podIdentity"].update(provider="aws-eks"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_the_check_sees_a_misspelling(kind: str) -> None:
    manifest = copy.deepcopy(next(one for one in MANIFESTS if one["kind"] == kind))
    WRONG[kind](manifest)
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        check(manifest, VERSIONS[-1])


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=lambda folder: str(folder.name))
def test_a_kustomization_lists_resources_and_images_only(folder: Path) -> None:
    found = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert found.keys() == {"apiVersion", "kind", "resources", "images"}
    there = {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(found["resources"]) == there
    used = {container_of(one)["image"] for one in DEPLOYMENTS}
    assert {image["name"] for image in found["images"]} == used


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_pods_may_do_little(deployment: Manifest) -> None:
    pod, container = pod_of(deployment), container_of(deployment)
    assert pod["securityContext"]["runAsNonRoot"]
    user = (REPOSITORY / "Dockerfile").read_text().partition("\nUSER ")[2].partition(":")[0]
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["enableServiceLinks"] is False


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_threads_are_as_many_as_the_cores(deployment: Manifest) -> None:
    container = container_of(deployment)
    (threads,) = (one["value"] for one in container["env"] if one["name"] == "SPOTTER_THREADS")
    resources = container["resources"]
    assert resources["requests"] == resources["limits"]
    assert resources["limits"]["cpu"] == threads


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_every_setting_exists(deployment: Manifest) -> None:
    known = {f"SPOTTER_{name.upper()}" for name in Settings.model_fields}
    given = {one["name"] for one in container_of(deployment)["env"]}
    for one in MANIFESTS:
        if one["kind"] == "ConfigMap":
            given |= {name for name in one["data"] if name.startswith("SPOTTER_")}
    assert given <= known


def test_a_pod_has_time_to_answer_what_it_has() -> None:
    (deployment,) = (one for one in DEPLOYMENTS if one["metadata"]["name"] == "spotter")
    command = container_of(deployment)["lifecycle"]["preStop"]["exec"]["command"]
    pause = int(command[-1])
    grace = pod_of(deployment)["terminationGracePeriodSeconds"]
    assert grace == 45
    assert pause + DRAIN_SECONDS < grace
    assert pause >= 2 * container_of(deployment)["readinessProbe"]["periodSeconds"]


def test_selectors_find_the_pods() -> None:
    labels = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in DEPLOYMENTS
    }
    for one in MANIFESTS:
        spec = one.get("spec", {})
        if one["kind"] == "Service":
            assert spec["selector"] == labels["spotter"]
        elif one["kind"] in ("PodDisruptionBudget", "Deployment"):
            assert spec["selector"]["matchLabels"] == labels[one["metadata"]["name"]]
        elif "scaleTargetRef" in spec:
            assert spec["scaleTargetRef"]["name"] in labels


def test_the_worker_and_its_scaler_ask_one_queue() -> None:
    (deployment,) = (one for one in DEPLOYMENTS if one["metadata"]["name"] == "spotter-worker")
    (settings,) = (one for one in MANIFESTS if one["kind"] == "ConfigMap")
    (scaled,) = (one for one in MANIFESTS if one["kind"] == "ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    name = trigger["metadata"]["queueURLFromEnv"]
    assert container_of(deployment)["command"][-1] == f"$({name})"
    assert name in settings["data"]
    assert trigger["metadata"]["awsRegion"] == settings["data"]["AWS_REGION"]
