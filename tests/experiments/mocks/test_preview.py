"""The page that is drawn of every mock."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments.mocks.preview import plot_integrated_spectrum, preview
from kurvs_sim import Galaxy, observe
from kurvs_sim.effects.defects import MisscaledNoise
from kurvs_sim.effects.effects import Effects
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.profiles import Linear

GALAXY = Galaxy(redshift=1.5, inclination_deg=45.0, effective_radius_arcsec=0.5)
HALPHA_UM = 0.6564614 * 2.5


@pytest.mark.parametrize(
    "effects",
    [Effects(), Effects(covariance=NoiseCovariance(), misscaled_noise=MisscaledNoise(1.13))],
    ids=["independent", "correlated and stated too small"],
)
def test_the_shade_is_as_wide_as_the_data_scatter(effects):
    mock = observe(GALAXY, bands=["H"], halpha_snr=20.0, effects=effects, seed=5,
                   within_kms_of_lines=12_000.0)  # fmt: skip
    axes = plot_integrated_spectrum(mock, "H", Figure().subplots())
    steps = {patch.get_label(): patch.get_data() for patch in axes.patches}
    flux, edges, _ = steps["data"]
    sigma, wavelength = steps["noise"].values, 0.5 * (edges[1:] + edges[:-1])
    free = (np.abs(wavelength / HALPHA_UM - 1.0) > 0.006) & (wavelength < 0.6690 * 2.5)
    assert np.std(flux[free] / sigma[free]) == pytest.approx(1.0, abs=0.15)


def test_the_metallicity_of_the_disk_is_drawn():
    """Before the seeing: its colours run from the centre's abundance down the gradient."""
    galaxy = replace(GALAXY, oxygen_abundance=Linear(central=8.8, gradient=-0.05))
    page = preview(observe(galaxy, bands=["H"], within_kms_of_lines=3000.0))
    (panel,) = [axes for axes in page.axes if axes.get_title().startswith("true metallicity")]
    assert panel.get_title() == "true metallicity, -0.050 dex/kpc"
    drawn = panel.collections[0].get_array()
    nearest_kpc = np.hypot(0.05, 0.05 / np.cos(np.radians(45.0))) * galaxy.kpc_per_arcsec
    assert drawn.max() == pytest.approx(8.8 - 0.05 * nearest_kpc, abs=1e-6)
    assert any(axes.get_ylabel() == "12 + log(O/H)" for axes in page.axes)
