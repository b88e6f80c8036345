"""Reading YAML: hostile and careless files end in one error with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo_profiling.config.document import MAX_BYTES, read_document
from geo_profiling.errors import ConfigError

BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{previous}'] * 8)}]\n"
    for previous, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("name: a\nversion: 1\nname: b\n", ":3:", 'found duplicate key "name"'),
        (BOMB, ":1:", "anchors (&) and aliases (*) are refused"),
        ("a: 1\nb: *a\n", ":2:", ""),
        ("a: {b: 1}\nc: {<<: *a}\n", ":2:", ""),
        ("a: !!python/object/apply:os.system [ls]\n", ":1:", "tags (!) are refused"),
        ("a: !!int '3'\n", ":1:", "tags (!) are refused"),
        ("%YAML 1.1\n---\na: NO\n", ":", "without directives"),
        ("a: 1\n---\nb: 2\n", ":2:", "one plain YAML 1.2 document"),
        ("a: " + "[" * 20_000, ":1:", "nested deeper"),
        ("a: {" + "a: {" * 200, ":1:", "nested deeper"),
        ("a: 1\n  b: 2\n", ":2:", "not valid YAML"),
        ("a:\n\t- b\n", ":2:", "not valid YAML"),
        ("a: 'b\n", ":", "not valid YAML"),
        ("1: a\n", ":1:", "the key 1 is not text"),
        ("- a\n", ":", "holds no 'key: value' lines"),
        ("", ":", "holds no 'key: value' lines"),
        ("only text", ":", "holds no 'key: value' lines"),
        ("a: b\x00c\n", ":", "not valid YAML"),
    ],
)
def test_refused_with_its_line(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = tmp_path / "project.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}{place}")
    assert words in str(caught.value)


def test_scalars_are_yaml_1_2(tmp_path: Path) -> None:
    path = tmp_path / "project.yaml"
    path.write_text("a: NO\nb: 012\nc: 12:30:45\nd: 1e-3\ne: 2024-01-01\nf: true\ng: null\nh: '007'\n")
    document = read_document(path)
    assert document.data == {
        "a": "NO", "b": 12, "c": "12:30:45", "d": 0.001, "e": "2024-01-01", "f": True, "g": None, "h": "007",
    }  # fmt: skip
    assert {type(value) for value in document.data.values()} <= {str, int, float, bool, type(None)}


def test_lines_of_nested_keys_and_their_nearest_parent(tmp_path: Path) -> None:
    path = tmp_path / "project.yaml"
    path.write_text("a:\n  b:\n    - c: 1\n    - d: 2\n")
    document = read_document(path)
    assert document.lines["a", "b", 1, "d"] == 4
    assert document.line(("a", "b", 1, "missing", "deeper")) == 4
    assert document.line(("z",)) == 1


def test_missing_folder_large_and_binary_files(tmp_path: Path) -> None:
    large, latin = tmp_path / "large.yaml", tmp_path / "latin.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    latin.write_bytes("a: 1\nname: Liège\n".encode("latin-1"))
    for path, words in [
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "is not a file"),
        (large, "larger than 1024 KiB"),
        (latin, "latin.yaml:2: not UTF-8 text"),
    ]:
        with pytest.raises(ConfigError) as caught:
            read_document(path)
        assert words in str(caught.value)


def test_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "project.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: a\n")
    assert read_document(path).data == {"name": "a"}
