"""The same thin disk in one line by other simulators, where the extra ``peers`` is installed.

Every function returns (n_channels, n_y, n_x), flux per voxel, x to the West and y to the North.
"""

import importlib
import logging
import warnings
from dataclasses import dataclass

import numpy as np

SCALE_LENGTHS_PER_EFFECTIVE_RADIUS = 1.67834699
FWHM_PER_SIGMA = np.sqrt(8.0 * np.log(2.0))


@dataclass(frozen=True, kw_only=True)
class PeerDisk:
    """A thin exponential disk with an arctan rotation curve, and how it is seen.

    Parameters
    ----------
    effective_radius_arcsec, turnover_radius_arcsec : float
        Of the light and of the rotation.
    inclination_deg, position_angle_deg : float
        North through East to the receding side.
    asymptote_kms, dispersion_kms, lsf_sigma_kms : float
        Kinematics, and what the spectrograph adds.
    seeing_fwhm_arcsec : float
        Of a Gaussian.
    spaxel_arcsec, channel_kms : float
        Steps of the cube.
    n_spaxels, n_channels : int
        Size of the cube, odd or even.
    """

    effective_radius_arcsec: float = 0.4
    turnover_radius_arcsec: float = 0.15
    inclination_deg: float = 50.0
    position_angle_deg: float = 30.0
    asymptote_kms: float = 180.0
    dispersion_kms: float = 50.0
    lsf_sigma_kms: float = 30.0
    seeing_fwhm_arcsec: float = 0.6
    spaxel_arcsec: float = 0.1
    channel_kms: float = 15.0
    n_spaxels: int = 48
    n_channels: int = 61

    def rotation_kms(self, radius_arcsec):
        """Rotation velocity."""
        return self.asymptote_kms * 2.0 / np.pi * np.arctan(
            radius_arcsec / self.turnover_radius_arcsec
        )  # fmt: skip


