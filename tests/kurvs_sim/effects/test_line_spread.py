"""A line-spread function that changes along the band, and one that is stated wrongly."""

import numpy as np
import pytest

from kurvs_pipeline.bands import FWHM_PER_SIGMA, KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_sim import Galaxy, SpaxelGrid, observe
from kurvs_sim.channels import channel_integrated_gaussian
from kurvs_sim.effects.effects import Effects
from kurvs_sim.effects.line_spread import LineSpread

GRID = SpaxelGrid(n_x=8, n_y=8, spaxel_arcsec=0.2)
H = KMOS_BANDS["H"]


class Comb:
    """Lines of unit flux along the band, exact for whatever width is asked."""

    centres_um = np.arange(1.48, 1.84, 0.02)

    def cube(self, band):
        lines = channel_integrated_gaussian(
            band.wavelength_um, band.channel_width_um, self.centres_um, band.lsf_sigma_um
        )
        return lines.sum(axis=1)[:, None, None].astype(np.float32)


def test_lines_have_the_width_of_their_own_wavelength():
    spread = LineSpread(red_over_blue=1.2, true_over_stated=1.05)
    found = spread.cube(Comb(), H)[:, 0, 0]
    fwhm = 1.76 * (1.0 + 0.2 * (Comb.centres_um - 1.456) / 0.394) * 2.0 / 2.2
    sigma = 1.05 * fwhm * 2.15820e-4 / FWHM_PER_SIGMA
    exact = channel_integrated_gaussian(H.wavelength_um, 2.15820e-4, Comb.centres_um, sigma)
    expected = exact.sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-3 * expected.max())


def test_the_stated_width_grows_from_blue_to_red_about_the_band_s_own():
    stated = LineSpread(red_over_blue=1.2).stated_sigma_um(H)
    at = np.interp([1.456, 1.653, 1.85], H.wavelength_um, stated) / H.lsf_sigma_um
    assert at == pytest.approx([2.0 / 2.2, 1.0, 2.4 / 2.2], rel=1e-3)


def test_a_true_width_other_than_stated_widens_lines_but_not_the_statement():
    """Second moment of a narrow H-alpha: the widths add in quadrature."""
    galaxy = Galaxy(redshift=1.5, inclination_deg=0.0, dispersion_kms=10.0)
    options = {"bands": ("H",), "grid": GRID, "halpha_snr": None}
    line_spread = LineSpread(red_over_blue=1.0, true_over_stated=1.3)
    wide = observe(galaxy, effects=Effects(line_spread=line_spread), **options)["H"]
    plain = observe(galaxy, **options)["H"]
    assert wide["lsf_sigma"].to_numpy() == pytest.approx(plain["lsf_sigma"].to_numpy())

    def variance_um2(cube):
        near = np.abs(cube["wavelength"] / (2.5 * 0.656461) - 1.0) < 0.0012
        spectrum = cube["flux"].sum(("x", "y"))[near].to_numpy().astype(float)
        wavelength = cube["wavelength"][near].to_numpy()
        mean = (spectrum * wavelength).sum() / spectrum.sum()
        return (spectrum * (wavelength - mean) ** 2).sum() / spectrum.sum()

    added = variance_um2(wide) - variance_um2(plain)
    assert added == pytest.approx((1.3**2 - 1.0) * H.lsf_sigma_um**2, rel=0.02)


def test_a_line_keeps_its_flux_whatever_its_width():
    galaxy = Galaxy(redshift=1.5)
    options = {"bands": ("H",), "grid": GRID, "halpha_snr": None}
    effects = Effects(line_spread=LineSpread(1.2, true_over_stated=1.1))
    spread = observe(galaxy, effects=effects, **options)["H"]["flux"].sum()
    plain = observe(galaxy, **options)["H"]["flux"].sum()
    assert float(spread / plain) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("options", [{"red_over_blue": 0.0}, {"true_over_stated": float("nan")}])
def test_an_impossible_width_is_refused_by_name(options):
    with pytest.raises(MetadataError, match=next(iter(options))):
        LineSpread(**options)
