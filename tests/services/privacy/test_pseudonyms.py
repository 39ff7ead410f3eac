"""Pseudonyms hold for a key; keys are made once, kept from others' eyes, and rotate in running processes."""

import threading
from pathlib import Path

from services.privacy.pseudonyms import Keys


def test_a_pseudonym_is_the_same_in_every_process_of_a_deployment_and_in_no_other(tmp_path: Path) -> None:
    told = {Keys(tmp_path / "one").current().pseudonym("acme", "EMAIL", "Jane@Example.com") for _ in range(3)}
    elsewhere = Keys(tmp_path / "two").current().pseudonym("acme", "EMAIL", "jane@example.com")

    assert told == {Keys(tmp_path / "one").current().pseudonym("acme", "EMAIL", "jane@example.com")}
    assert elsewhere not in told


def test_several_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    found: list[bytes] = []
    starting = threading.Barrier(8)

    def start() -> None:
        starting.wait()
        found.append(Keys(tmp_path).current().secret)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_new_key_is_in_force_at_once_and_named_in_its_pseudonyms(tmp_path: Path) -> None:
    running = Keys(tmp_path)
    before = running.current().pseudonym("", "CARD", "4111")

    assert Keys(tmp_path).rotate() == 2
    after = running.current().pseudonym("", "CARD", "4111")
    assert before.startswith("[CARD:1.")
    assert after.startswith("[CARD:2.")


def test_a_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    Keys(tmp_path).current()

    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "privacy-keys").iterdir()] == [0]
