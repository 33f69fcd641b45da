"""Cubes that this project writes, opened by the readers of the field."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS

from kurvs_pipeline.io.fits.writing import write_eso, write_flux_err
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT
from kurvs_sim import Galaxy, SpaxelGrid, observe

WRITERS = {"eso": write_eso, "flux-err": write_flux_err}
FLUX = {"eso": "IFU.1.DATA", "flux-err": "FLUX"}
MASKED = (100, 4, 5)


@pytest.fixture(scope="module")
def mock():
    galaxy = Galaxy(inclination_deg=40.0, ra_deg=53.1, dec_deg=-27.8)
    tree = observe(galaxy, grid=SpaxelGrid(n_x=11, n_y=9), bands=("H",))
    tree["H"]["mask"][MASKED] = True
    return tree


@pytest.fixture(scope="module")
def files(mock, tmp_path_factory):
    return {
        layout: write(mock, tmp_path_factory.mktemp(layout))["H"]
        for layout, write in WRITERS.items()
    }


@pytest.mark.parametrize("layout", WRITERS)
def test_spectral_cube_has_fluxes_and_wavelengths(mock, files, layout):
    spectral_cube = pytest.importorskip("spectral_cube")
    band = mock["H"].to_dataset()
    cube = spectral_cube.SpectralCube.read(files[layout], hdu=FLUX[layout])
    flux = cube.filled_data[:].to_value(FLUX_DENSITY_UNIT)
    np.testing.assert_allclose(flux, np.where(band["mask"], np.nan, band["flux"]), rtol=1e-5)
    np.testing.assert_allclose(cube.spectral_axis.to_value("um"), band["wavelength"], rtol=1e-9)


def test_specutils_takes_standard_deviations_and_the_mask(mock, files):
    specutils = pytest.importorskip("specutils")
    band = mock["H"].to_dataset()
    # Without the type, version 2.4 fails on a name that it lists itself: KeyError "err".
    kind = {"format": "wcs1d-fits", "uncertainty_type": "std"}
    read = specutils.Spectrum.read(files["flux-err"], **kind)
    assert read.uncertainty.uncertainty_type == "std"
    # Its axes are those of FITS or of the array, by version.
    at = band["flux"].shape
    deviation = read.uncertainty.quantity.to_value(FLUX_DENSITY_UNIT)
    mask, flux = np.asarray(read.mask), read.flux.to_value(FLUX_DENSITY_UNIT)
    if flux.shape != at:
        deviation, mask, flux = (np.moveaxis(each, -1, 0) for each in (deviation, mask, flux))
        deviation, mask, flux = (
            each if each.shape == at else each.swapaxes(1, 2) for each in (deviation, mask, flux)
        )
    np.testing.assert_allclose(deviation, np.sqrt(band["variance"]), rtol=1e-5)
    np.testing.assert_allclose(flux, np.where(band["mask"], np.nan, band["flux"]), rtol=1e-5)
    np.testing.assert_array_equal(mask.astype(bool), band["mask"])
    np.testing.assert_allclose(read.spectral_axis.to_value("um"), band["wavelength"], rtol=1e-9)


def test_mpdaf_takes_variances_where_it_is_told_of_them(mock, files):
    mpdaf = pytest.importorskip("mpdaf.obj")
    band = mock["H"].to_dataset()
    cube = mpdaf.Cube(str(files["flux-err"]), ext=("FLUX", "STAT", "MASK"))
    assert cube.unit.is_equivalent(u.Unit(FLUX_DENSITY_UNIT))
    factor = cube.unit.to(u.Unit(FLUX_DENSITY_UNIT))
    np.testing.assert_array_equal(cube.mask, band["mask"])
    np.testing.assert_allclose(
        cube.var.compressed() * factor**2, band["variance"].to_numpy()[~cube.mask], rtol=1e-5
    )
    np.testing.assert_allclose(cube.wave.coord(unit=u.um), band["wavelength"], rtol=1e-9)


def test_mpdaf_takes_the_noise_of_eso_for_a_variance(mock, files):
    """What the page on own cubes warns of."""
    mpdaf = pytest.importorskip("mpdaf.obj")
    cube = mpdaf.Cube(str(files["eso"]), ext=("IFU.1.DATA", "IFU.1.NOISE"))
    noise = np.sqrt(mock["H"]["variance"].to_numpy())
    np.testing.assert_allclose(cube.var.compressed(), noise[~cube.mask], rtol=1e-5)


@pytest.mark.parametrize("layout", WRITERS)
def test_astropy_reads_the_world_coordinates_and_units(mock, files, layout):
    with fits.open(files[layout]) as hdus:
        header = hdus[FLUX[layout]].header
        assert u.Unit(header["BUNIT"]).is_equivalent(u.Unit(FLUX_DENSITY_UNIT))
        wcs = WCS(header)
    wavelength = mock["H"]["wavelength"].to_numpy()
    last = wcs.spectral.pixel_to_world(wavelength.size - 1).to_value(u.um)
    assert last == pytest.approx(wavelength[-1], rel=1e-9)
