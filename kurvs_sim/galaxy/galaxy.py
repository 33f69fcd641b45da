"""What is in the sky: an inclined, rotating disk of ionized gas."""

import math
from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.abundances.diagnostics import DEFAULT_LOG_U
from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.emission.calibrated import (
    LOG_U_RANGE,
    OXYGEN_ABUNDANCE_RANGE,
    TYPICAL_ELECTRON_DENSITY_CM3,
    EmissionModel,
    SurveyCalibrations,
    line_surface_brightness,
)
from kurvs_sim.emission.ratios import DENSITY_RANGE_CM3
from kurvs_sim.galaxy.nucleus import NuclearSource
from kurvs_sim.galaxy.orientation import ProjectedDisk
from kurvs_sim.galaxy.stars import StellarContinuum
from kurvs_sim.galaxy.structure import DiskStructure
from kurvs_sim.profiles.radial import (
    Arctan,
    Constant,
    Exponential,
    Linear,
    Product,
    RadialProfile,
    as_profile,
)
from kurvs_sim.validation import require, require_finite, require_positive, require_within

INTEGRATED_A_V_MAG = 0.38
"""Attenuation of the gas of the stacked galaxies of the survey (Li et al. 2025, Section 4)."""

FARTHEST_KPC, N_RADII = 200.0, 20_001
"""Velocities and dispersions are searched so far out, at so many radii."""

FASTEST_KMS = 2000.0
"""Faster gas is refused."""

HIGHEST_REDSHIFT = 100.0
"""Before the first galaxies."""

A_V_RANGE = (0.0, 100.0)
"""mag: behind more, lines leave the range of floating point."""


