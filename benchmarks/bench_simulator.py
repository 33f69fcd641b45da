"""What a simulated galaxy costs, and what others ask for one line of it.

Run with ``pytest benchmarks/bench_simulator.py --benchmark-timer=time.process_time`` on one thread
(``OMP_NUM_THREADS=1``), so that others on the machine count less. The noise-free cases are all
lines in three bands on 28 x 28 spaxels at 3 x oversampling. The peers make one line cube of
61 x 28 x 28, and need ``pip install '.[peers]'``; ratios of the shortest times are in
``extra_info``.
"""

import time
import tracemalloc
from dataclasses import replace

import numpy as np
import peer_cubes
import pytest

from kurvs_pipeline.bands import KMOS_BANDS, Band
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.atmosphere.star_image import StarImage
from kurvs_sim.profiles.radial import Arctan
from kurvs_sim.scene.scene import Scene

GRID = SpaxelGrid()
THREE_TIMES = Numerics(fine_pixel_arcsec=GRID.spaxel_arcsec / 3.0)
GALAXY = Galaxy(inclination_deg=50.0, position_angle_deg=30.0)
GAUSSIAN = PointSpreadFunction("gaussian", 0.6)
NEAR_KMS = 3000.0
MOFFAT = PointSpreadFunction("moffat", 0.6)
PEERS = {
    "KinMS, 500,000 clouds": ("kinms", {"n_clouds": 500_000}),
    "GalPaK, whole spaxels": ("galpak", {"oversampling": 1}),
    "GalPaK, 3 x oversampling": ("galpak", {"oversampling": 3}),
    "DysmalPy, whole spaxels": ("dysmalpy", {"oversampling": 1}),
    "DysmalPy, 3 x oversampling": ("dysmalpy", {"oversampling": 3}),
}


def star():
    """Return the image of a star that no formula describes: two blobs on 0.1 arcsec pixels."""
    centre = 0.1 * (np.arange(41) - 20)
    x, y = centre[None, :], centre[:, None]
    image = np.exp(-(x**2 + y**2) / 0.14) + 0.1 * np.exp(-((x - 0.3) ** 2 + y**2) / 0.5)
    return StarImage(tuple(map(tuple, image.tolist())), 0.1)


def three_bands(galaxy, psf):
    """Make the noise-free cubes from nothing: no scene is kept."""
    scene = Scene(galaxy, GRID, psf, THREE_TIMES)
    return [scene.cube(band) for band in KMOS_BANDS.values()]


@pytest.mark.parametrize("psf", [GAUSSIAN, MOFFAT, star()], ids=["Gaussian", "Moffat", "star"])
def test_noise_free_thin_disk(benchmark, psf):
    cubes = benchmark(three_bands, GALAXY, psf)
    assert [cube.shape for cube in cubes] == [(2048, 28, 28)] * 3


@pytest.mark.parametrize("psf", [GAUSSIAN, MOFFAT], ids=["Gaussian", "Moffat"])
def test_noise_free_thick_disk(benchmark, psf):
    cubes = benchmark(three_bands, replace(GALAXY, disk_thickness=0.2), psf)
    assert [cube.shape for cube in cubes] == [(2048, 28, 28)] * 3


def test_three_full_bands_with_noise(benchmark):
    tree = benchmark(observe, GALAXY, numerics=THREE_TIMES)
    assert set(KMOS_BANDS) < set(tree.children)


def test_channels_near_the_lines_with_noise(benchmark):
    """A seventh of the channels, which is all that the pipeline needs."""
    tree = benchmark(observe, GALAXY, numerics=THREE_TIMES, within_kms_of_lines=NEAR_KMS)
    n_channels = sum(tree[name].sizes["wavelength"] for name in KMOS_BANDS)
    whole = shortest(lambda: observe(GALAXY, numerics=THREE_TIMES), rounds=10)
    benchmark.extra_info |= {
        "channels_over_whole": n_channels / (3 * 2048),
        "time_over_whole": benchmark.stats["min"] / whole,
    }
    assert benchmark.extra_info["time_over_whole"] < 0.6


@pytest.mark.parametrize("within_kms_of_lines", [None, NEAR_KMS], ids=["whole", "near lines"])
def test_fits_files_of_three_bands(benchmark, tmp_path, within_kms_of_lines):
    tree = observe(GALAXY, numerics=THREE_TIMES, within_kms_of_lines=within_kms_of_lines)
    assert len(benchmark(write_eso, tree, tmp_path)) == 3
    whole = shortest(lambda: observe(GALAXY, numerics=THREE_TIMES), rounds=10)
    benchmark.extra_info["writing_over_observing_whole_bands"] = benchmark.stats["min"] / whole


@pytest.mark.parametrize("within_kms_of_lines", [None, NEAR_KMS], ids=["whole", "near lines"])
def test_memory_of_three_bands_with_noise(benchmark, within_kms_of_lines):
    """Peak of numpy's arrays; the interpreter with its modules is not counted."""
    options = {"numerics": THREE_TIMES, "within_kms_of_lines": within_kms_of_lines}
    tracemalloc.start()
    observe(GALAXY, **options)
    peak_megabytes = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    benchmark.extra_info["peak_megabytes"] = peak_megabytes
    benchmark.pedantic(observe, (GALAXY,), options, rounds=1)
    assert peak_megabytes < 400.0


def shortest(function, *, rounds):
    """Return the shortest processor time of some calls."""
    function()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize(("name", "options"), PEERS.values(), ids=PEERS)
def test_one_line_cube_beside_a_peer(benchmark, name, options):
    """The same thin disk, 61 x 28 x 28, without anything kept from one call to the next."""
    disk = peer_cubes.PeerDisk(n_spaxels=28, channel_kms=39.4)
    try:
        peer = getattr(peer_cubes, f"{name}_model")(disk, **options)
    except ImportError:
        pytest.skip(f"{name} is not installed; pip install '.[peers]'")
    halpha_um = 2.5 * 0.656461
    channel_um = halpha_um * disk.channel_kms / 299792.458
    band = Band("H", halpha_um - 30 * channel_um, channel_um, (1.0, 2.0), 1.76, disk.n_channels)
    turnover_kpc = disk.turnover_radius_arcsec * GALAXY.kpc_per_arcsec
    galaxy = replace(GALAXY, effective_radius_arcsec=disk.effective_radius_arcsec,
                     rotation=Arctan(disk.asymptote_kms, turnover_kpc))  # fmt: skip

    def ours():
        cube = np.zeros((band.n_channels, GRID.n_y, GRID.n_x), dtype=np.float32)
        Scene(galaxy, GRID, GAUSSIAN, THREE_TIMES).add_line(cube, "halpha", band)

    def three_bands_for_all_lines():
        three_bands(galaxy, GAUSSIAN)

    peer_seconds = shortest(peer, rounds=5)
    all_lines = shortest(three_bands_for_all_lines, rounds=10)
    benchmark(ours)
    one_line = benchmark.stats["min"]
    benchmark.extra_info |= {
        "peer_ms": 1e3 * peer_seconds,
        "peer_over_ours": peer_seconds / one_line,
        "peer_over_ours_per_line_of_ten": peer_seconds / (all_lines / 10.0),
    }
