"""Configuration of checks: what is refused, with file, line and key; fingerprints; defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config import Config, ConfigError, load
from console.fingerprint import fingerprint
from console.watch.checks import Check, checks_of
from console.watch.probes import probe_kinds, probe_module


def compiled(folder: Path, text: str) -> tuple[Check, ...]:
    path = folder / "vigie.yaml"
    path.write_text(text)
    return checks_of(load(path), path)


WHOLE = """
services:
  - name: db
    checks: [{kind: tcp, host: 127.0.0.1, port: 5432}]
  - name: api
    runbook: RB-api
    labels: {team: core}
    parents: [db]
    checks:
      - kind: http
        name: health
        url: http://127.0.0.1:8080/health
        interval: 10s
        timeout: 2s
        retry_interval: 500ms
        fail_threshold: 5
        for: 1m
        conditions: ["[STATUS] == 200", "[BODY].status == UP"]
        degraded_conditions: ["[RESPONSE_TIME] < 500ms"]
        recover_when: ["[BODY].queue < 10"]
        severity: SEV2
        alert: ApiUnhealthy
        labels: {tier: "1"}
"""


def test_a_whole_one(tmp_path: Path) -> None:
    db, api = compiled(tmp_path, WHOLE)
    assert (db.key, db.policy.interval, db.policy.timeout, db.policy.retry_interval) == ("db/tcp", 15, 5, 5)
    assert (api.key, api.kind, api.alertname, api.severity) == ("api/health", "http", "ApiUnhealthy", "SEV2")
    assert api.policy.interval == 10
    assert api.policy.hold == 60
    assert api.policy.fail_threshold == 5
    assert api.runbook == "RB-api"
    assert api.parents == ("db",)
    assert api.labels == {
        "team": "core",
        "tier": "1",
        "alertname": "ApiUnhealthy",
        "service": "api",
        "check": "health",
    }
    assert api.fingerprint == fingerprint(api.labels)


@pytest.mark.parametrize(
    ("broken", "line", "message"),
    [
        ("kind: tcp, host: h, port: 0", 4, "services[0].checks[0].port: expected `int` >= 1"),
        ("kind: tcp, host: h", 4, "services[0].checks[0]: object missing required field `port`"),
        ("kind: tpc, host: h, port: 1", 4, "services[0].checks[0].kind: expected one of "),
        ("kind: tcp, host: h, prot: 1", 4, "services[0].checks[0].prot: not a key of this kind"),
        ("kind: tcp, host: h, port: 1, interval: 1s, timeout: 1s", 4, "services[0].checks[0].timeout: expected more"),
        ("kind: tcp, host: h, port: 1, interval: 0s", 4, "services[0].checks[0].interval: expected at least"),
        ("kind: tcp, host: h, port: 1, retry_interval: 1h", 4, "services[0].checks[0].retry_interval: expected from"),
        ("kind: tcp, host: h, port: 1, fail_threshold: 0", 4, "services[0].checks[0].fail_threshold: expected 1"),
        ("kind: http, url: ftp://x", 4, "services[0].checks[0]: expected a URL such as"),
        ("kind: process, pattern: '('", 4, "services[0].checks[0]: pattern: not a regular expression"),
        ("kind: process", 4, "services[0].checks[0]: expected exactly one of"),
        ("kind: disk, fail_free: lots", 4, "services[0].checks[0]: expected a size such as"),
        ("kind: tcp, host: h, port: 1, conditions: ['[STATUS] == 1']", 4, "conditions[0]: [STATUS] is not measured"),
        ("kind: tcp, host: h, port: 1, conditions: ['[CONNECTED]']", 4, "conditions[0]: expected a comparison"),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path: Path, broken: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(tmp_path, f"services:\n  - name: a\n    checks:\n      - {{{broken}}}\n")
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'vigie.yaml'}:{line}: ")
    assert message in text
    assert "\n" not in text


def test_two_checks_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"vigie.yaml:5: services\[0\]\.checks\[1\]\.name: the name 'load' stands"):
        compiled(tmp_path, "services:\n  - name: a\n    checks:\n      - kind: load\n      - kind: load\n")


def test_no_configuration_is_this_host() -> None:
    assert {check.service for check in checks_of(Config(), None)} == {"host", "vigie"}


def test_every_kind_has_what_a_kind_needs() -> None:
    assert {"http", "tcp", "process", "disk", "memory", "cpu", "load", "self"} <= set(probe_kinds())
    for kind in probe_kinds():
        module = probe_module(kind)
        assert module.Probe and module.Options.__struct_encode_fields__ is not None
        assert isinstance(module.PLACEHOLDERS, frozenset)
        assert isinstance(module.CONDITIONS, tuple)
    with pytest.raises(LookupError):
        probe_module("nope")


def test_fingerprints() -> None:
    """FNV-1a's own offset for no label; one computed step by step; order does not matter."""
    assert fingerprint({}) == "cbf29ce484222325"
    total = 0xCBF29CE484222325
    for byte in b"alertname\xffUp\xffjob\xffapi\xff":
        total = ((total ^ byte) * 0x100000001B3) % 2**64
    assert fingerprint({"job": "api", "alertname": "Up"}) == f"{total:016x}"


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5))
def test_a_fingerprint_depends_on_the_set_alone(labels: dict[str, str]) -> None:
    turned = dict(reversed(labels.items()))
    assert fingerprint(labels) == fingerprint(turned)
    assert len(fingerprint(labels)) == 16
