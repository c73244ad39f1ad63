"""The configuration, ``vigie.yaml``: types, defaults and documentation in one place.

Every key is optional; with no file at all Vigie watches this host. A mistake is one line: file, line, key, what was
expected. Where the file is looked for: ``--config``, ``VIGIE_CONFIG``, the user's configuration folder, ``/etc/vigie``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from console.clock import local_zone
from console.safe_yaml import Loaded, YamlError, load_file
from console.sanitize import one_line
from console.services import (
    MaintenanceConfig,
    ServiceConfig,
    Span,
    decode_span,
    default_services,
    encode_span,
    gather_options,
    spanned,
)
from console.sources import (
    DEFAULT_ALERT_LEVELS,
    AlertmanagerConfig,
    PrometheusConfig,
    ScrapeConfig,
    SeverityLabels,
)

FILE_NAME: Final = "vigie.yaml"
LINKS: Final = ("auto", "slow", "fast")


class ConfigError(Exception):
    """The configuration can't be used; ``str()`` is one line: file:line, key, what was expected."""


class SeverityConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One level of the house's severity scheme, the worst first."""

    name: str  # as people type it: SEV1, P0
    description: str = ""
    respond: Span = spanned(0)  # how soon somebody should have it; 0s = not set
    update: Span = spanned(0)  # how often a status update is due; 0s = not set


DEFAULT_SEVERITIES: Final = (
    SeverityConfig(name="SEV1", description="down, or data at risk", respond=Span(300), update=Span(1800)),
    SeverityConfig(name="SEV2", description="degraded for many", respond=Span(900), update=Span(3600)),
    SeverityConfig(name="SEV3", description="a part is degraded, or a way around exists", respond=Span(3600)),
    SeverityConfig(name="SEV4", description="minor"),
)


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be configured."""

    services: tuple[ServiceConfig, ...] = ()  # none = this host
    sentinels: tuple[str, ...] = ()  # services or service/check: when all of them fail, it is our own link that is down
    maintenance: tuple[MaintenanceConfig, ...] = ()
    watch_keep: Span = spanned(90 * 86400)  # how long what the watch recorded is kept, by whole months
    alertmanagers: tuple[AlertmanagerConfig, ...] = ()
    prometheus: tuple[PrometheusConfig, ...] = ()
    alert_severity: SeverityLabels = SeverityLabels()
    scrape: tuple[ScrapeConfig, ...] = ()  # pages of metrics that the rules read
    rules: tuple[str, ...] = ()  # rule files of Prometheus, evaluated here; relative to this file, * allowed
    evaluation_interval: Span = spanned(15)  # of rule groups that name none
    external_labels: Mapping[str, str] = {}  # on each alert of the rules, as a Prometheus server would add them
    severities: tuple[SeverityConfig, ...] = field(default_factory=lambda: DEFAULT_SEVERITIES)
    time_zone: str = ""  # IANA name for times that people type and read; "" = the machine's
    runbooks: tuple[str, ...] = ()  # folders or files, relative to this file
    database: str = ""  # "" = the user's data folder; relative to this file
    database_mode: str = "0600"  # "0660" lets a group share it, in a setgid folder
    output_cap: str = "16MB"  # of a command's output kept on disk
    output_total: str = "2GB"  # of all output that is kept: the oldest goes first, never that of a running command
    output_keep: Span = spanned(
        90 * 86400
    )  # how long output is kept; the record keeps its first and last lines for good
    ssh_config: str = ""  # the file that ssh reads for steps on other hosts (its -F); "" = your own ~/.ssh/config
    instruction: bool = False  # runbook commands are copied and ticked by hand, never run from here
    theme: str = "dark"
    ascii: bool = False  # draw without Unicode, whatever the locale says
    bell: bool = True
    link: str = "auto"  # auto: what a slow link can't carry steps down by itself; slow, fast: whatever is measured
    title: str = ""  # what the header calls this console; "" = the host name

    def watched(self) -> tuple[ServiceConfig, ...]:
        """The services to watch: the configured ones, or this host."""
        return self.services or default_services()

    @property
    def file_mode(self) -> int:
        """The database's mode as a number."""
        return int(self.database_mode, 8)

    @property
    def output_cap_bytes(self) -> int:
        """How many bytes of a command's output are kept."""
        return parse_size(self.output_cap)

    @property
    def output_total_bytes(self) -> int:
        """How many bytes of output are kept in all."""
        return parse_size(self.output_total)

    @property
    def output_kept(self) -> tuple[int, float]:
        """How many bytes of output are kept in all, and for how many seconds."""
        return self.output_total_bytes, self.output_keep

    def severity(self, name: str) -> SeverityConfig | None:
        """The level that *name* means, whatever its case; ``2`` and ``sev2`` both find ``SEV2``."""
        wanted = name.casefold()
        for level in self.severities:
            known = level.name.casefold()
            if wanted == known or (
                wanted.isdigit() and known.endswith(wanted) and not known[: -len(wanted)][-1:].isdigit()
            ):
                return level
        return None

    def alert_level(self, labels: Mapping[str, str]) -> tuple[str, int]:
        """The severity of an alert with *labels*: the name to show, and its place in the scheme (0 the worst)."""
        said = next((labels[name] for name in self.alert_severity.labels if labels.get(name)), "")
        mapped = self.alert_severity.levels.get(said) or self.alert_severity.levels.get(said.lower(), "")
        level = self.severity(mapped or said) if said else None
        if level is not None:
            return level.name, self.severities.index(level)
        usual = DEFAULT_ALERT_LEVELS.get(said.lower(), 1)
        return said, min(usual, len(self.severities) - 1)

    def zone(self) -> Any:
        """The ``tzinfo`` for times that people type and read."""
        from zoneinfo import ZoneInfo

        name = self.time_zone or local_zone()
        return ZoneInfo(name)

    def hash(self) -> str:
        """Tells two configurations apart: short hex SHA-256."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic", enc_hook=encode_span)).hexdigest()[:16]


_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)i?[bB]?")


def parse_size(text: str) -> int:
    """``16MB``, ``512k``, ``1GiB`` in bytes (powers of 1,000; of 1,024 with an ``i``). Raises ``ValueError``."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected a size such as 16MB, got {text!r}")
    base = 1024 if "i" in text else 1000
    return int(float(match[1]) * base ** " kMGT".replace("K", "k").index(match[2].replace("K", "k") or " "))


