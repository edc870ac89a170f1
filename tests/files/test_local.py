"""Local files: what is read, and all that is refused."""

import os
import socket
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from amber_mcp.config.settings import Settings
from amber_mcp.errors import AmberError, Forbidden, InvalidRequest, NotFound, TooLarge
from amber_mcp.files.local import open_allowed, upload_roots

LIMIT = 1_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "allowed"
    (root / "below").mkdir(parents=True)
    (root / "below" / "offer.txt").write_text("offer")
    (root / ".secret").write_text("hidden")
    (tmp_path / "outside.txt").write_text("outside")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file.txt").write_text("elsewhere")
    return root


def content(path: str | Path, *roots: Path) -> bytes:
    with open_allowed(str(path), roots, LIMIT) as file:
        return file.read()


def refusal(path: str | Path, *roots: Path) -> AmberError:
    with pytest.raises(AmberError) as error:
        content(path, *roots)
    return error.value


def test_a_file_in_an_allowed_folder_is_read(root: Path) -> None:
    assert content(root / "below" / "offer.txt", root) == b"offer"


@pytest.mark.parametrize(
    "written",
    [
        "file://{root}/My%20File%20%C3%BC.pdf",
        "FILE://localhost{root}/My%20File%20%C3%BC.pdf",
        "file:{root}/My File ü.pdf",
        "'{root}/My File ü.pdf'",
        '"{root}/My File ü.pdf"\n',
        " `My File ü.pdf`",
        "{root}/My File ü.pdf\r\n",
        "{root}/My File u\u0308.pdf",
        "below u\u0308/My File ü.pdf",
        "below ü/My File u\u0308.pdf",
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_path_is_read_as_it_was_meant(root: Path, written: str, form: Literal["NFC"]) -> None:
    below = root / unicodedata.normalize(form, "below ü")
    below.mkdir()
    for folder in (root, below):
        (folder / unicodedata.normalize(form, "My File ü.pdf")).write_text("mine")
    assert content(written.format(root=root), root) == b"mine"


@pytest.mark.parametrize(
    "path",
    [
        "file://{root}/%2e%2e/outside.txt",
        "file://{outside}/outside.txt",
        "'{outside}/outside.txt'",
        "file://{root}/%2Esecret",
        '"{root}/.secret"',
    ],
)
def test_what_was_meant_is_refused_by_the_same_rules(root: Path, path: str) -> None:
    assert isinstance(refusal(path.format(outside=root.parent, root=root), root), Forbidden)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_folder_may_be_written_in_the_other_normal_form(
    tmp_path: Path, form: Literal["NFC"]
) -> None:
    root = tmp_path / unicodedata.normalize(form, "Büro")
    root.mkdir()
    (root / "a").write_text("a")
    for other in ("NFC", "NFD"):
        assert content(unicodedata.normalize(other, str(root / "a")), root) == b"a"  # type: ignore[arg-type]


def test_a_relative_path_starts_at_the_first_folder(root: Path, tmp_path: Path) -> None:
    assert content("below/offer.txt", root, tmp_path) == b"offer"


def test_the_second_folder_counts_too(root: Path, tmp_path: Path) -> None:
    assert (
        content(tmp_path / "elsewhere" / "file.txt", root, tmp_path / "elsewhere") == b"elsewhere"
    )


def test_home_may_be_written_as_a_tilde(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root.parent))
    assert content("~/allowed/below/offer.txt", root) == b"offer"


def test_a_folder_may_itself_be_reached_by_a_link(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    assert content(link / "below" / "offer.txt", link) == b"offer"
    assert content(root / "below" / "offer.txt", link) == b"offer"


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "below/../../outside.txt",
        "below/../below/offer.txt",
        "{outside}/outside.txt",
        "{root}",
        "{root}suffix/file.txt",
        "/etc/passwd",
        "/proc/self/environ",
    ],
)
def test_what_lies_outside_is_refused(root: Path, path: str) -> None:
    error = refusal(path.format(outside=root.parent, root=root), root)
    assert isinstance(error, Forbidden)
    assert "AMBER_UPLOAD_ROOTS" in error.next_step


