"""The work of ``kurvs stack``: stack spectra, measure the stacks, write tables and figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from astropy.table import QTable, Table, vstack

from experiments.extracted.stack_figure import MeasuredStack, stack_figure
from experiments.runs.run import Run
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal
from experiments.runs.values import comma_separated_numbers
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import ConfigurationError, CoverageError, KurvsError, MetadataError
from kurvs_pipeline.extracted.fluxes import (
    ExtractedSpectrum,
    fit_spectra,
    read_redshifts,
    read_spectra_table,
)
from kurvs_pipeline.stacking.lines import measure_stack
from kurvs_pipeline.stacking.members import read_stellar_masses
from kurvs_pipeline.stacking.rest_spectra import RestSpectrum, names_of, rest_spectra_of_tables
from kurvs_pipeline.stacking.stack import Stack, stack_spectra


@dataclass(frozen=True)
class StackOptions:
    """How spectra are stacked.

    Parameters
    ----------
    by : str
        ``all``, ``aperture`` or ``mass``.
    bins : str or None
        Edges of bins in log stellar mass, with commas; for ``mass``, and only for it.
    weights : str
        ``uniform``, ``mass`` or ``variance``.
    bootstraps : int
        Number of bootstrap samples of galaxies.
    normalise : bool
        Whether spectra are divided by their H-alpha flux.
    medium : str
        ``air`` or ``vacuum``.

    Raises
    ------
    ConfigurationError
        If ``bins`` and ``by`` do not go together, or edges do not increase.
    """

    by: str = "all"
    bins: str | None = None
    weights: str = "uniform"
    bootstraps: int = 500
    normalise: bool = True
    medium: str = "air"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the bins."""
        if (self.by == "mass") != (self.bins is not None):
            raise ConfigurationError(
                f"--by is {self.by} and --bins is {self.bins}; expected edges such as "
                "--bins 9,10,11 with --by mass, and only with it"
            )
        if len(self.edges) == 1 or np.any(np.diff(self.edges) <= 0.0):
            raise ConfigurationError(
                f"--bins is '{self.bins}'; expected at least two edges that increase"
            )

    @property
    def edges(self) -> tuple[float, ...]:
        """Edges of the bins in log stellar mass; none where there are no bins."""
        return () if self.bins is None else comma_separated_numbers(self.bins, "--bins")

    @property
    def needs_masses(self) -> bool:
        """Whether a catalogue of stellar masses is needed."""
        return "mass" in {self.by, self.weights}


@dataclass(frozen=True)
class _Input:
    """Everything that is to be stacked."""

    spectra: Sequence[RestSpectrum]
    log_stellar_mass: Mapping[str, float]
    notes: list[str] = field(default_factory=list)


def run_stack(
    tables: Sequence[Path],
    options: StackOptions,
    *,
    catalogue: Path | None,
    run: Run,
    terminal: Terminal,
) -> str:
    """Stack tables of spectra, write the results, and return a summary.

    The tables are those of :func:`kurvs_pipeline.extracted.fluxes.read_spectra_table`, the
    catalogue has redshifts and stellar masses. The summary has one line per stack, then what was
    left out.

    Raises
    ------
    KurvsError
        If tables cannot be used, or none of the stacks can be made.
    OutputError
        If results cannot be written.
    """
    if options.needs_masses and catalogue is None:
        raise ConfigurationError(
            "stellar masses are needed, but there is no catalogue; expected --catalogue TABLE "
            "with log_stellar_mass"
        )
    data = _read(tables, catalogue, options, terminal)
    groups = _groups(data, options)
    with terminal.progress("Stacks", len(groups)) as advance:
        measured = _measure(groups, data, options, advance)
    with run.writing() as directory:
        for name, table in _tables(measured).items():
            write_table(table, directory / f"{name}.ecsv")
        stack_figure(measured).savefig(directory / "stack.png")
    lines = [_summary(name, stack) for name, stack in measured.items()]
    return "\n".join([*lines, *data.notes])


def _read(
    tables: Sequence[Path], catalogue: Path | None, options: StackOptions, terminal: Terminal
) -> _Input:
    """Read tables and catalogue, and bring all spectra to rest."""
    spectra = [spectrum for table in tables for spectrum in read_spectra_table(table)]
    redshifts = None if catalogue is None else read_redshifts(catalogue, spectra)
    masses: dict[str, float] = {}
    if catalogue is not None and options.needs_masses:
        masses = read_stellar_masses(catalogue, spectra)
    galaxies: dict[str, list[ExtractedSpectrum]] = {}
    for spectrum in spectra:
        galaxies.setdefault(names_of(spectrum.identity)[0], []).append(spectrum)
    data = _Input([], masses)
    at_rest: list[RestSpectrum] = []
    with terminal.progress("Galaxies", len(galaxies)) as advance:
        for galaxy, of_galaxy in galaxies.items():
            try:
                fits = fit_spectra(of_galaxy, medium=options.medium, redshifts=redshifts)
                at_rest += rest_spectra_of_tables(fits.spectra)
            except CoverageError as error:
                data.notes.append(f"galaxy {galaxy} is left out: {error}")
            advance(1)
    if not at_rest:
        raise CoverageError(f"no galaxy has a spectrum to stack: {data.notes[0]}")
    return _Input(at_rest, masses, data.notes)


