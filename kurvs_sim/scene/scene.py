"""The galaxy on an oversampled sky, and what the atmosphere makes of it.

All lines share one velocity field v, so a channel of the smeared cube is

    sum_m a_m(channel) [ (S_line T_m(v / v_max)) * PSF ],

T_m being the Chebyshev polynomials and a_m those of the line's profile. The bracket does not
depend on the channel: it is convolved once, binned to spaxels, and expanded to channels by a
small matrix (:mod:`kurvs_sim.channels`). The height of a thick disk is one more
convolution, along the minor axis. The maps of the ten lines differ little, so they are first
written in the few that span them all.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, Map
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.atmosphere.seeing import PointSpreadFunction, Seeing
from kurvs_sim.channels import chebyshev_line_profile
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.galaxy.orientation import SHEET_AXIS_RATIO
from kurvs_sim.instrument.spaxels import SpaxelGrid
from kurvs_sim.interpolation import chebyshev_nodes, lagrange_weights, nodes_needed
from kurvs_sim.numerics import Numerics
from kurvs_sim.scene.added_light import AddedLight
from kurvs_sim.scene.fine_sky import FineSky, MinorAxisBlur
from kurvs_sim.scene.line_light import LineLight, PlanarLight, RadialLight
from kurvs_sim.validation import require

NO_SEEING = PointSpreadFunction(fwhm_arcsec=0.0)

MOST_FINE_PIXELS = 20_000_000
"""Ten lines of as many take some gigabytes; the default field has 54,000."""

NARROWEST_LSF_KMS = 25.0
"""Below the line-spread function of KMOS anywhere in its bands (26 to 46 km/s)."""


@takes_quantities
@dataclass(frozen=True)
class Scene:
    """A galaxy seen through the atmosphere by a grid of spaxels.

    Parameters
    ----------
    galaxy : Galaxy
        Galaxy in the sky.
    grid : SpaxelGrid
        Spaxels that see the galaxy.
    psf : Seeing
        The seeing.
    numerics : Numerics
        Choices of accuracy against speed.

    Raises
    ------
    MetadataError
        If the seeing is wider than the field, or the sky has too many fine pixels.
    CoverageError
        On drawing, if the galaxy has no light there.
    """

    galaxy: Galaxy
    grid: SpaxelGrid
    psf: Seeing
    numerics: Numerics

    def __post_init__(self) -> None:
        """Refuse seeing that no field could show, and skies that no memory could hold."""
        field_arcsec = max(self.grid.n_x, self.grid.n_y) * self.grid.spaxel_arcsec
        require("PSF fwhm_arcsec", self.psf.fwhm_arcsec,
                within=self.psf.fwhm_arcsec <= field_arcsec * (1.0 + 1e-9),
                expected=f"at most the field of {field_arcsec:g} arcsec")  # fmt: skip
        number = math.prod(
            (n + 2 * self._padding) * self.oversampling for n in (self.grid.n_x, self.grid.n_y)
        )
        require("number of fine pixels", number, within=number <= MOST_FINE_PIXELS,
                expected=f"at most {MOST_FINE_PIXELS:,}: {self._fewer_fine_pixels}")  # fmt: skip

    @property
    def _fewer_fine_pixels(self) -> str:
        """What to change for fewer fine pixels."""
        ratio = self.galaxy.midplane_axis_ratio
        without_disk = self.numerics.oversampling(
            self.grid.spaxel_arcsec, minor_scale_length_arcsec=math.inf,
            psf_fwhm_arcsec=self.psf.fwhm_arcsec,
        )  # fmt: skip
        if ratio < SHEET_AXIS_RATIO and self.oversampling > without_disk:
            return (
                f"the disk is seen edge-on, with an axis ratio of {ratio:.2g}: give it a "
                "disk_thickness (0.2 is that of real galaxies), or a lower inclination_deg"
            )
        return "smaller spaxels, field or padding, or larger fine pixels"

    @cached_property
    def x_arcsec(self) -> Array:
        """Spaxel centres from the galaxy, to the West, shape (n_x,)."""
        return self.grid.x_arcsec - self.galaxy.offset_x_arcsec

    @cached_property
    def y_arcsec(self) -> Array:
        """Spaxel centres from the galaxy, to the North, shape (n_y,)."""
        return self.grid.y_arcsec - self.galaxy.offset_y_arcsec

    @cached_property
    def oversampling(self) -> int:
        """Fine pixels across a spaxel."""
        return self.numerics.oversampling(
            self.grid.spaxel_arcsec,
            minor_scale_length_arcsec=self.galaxy.scale_length_arcsec
            * self.galaxy.midplane_axis_ratio,
            psf_fwhm_arcsec=self.psf.fwhm_arcsec,
        )

    @property
    def _padding(self) -> int:
        """Spaxels of sky beyond each edge of the field."""
        return math.ceil(self.numerics.padding_arcsec / self.grid.spaxel_arcsec - 1e-9)

    @cached_property
    def sky(self) -> FineSky:
        """The fine pixels."""
        return FineSky(
            self.x_arcsec, self.y_arcsec, self.grid.spaxel_arcsec, self.oversampling,
            self._padding,
        )  # fmt: skip

    @cached_property
    def _height(self) -> MinorAxisBlur:
        """The height of the disk as it is seen."""
        galaxy = self.galaxy
        return MinorAxisBlur(galaxy.vertical_sigma_arcsec, galaxy.position_angle_deg)

    @cached_property
    def _light(self) -> LineLight:
        """The lines of the disk at places of the fine sky."""
        if self.galaxy.structures:
            return PlanarLight(self.galaxy, self.sky)
        return RadialLight(self.galaxy, self.sky, self.numerics.radial_samples)

    @cached_property
    def added_light(self) -> AddedLight:
        """Stars and nuclear sources behind the atmosphere."""
        return AddedLight(self.galaxy, self.sky, self.psf, self._height)

    @cached_property
    def line_maps(self) -> dict[str, Array]:
        """Flux of the disk's lines in each spaxel before the atmosphere, shape (n_y, n_x)."""
        lines = self._light.lines
        maps = (self._light.on_sky(light) for light in lines.values())
        if self._height.sigma_arcsec > 0.0:
            summed = self.sky.convolution(NO_SEEING, self._height)(maps).astype(float)
        else:
            summed = np.stack([self.sky.binned(fine) for fine in maps])
        return dict(zip(lines, summed, strict=True))

    @cached_property
    def smeared_line_maps(self) -> dict[str, Array]:
        """Flux of the disk's lines in each spaxel after the atmosphere, shape (n_y, n_x)."""
        return {line: self.moments(line)[0] for line in REST_WAVELENGTH_UM}

    @cached_property
    def velocity_map_kms(self) -> Array:
        """Line-of-sight velocity at spaxel centres before the atmosphere, shape (n_y, n_x)."""
        return self.galaxy.deproject(self.x_arcsec[None, :], self.y_arcsec[:, None])[1]

    def fraction_within(self, radius_arcsec: float) -> Array:
        """Return the fraction of each spaxel inside an ellipse around the galaxy.

        Parameters
        ----------
        radius_arcsec : float
            Semi-major axis; the axis ratio is that of the light.

        Returns
        -------
        array, shape (n_y, n_x)
        """
        major, minor = self.galaxy.along_axes(self.sky.x_arcsec, self.sky.y_arcsec[:, None])
        inside = (np.hypot(major, minor / self.galaxy.axis_ratio) <= radius_arcsec).astype(float)
        return self.sky.binned(inside) / self.oversampling**2

    @cached_property
    def n_moments(self) -> int:
        """Number of Chebyshev polynomials of the velocity."""
        narrowest_kms = math.hypot(math.sqrt(self._dispersion_squares.min()), NARROWEST_LSF_KMS)
        return self.numerics.chebyshev_order(self.galaxy.maximum_velocity_kms, narrowest_kms)

    def moments(self, line: str) -> Array:
        """Return the smeared Chebyshev moments of a line.

        Parameters
        ----------
        line : str
            One of ``REST_WAVELENGTH_UM``.

        Returns
        -------
        array, shape (n_moments, n_y, n_x)
            Flux times T_m(velocity / maximum velocity), 1e-16 erg/s/cm2 per spaxel.
        """
        return np.asarray(self._moments_by_width(line).sum(axis=0))

    def _moments_by_width(self, line: str) -> Array:
        """Return the moments shared out to widths, shape (n_widths, n_moments, n_y, n_x)."""
        return np.tensordot(self._basis[1][line], self._smeared_basis_moments, axes=1)

    @cached_property
    def _dispersion_squares(self) -> Array:
        """The squares of the dispersion that lines are computed with, shape (n_widths,).

        A line of any width between is a polynomial through these.
        """
        square = self._light.dispersion_square
        low, high = float(square.min()), float(square.max())
        number = nodes_needed(
            low + NARROWEST_LSF_KMS**2, high + NARROWEST_LSF_KMS**2,
            error=self.numerics.dispersion_tolerance,
        )  # fmt: skip
        return chebyshev_nodes(low, high, number)

    @cached_property
    def _basis(self) -> tuple[Array, dict[str, Array]]:
        """The few patterns of light that span those of all lines, and each line's weights."""
        lines, areas = self._light.lines, self._light.areas
        totals = {line: float(light @ areas) for line, light in lines.items()}
        if not totals["halpha"] > 0.0:
            raise CoverageError(
                f"no H-alpha of galaxy {self.galaxy.name} falls in the field or near it; check its "
                "offset, and the place and scale of its clump maps"
            )
        stacked = np.stack([light / totals[line] for line, light in lines.items()])
        power, vectors = np.linalg.eigh((stacked * areas) @ stacked.T)
        kept = vectors[:, power > self.numerics.profile_tolerance**2 * power[-1]]
        return kept.T @ stacked, {line: totals[line] * kept[row] for row, line in enumerate(totals)}

    @cached_property
    def _smeared_basis_moments(self) -> Map:
        """Shape (n_basis, n_widths, n_moments, n_y, n_x)."""
        smeared = self.sky.convolution(self.psf, self._height)(self._fine_moments())
        n_widths = self._dispersion_squares.size
        return smeared.reshape(-1, n_widths, self.n_moments, self.grid.n_y, self.grid.n_x)

    def _fine_moments(self) -> Iterator[Map]:
        """Yield every basis map, shared out to widths, times T_0, T_1, ... of the velocity."""
        scale = self.galaxy.maximum_velocity_kms or 1.0
        velocity_kms = self.galaxy.deproject(self.sky.x_arcsec, self.sky.y_arcsec[:, None])[1]
        velocity = (velocity_kms / scale).astype(np.float32)
        shares = lagrange_weights(self._dispersion_squares, self._light.dispersion_square)
        patterns = (pattern * share for pattern in self._basis[0] for share in shares)
        for light in map(self._light.on_sky, patterns):
            previous, current = light, light * velocity
            for _ in range(self.n_moments):
                yield previous
                previous, current = current, 2.0 * velocity * current - previous

    def line_sigma_um(self, line: str, band: Band) -> float:
        """Return the width of a line where the gas has one velocity, LSF included.

        Of the mean square of the dispersion, weighted by the light of the line.

        Parameters
        ----------
        line : str
            A line of ``REST_WAVELENGTH_UM``.
        band : Band
            Band that gives the line-spread function.
        """
        light = self._light.lines[line] * self._light.areas
        mean_square = float(light @ self._light.dispersion_square / light.sum())
        return self._observed_sigma_um(line, band, mean_square)

    def _observed_sigma_um(self, line: str, band: Band, dispersion_square: float) -> float:
        observed_um = REST_WAVELENGTH_UM[line] * (1.0 + self.galaxy.redshift)
        intrinsic_um = observed_um * math.sqrt(dispersion_square) / SPEED_OF_LIGHT_KMS
        return math.hypot(intrinsic_um, band.lsf_sigma_um)

    def add_line(self, cube: NDArray[np.float32], line: str, band: Band) -> None:
        """Add a line to the channels near it.

        Parameters
        ----------
        cube : array, shape (n_channels, n_y, n_x)
            Flux density per spaxel, 1e-16 erg/s/cm2/um, changed in place.
        line : str
            One of ``REST_WAVELENGTH_UM``; nothing happens where it is out of the band.
        band : Band
            The channels of the cube.
        """
        systemic_um = REST_WAVELENGTH_UM[line] * (1.0 + self.galaxy.redshift)
        sigmas_um = [self._observed_sigma_um(line, band, s) for s in self._dispersion_squares]
        reach_um = (
            systemic_um * self.galaxy.maximum_velocity_kms / SPEED_OF_LIGHT_KMS
            + self.numerics.line_window_sigma * max(sigmas_um)
        )
        window = slice(
            *np.searchsorted(band.wavelength_um, [systemic_um - reach_um, systemic_um + reach_um])
        )
        if window.start == window.stop:
            return
        for sigma_um, moments in zip(sigmas_um, self._moments_by_width(line), strict=True):
            profile = chebyshev_line_profile(
                band.wavelength_um[window], band.channel_width_um, systemic_um=systemic_um,
                sigma_um=sigma_um, maximum_velocity_kms=self.galaxy.maximum_velocity_kms,
                n_moments=self.n_moments,
            )  # fmt: skip
            cube[window] += np.tensordot(profile, moments, axes=1)

    def cube(self, band: Band) -> NDArray[np.float32]:
        """Return the noise-free cube of a band, stars and nuclear sources included.

        Parameters
        ----------
        band : Band
            Band whose channels are computed.

        Returns
        -------
        float32 array, shape (n_channels, n_y, n_x)
            Flux density per spaxel, 1e-16 erg/s/cm2/um.
        """
        cube = np.zeros((band.n_channels, self.grid.n_y, self.grid.n_x), dtype=np.float32)
        for line in REST_WAVELENGTH_UM:
            self.add_line(cube, line, band)
        self.added_light.add(cube, band)
        return cube
