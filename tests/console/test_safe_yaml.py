"""The YAML loader: plain data, lines for errors, and limits that hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.safe_yaml import Limits, YamlError, load, load_file


def test_data_and_lines() -> None:
    loaded = load("a: 1\nb:\n  - x\n  - name: y\n    port: 80\n", "f.yaml")
    assert loaded.data == {"a": 1, "b": ["x", {"name": "y", "port": 80}]}
    assert loaded.line(("b", 1, "port")) == 5
    assert loaded.line(("b", 1, "nothing", "here")) == 4
    assert loaded.line_at("$.b[1].port") == 5
    assert loaded.line_at("$.b[1].missing") == 4
    assert loaded.line_at("$.b[...].x") == 2
    assert str(loaded.error(("b", 0), "expected a mapping")) == "f.yaml:3: expected a mapping"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("12:30", "12:30"),
        ("2026-05-01", "2026-05-01"),
        ("0o17", 15),
        ("017", 17),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("~", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!int '7'", 7),
        ("", None),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert load(text, "t").data == value


def test_merge_keys_give_way_to_the_mapping_itself() -> None:
    text = "base: &b {a: 1, c: 2}\none: {<<: *b, a: 3}\ntwo:\n  <<: [{x: 1}, *b]\n"
    assert load(text, "t").data["one"] == {"a": 3, "c": 2}
    assert load(text, "t").data["two"] == {"x": 1, "a": 1, "c": 2}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "twice (first on line 1)"),
        ("a: [1\nb: 2", 2, "expected"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "tag"),
        ("a: !Ref x", 1, "tag"),
        ("a: *nobody", 1, "alias"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("[1]: 2", 1, "key"),
        ("a: 1\nb: \x01\n", 2, "control"),
        ("a: 1\nb: \ud800\n", 2, "not UTF-8"),
        ("a:\n\t- b", 2, "found character"),
    ],
)
def test_errors_name_the_line(text: str, line: int, words: str) -> None:
    with pytest.raises(YamlError) as caught:
        load(text, "conf.yaml")
    assert caught.value.line == line
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"conf.yaml:{line}: ")
    assert "\n" not in str(caught.value)


def test_alias_bomb_is_one_line() -> None:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    rows += [f"a{n}: &a{n} [{','.join(['*a' + str(n - 1)] * 10)}]" for n in range(1, 12)]
    with pytest.raises(YamlError, match="more than 100,000 values"):
        load("\n".join(rows), "bomb.yaml")


def test_depth_and_size() -> None:
    with pytest.raises(YamlError, match="nested deeper than 64"):
        load("[" * 100 + "]" * 100, "deep.yaml")
    with pytest.raises(YamlError):
        load("[" * 100_000, "deep.yaml")
    with pytest.raises(YamlError, match="larger than"):
        load("a" * 20, "big.yaml", Limits(size=10))


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(YamlError, match=r"x\.yaml:2: not UTF-8"):
        load_file(path)
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_file(path).data == {"a": 1}


def test_an_anchor_inside_itself_ends() -> None:
    with pytest.raises(YamlError):
        load("a: &a [*a]", "loop.yaml")


@given(st.text(max_size=200))
def test_any_text_is_data_or_one_line(text: str) -> None:
    try:
        load(text, "any.yaml")
    except YamlError as error:
        assert "\n" not in str(error)
