"""Troubles of an environment, replayed minute by minute: each alarm is raised by its own, once, and is over after it; by a usual
day, a quiet night and a single bad minute none is.

What a metric reports in which trouble, and what it is counted by, is AWS's:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html
"""

import json
import re

from .base import Facts

# An hour before the trouble, twenty minutes of it, an hour after.
BEFORE, TROUBLE, ALL = 60, 20, 140

# A service's metrics, with what each can be asked by here.
REPORTED = {
    "AWS/ApplicationELB": {
        name: {"LoadBalancer", "TargetGroup"}
        for name in ("HealthyHostCount", "HTTPCode_Target_5XX_Count", "TargetResponseTime")
    },
    "AWS/ECS": {name: {"ClusterName", "ServiceName"} for name in ("CPUUtilization", "MemoryUtilization")},
    # An HTTP API's, and a REST API's.
    "AWS/ApiGateway": {"5xx": {"ApiId"}, "Latency": {"ApiId"}, "5XXError": {"ApiName"}},
    "AWS/Bedrock": {
        name: {"ModelId"} for name in ("InvocationThrottles", "InvocationClientErrors", "InvocationServerErrors")
    },
    "AWS/DynamoDB": {
        "ReadThrottleEvents": {"TableName"},
        "WriteThrottleEvents": {"TableName"},
        "SystemErrors": {"TableName", "Operation"},
    },
    "AWS/EC2": {"StatusCheckFailed": {"InstanceId"}},
    "AWS/Backup": {
        name: {"BackupVaultName"}
        for name in ("NumberOfBackupJobsFailed", "NumberOfBackupJobsExpired", "NumberOfCopyJobsFailed")
    },
}

# What one minute's samples are while nobody asks for anything, and what people add. What is not here is reported only when
# there is something to report.
NIGHT = {"HealthyHostCount": [1], "CPUUtilization": [2, 2], "MemoryUtilization": [40, 40], "StatusCheckFailed": [0]}
DAY = {
    **NIGHT,
    "CPUUtilization": [30, 30],
    "TargetResponseTime": [1.5] * 19 + [9],
    "Latency": [1600] * 19 + [9100],
    "5xx": [0] * 20,
    "5XXError": [0] * 20,
    "SystemErrors": [0] * 20,
}
CALLERS = {"5xx": [1] * 20, "5XXError": [1] * 20}
GONE = {"CPUUtilization": None, "MemoryUtilization": None}

# What a minute of the trouble is like, where it differs from a usual day; whom it is about, if not all; and the alarms.
TROUBLES = {
    "no task runs": ({**CALLERS, **GONE, "HealthyHostCount": [0]}, {}, {"no-healthy-target", "no-running-task", "api-5xx", "streaming-5xx"}),
    "nobody counts tasks": ({**CALLERS, **GONE, "HealthyHostCount": None}, {}, {"no-healthy-target", "no-running-task", "api-5xx", "streaming-5xx"}),
    "the router fails": ({**CALLERS, "HTTPCode_Target_5XX_Count": [1] * 20}, {}, {"router-5xx", "api-5xx", "streaming-5xx"}),
    "the front alone fails": (CALLERS, {}, {"api-5xx", "streaming-5xx"}),
    "answers are slow": ({"TargetResponseTime": [24.0] * 20, "Latency": [24_000] * 20}, {}, {"router-latency", "api-latency"}),
    "Bedrock throttles": ({"InvocationThrottles": [1] * 5}, {}, {"model-throttled"}),
    "Bedrock refuses": ({"InvocationClientErrors": [1] * 5}, {}, {"model-failed"}),
    "Bedrock fails": ({"InvocationServerErrors": [1] * 5}, {}, {"model-failed"}),
    "tasks are too small": ({"CPUUtilization": [97, 99]}, {}, {"router-cpu"}),
    "memory runs out": ({"MemoryUtilization": [93, 95]}, {}, {"router-memory"}),
    "the NAT instance fails": ({"StatusCheckFailed": [1]}, {}, {"nat-failed"}),
    "the NAT instance is gone": ({"StatusCheckFailed": None}, {}, {"nat-failed"}),
}  # fmt: skip
for _table in ("conversations", "tenants"):
    _about = {"TableName": _table}
    TROUBLES |= {
        f"reads of {_table} are throttled": ({"ReadThrottleEvents": [1] * 3}, _about, {f"{_table}-throttled"}),
        f"writes of {_table} are throttled": ({"WriteThrottleEvents": [1] * 3}, _about, {f"{_table}-throttled"}),
        f"{_table} fails": ({"SystemErrors": [1] * 5}, _about, {f"{_table}-failed"}),
    }

