"""Lines of galaxies whose abundances are known from their electron temperature."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.abundances.polynomials import CURTI20_N2, CURTI20_R2, CURTI20_R3
from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.dust import CASE_B_HALPHA_HBETA
from kurvs_sim.emission.calibrated import dopita16_sii
from kurvs_sim.emission.ratios import every_line_to_halpha


@takes_quantities
@dataclass(frozen=True)
class CurtiCalibrations:
    """[N II], [O III] and [O II] of one set of local galaxies (Curti et al. 2020).

    The lines agree with one another, as they are of the same galaxies: only the abundance
    decides, at the ionization that such galaxies have, and ``log_u`` is not used. [S II]
    follows ``n2s2`` of :mod:`kurvs_pipeline.abundances.diagnostics`; the pairs follow the
    electron density.
    Abundances beyond 7.6 to 8.9 are refused.
    """

    @property
    def honoured_diagnostics(self) -> tuple[str, ...]:
        """Diagnostics that return the abundance which the model was given.

        ``n2_curti20`` up to 8.85: beyond, [N II]/H-alpha falls again.
        """
        return ("n2_curti20", "n2s2")

    def dust_free_ratios(
        self,
        oxygen_abundance: ArrayLike,
        log_u: ArrayLike,  # noqa: ARG002 - part of the interface
        electron_density_cm3: ArrayLike,
    ) -> dict[str, Array]:
        """Return every line's flux relative to H-alpha before dust (:class:`EmissionModel`)."""
        abundance = np.asarray(oxygen_abundance, dtype=float)
        hbeta = 1.0 / CASE_B_HALPHA_HBETA
        log_n2 = CURTI20_N2.log_ratio(abundance)
        return every_line_to_halpha(
            hbeta=hbeta,
            oiii_5007=hbeta * 10.0 ** CURTI20_R3.log_ratio(abundance),
            nii_6584=10.0**log_n2,
            oii=hbeta * 10.0 ** CURTI20_R2.log_ratio(abundance),
            sii=dopita16_sii(abundance, log_n2),
            electron_density_cm3=electron_density_cm3,
        )
