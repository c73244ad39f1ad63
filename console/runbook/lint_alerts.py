"""Alerts against runbooks: which alert has none, and which ``runbook_url`` leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from console.runbook.library import Library
from console.runbook.lint import has_anchor
from console.runbook.model import Problem
from console.safe_yaml import Limits, YamlError, load_file

LIMITS: Final = Limits(size=8_000_000, depth=64, values=500_000)
URL_KEYS: Final = ("runbook_url", "runbook", "runbookUrl", "playbook_url", "playbook")
SURE: Final = 85.0
"""From this score on a runbook is the alert's: it is declared for it, named after it, or pointed at."""
MAX_URLS: Final = 300
TIMEOUT_S: Final = 5.0


class SourceError(Exception):
    """The alerts can't be had; ``str()`` is one line."""


@dataclass(frozen=True)
class AlertRule:
    """One alert as it is configured or firing. *line* is 0 for what came over the network."""

    name: str
    path: str
    line: int
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    url_line: int = 0

    @property
    def url(self) -> tuple[str, str]:
        """The annotation (or label) that names a runbook, and its value; empty where there is none."""
        for key in URL_KEYS:
            value = (self.annotations.get(key) or self.labels.get(key) or "").strip()
            if value:
                return key, value
        return "", ""


def read_alerts(source: str) -> list[AlertRule]:
    """The alerts of a Prometheus rule file, of a folder of them, or of a Prometheus or Alertmanager by its URL. Raises
    :class:`SourceError`."""
    if re.match(r"https?://", source):
        return _from_server(source)
    path = Path(source)
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.suffix in (".yml", ".yaml") and one.is_file())
        return [rule for one in files for rule in _from_file(one, strict=False)]
    return _from_file(path, strict=True)


def _from_file(path: Path, strict: bool) -> list[AlertRule]:
    try:
        loaded = load_file(path, LIMITS)
    except YamlError as error:
        raise SourceError(str(error)) from None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    data: Any = loaded.data
    where: list[str | int] = []
    if isinstance(data, Mapping) and isinstance(data.get("spec"), Mapping):  # a PrometheusRule of the operator
        data, where = data["spec"], ["spec"]
    groups = data.get("groups") if isinstance(data, Mapping) else None
    if not isinstance(groups, list):
        if strict:
            raise SourceError(f"{path}:1: groups: a Prometheus rule file was expected")
        return []
    found = []
    for g, group in enumerate(groups):
        rules = group.get("rules") if isinstance(group, Mapping) else None
        for r, rule in enumerate(rules if isinstance(rules, list) else ()):
            if not isinstance(rule, Mapping) or not isinstance(rule.get("alert"), str):
                continue
            place: list[str | int] = [*where, "groups", g, "rules", r]
            annotations = _texts(rule.get("annotations"))
            key = next((one for one in URL_KEYS if one in annotations), "")
            url_line = loaded.line([*place, "annotations", key]) if key else 0
            labels = {**_texts(group.get("labels")), **_texts(rule.get("labels"))}
            found.append(AlertRule(rule["alert"], str(path), loaded.line(place), labels, annotations, url_line))
    return found


def _texts(given: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in given.items()} if isinstance(given, Mapping) else {}


def _from_server(url: str) -> list[AlertRule]:
    """``/api/v1/rules`` of a Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/#rules), else
    ``/api/v2/alerts`` of an Alertmanager: what is firing there now."""
    import httpx

    base = url.rstrip("/")
    with httpx.Client(timeout=TIMEOUT_S * 2, follow_redirects=True) as client:
        answer = _json(client, f"{base}/api/v1/rules?type=alert")
        if isinstance(answer, Mapping) and isinstance(answer.get("data"), Mapping):
            groups = answer["data"].get("groups") or []
            rules = [one for group in groups if isinstance(group, Mapping) for one in group.get("rules") or []]
            return [
                AlertRule(str(one["name"]), url, 0, _texts(one.get("labels")), _texts(one.get("annotations")))
                for one in rules
                if isinstance(one, Mapping) and one.get("type", "alerting") == "alerting" and one.get("name")
            ]
        answer = _json(client, f"{base}/api/v2/alerts")
        if not isinstance(answer, list):
            raise SourceError(f"{url}: neither a Prometheus nor an Alertmanager answers there")
    found: dict[tuple[str, str], AlertRule] = {}
    for one in answer:
        if isinstance(one, Mapping):
            labels = _texts(one.get("labels"))
            rule = AlertRule(labels.get("alertname", "?"), url, 0, labels, _texts(one.get("annotations")))
            found.setdefault((rule.name, rule.url[1]), rule)
    return list(found.values())