# Three days, on each of which jobs are counted in the same minute; what is not zero is reported.
DAYS, JOBS_AT, PER_DAY = 3, 5 * 60 + 25, 24 * 60
BACKUP_TROUBLES = {
    "backups fail": ("NumberOfBackupJobsFailed", "backup-failed"),
    "backups do not begin": ("NumberOfBackupJobsExpired", "backup-expired"),
    "copies fail": ("NumberOfCopyJobsFailed", "backup-copy-failed"),
}

COMPARED = {"GreaterThanThreshold": lambda value, than: value > than, "LessThanThreshold": lambda value, than: value < than}


def statistic(name, samples):
    if name == "SampleCount":
        return len(samples)
    if name == "Sum":
        return sum(samples)
    if not samples:
        return None
    if percent := re.fullmatch(r"p(\d+)", name):
        return sorted(samples)[max(0, -(-len(samples) * int(percent[1]) // 100) - 1)]
    return {"Maximum": max, "Average": lambda samples: sum(samples) / len(samples)}[name](samples)


class Metric:
    """One metric of an alarm."""

    def __init__(self, values):
        self.namespace, self.name, self.period = values["namespace"], values["metric_name"], values["period"] // 60
        self.dimensions = values["dimensions"]
        self.statistic = values.get("stat") or values.get("extended_statistic") or values["statistic"]

    def is_reported(self):
        return REPORTED.get(self.namespace, {}).get(self.name) == set(self.dimensions)

    def at(self, end, day):
        """Its value of the period before minute `end`, or None where nothing was reported."""
        minutes = [day(minute, self.name, self.dimensions) for minute in range(end - self.period, end)]
        reported = [sample for samples in minutes if samples is not None for sample in samples]
        return statistic(self.statistic, reported) if any(samples is not None for samples in minutes) else None


class Alarm:
    """An alarm as CloudWatch evaluates it: so many of the last periods, of which those without data count as it says."""

    def __init__(self, values):
        queries = values.get("metric_query") or []
        self.metrics = [Metric(query["metric"][0]) for query in queries if query.get("metric")] or [Metric(values)]
        self.is_sum = any(re.fullmatch(r"FILL\(\w+, 0\) \+ FILL\(\w+, 0\)", q.get("expression") or "") for q in queries)
        self.periods = values["evaluation_periods"]
        self.enough = values.get("datapoints_to_alarm") or self.periods
        self.is_beyond = lambda value: COMPARED[values["comparison_operator"]](value, values["threshold"])
        self.missing = values["treat_missing_data"] == "breaching"

    def breaches(self, end, day):
        found = [metric.at(end, day) for metric in self.metrics]
        found = [value for value in found if value is not None]
        return self.is_beyond(sum(found)) if found else self.missing

    def raised(self, day, minutes=ALL):
        """How often it is raised in a day, and whether it is at its end."""
        step, times, is_raised = self.metrics[0].period, 0, False
        breached = [self.breaches(end, day) for end in range(step, minutes + 1, step)]
        for end in range(self.periods, len(breached) + 1):
            was, is_raised = is_raised, sum(breached[end - self.periods : end]) >= self.enough
            times += is_raised and not was
        return times, is_raised


def usual(samples):
    """A day that is all like this."""
    return lambda _minute, name, _dimensions: samples.get(name)


def troubled(samples, about, minutes):
    """A usual day with so many minutes of trouble, of what is about these."""

    def day(minute, name, dimensions):
        is_about = all(dimensions.get(key, "").endswith(value) for key, value in about.items())
        is_now = BEFORE <= minute < BEFORE + minutes
        return samples[name] if is_now and is_about and name in samples else DAY.get(name)

    return day


def jobs(counted, vault, days):
    """Days, by their numbers, on which two jobs of a vault end so."""

    def day(minute, name, dimensions):
        number, minute = divmod(minute, PER_DAY)
        is_counted = number in days and minute == JOBS_AT and name == counted and dimensions.get("BackupVaultName") == vault
        return [2] if is_counted else None

    return day


def matches(pattern, event):
    """Whether an event has what a pattern of EventBridge names."""
    if isinstance(pattern, dict):
        return isinstance(event, dict) and all(key in event and matches(value, event[key]) for key, value in pattern.items())
    return any(one in pattern for one in (event if isinstance(event, list) else [event]))


class Replay(Facts):
    def replay(self):
        found = self.state.all("aws_cloudwatch_metric_alarm")
        alarms = {values["alarm_name"].removeprefix(self.name + "-"): Alarm(values) for values in found}
        for name, alarm in alarms.items():
            self.true(f"{name} is of metrics that AWS reports", all(metric.is_reported() for metric in alarm.metrics))
            self.true(f"{name} adds what it asks for", alarm.is_sum or len(alarm.metrics) == 1)
        raising = dict.fromkeys(alarms, 0)
        sleeps = self.var.get("active_hours")
        for trouble, (samples, about, wanted) in TROUBLES.items():
            # With active hours that is how tasks sleep.
            if sleeps and trouble == "nobody counts tasks":
                wanted = wanted - {"no-healthy-target"}
            wanted = {name for name in alarms if any(name.endswith(end) for end in wanted)}
            raised = {name: alarm.raised(troubled(samples, about, TROUBLE)) for name, alarm in alarms.items()}
            raised = {name: how for name, how in raised.items() if how[0]}
            self.same(f"where {trouble}, raised once and over at the end", raised, dict.fromkeys(wanted, (1, False)))
            for name in wanted:
                raising[name] += 1
        for name in self._backups(alarms):
            raising[name] += 1
        self.same("alarms that no trouble raises", {name for name, troubles in raising.items() if not troubles}, set())
        for day in [DAY, NIGHT] + [{"StatusCheckFailed": [0]}] * bool(sleeps):
            raised = {name for name, alarm in alarms.items() if alarm.raised(usual(day))[0]}
            self.same("raised by a usual day or night", raised, set())
        single = troubled({**GONE, "HealthyHostCount": [0], "ReadThrottleEvents": [1], "CPUUtilization": [99]}, {}, 1)
        raised = {name for name, alarm in alarms.items() if alarm.raised(single)[0]}
        self.same("raised by a single bad minute", raised, set())
        self._failed_deployment()

    def _backups(self, alarms):
        """Names of the alarms that failed backups raise: once for one night, for a day."""
        alarms = {name: alarm for name, alarm in alarms.items() if alarm.metrics[0].namespace == "AWS/Backup"}
        copied_to = ((self.var.get("backup") or {}).get("copy_to") or "").rpartition(":")[2]
        for trouble, (metric, wanted) in BACKUP_TROUBLES.items():
            vault = copied_to if metric == "NumberOfCopyJobsFailed" else f"{self.name}-tables"
            for what, days, how in (("one night", {1}, (1, False)), ("every night", {0, 1, 2}, (1, True))):
                raised = {name: alarm.raised(jobs(metric, vault, days), DAYS * PER_DAY) for name, alarm in alarms.items()}
                raised = {name: how for name, how in raised.items() if how[0]}
                self.same(f"where {trouble} {what}", raised, {name: how for name in alarms.keys() & {wanted}})
            others = {name for name, alarm in alarms.items() if alarm.raised(jobs(metric, "another", {1}), DAYS * PER_DAY)[0]}
            self.same(f"raised where another vault's {trouble}", others, set())
        return alarms.keys() & {wanted for _, wanted in BACKUP_TROUBLES.values()}

    def _failed_deployment(self):
        """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html"""
        rule = self.state.one("aws_cloudwatch_event_rule")
        pattern, service = json.loads(rule["event_pattern"]), self.state.one("aws_ecs_service")["id"]
        event = {"source": "aws.ecs", "detail-type": "ECS Deployment State Change", "resources": [service]}
        names = {f"SERVICE_DEPLOYMENT_{how}" for how in ("FAILED", "COMPLETED", "IN_PROGRESS")}
        told = {name for name in names if matches(pattern, {**event, "detail": {"eventName": name}})}
        self.same("deployments told", told, {"SERVICE_DEPLOYMENT_FAILED"})
        another = {**event, "resources": [f"{service}-2"], "detail": {"eventName": "SERVICE_DEPLOYMENT_FAILED"}}
        self.true("another service's is not told", not matches(pattern, another))
