"""Make one mock and write it: cubes, truth and a preview."""

from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, Self

import xarray as xr

from experiments.preview import preview
from experiments.run import Run
from kurvs_pipeline.io.eso_writer import write_eso
from kurvs_pipeline.observation import metadata_of
from kurvs_sim import Galaxy, observe
from kurvs_sim.configuration import load_mock


@dataclass(frozen=True)
class Mock:
    """A galaxy and how it is observed.

    Parameters
    ----------
    galaxy : Galaxy
        What is in the sky.
    options : dict
        Keyword arguments of :func:`kurvs_sim.observe`.
    """

    galaxy: Galaxy
    options: dict[str, Any]

    @classmethod
    def load(cls, path: Path, *, seed: int | None = None) -> Self:
        """Read a TOML file; a seed given here wins over the file's.

        Raises
        ------
        ConfigurationError
            If the file cannot be understood.
        """
        galaxy, options = load_mock(path)
        return cls(galaxy, options if seed is None else {**options, "seed": seed})

    @property
    def seed(self) -> int:
        """Seed of the noise; 0 where neither file nor command line says."""
        return int(self.options.get("seed", 0))

    @property
    def description(self) -> dict[str, object]:
        """Everything about the mock as plain values, for the record of the run."""
        options = {
            name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
            for name, value in self.options.items()
        }
        return {**asdict(self.galaxy), **options}


def run_simulate(mock: Mock, *, run: Run) -> None:
    """Simulate a mock and write it.

    Parameters
    ----------
    mock : Mock
        What to simulate.
    run : Run
        Where ``NAME_{IZ,YJ,H}.fits``, ``truth.nc`` and ``preview.png`` go.

    Raises
    ------
    CoverageError
        If the galaxy lies outside the field, or H-alpha outside every band.
    OutputError
        If results cannot be written.
    """
    observation = observe(mock.galaxy, **mock.options)
    with run.writing() as directory:
        write_eso(observation, directory, mock.galaxy.name)
        truth_of(observation).to_netcdf(directory / "truth.nc", engine="h5netcdf")
        preview(observation).savefig(directory / "preview.png")


def truth_of(observation: xr.DataTree) -> xr.Dataset:
    """Return a mock's truth together with what the pipeline may know of the galaxy."""
    return observation["truth"].to_dataset().assign_attrs(metadata_of(observation).to_attrs())
