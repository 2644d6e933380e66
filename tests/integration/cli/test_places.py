"""What `voxbridge check` finds about the places on this host that `run` will want."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from voxbridge.cli.places import check_places
from voxbridge.config import Settings
from voxbridge.config.people import StorageSettings
from voxbridge.config.service import ControlSettings, HealthSettings, JournalSettings

pytestmark = pytest.mark.integration


def found(tmp_path, **changes: Any):
    """Return verdict, place, code and text of each finding."""
    tables: dict[str, Any] = {"control": ControlSettings(str(tmp_path / "c.sock")), "health": HealthSettings("")}
    return [(one.verdict, one.about, one.exit_code, one.text) for one in check_places(Settings(**(tables | changes)))]


def test_places_that_are_there_are_named_and_left_as_they_were(tmp_path):
    """A free port, a directory for the socket, a file to append to; nothing is made."""
    tables = {"health": HealthSettings("127.0.0.1:0"), "journal": JournalSettings(str(tmp_path / "turns.jsonl"))}
    assert [(verdict, about) for verdict, about, _, _ in found(tmp_path, **tables)] == [
        ("ok", "health"),
        ("ok", "control"),
        ("ok", "journal"),
    ]
    assert not list(tmp_path.iterdir())


def test_a_taken_port_is_a_warning(tmp_path):
    """The daemon goes on without it, and it may be the daemon's own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        (health, _control) = found(tmp_path, health=HealthSettings(listen))
    assert health[:3] == ("warning", "health", 0)
    assert listen in health[3]


def test_places_where_nothing_can_be_made_are_faults_of_the_configuration(tmp_path):
    """A missing directory, a file in its place, a directory in the file's place: each is named, with exit code 78."""
    (tmp_path / "file").touch()
    for setting in (tmp_path / "no" / "turns.jsonl", tmp_path / "file" / "turns.jsonl", tmp_path):
        (_control, journal) = found(tmp_path, journal=JournalSettings(str(setting)))
        assert journal[:3] == ("problem", "journal", 78)
        assert "[journal] file" in journal[3]
    (control,) = found(tmp_path, control=ControlSettings(str(tmp_path / "no" / "such" / "c.sock")))
    assert control[:3] == ("problem", "control", 78)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_is_not_ours_is_named(tmp_path):
    """The user who will run the daemon may be another one: check it as that user."""
    tmp_path.chmod(0o500)
    (control,) = found(tmp_path)
    assert "may not write" in control[3]


@pytest.mark.parametrize("listen", ["203.0.113.9:8080", "no-such-host.invalid:8080"])
def test_an_address_that_is_not_of_this_host_is_a_fault(tmp_path, listen):
    """Nobody else holds it: it can never work here."""
    (health, _control) = found(tmp_path, health=HealthSettings(listen))
    assert health[:3] == ("problem", "health", 78)
    assert "an address of this host" in health[3]


def test_what_can_be_no_socket_is_a_fault(tmp_path):
    """A directory, a file, a path longer than the system takes: ctl would never reach the daemon."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / ("a" * 110)):
        (control,) = found(tmp_path, control=ControlSettings(str(path)))
        assert control[:3] == ("problem", "control", 78)


def test_the_database_is_looked_at_like_the_journal(tmp_path):
    """A place that is named and cannot be written is a fault; a ~ is no home here, and the line says so."""
    for setting, says in ((str(tmp_path), "is a directory"), ("~/a.db", "write the whole path"), ("/no/a.db", "/no")):
        (_control, storage) = found(tmp_path, storage=StorageSettings(setting))
        assert storage[:3] == ("problem", "storage", 78)
        assert says in storage[3]
    (_control, storage) = found(tmp_path, storage=StorageSettings(str(tmp_path / "a.db")))
    assert storage[0] == "ok"
