"""What a least-squares fit does to the noise of the channels that it is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import Band
from kurvs_pipeline.lines import LINE_GROUPS, REST_WAVELENGTH_UM
from kurvs_sim.channels import channel_integrated_gaussian

_STEP = 1e-3
"""Step of the differences that stand for derivatives, in widths of the line."""


@dataclass(frozen=True)
class LineModel:
    """The lines of a band, with one velocity and one observed width.

    ``fluxes`` are names of line groups, and their flux in 1e-16 erg/s/cm2.
    """

    band: Band
    fluxes: tuple[tuple[str, float], ...]
    redshift: float
    sigma_um: float

    @property
    def rest_wavelengths_um(self) -> tuple[float, ...]:
        """Wavelengths of every line, those of fixed ratio to another included."""
        names = (name for group, _ in self.fluxes for name, _ in _members(group))
        return tuple(REST_WAVELENGTH_UM[name] for name in names)

    def _profile(self, group: str, offset_um: float, sigma_um: float) -> Array:
        """Return a group of unit flux, shape (n_channels,)."""
        members = _members(group)
        centres = [REST_WAVELENGTH_UM[name] * (1.0 + self.redshift) for name, _ in members]
        profiles = channel_integrated_gaussian(
            self.band.wavelength_um, self.band.channel_width_um,
            np.array(centres) + offset_um, np.full(len(members), sigma_um),
        )  # fmt: skip
        return np.asarray(profiles @ np.array([ratio for _, ratio in members]))

    def spectrum(self, offset_um: float, sigma_um: float) -> Array:
        """Return all lines, per um, displaced and as wide as asked, shape (n_channels,)."""
        parts = [flux * self._profile(name, offset_um, sigma_um) for name, flux in self.fluxes]
        return np.asarray(np.sum(parts, axis=0))

    def derivatives(
        self, *, free_position: bool = False, free_width: bool = False, continuum: bool = True
    ) -> Array:
        """Return derivatives of the spectrum by free parameters, (n_channels, n_parameters).

        Fluxes come first, in the order of ``fluxes``.
        """
        sigma, step = self.sigma_um, _STEP * self.sigma_um
        columns = [self._profile(name, 0.0, sigma) for name, _ in self.fluxes]
        if free_position:
            columns.append(
                (self.spectrum(step, sigma) - self.spectrum(-step, sigma)) / (2.0 * step)
            )
        if free_width:
            wider, narrower = self.spectrum(0.0, sigma + step), self.spectrum(0.0, sigma - step)
            columns.append((wider - narrower) / (2.0 * step))
        if continuum:
            columns.append(np.ones(self.band.n_channels))
        return np.stack(columns, axis=1)


def _members(group: str) -> tuple[tuple[str, float], ...]:
    return next(g.members for g in LINE_GROUPS if g.name == group)


@dataclass(frozen=True)
class LeastSquares:
    """A linearised fit: every parameter is a weighted sum of channels.

    ``derivatives`` of the model by its parameters have shape (n_channels, n_parameters). The fit
    weights channels by the inverse of ``assumed_variance``, (n_channels,), infinite outside its
    range.
    """

    derivatives: Array
    assumed_variance: Array

    @cached_property
    def _weights(self) -> Array:
        """Shape (n_parameters, n_channels)."""
        # Columns of very different size: balance them before inverting.
        size = np.linalg.norm(self.derivatives, axis=0)
        balanced = self.derivatives / size
        weighted = balanced / self.assumed_variance[:, None]
        return np.asarray(np.linalg.solve(balanced.T @ weighted, weighted.T) / size[:, None])

    def variance(
        self,
        parameters: Sequence[int],
        channel_variance: Array,
        *,
        correlation_channels: float = 0.0,
    ) -> float:
        """Return the variance of the sum of some parameters, columns of ``derivatives``.

        ``channel_variance``, shape (n_channels,), is the true one; ``correlation_channels`` is that
        of the noise of neighbouring channels.
        """
        noise = self._weights[list(parameters)].sum(axis=0) * np.sqrt(channel_variance)
        neighbours = 2.0 * correlation_channels * float(noise[1:] @ noise[:-1])
        return float(noise @ noise) + neighbours
