"""The configuration: defaults, and mistakes named by file, line and key."""

from pathlib import Path

import pytest

from console import config as configuration
from console.config import Config, ConfigError, Paths, parse_size


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "vigie.yaml"
    path.write_text(text)
    return configuration.load(path)


def test_no_file_and_an_empty_file_are_the_defaults(tmp_path: Path) -> None:
    assert configuration.load(None) == Config()
    assert load(tmp_path, "") == Config()
    assert [level.name for level in Config().severities] == ["SEV1", "SEV2", "SEV3", "SEV4"]


def test_with_no_services_this_host_is_watched() -> None:
    kinds = {check.kind for service in Config().watched() for check in service.checks}
    assert {"cpu", "memory", "load", "disk", "self"} <= kinds


def test_a_whole_file(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
time_zone: Europe/Paris
severities:
  - {name: P0, description: everything is down, respond: 15m, update: 15m}
  - {name: P1}
runbooks: [books]
database: data/ops.db
database_mode: "0660"
output_cap: 1MiB
services:
  - name: api
    labels: {team: core}
    checks:
      - {kind: http, name: health, url: "http://127.0.0.1:1/", interval: 10s, conditions: ["[STATUS] == 200"]}
""",
    )
    assert config.severity("p0") is config.severities[0]
    assert config.severities[0].update == 900
    assert config.output_cap_bytes == 1_048_576
    assert config.file_mode == 0o660
    assert str(config.zone()) == "Europe/Paris"
    source = tmp_path / "vigie.yaml"
    assert configuration.runbook_paths(config, source) == [tmp_path / "books"]
    assert configuration.resolve_paths(config, source, None, {}).database == tmp_path / "data" / "ops.db"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "services:\n  - name: a\n    checks:\n      - kind: tcp\n        interval: often\n",
            5,
            "checks[0].interval: expected a duration",
        ),
        ("theme: dark\nthemes: x\n", 2, "themes: not a key"),
        ("services:\n  - nam: a\n", 2, "nam"),
        ("time_zone: Mars/Olympus\n", 1, "not a time zone"),
        ("\nseverities: []\n", 2, "at least one level"),
        ("services:\n  - name: a\n  - name: a\n", 3, "twice"),
        ("services:\n  - name: a/b\n", 2, "without a slash"),
        ("services:\n  - name: a\n    parents: [b]\n", 3, "no service is named 'b'"),
        ("database_mode: '0777'\n", 1, "expected"),
        ("output_cap: lots\n", 1, "expected a size"),
        ("- a\n- b\n", 1, "expected keys"),
        ("theme: dark\ntheme: light\n", 2, "twice"),
        ("theme: [\n", 2, ""),
        ("ascii: yes please\n", 1, "ascii: expected `bool`"),
        ("a: &a [1]\nb: !!python/object:os.system x\n", 2, ""),
    ],
)
def test_a_mistake_is_one_line_with_file_line_and_key(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'vigie.yaml'}:{line}: ")
    assert words in message
    assert "\n" not in message


def test_a_named_file_that_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        configuration.find(str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigError, match="no such configuration file"):
        configuration.find(None, {"VIGIE_CONFIG": str(tmp_path / "none.yaml")})


def test_the_database_is_named_by_option_then_environment_then_file(tmp_path: Path) -> None:
    config = Config(database="from-file.db")
    source = tmp_path / "vigie.yaml"
    environ = {"VIGIE_DB": "/tmp/env.db"}
    assert configuration.resolve_paths(config, source, "/tmp/option.db", environ).database == Path("/tmp/option.db")
    assert configuration.resolve_paths(config, source, None, environ).database == Path("/tmp/env.db")
    assert configuration.resolve_paths(config, source, None, {}).database == tmp_path / "from-file.db"


def test_two_databases_in_one_folder_share_nothing() -> None:
    assert Paths(Path("/x/a.db")).folder != Paths(Path("/x/b.db")).folder


@pytest.mark.parametrize(
    ("name", "found"), [("sev1", "SEV1"), ("SEV2", "SEV2"), ("3", "SEV3"), ("sev9", None), ("", None)]
)
def test_a_severity_is_found_as_people_type_it(name: str, found: str | None) -> None:
    level = Config().severity(name)
    assert (level.name if level else None) == found


@pytest.mark.parametrize(
    ("text", "size"), [("16MB", 16_000_000), ("1KiB", 1024), ("512k", 512_000), ("10", 10), ("1.5GB", 1_500_000_000)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_the_hash_tells_configurations_apart() -> None:
    assert Config().hash() == Config().hash()
    assert Config().hash() != Config(theme="light").hash()


@pytest.mark.parametrize(
    ("names", "wrong"),
    [(["SEV1", "sev1"], "stands here twice"), (["SEV 1"], "expected one word"), ([""], "expected one word")],
)
def test_severities_can_be_typed_and_told_apart(names: list[str], wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text("severities:\n" + "".join(f"  - name: '{name}'\n" for name in names))
    with pytest.raises(ConfigError, match=wrong) as caught:
        configuration.load(path)
    assert str(caught.value).startswith(f"{path}:{len(names) + 1}: severities[{len(names) - 1}].name: ")


def test_dev_null_is_no_configuration() -> None:
    path = configuration.find("/dev/null")
    assert configuration.load(path) == Config()


def test_what_lies_beside_the_database_lies_beside_the_file_and_not_beside_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "vigie.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "vigie.db")
    paths = configuration.resolve_paths(Config(), None, str(tmp_path / "link.db"))
    assert paths == Paths(tmp_path / "real" / "vigie.db")