class Paths(Struct, frozen=True):
    """Where things are: the database, and beside it a folder with all that is not the record itself."""

    database: Path

    @property
    def folder(self) -> Path:
        """``vigie.d`` beside ``vigie.db``."""
        return self.database.with_name((self.database.stem or "vigie") + ".d")

    @property
    def status_db(self) -> Path:
        """Current states and samples: prunable."""
        return self.folder / "status.db"

    @property
    def drafts(self) -> Path:
        """Half-typed lines: each user's own, also where a group shares the folder."""
        return self.folder / f"drafts-{os.getuid()}.db"

    @property
    def spool(self) -> Path:
        """Output of commands, whole."""
        return self.folder / "spool"

    @property
    def evidence(self) -> Path:
        """Attachments, by hash."""
        return self.folder / "evidence"

    def holds(self, path: Path) -> bool:
        """Whether *path* is the database, a file that SQLite keeps for it, or in the folder beside it (links followed)."""
        found, database = path.resolve(), self.database.resolve()
        own = [database.with_name(database.name + end) for end in ("", "-journal", "-wal", "-shm")]
        return found in own or found.is_relative_to(self.folder.resolve())

    @property
    def beats(self) -> Path:
        """The last heartbeat of each job, one file each."""
        return self.folder / "beats"

    @property
    def log(self) -> Path:
        """What a detached watch says."""
        return self.folder / "watch.log"


def default_config_files() -> tuple[Path, ...]:
    """Where the configuration is looked for when nobody names it."""
    import platformdirs

    return (Path(platformdirs.user_config_dir("vigie", appauthor=False)) / FILE_NAME, Path("/etc/vigie") / FILE_NAME)


def default_database() -> Path:
    """Where the database is when nobody names it."""
    import platformdirs

    return Path(platformdirs.user_data_dir("vigie", appauthor=False)) / "vigie.db"


