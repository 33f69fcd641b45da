"""Stars and nuclear sources as a scene draws them, against GalSim and analytic widths."""

from dataclasses import replace

import galsim
import numpy as np
import pytest
from mock_checks import LIGHT_KMS

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.effects.effects import Effects
from kurvs_sim.effects.line_spread import LineSpread
from kurvs_sim.galaxy.nucleus import NuclearSource
from kurvs_sim.galaxy.stars import StellarContinuum
from kurvs_sim.scene.scene import Scene

BAND = KMOS_BANDS["H"]
GRID = SpaxelGrid(n_x=40, n_y=40, spaxel_arcsec=0.1)
SEEING = PointSpreadFunction("moffat", 0.5, moffat_beta=3.0)
DISK = Galaxy(inclination_deg=60.0, position_angle_deg=0.0, offset_x_arcsec=0.13)
KPC_PER_ARCSEC = DISK.kpc_per_arcsec
HALPHA_UM = 2.5 * 0.6564610


def scene_of(galaxy, psf=SEEING):
    return Scene(galaxy, GRID, psf, Numerics())


def added(galaxy):
    """Return what stars and nuclear sources add to the disk's cube."""
    bare = replace(galaxy, stars=(), nuclear_sources=())
    return scene_of(galaxy).cube(BAND).astype(float) - scene_of(bare).cube(BAND)


def as_galsim_draws(profile, psf=SEEING):
    accurate = galsim.GSParams(folding_threshold=2e-4, maximum_fft_size=16384)
    smeared = galsim.Convolve(profile, psf.galsim_profile, gsparams=accurate)
    return smeared.drawImage(nx=40, ny=40, scale=0.1, offset=(1.3, 0.0), dtype=float).array


def stars(**changes):
    stated = {"flux_density": 20.0, "effective_radius_kpc": 0.5 * KPC_PER_ARCSEC}
    return StellarContinuum(**stated | changes)


def nucleus(**changes):
    return NuclearSource(**{"halpha_flux": 2.0, "dispersion_kms": 1000.0} | changes)


def test_a_disk_of_stars_looks_as_galsim_draws_it():
    image = scene_of(replace(DISK, stars=(stars(),))).added_light.star_maps[0]
    drawn = as_galsim_draws(
        galsim.Exponential(half_light_radius=0.5).transform(0.5, 0.0, 0.0, 1.0).withFlux(1.0)
    )
    np.testing.assert_allclose(image, drawn, rtol=0.0, atol=1e-3 * drawn.max())


def test_a_bulge_looks_as_galsim_draws_it_whatever_the_inclination():
    bulge = stars(shape="bulge", effective_radius_kpc=0.2 * KPC_PER_ARCSEC)
    image = scene_of(replace(DISK, stars=(bulge,))).added_light.star_maps[0]
    drawn = as_galsim_draws(galsim.DeVaucouleurs(half_light_radius=0.2))
    np.testing.assert_allclose(image, drawn, rtol=0.0, atol=1e-3 * drawn.max())


def test_a_point_looks_like_a_star():
    image = scene_of(replace(DISK, nuclear_sources=(nucleus(),))).added_light.nuclear_maps[0]
    drawn = as_galsim_draws(galsim.DeltaFunction())
    np.testing.assert_allclose(image, drawn, rtol=0.0, atol=1e-3 * drawn.max())


@pytest.mark.parametrize("offset_arcsec", [0.0, 0.01, 0.0125, 0.02])
def test_without_seeing_a_point_is_nowhere_negative(offset_arcsec):
    galaxy = replace(DISK, offset_x_arcsec=offset_arcsec, nuclear_sources=(nucleus(),))
    no_seeing = PointSpreadFunction(fwhm_arcsec=0.0)
    image = scene_of(galaxy, no_seeing).added_light.nuclear_maps[0]
    assert image.min() >= -1e-6
    assert image.sum() == pytest.approx(1.0, abs=1e-5)


def test_an_extended_nucleus_is_a_gaussian_of_its_half_light_radius():
    source = nucleus(effective_radius_kpc=0.3 * KPC_PER_ARCSEC)
    image = scene_of(replace(DISK, nuclear_sources=(source,))).added_light.nuclear_maps[0]
    drawn = as_galsim_draws(galsim.Gaussian(half_light_radius=0.3))
    np.testing.assert_allclose(image, drawn, rtol=0.0, atol=1e-3 * drawn.max())


def test_the_continuum_of_every_spaxel_is_its_share_of_the_spectrum():
    galaxy = replace(DISK, stars=(stars(spectral_slope=-1.0),))
    far = np.abs(BAND.wavelength_um / HALPHA_UM - 1.0) > 0.01
    spectrum = added(galaxy).sum(axis=(1, 2))[far]
    inside = scene_of(galaxy).added_light.star_maps[0].sum()
    expected = 20.0 * inside * HALPHA_UM / BAND.wavelength_um[far]
    assert spectrum == pytest.approx(expected, rel=1e-4)


