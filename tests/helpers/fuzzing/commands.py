"""Command lines with options left out, repeated, unknown, or of values that make no sense."""

import contextlib
import io
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.table import QTable

from experiments.cli import BAD_INPUT, execute
from fuzzing.cubes import example_cube
from fuzzing.mocks import MOCK
from fuzzing.nonsense import pick
from fuzzing.outcome import Outcome
from fuzzing.tables import write_example_spectra

VALUES = (
    "nan", "inf", "-inf", "-1", "0", "1e300", "-1e300", "1e-300", "many", "", "1.5", "3", "0.7",
    "99999999999999999999", "0x10", "τ", "--", "/dev/null", ".", "missing", "1,2", "3x0.5", "-0",
)  # fmt: skip

CUBE = ("cube.fits",)
KNOWN = {
    "--redshift": "1.5", "--inclination": "30", "--position-angle": "40",
    "--effective-radius": "0.6", "--seeing": "0.6",
}  # fmt: skip

# Command, arguments, options of the example, and other options with the number of their values.
EXAMPLES: tuple[tuple[tuple[str, ...], Mapping[str, str], Mapping[str, int]], ...] = (
    (("measure", "cube.fits"), KNOWN, {
        "--inclination-err": 1, "--disk-thickness": 1, "--psf-beta": 1, "--psf-star": 1,
        "--centre": 2, "--wavelength-start": 1, "--wavelength-step": 1, "--extension": 1,
        "--arm": 1, "--target": 1, "--medium": 1, "--flux-unit": 1, "--noise-kind": 1,
        "--velocity-map": 1, "--log-stellar-mass": 1, "--log-stellar-mass-err": 1,
        "--ignore-quality": 0, "--scheme": 1, "--centre-by": 1, "--broad-halpha": 0,
        "--balmer-absorption": 2, "--balmer-absorption-err": 2, "--attenuation": 2,
        "--stack-attenuation": 0, "--catalogue": 1, "--workers": 1, "--resume": 0, "--seed": 1,
        "--overwrite": 0, "--quiet": 0, "--unknown": 1,
    }),
    (("simulate", "mock.toml"), {"--seed": "1"}, {
        "--kurvs-id": 1, "--format": 1, "--within-kms-of-lines": 1, "--describe": 0,
        "--every-exposure": 0, "--schema": 0, "--overwrite": 0, "--unknown": 0,
    }),
    (("fit-spectra", "spectra.csv"), {"--medium": "vacuum"}, {
        "--catalogue": 1, "--seed": 1, "--overwrite": 0, "--unknown": 1,
    }),
    (("stack", "spectra.csv"), {"--medium": "vacuum", "--bootstraps": "10"}, {
        "--catalogue": 1, "--by": 1, "--bins": 1, "--weights": 1, "--as-they-are": 0, "--seed": 1,
    }),
    (("fgrad",), {"--inclination": "45", "--effective-radius": "0.5"}, {
        "--seeing": 1, "--psf-beta": 1, "--gradient": 1, "--scheme": 1, "--redshift": 1,
        "--curves": 1, "--unknown": 0,
    }),
    (("calibrations",), {}, {"--overwrite": 0, "--unknown": 1, "--debug": 0}),
    (("plot", "profiles", "missing"), {}, {"--truth": 1, "--unknown": 1}),
    (("plot", "spectra", "."), {}, {"--overwrite": 0, "--unknown": 1}),
    (("report", "."), {}, {"--overwrite": 0, "--unknown": 1}),
)  # fmt: skip

# These begin long runs: always with something that must be refused.
LONG: tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], ...] = (
    (("recover",), (("--realisations", "0"), ("--gradients", "many"), ("--seeing", "-1"),
                    ("--config", "missing"), ("--workers", "0"), ("--scheduler", "nowhere"),
                    ("--seed", "-1"), ("--gradients", "1e300"), ("--seeing", "nan"))),
    (("survey",), (("--intrinsic", "many"), ("--published", "missing"), ("--workers", "0"),
                   ("--seed", "-1"))),
    (("ablate",), (("--gradient", "nan"), ("--gradient", "1e300"), ("--realisations", "0"),
                   ("--effects", "many"), ("--workers", "-1"), ("--scheduler", ""))),
    (("binning",), (("--realisations", "0"), ("--scatter", "-1"), ("--scatter", "nan"),
                    ("--schemes", "many"), ("--schemes", ""), ("--workers", "0"))),
    (("plan",), (("--kurvs-id", "37"), ("--kurvs-id", "0"), ("--goal", "0"), ("--goal", "nan"),
                 ("--scheme", "many"), ("--goal", "many"))),
    (("demo", "--no-open"), (("--port", "0"), ("--port", "many"), ("--port", "99999"),
                             ("--address", ".."), ("--unknown", ""))),
)  # fmt: skip

