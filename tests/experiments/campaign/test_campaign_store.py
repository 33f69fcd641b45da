"""Stores of campaigns: what can happen to one, and that nothing is lost by it."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import xarray as xr
import zarr.storage
from toy_campaign import Toy

from experiments.campaign.campaign import open_campaign, run_campaign
from experiments.campaign.description import described
from experiments.campaign.store import CampaignStore
from experiments.runs.lock import locked
from kurvs_pipeline.errors import ConfigurationError, OutputError, ResultsError
from kurvs_pipeline.provenance import software_version

TASKS_A_CHUNK = 3


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("experiments.campaign.store.MOST_TASKS_A_CHUNK", TASKS_A_CHUNK)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "toy.zarr"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the results of a campaign that nothing happened to."""
    return run_campaign(Toy(), tmp_path_factory.mktemp("whole") / "toy.zarr").results.load()


def test_an_existing_store_is_not_touched_without_resume(store):
    before = run_campaign(Toy(n_tasks=3), store).results.load()
    with pytest.raises(OutputError, match="exists; expected a new place"):
        run_campaign(Toy(n_tasks=3, seed=9), store)
    xr.testing.assert_identical(open_campaign(store).load(), before)


def test_another_design_is_refused_with_the_difference_key_by_key(store):
    run_campaign(Toy(n_tasks=3), store)
    with pytest.raises(ConfigurationError, match="another design") as caught:
        run_campaign(Toy(n_tasks=4, seed=9, raising=(1,)), store, resume=True)
    for difference in (
        "design.seed is 9, in the store 1",
        "design.toy.raising is [1], in the store []",
        "n_tasks is 4, in the store 3",
    ):
        assert difference in str(caught.value)


def test_a_store_begun_at_another_commit_is_refused(store, monkeypatch):
    run_campaign(Toy(n_tasks=3), store)
    monkeypatch.setattr(
        "experiments.campaign.description.software_version", lambda: "0.1.0+g0123456789ab"
    )
    with pytest.raises(
        ConfigurationError, match=r'kurvs is "0\.1\.0\+g0123456789ab", in the store'
    ):
        run_campaign(Toy(n_tasks=3), store, resume=True)


def test_a_store_says_what_made_it(store):
    run_campaign(Toy(n_tasks=3), store)
    stated = json.loads(open_campaign(store).attrs["provenance"])
    assert stated["kurvs"] == software_version()
    assert "numba" in stated


def test_a_store_of_an_older_format_is_refused(store):
    run_campaign(Toy(n_tasks=3), store)
    metadata = json.loads((store / "zarr.json").read_text())
    metadata["attributes"]["kurvs_campaign"]["format"] = 0
    (store / "zarr.json").write_text(json.dumps(metadata))
    for use in (
        lambda: run_campaign(Toy(n_tasks=3), store, resume=True),
        lambda: open_campaign(store),
    ):
        with pytest.raises(ResultsError, match="has format 0 of campaigns; expected 1"):
            use()


def test_what_is_no_campaign_is_refused(store):
    xr.Dataset({"x": 1.0}).to_zarr(store, consolidated=False)
    with pytest.raises(ResultsError, match="is not the store of a campaign"):
        open_campaign(store)


def test_a_store_that_lost_an_array_is_refused(store):
    run_campaign(Toy(n_tasks=2), store)
    (store / "mean" / "zarr.json").unlink()
    with pytest.raises(ResultsError, match="array mean cannot be read"):
        run_campaign(Toy(n_tasks=2), store, resume=True)


@pytest.mark.parametrize("name", ["done", "mean"])
def test_results_without_an_array_are_not_opened(store, name):
    run_campaign(Toy(n_tasks=2), store)
    shutil.rmtree(store / name)
    with pytest.raises(
        ResultsError, match=rf"array {name} cannot be read .* copy {name}/zarr\.json"
    ):
        open_campaign(store)


def test_a_store_that_lost_its_attributes_is_told_where_to_get_them(store):
    run_campaign(Toy(n_tasks=2), store)
    (store / "zarr.json").unlink()
    with pytest.raises(ResultsError, match=r"zarr\.json is lost, copy that from the same campaign"):
        open_campaign(store)


@pytest.mark.parametrize("lost", ["zarr.json", "done/zarr.json", "mean/zarr.json"])
def test_a_lost_description_is_mended_by_that_of_the_same_campaign(store, whole, tmp_path, lost):
    run_campaign(Toy(), store)
    (store / lost).unlink()
    begun = CampaignStore.of(Toy(), tmp_path / "begun.zarr")
    begun.create(described(Toy()))
    shutil.copy(begun.path / lost, store / lost)
    xr.testing.assert_identical(open_campaign(store).load(), whole)