def _groups(data: _Input, options: StackOptions) -> dict[str, list[RestSpectrum]]:
    """Sort spectra into stacks, by name."""
    if options.by == "all":
        return {"all": list(data.spectra)}
    groups: dict[str, list[RestSpectrum]] = {}
    if options.by == "aperture":
        for spectrum in data.spectra:
            groups.setdefault(spectrum.aperture, []).append(spectrum)
        return groups
    edges = np.array(options.edges)
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    outside = {}
    for spectrum in data.spectra:
        mass = data.log_stellar_mass.get(spectrum.galaxy, np.nan)
        if edges[0] <= mass <= edges[-1]:
            index = min(int(np.searchsorted(edges, mass, side="right")), edges.size - 1) - 1
            groups.setdefault(names[index], []).append(spectrum)
        else:
            outside[spectrum.galaxy] = "no stellar mass" if np.isnan(mass) else f"{mass:g}"
    if not groups:
        raise MetadataError(
            f"no galaxy has a log stellar mass within --bins {options.bins}; expected some of "
            f"the {len(outside)} to be there"
        )
    if outside:
        listed = ", ".join(f"{name} ({why})" for name, why in outside.items())
        data.notes.append(f"outside all bins of mass: {listed}")
    return {name: groups[name] for name in names if name in groups}


def _measure(
    groups: Mapping[str, Sequence[RestSpectrum]],
    data: _Input,
    options: StackOptions,
    advance: Callable[[int], None],
) -> dict[str, MeasuredStack]:
    """Make and measure every stack; go on past those that cannot be made."""
    measured: dict[str, MeasuredStack] = {}
    errors: list[KurvsError] = []
    for number, (name, spectra) in enumerate(groups.items()):
        try:
            stack = stack_spectra(
                spectra,
                weights=options.weights,
                normalise=options.normalise,
                log_stellar_mass=data.log_stellar_mass,
                n_bootstraps=options.bootstraps,
                seed=np.random.SeedSequence(options.seed, spawn_key=(number,)),
            )
            measured[name] = MeasuredStack(stack, measure_stack(stack))
        except (CoverageError, MetadataError) as error:
            errors.append(error)
            data.notes.append(f"stack {name} is left out: {error}")
        advance(1)
    if not measured:
        raise errors[0]
    return measured


def _tables(measured: Mapping[str, MeasuredStack]) -> dict[str, Table]:
    """Join the tables of all stacks, with the name of the stack in front."""
    parts: dict[str, list[Table]] = {}
    for name, (stack, lines) in measured.items():
        of_stack = {
            "spectra": _spectra_table(stack, lines.model_flux_density),
            "fluxes": lines.fluxes,
            "attenuation": lines.attenuation,
            "abundances": lines.abundances,
            "galaxies": stack.members,
        }
        for kind, table in of_stack.items():
            plain = Table(table)
            plain.add_column([name] * len(plain), index=0, name="stack")
            parts.setdefault(kind, []).append(plain)
    return {kind: vstack(tables) for kind, tables in parts.items()}


def _spectra_table(stack: Stack, model: Mapping[str, Array]) -> Table:
    """Return ``band, rest_wavelength_um, flux_density, flux_density_err, noise, ...``."""
    tables = []
    for name, band in stack.bands.items():
        table = Table({
            "band": [name] * band.wavelength_um.size,
            "rest_wavelength_um": band.wavelength_um,
            "flux_density": band.flux_density,
            "flux_density_err": band.flux_density_err,
            "noise": band.noise,
            "model": model.get(name, np.full(band.wavelength_um.size, np.nan)),
            "n_galaxies": band.n_galaxies,
            "n_effective": band.n_effective,
        })  # fmt: skip
        table["rest_wavelength_um"].unit = "um"
        for column in ("flux_density", "flux_density_err", "noise", "model"):
            table[column].unit = stack.unit
        tables.append(table)
    return vstack(tables)


def _summary(name: str, measured: MeasuredStack) -> str:
    stack, lines = measured
    a_v, low, high, flag = lines.attenuation[0]
    text = f"{name}: {stack.n_galaxies} galaxies ({stack.n_effective:.1f} effective)"
    if np.isfinite(a_v):
        text += f", A_V = {a_v:.2f} -{low:.2f} +{high:.2f} mag"
    notes = [f"A_V: {flag}" if flag else "", *_left_out(stack.members)]
    return "; ".join(filter(None, [text, *notes]))


def _left_out(members: QTable) -> list[str]:
    """Say which galaxies are not in a stack, and which lack a band in it."""
    flagged = members[members["flag"] != ""]
    notes = []
    for used, what in ((False, "left out"), (True, "without some bands")):
        rows = flagged[flagged["used"] == used]
        if len(rows):
            named = ", ".join(f"galaxy {row['galaxy']} ({row['flag']})" for row in rows)
            notes.append(f"{len(rows)} {what}: {named}")
    return notes