def _json(client: Any, url: str) -> Any:
    import httpx

    try:
        response = client.get(url)
        return response.json() if response.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"{url}: {' '.join(str(error).split()) or type(error).__name__}") from None
    except ValueError:
        return None


def check_alerts(
    rules: Sequence[AlertRule],
    library: Library,
    fetch: Callable[[Iterable[str]], Mapping[str, str]] | None = None,
) -> list[tuple[str, Problem]]:
    """The findings, each with the file or address it is about. With *fetch* also http addresses are looked at: it gives
    for each what is wrong with it (nothing: ``""``)."""
    found: list[tuple[str, Problem]] = []
    asked = {rule.url[1] for rule in rules if rule.url[1].startswith(("http://", "https://"))} if fetch else set()
    answers = fetch(sorted(asked)[:MAX_URLS]) if fetch and asked else {}
    seen: set[tuple[str, int, str]] = set()
    for rule in rules:
        for problem in _check(rule, library, answers):
            if (key := (rule.path, problem.line, problem.message)) not in seen:
                seen.add(key)
                found.append((rule.path, problem))
    return found


def _check(rule: AlertRule, library: Library, answers: Mapping[str, str]) -> Iterable[Problem]:
    key, url = rule.url
    line = rule.url_line or rule.line
    wrong = "" if not url or "{{" in url else answers.get(url) or _dead(url, rule.path, library)
    if wrong:
        yield Problem(line, "error", "R028", f"{rule.name}: {key} {url}: {wrong}")
    best = next(iter(library.rank(rule.name, rule.labels, rule.annotations, rule.annotations.get("summary", ""))), None)
    if url or (best is not None and best[1] >= SURE):
        return
    near = f"; the nearest is {best[0].id}: {best[2]}" if best is not None else ""
    yield Problem(rule.line, "warning", "R027", f"{rule.name}: no runbook{near}")


def _dead(url: str, source: str, library: Library) -> str:
    """What is wrong with a runbook's address that is a path: relative to the rule file, or a name in the library."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return ""  # only looked at when asked
    name = unquote(parts.path)
    if not name:
        return ""
    every = (*library.entries, *library.pages)
    path = Path(name) if name.startswith("/") else Path(source).parent / name
    files = (
        [path]
        if path.is_file()
        else [Path(e.runbook.path) for e in every if e.runbook.path.endswith("/" + name.lstrip("./"))]
    )
    if not files:
        return "" if library.get(name) is not None else "there is no such file, and no runbook of that name"
    if parts.fragment and not any(has_anchor(one, unquote(parts.fragment)) for one in files):
        return f"{files[0].name} has no heading for #{parts.fragment}"
    return ""


def fetch(urls: Iterable[str]) -> dict[str, str]:
    """What is wrong with each http address: its status, no answer, or an anchor that its page does not have. A few at a
    time, five seconds and a megabyte each."""
    from concurrent.futures import ThreadPoolExecutor

    import httpx

    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client, ThreadPoolExecutor(8) as pool:
        wanted = list(urls)
        return dict(zip(wanted, pool.map(lambda url: _look(client, url), wanted), strict=True))


def _look(client: Any, url: str) -> str:
    import httpx

    page, _, anchor = url.partition("#")
    body = b""
    try:
        with client.stream("GET", page) as response:
            if response.status_code >= 400:
                return f"answers {response.status_code}"
            if not anchor:
                return ""
            for piece in response.iter_bytes():
                body += piece
                if len(body) > 1_000_000:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"no answer ({' '.join(str(error).split()) or type(error).__name__})"
    pattern = rf"(?:id|name)=[\"']?(?:user-content-)?{re.escape(unquote(anchor))}[\"'\s>]"
    return "" if re.search(pattern, body.decode("utf-8", errors="replace")) else f"the page has no #{anchor}"