def test_a_chunk_that_does_not_fit_is_refused(store):
    run_campaign(Toy(), store)
    target = CampaignStore.of(Toy(), store)
    with pytest.raises(ValueError, match="2 tasks for chunk 0 of the tasks 0 to 2"):
        target.write(0, target.blank(0).isel(task=slice(2)))


def test_a_store_appears_whole_or_not_at_all(store, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(CampaignStore, "_create_array", refuse)
    with pytest.raises(OutputError, match="No space left on device"):
        run_campaign(Toy(), store)
    assert list(store.parent.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_is_lost(store, whole, monkeypatch):
    n_writes = []
    put = zarr.storage.LocalStore.set

    async def refuse_late(self, key, value):
        n_writes.append(key)
        if len(n_writes) > 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        await put(self, key, value)

    monkeypatch.setattr(zarr.storage.LocalStore, "set", refuse_late)
    with pytest.raises(OutputError, match=r"No space left on device.*resume the campaign"):
        run_campaign(Toy(), store)
    monkeypatch.undo()
    done = open_campaign(store)["done"].to_numpy()
    assert 0 < done.sum() < Toy().n_tasks
    resumed = run_campaign(Toy(), store, resume=True)
    xr.testing.assert_identical(resumed.results.load()["mean"], whole["mean"])


def test_files_that_may_not_grow_are_told(store):
    """The operating system itself refuses to write."""
    script = (
        "import resource; from toy_campaign import Toy; from pathlib import Path\n"
        "from experiments.campaign.campaign import run_campaign\n"
        "def limit(_): resource.setrlimit(resource.RLIMIT_FSIZE, (20, resource.RLIM_INFINITY))\n"
        f"run_campaign(Toy(), Path({str(store)!r}), advance=limit)\n"
    )
    done = _python(script)
    assert "OutputError" in done.stderr
    assert "results cannot be written (File too large)" in done.stderr
    assert not open_campaign(store)["done"].any()


def _python(script):
    path = os.pathsep.join(sys.path)
    return subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(store):
    store.parent.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            run_campaign(Toy(), store)
    finally:
        store.parent.chmod(0o755)


def test_a_place_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"):
        run_campaign(Toy(), tmp_path / "file" / "toy.zarr")


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        ("mean/c/2/0", lambda path: path.write_bytes(flipped(path.read_bytes()))),
        ("name/c/2", lambda path: path.write_bytes(path.read_bytes()[:-3])),
        ("traceback/c/2/0", lambda path: path.write_bytes(b"")),
        ("failed/c/2", lambda path: path.unlink()),
    ],
    ids=["one bit", "cut off", "empty", "missing"],
)
def test_a_damaged_chunk_is_named_and_its_tasks_are_run_again(store, whole, part, damage):
    run_campaign(Toy(), store)
    damage(store / part)
    with pytest.raises(ResultsError, match="tasks 6 to 8 cannot be read: resume the campaign"):
        open_campaign(store)
    counts = []
    resumed = run_campaign(Toy(), store, resume=True, advance=counts.append)
    assert counts[0] == Toy().n_tasks - TASKS_A_CHUNK
    xr.testing.assert_identical(resumed.results.load(), whole)


def test_a_damaged_list_of_what_is_done_costs_only_its_chunk(store, whole):
    run_campaign(Toy(), store)
    path = store / "done/c/1"
    path.write_bytes(flipped(path.read_bytes()))
    with pytest.raises(ResultsError, match="tasks 3 to 5 cannot be read"):
        open_campaign(store)
    resumed = run_campaign(Toy(), store, resume=True)
    xr.testing.assert_identical(resumed.results.load(), whole)


def test_a_second_client_is_refused_and_told_who_is_at_work(store):
    with (
        locked(store, store.with_name("toy.zarr.lock")),
        pytest.raises(OutputError, match=f"process {os.getpid()} on .* is at work on it"),
    ):
        run_campaign(Toy(), store)
    assert not store.exists()


def test_a_client_that_was_killed_blocks_nobody(store):
    script = (
        "import os, signal; from pathlib import Path\n"
        "from experiments.runs.lock import locked\n"
        f"store = Path({str(store)!r})\n"
        "with locked(store, store.with_name('toy.zarr.lock')):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert _python(script).returncode == -signal.SIGKILL
    assert store.with_name("toy.zarr.lock").exists()
    assert run_campaign(Toy(), store).results["done"].all()
    assert not store.with_name("toy.zarr.lock").exists()