def test_absorption_has_its_equivalent_width_in_the_cube():
    """4 A at rest of a continuum of 20: it takes 20 x 4e-4 um x 2.5 of flux."""
    galaxy = replace(DISK, stars=(stars(halpha_absorption_angstrom=4.0),))
    inside = scene_of(galaxy).added_light.star_maps[0].sum()
    missing = (20.0 * inside - added(galaxy).sum(axis=(1, 2))).sum() * BAND.channel_width_um
    assert missing == pytest.approx(20.0 * inside * 4e-4 * 2.5, rel=1e-3)


def test_a_broad_line_has_its_flux_width_and_velocity():
    galaxy = replace(DISK, nuclear_sources=(nucleus(velocity_kms=300.0),))
    spectrum = added(galaxy).sum(axis=(1, 2))
    inside = scene_of(galaxy).added_light.nuclear_maps[0].sum()
    assert spectrum.sum() * BAND.channel_width_um == pytest.approx(2.0 * inside, rel=1e-3)
    mean_um = (spectrum * BAND.wavelength_um).sum() / spectrum.sum()
    assert (mean_um / HALPHA_UM - 1.0) * LIGHT_KMS == pytest.approx(300.0, abs=2.0)
    variance = (spectrum * (BAND.wavelength_um - mean_um) ** 2).sum() / spectrum.sum()
    expected = (mean_um * 1000.0 / LIGHT_KMS) ** 2 + BAND.lsf_sigma_um**2
    expected += BAND.channel_width_um**2 / 12.0
    assert variance == pytest.approx(expected, rel=1e-3)


def test_a_nucleus_has_the_lines_that_it_is_given():
    source = nucleus(nii_6584_to_halpha=0.9, oii_to_halpha=0.5, electron_density_cm3=100.0)
    fluxes = source.line_fluxes()
    assert fluxes["nii_6584"] == pytest.approx(1.8)
    assert fluxes["nii_6548"] == pytest.approx(0.6)
    assert fluxes["oii_3726"] + fluxes["oii_3729"] == pytest.approx(1.0)
    # PyNeb 1.1 at 10^4 K and 100 cm^-3 (Luridiana et al. 2015).
    assert fluxes["oii_3729"] / fluxes["oii_3726"] == pytest.approx(1.349, rel=0.05)
    assert fluxes["hbeta"] == fluxes["oiii_5007"] == fluxes["sii_6716"] == 0.0


def test_a_changing_line_spread_function_leaves_the_light_of_stars():
    galaxy = replace(DISK, stars=(stars(halpha_absorption_angstrom=0.0),), halpha_flux=1e-9)
    options = {"grid": GRID, "bands": ("H",), "halpha_snr": None}
    plain = observe(galaxy, **options)["H"]["flux"]
    spread = observe(galaxy, effects=Effects(line_spread=LineSpread()), **options)["H"]["flux"]
    np.testing.assert_allclose(spread, plain, rtol=1e-4)


def test_truth_holds_nuclear_lines_and_starlight_apart_from_the_disk():
    galaxy = replace(DISK, stars=(stars(),), nuclear_sources=(nucleus(),))
    options = {"grid": GRID, "bands": ("H",), "halpha_snr": None}
    truth = observe(galaxy, **options)["truth"]
    bare = observe(DISK, **options)["truth"]
    assert np.array_equal(truth["line_map_smeared"], bare["line_map_smeared"])
    assert not bare["nuclear_line_map_smeared"].any()
    nuclear = truth["nuclear_line_map_smeared"].sum(("y", "x"))
    assert float(nuclear.sel(line="halpha")) == pytest.approx(2.0, rel=0.03)
    assert float(nuclear.sel(line="nii_6584")) == 0.0
    assert float(truth["stellar_map_smeared"].sum()) == pytest.approx(20.0, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"halpha_flux": 0.0}, "halpha_flux is 0.0"),
        ({"dispersion_kms": float("nan")}, "dispersion_kms is nan"),
        ({"velocity_kms": float("inf")}, "velocity_kms of the nuclear source is inf"),
        ({"velocity_kms": 3e5}, "expected between -10000 and 10000"),
        ({"dispersion_kms": 3e5}, "dispersion_kms of the nuclear source is 300000.0"),
        ({"hbeta_to_halpha": -0.1}, "hbeta_to_halpha of the nuclear source is -0.1"),
        ({"effective_radius_kpc": -1.0}, "effective_radius_kpc of the nuclear source is -1.0"),
        ({"electron_density_cm3": 0.0}, "electron_density_cm3 of the nuclear source is 0.0"),
    ],
)
def test_an_impossible_nucleus_is_refused_by_name(changes, message):
    with pytest.raises(MetadataError, match=message):
        nucleus(**changes)


def test_stars_have_a_known_shape():
    with pytest.raises(MetadataError, match="shape of the stars is 'ball'; expected 'disk' or"):
        stars(shape="ball")
