"""Rules on a task definition's containers:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
"""

import json

KEYS = set("""name image repositoryCredentials cpu memory memoryReservation links portMappings essential
    restartPolicy entryPoint command environment environmentFiles mountPoints volumesFrom
    linuxParameters secrets dependsOn startTimeout stopTimeout versionConsistency hostname user
    workingDirectory disableNetworking privileged readonlyRootFilesystem dnsServers dnsSearchDomains
    extraHosts dockerSecurityOptions interactive pseudoTerminal dockerLabels ulimits
    logConfiguration healthCheck systemControls resourceRequirements firelensConfiguration
    credentialSpecs
    """.split())
PORT_KEYS = {"containerPort", "hostPort", "protocol", "name", "appProtocol", "containerPortRange"}
HEALTH_CHECK = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}


def check_containers(text, fargate):
    """What is wrong with the JSON of container definitions."""
    try:
        containers = json.loads(text)
    except ValueError as error:
        yield f"container_definitions is not JSON ({error})"
        return
    if not isinstance(containers, list) or not containers or not all(isinstance(c, dict) for c in containers):
        yield "container_definitions is not a list of objects"
        return
    for container in containers:
        for part in (_names, _variables, lambda c: _ports(c, fargate), _health_check, lambda c: _log(c, fargate)):
            for problem in part(container):
                yield f"container {container.get('name')!r}: {problem}"


def _names(container):
    for key in ("name", "image"):
        if not isinstance(container.get(key), str) or not container[key]:
            yield f"no {key}"
    for key in sorted(container.keys() - KEYS):
        yield f"unknown key {key!r}"


def _variables(container):
    for block, keys in (("environment", {"name", "value"}), ("secrets", {"name", "valueFrom"})):
        names = []
        for entry in container.get(block, []):
            if not isinstance(entry, dict) or set(entry) != keys or not all(isinstance(v, str) for v in entry.values()):
                yield f"{block} entry {json.dumps(entry)} is not {' and '.join(sorted(keys))}, both strings"
            else:
                names.append(entry["name"])
        if len(set(names)) != len(names):
            yield f"{block} has a name twice"


def _ports(container, fargate):
    for mapping in container.get("portMappings", []):
        for key in sorted(mapping.keys() - PORT_KEYS):
            yield f"portMappings has the unknown key {key!r}"
        port = mapping.get("containerPort")
        if not isinstance(port, int) and "containerPortRange" not in mapping:
            yield f"containerPort {port!r} is not a number"
        if fargate and mapping.get("hostPort") not in (None, 0, port):
            yield "hostPort must equal containerPort in awsvpc mode"


def _health_check(container):
    check = container.get("healthCheck")
    if not check:
        return
    if not isinstance(check.get("command"), list) or check["command"][:1] not in (["CMD"], ["CMD-SHELL"], ["NONE"]):
        yield "healthCheck.command must be a list that begins with CMD or CMD-SHELL"
    for key, (least, most) in HEALTH_CHECK.items():
        if key in check and not (isinstance(check[key], int) and least <= check[key] <= most):
            yield f"healthCheck.{key} {check[key]!r} is not {least} to {most}"
    for key in sorted(check.keys() - {"command", *HEALTH_CHECK}):
        yield f"healthCheck has the unknown key {key!r}"


def _log(container, fargate):
    configuration = container.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return
    for option in ["awslogs-group", "awslogs-region"] + (["awslogs-stream-prefix"] if fargate else []):
        if not (configuration.get("options") or {}).get(option):
            yield f"logConfiguration.options has no {option}"