MUST_BE_NUMBERS = {
    "--redshift", "--inclination", "--position-angle", "--effective-radius", "--seeing",
    "--inclination-err", "--disk-thickness", "--psf-beta", "--centre", "--wavelength-start",
    "--wavelength-step", "--log-stellar-mass", "--log-stellar-mass-err", "--balmer-absorption",
    "--balmer-absorption-err", "--attenuation", "--seed", "--arm", "--workers", "--kurvs-id",
    "--within-kms-of-lines", "--bootstraps", "--gradient",
}  # fmt: skip
NO_NUMBERS = {"nan", "inf", "-inf", "many", "", "τ", "--", "/dev/null", ".", "missing", "1,2",
              "3x0.5", "0x10"}  # fmt: skip
NEVER_NEGATIVE = MUST_BE_NUMBERS - {"--position-angle", "--centre", "--gradient",
                                    "--log-stellar-mass"}  # fmt: skip
NEGATIVE = {"-1", "-1e300"}


class Commands:
    """Command lines, run in this process in a folder with one example of each file."""

    name = "command lines"
    full = 900

    def __init__(self) -> None:
        self._arguments: list[str] = []
        self._refused = False
        self._cube = example_cube()

    def damage(self, rng: np.random.Generator, folder: Path) -> str:
        """Choose a command line, and write the files that it may read."""
        self._cube.writeto(folder / "cube.fits")
        (folder / "mock.toml").write_text(MOCK, encoding="utf-8")
        write_example_spectra(folder / "spectra.csv")
        self._refused = False
        if rng.uniform() < 0.2:
            command, bad = pick(rng, LONG)
            self._arguments, self._refused = [*command, *pick(rng, bad)], True
        else:
            self._arguments = self._some_command(rng)
        return " ".join(repr(a) if not a or " " in a else a for a in self._arguments)

    def _some_command(self, rng: np.random.Generator) -> list[str]:
        weights = np.array([8, 3, 2, 2, 2, 1, 1, 1, 1], dtype=float)
        command, options, others = EXAMPLES[
            int(rng.choice(len(EXAMPLES), p=weights / weights.sum()))
        ]
        chosen = dict(options)
        flags = []
        for _ in range(int(rng.integers(1, 4))):
            option = str(pick(rng, (*options, *others)))
            number = others.get(option, 1)
            if number == 0:
                flags.append(option)
                continue
            values = [str(pick(rng, VALUES)) for _ in range(number)]
            if rng.uniform() < 0.1:
                values = values[1:]
            chosen[option] = "\x1f".join(values)
        for option in list(chosen):
            if rng.uniform() < 0.03:
                del chosen[option]
        self._refused = any(_no_number(option, text) for option, text in chosen.items())
        self._refused &= "--schema" not in flags
        arguments = [*command, *flags]
        for option, text in chosen.items():
            arguments += [option, *text.split("\x1f")] if text or option in KNOWN else [option, ""]
        return arguments

    def judge(self, folder: Path) -> tuple[Outcome, str]:
        """Run the command: exit code 0 and finite numbers, or 2 and one line."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = execute(self._arguments)
        lines = err.getvalue().strip().splitlines()
        if code == BAD_INPUT:
            said = [line for line in lines if line.startswith("kurvs: ")]
            if "Traceback" in err.getvalue() and "--debug" not in self._arguments:
                return Outcome.UNTYPED, lines[-1]
            return (Outcome.TYPED if said else Outcome.UNTYPED), (
                said or lines or ["nothing said"]
            )[-1]
        if code != 0:
            return Outcome.UNTYPED, f"exit code {code}"
        if self._refused:
            return Outcome.WRONG, "a value that is none is taken"
        return Outcome.RIGHT, _of_gradients(folder)


def _no_number(option: str, text: str) -> bool:
    values = text.split("\x1f")
    bad = option in MUST_BE_NUMBERS and any(value in NO_NUMBERS for value in values)
    return bad or (option in NEVER_NEGATIVE and any(value in NEGATIVE for value in values))


def _of_gradients(folder: Path) -> str:
    """Check that what is called ok is a number."""
    for path in folder.glob("kurvs-out/*/gradients.ecsv"):
        for row in QTable.read(path):
            if row["flag"] == "ok":
                assert np.isfinite(row["gradient"].value), "a gradient that is ok is a number"
    shutil.rmtree(folder / "kurvs-out", ignore_errors=True)
    return ""