def import_peer(name):
    """Import a package that warns as it is imported; ImportError where it is absent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module(name)
    logging.getLogger().setLevel(logging.WARNING)
    return module


def kinms_model(disk, *, n_clouds):
    """Return a function that makes the cube with KinMS (Davis et al. 2013)."""
    kinms = import_peer("kinms").KinMS
    side, step = disk.n_spaxels * disk.spaxel_arcsec, disk.channel_kms
    maker = kinms(
        side, side, disk.n_channels * step, disk.spaxel_arcsec, step,
        [disk.seeing_fwhm_arcsec, disk.seeing_fwhm_arcsec, 0.0], nSamps=n_clouds,
    )  # fmt: skip
    radius = np.linspace(0.0, 20.0 * disk.effective_radius_arcsec, 4000)
    scale = disk.effective_radius_arcsec / SCALE_LENGTHS_PER_EFFECTIVE_RADIUS

    def make():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Its middle is half a pixel beyond the middle of the array.
            cube = maker.model_cube(
                disk.inclination_deg, disk.position_angle_deg,
                gasSigma=np.hypot(disk.dispersion_kms, disk.lsf_sigma_kms),
                sbProf=np.exp(-radius / scale), sbRad=radius,
                velProf=disk.rotation_kms(radius), velRad=radius,
                phaseCent=[-0.5 * disk.spaxel_arcsec] * 2, vOffset=-0.5 * step,
            )  # fmt: skip
        return cube.transpose(2, 1, 0)

    return make


def galpak_model(disk, *, oversampling):
    """Return a function that makes the cube with GalPaK3D (Bouche et al. 2015).

    Its disk is as thin as its grid of voxels allows, and the dispersion that it adds for the
    thickness is left out.
    """
    galpak = import_peer("galpak")
    instruments = import_peer("galpak.instruments")
    parameters_class = import_peer("galpak.galaxy_parameters").GalaxyParameters
    pixel = disk.spaxel_arcsec / oversampling
    n_pixels = disk.n_spaxels * oversampling
    radius = disk.effective_radius_arcsec / pixel

    class WithoutDispersionOfThickness(galpak.ModelSersic):
        def set_dispersion_profile(self, height, speed, radius_cube):  # noqa: ARG002
            return np.zeros_like(radius_cube)

    half_pixel_sigma = 0.5 * 1.17 / radius
    model = WithoutDispersionOfThickness(rotation_curve="arctan", aspect=half_pixel_sigma)
    instrument = instruments.Generic(
        psf_fwhm=disk.seeing_fwhm_arcsec, psf_pa=0.0, psf_ba=1.0,
        lsf_fwhm=FWHM_PER_SIGMA * disk.lsf_sigma_kms,
    )  # fmt: skip
    middle = 0.5 * (n_pixels - 1)
    # Its position angle is that of the approaching side.
    parameters = parameters_class(
        x=middle, y=middle, z=0.5 * (disk.n_channels - 1), flux=1.0, radius=radius,
        inclination=disk.inclination_deg, pa=disk.position_angle_deg + 180.0,
        turnover_radius=disk.turnover_radius_arcsec / pixel,
        maximum_velocity=disk.asymptote_kms, velocity_dispersion=disk.dispersion_kms,
    )  # fmt: skip
    shape = (disk.n_channels, n_pixels, n_pixels)

    def make():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cube = model._create_cube(parameters, shape, disk.channel_kms)[0]
            cube.xy_step, cube.z_step = pixel, disk.channel_kms
            fine = instrument.convolve(cube).data
        blocks = (disk.n_channels, disk.n_spaxels, oversampling, disk.n_spaxels, oversampling)
        return fine.reshape(blocks).sum(axis=(2, 4))

    return make


def dysmalpy_model(disk, *, oversampling, total_mass_log=10.5, kpc_per_arcsec=8.6):
    """Return a function that makes a cube with DysmalPy (Lee et al. 2025), to time it.

    It takes the rotation from the mass of an exponential disk, not from a curve, and version 2.0
    fails without pressure support; so this disk is alike, not the same.
    """
    units = importlib.import_module("astropy.units")
    models, instruments = import_peer("dysmalpy.models"), import_peer("dysmalpy.instrument")
    observations = import_peer("dysmalpy.observation")
    model = models.ModelSet()
    radius = disk.effective_radius_arcsec * kpc_per_arcsec
    model.kinematic_options.pressure_support = True
    model.kinematic_options.pressure_support_re = radius
    model.add_component(
        models.Sersic(total_mass=total_mass_log, r_eff=radius, n=1.0, name="disk"), light=True
    )
    model.add_component(
        models.DispersionConst(sigma0=disk.dispersion_kms, tracer="halpha", name="dispersion")
    )
    model.add_component(models.ZHeightGauss(sigmaz=0.05 * radius, name="height"))
    model.add_component(
        models.Geometry(
            inc=disk.inclination_deg, pa=disk.position_angle_deg, xshift=0.0, yshift=0.0,
            name="geometry", obs_name="timed",
        )
    )  # fmt: skip
    instrument, kms = instruments.Instrument(), units.km / units.s
    instrument.beam = instruments.GaussianBeam(major=disk.seeing_fwhm_arcsec * units.arcsec)
    instrument.lsf = instruments.LSF(disk.lsf_sigma_kms * kms)
    instrument.fov = [disk.n_spaxels, disk.n_spaxels]
    instrument.pixscale = disk.spaxel_arcsec * units.arcsec
    instrument.spec_type, instrument.nspec, instrument.ndim = "velocity", disk.n_channels, 3
    instrument.spec_step = disk.channel_kms * kms
    instrument.spec_start = -disk.channel_kms * (disk.n_channels // 2) * kms
    instrument.set_beam_kernel()
    instrument.set_lsf_kernel()
    timed = observations.Observation(name="timed", tracer="halpha", instrument=instrument)
    timed.mod_options = observations.ObsModOptions(oversample=oversampling)

    def make():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            timed.create_single_obs_model_data(model, 1.0 / kpc_per_arcsec)
        return np.asarray(timed.model_cube.data.unmasked_data[:])

    return make
