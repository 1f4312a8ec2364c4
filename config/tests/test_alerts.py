"""The alert rules: well formed, each with what to do, and about numbers that we show."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from config import service_levels, telemetry
from config.backlogs import BACKLOGS
from config.doctor import machine, work
from config.metrics_state import GAUGES

RULES = Path(__file__).parents[2] / "deploy" / "alerts.yml"
SEVERITIES = {"page", "ticket"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
DURATION = re.compile(r"[1-9][0-9]*[smh]")
PROMISED = {
    "SlowFirstWords": service_levels.FIRST_TOKEN_S,
    "SlowAnswers": service_levels.ANSWER_S,
    "FailingAnswers": service_levels.FAILED_TURNS,
    "FailingProvider": service_levels.FAILED_CALLS,
    "ProviderDown": 0.1,
    "UnhelpfulAnswers": 0.3,
    "CostlyHour": 100,
    "FailingRequests": 0.05,
    "SomeFailingRequests": 0.02,
    "SlowRequests": 10,
    "LongQueue": work.LONG_QUEUE,
    "StaleAnalytics": work.STALE_S,
    "FullDisk": machine.NEARLY_FULL,
}
"""The thresholds of the sources; where the service page or `doctor` knows one as well, it is theirs."""


def rules() -> list[dict[str, Any]]:
    """Return every rule of the file."""
    groups: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def shown() -> dict[str, set[str]]:
    """Return the series that a metrics port shows, with the labels that each may have."""
    found = {name: {"work", "queue"} for name in GAUGES}
    for room in telemetry.ROOMS:
        for each in vars(room).values():
            if isinstance(each, MetricWrapperBase):
                (family,) = each.describe()
                for suffix in SUFFIXES[family.type]:
                    found[f"{family.name}{suffix}"] = {*each._labelnames, "le"}
    return found


def test_every_rule_says_what_is_wrong_how_bad_it_is_and_what_to_do() -> None:
    listed = rules()
    assert len({rule["alert"] for rule in listed}) == len(listed) > 15
    for rule in listed:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in SEVERITIES, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "next_step"}, rule["alert"]
        assert DURATION.fullmatch(rule.get("for", "1m")), rule["alert"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_is_about_what_we_show(rule: dict[str, Any]) -> None:
    names = shown()
    named = re.findall(r"\bsideline_\w+", rule["expr"])
    assert named
    assert [name for name in named if name not in names] == []
    for name, matchers in re.findall(r"(sideline_\w+)\{([^}]*)\}", rule["expr"]):
        assert set(re.findall(r"(\w+)[=!]", matchers)) <= names[name]
    for waiting in re.findall(r'work=~?"([\w|]+)"', rule["expr"]):
        assert set(waiting.split("|")) <= set(BACKLOGS)
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert rule["expr"].count("[") == rule["expr"].count("]")


@pytest.mark.parametrize(("alert", "threshold"), PROMISED.items())
def test_a_threshold_is_the_one_that_was_promised(alert: str, threshold: float) -> None:
    (rule,) = (rule for rule in rules() if rule["alert"] == alert)
    assert float(rule["expr"].rsplit(">", 1)[1]) == threshold


def test_what_was_promised_is_what_the_sources_say() -> None:
    promised = (
        service_levels.FIRST_TOKEN_S,
        service_levels.ANSWER_S,
        service_levels.FAILED_TURNS,
        service_levels.FAILED_CALLS,
        machine.NEARLY_FULL,
    )
    assert promised == (1.2, 2.5, 0.01, 0.03, 0.8)


def test_the_advice_names_nothing_that_is_not_there() -> None:
    names = shown()
    said = " ".join(rule["annotations"]["next_step"] for rule in rules())
    families = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in names} | set(names)
    assert [name for name in re.findall(r"\bsideline_\w+", said) if name not in families] == []
