"""Measure metallicity gradients from KMOS cubes, real or simulated."""

from typing import TYPE_CHECKING, Any

from kurvs_pipeline.exports import on_use

if TYPE_CHECKING:
    from xarray import DataTree

    from kurvs_pipeline.binning import BinningScheme
    from kurvs_pipeline.io.fits.writing import write_eso
    from kurvs_pipeline.io.native import write_native
    from kurvs_pipeline.io.reading import read_observation
    from kurvs_pipeline.io.survey.writing import write_survey
    from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
    from kurvs_pipeline.pipeline import Pipeline
    from kurvs_pipeline.plots.summary_page import summary
    from kurvs_pipeline.results.reading import read_results
    from kurvs_pipeline.results.writing import write_results

    __version__: str
else:
    __getattr__, __dir__ = on_use(
        __name__,
        {
            "BinningScheme": "kurvs_pipeline.binning",
            "MeasuredGalaxy": "kurvs_pipeline.measured_galaxy",
            "Pipeline": "kurvs_pipeline.pipeline",
            "read_observation": "kurvs_pipeline.io.reading",
            "read_results": "kurvs_pipeline.results.reading",
            "__version__": "kurvs_pipeline.provenance",
            "summary": "kurvs_pipeline.plots.summary_page",
            "write_eso": "kurvs_pipeline.io.fits.writing",
            "write_native": "kurvs_pipeline.io.native",
            "write_results": "kurvs_pipeline.results.writing",
            "write_survey": "kurvs_pipeline.io.survey.writing",
        },
    )

__all__ = [
    "BinningScheme", "MeasuredGalaxy", "Pipeline", "measure", "read_observation", "read_results",
    "summary", "write_eso", "write_native", "write_results", "write_survey",
]  # fmt: skip

_OF_ONE_RUN = ("velocity_kms", "stellar_mass")


def measure(observation: "DataTree", **options: Any) -> "MeasuredGalaxy":  # noqa: ANN401
    """Measure the metallicity gradients of one galaxy.

    Parameters
    ----------
    observation : DataTree
        Mock or real, as from :func:`~kurvs_pipeline.io.reading.read_observation` or
        :func:`~kurvs_sim.observing.observe`.
    **options
        Fields of :class:`~kurvs_pipeline.pipeline.Pipeline`, such as ``scheme`` or ``seed``, and
        ``velocity_kms`` and ``stellar_mass`` of its
        :meth:`~kurvs_pipeline.pipeline.Pipeline.run`.

    Returns
    -------
    MeasuredGalaxy
        As of :meth:`~kurvs_pipeline.pipeline.Pipeline.run`.
    """
    from kurvs_pipeline.pipeline import Pipeline  # noqa: PLC0415 - loads the whole pipeline

    of_run = {name: options.pop(name) for name in _OF_ONE_RUN if name in options}
    return Pipeline(**options).run(observation, **of_run)
