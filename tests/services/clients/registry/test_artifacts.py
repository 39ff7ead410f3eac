"""The artifact store, on a folder and on an object-store-like file system."""

import uuid
from pathlib import Path

import msgspec
import pytest

from schemas.reference import Histogram, Reference
from services.clients.registry.artifacts import PUBLISHED, REFERENCE, ArtifactStore

_REFERENCE = Reference(
    version="guard-v1",
    embedding="none",
    centroids=((1.0, 0.0),),
    histograms={"prompt.distance": Histogram(edges=(0.5,), proportions=(0.4, 0.6))},
)


@pytest.fixture(params=["folder", "object store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    root = str(tmp_path / "artifacts") if request.param == "folder" else f"memory://{uuid.uuid4()}"
    return ArtifactStore(root)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / REFERENCE).write_bytes(msgspec.json.encode(_REFERENCE))
    return folder


def test_a_published_version_is_read_back_whole(store: ArtifactStore, adapter: Path, tmp_path: Path) -> None:
    uri = store.publish(adapter, "guard", "guard-v1")
    assert uri == store.folder("guard", "guard-v1")
    assert (store.fetch(uri, tmp_path) / "adapter_model.safetensors").read_bytes() == b"weights"
    assert store.reference("guard", "guard-v1") == _REFERENCE


def test_a_version_is_immutable(store: ArtifactStore, adapter: Path, tmp_path: Path) -> None:
    uri = store.publish(adapter, "guard", "guard-v1")
    (adapter / "adapter_model.safetensors").write_bytes(b"other")
    assert store.publish(adapter, "guard", "guard-v1") == uri
    assert (store.fetch(uri, tmp_path) / "adapter_model.safetensors").read_bytes() == b"weights"


def test_an_unfinished_publication_is_invisible_and_done_again(tmp_path: Path, adapter: Path) -> None:
    store = ArtifactStore(str(tmp_path / "artifacts"))
    uri = store.publish(adapter, "guard", "guard-v1")
    (Path(uri) / PUBLISHED).unlink()
    (Path(uri) / "adapter_model.safetensors").write_bytes(b"half")
    assert store.reference("guard", "guard-v1") is None
    store.publish(adapter, "guard", "guard-v1")
    assert (Path(uri) / "adapter_model.safetensors").read_bytes() == b"weights"


def test_the_base_and_foreign_names_have_no_reference(store: ArtifactStore) -> None:
    assert store.reference("guard", "") is None
    assert store.reference("guard", "../../etc") is None


def test_a_name_with_a_path_in_it_is_rejected(store: ArtifactStore) -> None:
    with pytest.raises(ValueError, match="not a plain name"):
        store.folder("guard", "../v1")


def test_a_remote_version_fetched_again_takes_the_place_of_its_copy(adapter: Path, tmp_path: Path) -> None:
    store = ArtifactStore(f"memory://{uuid.uuid4()}")
    uri, into = store.publish(adapter, "guard", "guard-v1"), tmp_path / "fetched"
    folder = store.fetch(uri, into)
    (folder / "adapter_config.json").unlink()
    (folder / "adapter_model.safetensors").write_bytes(b"half")
    assert store.fetch(uri, into) == folder
    assert {file.name for file in folder.iterdir()} == {*(file.name for file in adapter.iterdir()), PUBLISHED}
    assert (folder / "adapter_model.safetensors").read_bytes() == b"weights"
    assert list(into.iterdir()) == [folder]


def test_fetching_nothing_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no adapter folder at"):
        ArtifactStore(str(tmp_path)).fetch(str(tmp_path / "absent"), tmp_path)


def test_a_store_is_there_with_its_first_version(store: ArtifactStore, adapter: Path) -> None:
    assert not store.is_there()
    store.publish(adapter, "guard", "guard-v1")
    assert store.is_there()