@takes_quantities
@dataclass(frozen=True)
class Galaxy(ProjectedDisk):
    """A disk of ionized gas with an abundance gradient, and what else shines there.

    Every profile is a function of the radius in the plane of the disk **in kpc**; a number in its
    place is the same at every radius. Gas above and below the plane rotates with it and has its
    abundance.

    Parameters
    ----------
    name : str
        Name of the galaxy, which files are named after.
    redshift : float
        Redshift on the vacuum scale, > 0.
    inclination_deg : float
        0 is face-on; 90 is allowed for a thick disk.
    position_angle_deg : float
        North through East to the receding side of the major axis, in [0, 360).
    effective_radius_arcsec : float
        Half-light radius of H-alpha **as it leaves the dust**, along the major axis. With an
        ``halpha_profile``, the radius that apertures and the height of the disk scale with.
    disk_thickness : float
        q0, the axis ratio of the disk seen edge-on, by second moments: with a Gaussian
        vertical profile its sigma is q0 sqrt(3) scale lengths. 0 is thin; real disks have 0.2.
    halpha_flux : float
        H-alpha of the whole disk **as it leaves the dust**, 1e-16 erg/s/cm2.
    oxygen_abundance : RadialProfile
        12 + log(O/H) of radius in kpc.
    a_v : RadialProfile
        Attenuation of the gas in V, mag, of radius in kpc; >= 0.
    rotation : RadialProfile
        Rotation velocity, km/s, of radius in kpc.
    radial_velocity : RadialProfile
        Radial velocity of the gas in the plane, km/s, outwards > 0, of radius in kpc. The half of
        the disk towards PA - 90 degrees is taken to be the far one: there an outflow recedes. With
        the other half far, the sign changes.
    dispersion_kms : float
        Intrinsic velocity dispersion of the gas.
    relative_dispersion : RadialProfile
        Relative change of the dispersion with radius in kpc: the dispersion is the product of the
        two.
    offset_x_arcsec, offset_y_arcsec : float
        Offset of the galaxy from the middle of the field, arcsec to the West and to the North.
    ra_deg, dec_deg : float
        Right ascension and declination of the galaxy's centre, ICRS.
    log_u : RadialProfile
        Ionization parameter of radius in kpc.
    electron_density : RadialProfile
        cm^-3, of radius in kpc.
    emission : EmissionModel
        Model that gives the lines from the state of the gas.
    halpha_profile : RadialProfile, optional
        Shape of H-alpha as it leaves the dust, of radius in kpc, in any unit: it is scaled to
        ``halpha_flux`` within 200 kpc. Exponential if not given.
    structures : tuple of DiskStructure
        Clumps, maps of clumps and azimuthal scatter of the abundance. With their offsets, the
        abundance is kept between 7.0 and 9.2.
    nuclear_sources : tuple of NuclearSource
        Lines from the centre beyond those of the disk.
    stars : tuple of StellarContinuum
        Light of stars, with its absorption lines.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    name: str = "mock"
    redshift: float = 1.5
    inclination_deg: float = 45.0
    position_angle_deg: float = 0.0
    effective_radius_arcsec: float = 0.5
    disk_thickness: float = 0.0
    halpha_flux: float = 1.0
    oxygen_abundance: RadialProfile = field(default=Linear(central=8.6, gradient=-0.02))
    a_v: RadialProfile = field(default=Constant(INTEGRATED_A_V_MAG))
    rotation: RadialProfile = field(default=Arctan(asymptote=180.0, turnover_radius=1.5))
    radial_velocity: RadialProfile = field(default=Constant(0.0))
    dispersion_kms: float = 50.0
    relative_dispersion: RadialProfile = field(default=Constant(1.0))
    offset_x_arcsec: float = 0.0
    offset_y_arcsec: float = 0.0
    ra_deg: float = 53.1
    dec_deg: float = -27.8
    log_u: RadialProfile = field(default=Constant(DEFAULT_LOG_U))
    electron_density: RadialProfile = field(default=Constant(TYPICAL_ELECTRON_DENSITY_CM3))
    emission: EmissionModel = field(default=SurveyCalibrations())
    halpha_profile: RadialProfile | None = None
    structures: tuple[DiskStructure, ...] = ()
    nuclear_sources: tuple[NuclearSource, ...] = ()
    stars: tuple[StellarContinuum, ...] = ()

    def __post_init__(self) -> None:
        """Take numbers as constant profiles, and refuse impossible values."""
        for parameter in fields(self):
            value = getattr(self, parameter.name)
            if parameter.type in {RadialProfile, RadialProfile | None} and value is not None:
                object.__setattr__(self, parameter.name, as_profile(parameter.name, value))
            require(parameter.name, value,
                    within=value is not None or parameter.default is None,
                    expected="a profile or a number")  # fmt: skip
        require("emission", repr(self.emission), within=isinstance(self.emission, EmissionModel),
                expected="a model such as SurveyCalibrations()")  # fmt: skip
        for structure in self.structures:
            require("structures", repr(structure), within=isinstance(structure, DiskStructure),
                    expected="clumps or maps such as those of kurvs_sim.galaxy")  # fmt: skip
        require_positive(
            redshift=self.redshift,
            effective_radius_arcsec=self.effective_radius_arcsec,
            halpha_flux=self.halpha_flux,
        )
        require("redshift", self.redshift, within=self.redshift <= HIGHEST_REDSHIFT,
                expected=f"at most {HIGHEST_REDSHIFT:g}")  # fmt: skip
        require_finite(offset_x_arcsec=self.offset_x_arcsec, offset_y_arcsec=self.offset_y_arcsec)
        require("disk_thickness", self.disk_thickness, within=0.0 <= self.disk_thickness < 1.0,
                expected="an axis ratio in [0, 1)")  # fmt: skip
        thick = self.disk_thickness > 0.0
        require("inclination_deg", self.inclination_deg,
                within=0.0 <= self.inclination_deg < 90.0
                or (thick and self.inclination_deg == 90.0),
                expected="a value in [0, 90)" + ("" if thick else ", as the disk is thin")
                + (" or 90" if thick else ""))  # fmt: skip
        require("position_angle_deg", self.position_angle_deg,
                within=0.0 <= self.position_angle_deg < 360.0,
                expected="a value in [0, 360)")  # fmt: skip
        require("dispersion_kms", self.dispersion_kms,
                within=0.0 <= self.dispersion_kms <= FASTEST_KMS,
                expected=f"a number from 0 to {FASTEST_KMS:g}")  # fmt: skip
        require("ra_deg", self.ra_deg, within=0.0 <= self.ra_deg < 360.0,
                expected="a value in [0, 360)")  # fmt: skip
        require("dec_deg", self.dec_deg, within=-90.0 <= self.dec_deg <= 90.0,
                expected="a value in [-90, 90]")  # fmt: skip
        require("sum of flux_fraction over the structures", self._structured_fraction,
                within=self._structured_fraction <= 1.0 + 1e-12, expected="at most 1")  # fmt: skip

    @property
    def _structured_fraction(self) -> float:
        """Fraction of H-alpha that structures hold."""
        return sum(structure.flux_fraction for structure in self.structures)

    @cached_property
    def halpha(self) -> RadialProfile:
        """H-alpha as it leaves the dust, 1e-16 erg/s/cm2/arcsec2 on the sky, of radius in kpc.

        The mean around the galaxy: structures move light, and add none.

        Raises
        ------
        MetadataError
            If the profile is negative or not finite somewhere, naming the radius, or zero
            everywhere.
        """
        if self.halpha_profile is None:
            area = 2.0 * math.pi * self.scale_length_arcsec**2 * self.midplane_axis_ratio
            return Exponential(
                central=self.halpha_flux / area,
                scale_length=self.scale_length_arcsec * self.kpc_per_arcsec,
            )
        # Dense at the centre, where profiles may have a cusp.
        radius = FARTHEST_KPC * np.linspace(0.0, 1.0, N_RADII) ** 3
        shape = self._checked("halpha_profile", self.halpha_profile, radius, (0.0, math.inf))
        total = 2.0 * math.pi * float(np.trapezoid(shape * radius, radius))
        require("H-alpha of halpha_profile within 200 kpc", total, within=0.0 < total < math.inf,
                expected="a finite number > 0")  # fmt: skip
        return Product((
            Constant(self.halpha_flux / total * self.sky_kpc2_per_arcsec2), self.halpha_profile
        ))  # fmt: skip

    @cached_property
    def maximum_velocity_kms(self) -> float:
        """Bound on the line-of-sight velocity, where a galaxy has light.

        Raises
        ------
        MetadataError
            If a velocity is not finite somewhere; the message names it and the radius.
        """
        radius = np.linspace(0.0, FARTHEST_KPC, N_RADII)
        limits = (-FASTEST_KMS, FASTEST_KMS)
        rotation = self._checked("rotation", self.rotation, radius, limits)
        radial = self._checked("radial_velocity", self.radial_velocity, radius, limits)
        fastest = float(np.max(np.hypot(rotation, radial)))
        return fastest * math.sin(math.radians(self.inclination_deg))

    def lines(self, radius_kpc: ArrayLike, *, dust: bool = True) -> dict[str, Array]:
        """Return the surface brightness of every line on the sky, without structures.

        Parameters
        ----------
        radius_kpc : array_like
            Radius in the plane of the disk, kpc.
        dust : bool
            False for the light before dust, which abundances are defined from.

        Returns
        -------
        dict of str to array
            1e-16 erg/s/cm2/arcsec2, of the shape of the input.

        Raises
        ------
        MetadataError
            If a profile, or the ratio of a line, is impossible at some radius; the message
            names both.
        """
        radius = np.asarray(radius_kpc, dtype=float)
        return self._lines(radius, self.halpha(radius), self._smooth_abundance(radius), dust=dust)

    def lines_at(
        self, x_kpc: ArrayLike, y_kpc: ArrayLike, *, dust: bool = True
    ) -> dict[str, Array]:
        """Return the surface brightness of every line on the sky, structures included.

        Parameters
        ----------
        x_kpc, y_kpc : array_like
            Position in the plane of the disk, along the receding major axis and along the minor
            axis.
        dust : bool
            False for the light before dust.

        Returns
        -------
        dict of str to array
            1e-16 erg/s/cm2/arcsec2, of the broadcast shape.

        Raises
        ------
        MetadataError
            Under the same conditions as in :meth:`lines`.
        """
        x, y = np.broadcast_arrays(np.asarray(x_kpc, float), np.asarray(y_kpc, float))
        radius = np.hypot(x, y)
        in_structures = np.zeros(x.shape)
        for structure in self.structures:
            in_structures += structure.halpha(x, y)
        halpha = (
            (1.0 - self._structured_fraction) * self.halpha(radius)
            + self.halpha_flux * self.sky_kpc2_per_arcsec2 * in_structures
        )  # fmt: skip
        return self._lines(radius, halpha, self.oxygen_abundance_at(x, y), dust=dust)

    def oxygen_abundance_at(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return 12 + log(O/H) at a place of the disk, structures included.

        Parameters
        ----------
        x_kpc, y_kpc : array_like
            Position in the plane of the disk, along the receding major axis and along the minor
            axis.

        Returns
        -------
        array
            Values, of the broadcast shape.

        Raises
        ------
        MetadataError
            If the profile leaves the range of the calibrations.
        """
        x, y = np.broadcast_arrays(np.asarray(x_kpc, float), np.asarray(y_kpc, float))
        abundance = self._smooth_abundance(np.hypot(x, y))
        for structure in self.structures:
            abundance = abundance + structure.oxygen_abundance_offset(x, y)
        return np.asarray(np.clip(abundance, *OXYGEN_ABUNDANCE_RANGE))

    def _smooth_abundance(self, radius: Array) -> Array:
        limits = OXYGEN_ABUNDANCE_RANGE
        return self._checked("oxygen_abundance", self.oxygen_abundance, radius, limits)

    def _lines(
        self, radius: Array, halpha: Array, abundance: Array, *, dust: bool
    ) -> dict[str, Array]:
        a_v = self._checked("a_v", self.a_v, radius, A_V_RANGE)
        log_u = self._checked("log_u", self.log_u, radius, LOG_U_RANGE)
        density = self._checked(
            "electron_density", self.electron_density, radius, DENSITY_RANGE_CM3
        )
        emitted = halpha / transmitted_fraction(REST_WAVELENGTH_UM["halpha"], a_v)
        ratios = self.emission.dust_free_ratios(abundance, log_u, density)
        for line, ratio in ratios.items():
            require_within(line, ratio, radius, (0.0, math.inf))
        return line_surface_brightness(emitted, ratios, a_v if dust else 0.0)

    def dispersion(self, radius_kpc: Array) -> Array:
        """Return the velocity dispersion of the gas, km/s.

        Parameters
        ----------
        radius_kpc : array, any shape
            Radius in the plane of the disk, kpc.

        Raises
        ------
        MetadataError
            If it is impossible at some radius; the message names it.
        """
        limits = (0.0, FASTEST_KMS)
        relative = self._checked(
            "relative_dispersion", self.relative_dispersion, radius_kpc, limits
        )
        return np.asarray(self.dispersion_kms * relative)

    def _checked(
        self, name: str, profile: RadialProfile, radius_kpc: Array, limits: tuple[float, float]
    ) -> Array:
        """Return a profile's values, all of them possible."""
        values = profile(radius_kpc)
        require_within(name, values, radius_kpc, limits)
        return values

    def deproject(self, x_arcsec: ArrayLike, y_arcsec: ArrayLike) -> tuple[Array, Array]:
        """Return radius and line-of-sight velocity where a sight line meets the midplane.

        Parameters
        ----------
        x_arcsec, y_arcsec : array_like
            Position from the galaxy's centre, to the West and to the North.

        Returns
        -------
        radius_kpc, velocity_kms : array
            Arrays of the broadcast shape; positive velocities recede.
        """
        x_kpc, y_kpc = self.in_plane_kpc(x_arcsec, y_arcsec)
        radius = np.hypot(x_kpc, y_kpc)
        cos_theta, sin_theta = (
            np.divide(part, radius, out=np.zeros_like(radius), where=radius > 0.0)
            for part in (x_kpc, y_kpc)
        )
        in_plane = self.rotation(radius) * cos_theta + self.radial_velocity(radius) * sin_theta
        return radius, in_plane * math.sin(math.radians(self.inclination_deg))