def find(named: str | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration file to read; None = there is none. A named one that is missing raises :class:`ConfigError`."""
    wanted = named or environ.get("VIGIE_CONFIG")
    if wanted:
        path = Path(wanted).expanduser()
        if not path.is_file() and str(path) != os.devnull:  # /dev/null: the defaults, whatever is installed
            raise ConfigError(f"{path}: no such configuration file")
        return path
    return next((path for path in default_config_files() if path.is_file()), None)


def load(path: Path | None) -> Config:
    """The configuration in *path*, or the defaults. Raises :class:`ConfigError` in one line."""
    if path is None:
        return Config()
    try:
        loaded = load_file(path)
    except YamlError as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror})") from None
    data = loaded.data
    if data is None:
        return Config()
    if not isinstance(data, dict):
        raise ConfigError(f"{path}:1: expected keys such as `services:`, got {type(data).__name__}")
    if "services" in data:
        data = {**data, "services": gather_options(data["services"])}
    try:
        config: Config = msgspec.convert(data, Config, dec_hook=decode_span)
    except msgspec.ValidationError as error:
        raise ConfigError(_located(loaded, str(error))) from None
    check(config, loaded)
    return config


def _located(loaded: Loaded, message: str) -> str:
    what, _, where = message.partition(" - at `")
    where = where.removesuffix("`")
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", what)
    if unknown:
        line = loaded.line_at(f"{where or '$'}.{unknown[1]}")
        return f"{loaded.source}:{line}: {_key(where, unknown[1])}: not a key that is known here"
    text = what[:1].lower() + what[1:]
    return f"{loaded.source}:{loaded.line_at(where)}: {_key(where)}: {one_line(text, 300)}"


def _key(where: str, last: str = "") -> str:
    return ".".join(part for part in (where.removeprefix("$").lstrip("."), last) if part) or "the document"


def check(config: Config, loaded: Loaded) -> None:
    """What types alone can't say. Raises :class:`ConfigError`."""
    from zoneinfo import ZoneInfo

    def refuse(where: tuple[str | int, ...], message: str) -> ConfigError:
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
        return ConfigError(f"{loaded.source}:{loaded.line(where)}: {key}: {message}")

    if config.time_zone:
        try:
            ZoneInfo(config.time_zone)
        except (ValueError, OSError, KeyError):
            raise refuse(
                ("time_zone",), f"not a time zone: {config.time_zone!r} (expected e.g. Europe/Paris)"
            ) from None
    if (
        not re.fullmatch(r"0?[0-7]{3}", config.database_mode)
        or config.file_mode & 0o117
        or config.file_mode & 0o600 != 0o600
    ):
        raise refuse(("database_mode",), f'expected "0600", "0640" or "0660", got {config.database_mode!r}')
    try:
        config.output_cap_bytes  # noqa: B018 - asked for its error
    except ValueError as error:
        raise refuse(("output_cap",), str(error)) from None
    try:
        config.output_total_bytes  # noqa: B018 - as above
    except ValueError as error:
        raise refuse(("output_total",), str(error)) from None
    if config.link not in LINKS:
        raise refuse(("link",), f"expected {', '.join(LINKS)}, got {config.link!r}")
    sources: set[str] = {"checks", "rules"}
    for key, servers in (("alertmanagers", config.alertmanagers), ("prometheus", config.prometheus)):
        for index, server in enumerate(servers):
            if server.name in sources:
                raise refuse((key, index, "name"), f"the name {server.name!r} is taken")
            sources.add(server.name)
    for said, name in config.alert_severity.levels.items():
        if config.severity(name) is None:
            raise refuse(("alert_severity", "levels", said), f"no severity is named {name!r}")
    names: dict[str, int] = {}
    for index, service in enumerate(config.services):
        if not service.name or "/" in service.name:
            raise refuse(("services", index, "name"), "expected a name without a slash")
        if service.name in names:
            raise refuse(("services", index, "name"), f"the service {service.name!r} stands here twice")
        names[service.name] = index
    for index, service in enumerate(config.services):
        for parent in service.parents:
            if parent not in names:
                raise refuse(("services", index, "parents"), f"no service is named {parent!r}")
    if not config.severities:
        raise refuse(("severities",), "expected at least one level")
    levels: set[str] = set()
    for index, level in enumerate(config.severities):
        if not re.fullmatch(r"[^\W_][\w.-]*", level.name):
            raise refuse(("severities", index, "name"), f"expected one word such as SEV1, got {level.name!r}")
        if level.name.casefold() in levels:
            raise refuse(("severities", index, "name"), f"the level {level.name!r} stands here twice")
        levels.add(level.name.casefold())


def resolve_paths(
    config: Config, source: Path | None, named_db: str | None, environ: Mapping[str, str] = os.environ
) -> Paths:
    """Where the database is: ``--db``, ``VIGIE_DB``, the configuration, the user's data folder."""
    named = named_db or environ.get("VIGIE_DB")
    if named:
        path = Path(named).expanduser()
    elif config.database:
        base = source.parent if source else Path.cwd()
        path = base / Path(config.database).expanduser()
    else:
        path = default_database()
    path = path.absolute()
    return Paths(
        path.resolve() if path.is_symlink() else path
    )  # what lies beside it lies beside the file, not the link


def runbook_paths(config: Config, source: Path | None) -> list[Path]:
    """The configured runbook folders and files, absolute."""
    base = source.parent if source else Path.cwd()
    return [(base / Path(entry).expanduser()).absolute() for entry in config.runbooks]
