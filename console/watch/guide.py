"""The part of docs/checks.md that follows from the code: every kind's keys, placeholders and own conditions.

``python -m console.watch.guide docs/checks.md`` writes it between the two marks; a test asks that it was.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from console.sources import Access
from console.watch.probes import probe_kinds, probe_module

BEGIN: Final = "<!-- kinds: python -m console.watch.guide docs/checks.md -->"
END: Final = "<!-- end of kinds -->"
ACCESS: Final = "<!-- access -->"
ACCESS_END: Final = "<!-- end of access -->"

# One example each, as it stands under ``checks:`` of a service.
EXAMPLES: Final[Mapping[str, str]] = {
    "command": "{kind: command, name: raid, run: [/usr/lib/nagios/plugins/check_raid, -p], nagios: true}",
    "container": "{kind: container, name: shop, project: shop, max_restarts: 3}",
    "cpu": "{kind: cpu, warn: 90, for: 5m}",
    "crontab": "{kind: crontab, name: backup entry, user: postgres, pattern: 'pg_dump', schedule: '15 2 * * *', interval: 5m}",
    "disk": "{kind: disk, name: data, path: /srv, warn: 85, fail: 95, fail_free: 5GB}",
    "dns": "{kind: dns, name: mail, query: example.org, type: MX, server: 192.0.2.53, expect: ['10 mail.example.org.']}",
    "fds": "{kind: fds, name: open files, program: feeder, warn: 80}",
    "file": "{kind: file, name: dump, path: '/backup/*.dump', newest_within: 26h, min_size: 1GB, interval: 5m}",
    "heartbeat": "{kind: heartbeat, name: nightly backup, beat: backup, every: 1d, grace: 2h}",
    "http": "{kind: http, name: health, url: https://api.example.org/health, bearer_file: api.token, "
    "conditions: ['[STATUS] == 200', '[BODY].status == UP', '[CERTIFICATE_EXPIRATION] > 14d']}",
    "icmp": "{kind: icmp, name: gateway, host: 192.0.2.1, count: 5, warn: 20, fail: 60}",
    "load": "{kind: load, warn: 4}",
    "log": "{kind: log, name: errors, path: /var/log/app.log, pattern: 'ERROR|FATAL', window: 5m, warn: 1, fail: 20}",
    "memory": "{kind: memory, warn: 90, fail: 97}",
    "metric": "{kind: metric, name: queue, url: http://127.0.0.1:9100/metrics, metric: 'queue_depth{job=\"feeder\"}', fail: 1000}",
    "port": "{kind: port, name: postgres listens, port: 5432, address: 127.0.0.1, program: postgres}",
    "process": "{kind: process, name: feeder, program: feeder, min_count: 2}",
    "promql": "{kind: promql, name: error share, url: http://127.0.0.1:9090, query: 'job:errors:ratio5m', take: max, fail: 0.05}",
    "self": "{kind: self, name: watch}",
    "sqlite": '{kind: sqlite, name: stuck jobs, path: /srv/jobs.db, query: "SELECT count(*) FROM stuck", fail: 10}',
    "swap": "{kind: swap, warn: 50}",
    "systemd": "{kind: systemd, name: nginx, unit: nginx, max_restarts: 3}",
    "tcp": "{kind: tcp, name: redis, host: 127.0.0.1, port: 6379, send: \"PING\\r\\n\", expect: '^\\+PONG'}",
    "tls": "{kind: tls, name: mail certificate, host: mail.example.org, port: 587, starttls: smtp, warn_days: 21, interval: 1h}",
}


def kinds() -> str:
    """The generated part, in Markdown."""
    return "\n".join(line for kind in probe_kinds() for line in _kind(kind))


def fill(document: str) -> str:
    """*document* with the generated parts renewed. Raises ``ValueError`` when the marks are missing."""
    access = "\n".join(("| key | default | |", "|---|---|---|", *_keys(Access), ""))
    return _between(_between(document, ACCESS, access, ACCESS_END), BEGIN, kinds(), END)


def _between(document: str, begin: str, made: str, end: str) -> str:
    before, found, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"expected the marks {begin} and {end}")
    return f"{before}{begin}\n\n{made}\n{end}{after}"


def _kind(kind: str) -> Iterator[str]:
    module = probe_module(kind)
    said = (module.__doc__ or "").partition(":")[2].strip()
    yield f"### {kind}"
    yield ""
    yield said[:1].upper() + said[1:]
    yield ""
    yield "```yaml"
    yield f"- {EXAMPLES[kind]}"
    yield "```"
    yield ""
    own = list(_keys(module.Options))
    if own:
        yield "| key | default | |"
        yield "|---|---|---|"
        yield from own
        yield ""
    if issubclass(module.Options, Access):
        yield "And the [keys of access](#access)."
        yield ""
    yield "Placeholders: " + " ".join(f"`[{name}]`" for name in sorted(module.PLACEHOLDERS)) + "."
    if module.CONDITIONS:
        yield "Without conditions of yours: " + ", ".join(f"`{one}`" for one in module.CONDITIONS) + "."
    yield ""


def _keys(options: type[Any]) -> Iterator[str]:
    """A row for each key of the struct itself: its name, default, and the comment that stands behind it."""
    source = inspect.getsource(options)
    lines = source.splitlines()
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - getsource of a class gives one
    for node in body.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        comment = lines[(node.end_lineno or node.lineno) - 1].partition("  # ")[2]
        default = "–" if node.value is None else _default(node.value)
        words = [_choices(node.annotation), comment.replace("|", "\\|")]
        yield f"| `{node.target.id}` | {default} | {'; '.join(word for word in words if word)} |"


def _default(value: ast.expr) -> str:
    if isinstance(value, ast.Call) and value.args:  # spanned(300)
        from console.clock import span

        return f"`{span(float(ast.literal_eval(value.args[0])))}`"
    found = ast.literal_eval(value)
    if found is None or found in ("", (), {}):
        return ""
    shown = {True: "yes", False: "no"}[found] if isinstance(found, bool) else found
    return f"`{', '.join(map(str, shown)) if isinstance(shown, tuple) else shown}`"


def _choices(annotation: ast.expr) -> str:
    """What a ``Literal`` allows."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
            found = ast.literal_eval(node.slice)
            return " ".join(f"`{one}`" for one in (found if isinstance(found, tuple) else (found,)) if one)
    if isinstance(annotation, ast.Name) and annotation.id == "Take":
        return "`only` `max` `min` `sum` `avg`"
    return ""


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(fill(path.read_text()))
