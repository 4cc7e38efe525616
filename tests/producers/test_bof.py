"""What a BOF says, and every way in which it can be malformed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.facts import FileKind
from producers.bof import InvalidBofError, parse_bof, read_bof

REAL = r"""# TiMOS-C-20.10.R3 cpm/hops64 Nokia 7750 SR
# Generated TUE NOV 10 09:31:20 2026 UTC
    primary-image      cf3:\TiMOS-20.10.R3
    secondary-image    ftp://boot:s3cret@192.0.2.9/images/TiMOS-19.10.R1/
    primary-config     cf3:\pe1.cfg   # ours
    secondary-config   cf1:/backup/pe1.cfg
    address            192.0.2.1/24 active
    static-route       0.0.0.0/1 next-hop 192.0.2.254
    static-route       128.0.0.0/1 next-hop 192.0.2.254
    autonegotiate
    duplex             full
    wait               3
    persist            on
    console-speed      115200
"""


def test_images_come_first_and_each_entry_tells_its_path() -> None:
    entries = parse_bof(REAL).entries

    assert [(entry.keyword, entry.kind, entry.path) for entry in entries] == [
        ("primary-image", FileKind.IMAGE, "cf3/TiMOS-20.10.R3"),
        ("secondary-image", FileKind.IMAGE, None),
        ("primary-config", FileKind.CONFIG, "cf3/pe1.cfg"),
        ("secondary-config", FileKind.CONFIG, "cf1/backup/pe1.cfg"),
    ]


def test_a_url_is_told_without_its_password() -> None:
    assert parse_bof(REAL).entries[1].name == "ftp://boot:***@192.0.2.9/images/TiMOS-19.10.R1/"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (r"cf3:\TiMOS-20.10.R3", "TiMOS-20.10.R3"),
        ("cf3:\\TiMOS-20.10.R3\\", "TiMOS-20.10.R3"),
        (r"cf3:\TiMOS-20.10.R3\both.tim", "TiMOS-20.10.R3"),
        (r"cf3:\both.tim", "both.tim"),
        ("ftp://192.0.2.9/images/TiMOS-20.10.R3", "TiMOS-20.10.R3"),
    ],
)
def test_the_software_version_is_read_off_the_primary_image(image, version) -> None:
    assert parse_bof(f"primary-image {image}").software_version() == version


def test_without_a_primary_image_there_is_no_software_version() -> None:
    assert parse_bof("primary-config cf3:\\pe1.cfg").software_version() is None


@pytest.mark.parametrize("text", ["\tprimary-config\tcf3:\\pe1.cfg\r\n", "PRIMARY-CONFIG cf3:\\pe1.cfg"])
def test_a_sparse_bof_is_valid(text) -> None:
    parse_bof(text)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\r\n", "address 192.0.2.1/24 active\n"])
def test_a_bof_that_names_nothing_was_cut_short(text) -> None:
    with pytest.raises(InvalidBofError, match="neither an image nor a configuration"):
        parse_bof(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("primary-config", 1),
        ("primary-config # cf3:\\pe1.cfg", 1),
        ("primary-config cf3:\\pe1.cfg cf3:\\pe2.cfg", 1),
        ("primary-config cf3:\\my config.cfg", 1),
        ("primary-config cf3:\\pe1.cfg\n\nprimary-config cf3:\\pe1.cfg", 3),
        ("primary-image cf9:\\TiMOS", 1),
        ("primary-image TiMOS", 1),
        ("primary-image /etc/passwd", 1),
        ("# a\nprimary-image cf3:\\..\\..\\etc\\passwd", 2),
        ("wait 3\0", 1),
        ("wait \x1b[2J", 1),
        ("wait 3\u2028", 1),
        ("# " + "x" * 300, 1),
    ],
)
def test_a_malformed_bof_is_refused_and_the_line_is_named(text, line) -> None:
    with pytest.raises(InvalidBofError) as refused:
        parse_bof(text)

    assert refused.value.line == line
    assert str(refused.value).startswith(f"line {line}: ")


def test_a_malformed_url_is_refused_without_repeating_its_password() -> None:
    with pytest.raises(InvalidBofError) as refused:
        parse_bof("primary-image ftp:/boot:s3cret@192.0.2.9/x")

    assert "s3cret" not in str(refused.value)


def test_a_bof_that_is_not_text_is_refused_and_the_line_is_named() -> None:
    with pytest.raises(InvalidBofError, match="line 2: it is not UTF-8"):
        read_bof(b"wait 3\n\xff\xfe\n")


def test_a_bof_over_64_kib_is_refused() -> None:
    line = b"primary-image cf3:\\x\n"
    most = line + b"#" * 100 + b"\n" * (65536 - len(line) - 100)
    read_bof(most)
    with pytest.raises(InvalidBofError, match="larger than 65536 bytes"):
        read_bof(most + b"\n")


@given(st.binary(max_size=400))
def test_no_bytes_make_the_parser_fail_in_another_way(content) -> None:
    try:
        bof = read_bof(content)
    except InvalidBofError:
        return
    assert all(entry.path is None or entry.path[:4] in {"cf1/", "cf2/", "cf3/"} for entry in bof.entries)


@given(st.sampled_from(["primary-image ", "primary-config cf3:\\"]), st.text(max_size=40))
def test_no_path_of_a_bof_leads_off_its_flash(start, rest) -> None:
    try:
        bof = parse_bof(start + rest)
    except InvalidBofError:
        return
    assert all(".." not in entry.path.split("/") for entry in bof.entries if entry.path is not None)
