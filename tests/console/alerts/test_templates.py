"""Templates of labels and annotations; tests/console/alerts/test_rules_beside_prometheus.py compares with a server."""

from __future__ import annotations

import math

import pytest

from console.alerts.templates import TemplateError, Values, compile_template, shown

VALUES = Values({"host": "db-1:9100", "job": "pg"}, 42.5, {"site": "lyon"})


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("{{ $labels.host }} of {{.Labels.job}}", "db-1:9100 of pg"),
        ("[{{ $labels.nothing }}]", "[]"),
        ("{{ $value }} {{ .Value }}", "42.5 42.5"),
        ("{{ $externalLabels.site }}", "lyon"),
        ("{{ $value | humanize }}", "42.5"),
        ("{{ 1234567.0 | humanize }} {{ humanize1024 1048576.0 }} {{ 0.00012 | humanize }}", "1.235M 1Mi 120u"),
        (
            "{{ 93784.5 | humanizeDuration }} {{ humanizeDuration 0.0031 }} {{ humanizeDuration 75 }}",
            "1d 2h 3m 4s 3.1ms 1m 15s",
        ),
        ("{{ 0.4567 | humanizePercentage }}", "45.67%"),
        ('{{ printf "%.1f of %s" $value $labels.job }}', "42.5 of pg"),
        ('{{ $value | printf "%.2f" }}%', "42.50%"),
        ("a {{- /* a remark */ -}} b", "ab"),
        ("a\n{{- $labels.job -}}\n b", "apgb"),
        ('{{ "}}" }} {{ `{{` }}', "}} {{"),
        ('{{ $labels.job | toUpper }} {{ "some words" | title }}', "PG Some Words"),
        ('{{ index $labels "host" | stripPort }}', "db-1"),
        ('{{ (printf "%s" $labels.job) | toUpper }}', "PG"),
        ("$(rm -rf /) {not a template}", "$(rm -rf /) {not a template}"),
    ],
)
def test_filled(text: str, filled: str) -> None:
    assert compile_template(text).fill(VALUES) == filled


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "{{ $nope }}",
        "{{ query `up` }}",
        "{{ if true }}",
        "{{ $value | }}",
        "{{ }}",
        "{{ ( $value }}",
        "{{ $value $value }}",
    ],
)
def test_refused_in_one_line(text: str) -> None:
    with pytest.raises(TemplateError) as error:
        compile_template(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (100000.0, "100000"),
        (1e6, "1e+06"),
        (1234567.25, "1.23456725e+06"),
        (1e21, "1e+21"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.5e-7, "1.5e-07"),
        (-2.5e30, "-2.5e+30"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_floats_as_go_shows_them(value: float, text: str) -> None:
    assert shown(value) == text