def test_links_are_refused(root: Path, tmp_path: Path) -> None:
    (root / "to_file").symlink_to(tmp_path / "outside.txt")
    (root / "to_own_file").symlink_to(root / "below" / "offer.txt")
    (root / "to_folder").symlink_to(tmp_path / "elsewhere")
    (root / "to_nothing").symlink_to(tmp_path / "nothing")
    for path in ("to_file", "to_own_file", "to_folder/file.txt", "to_nothing"):
        error = refusal(path, root)
        assert isinstance(error, Forbidden)
        assert "link" in error.message


def test_the_kernels_files_are_refused_even_below_the_root() -> None:
    for path in ("/proc/self/environ", "/proc/version", "/sys/kernel/mm", "/dev/null"):
        error = refusal(path, Path("/"))
        assert isinstance(error, Forbidden)
        assert "kernel" in error.message


def test_what_is_no_regular_file_is_refused_at_once(root: Path) -> None:
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        for path in ("fifo", "below", "socket"):
            assert isinstance(refusal(path, root), Forbidden)
    assert "regular" in refusal("fifo", root).message


def test_hidden_files_and_folders_are_refused(root: Path) -> None:
    (root / ".ssh").mkdir()
    (root / ".ssh" / "id").write_text("key")
    for path in (".secret", ".ssh/id"):
        error = refusal(path, root)
        assert isinstance(error, Forbidden)
        assert "hidden" in error.message


def test_a_file_that_is_not_there_is_not_found(root: Path) -> None:
    assert isinstance(refusal("below/none.txt", root), NotFound)
    assert isinstance(refusal("none/offer.txt", root), NotFound)


def test_a_step_that_is_no_folder_is_refused(root: Path) -> None:
    assert isinstance(refusal("below/offer.txt/deeper", root), Forbidden)


def test_a_file_over_the_limit_is_refused_with_both_sizes(root: Path) -> None:
    (root / "big").write_bytes(b"x" * (LIMIT + 1))
    error = refusal("big", root)
    assert isinstance(error, TooLarge)
    assert "1001" in error.message
    assert "1000" in error.message


@pytest.mark.parametrize("path", [".", "./", "~"])
def test_the_folder_itself_is_refused(root: Path, path: str) -> None:
    assert isinstance(refusal(path, root), Forbidden)


def test_a_name_may_end_in_a_blank(root: Path) -> None:
    (root / "odd ").write_text("odd")
    assert content("odd ", root) == b"odd"


def test_without_a_home_or_a_working_directory_nothing_breaks(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.chdir(root)
    assert upload_roots(Settings()) == (root,)
    assert isinstance(refusal("~/x", root), NotFound | Forbidden)
    gone = root / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert upload_roots(Settings()) == ()


@pytest.mark.parametrize("path", ["", "  ", "a\0b"])
def test_what_is_no_path_is_an_invalid_request(root: Path, path: str) -> None:
    assert isinstance(refusal(path, root), InvalidRequest)


def test_a_file_that_may_not_be_read_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    monkeypatch.setattr(os, "supports_dir_fd", {denied})
    assert "Permission denied" in refusal("below/offer.txt", root).message


def test_where_folders_cannot_be_opened_links_are_refused_all_the_same(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "supports_dir_fd", set())
    (root / "to_file").symlink_to(tmp_path / "outside.txt")
    (root / "to_folder").symlink_to(root / "below")
    assert content("below/offer.txt", root) == b"offer"
    for path in ("to_file", "to_folder/offer.txt"):
        assert "link" in refusal(path, root).message


def test_no_folder_is_allowed_without_one() -> None:
    error = refusal("/etc/passwd")
    assert isinstance(error, Forbidden)
    assert "AMBER_UPLOAD_ROOTS" in error.next_step


def test_the_working_directory_is_the_default(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root.parent / "home"))
    monkeypatch.chdir(root)
    assert upload_roots(Settings()) == (root,)
    configured = Settings(upload_roots=(Path("/data"),))
    assert upload_roots(configured) == (Path("/data"),)


def test_a_working_directory_that_nobody_meant_does_not_count(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(root / "below"))
    for folder in (Path("/"), root / "below", root, root.parent):
        monkeypatch.chdir(folder)
        assert upload_roots(Settings()) == ()
