"""Repeat a run from its record, and compare what it writes with what was written then."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.runs.run import OUTPUT_ROOT, RECORD, free_directory
from kurvs_pipeline.errors import ConfigurationError, CubeFormatError, ResultsError
from kurvs_pipeline.io.files import checksum, read_text
from kurvs_pipeline.provenance import commit_of, software

OF_ONE_CALL = {"--overwrite", "--resume", "--quiet", "--debug"}
"""Options that do not change results."""

OF_ONE_PLACE = ("--output", "--scheduler")
"""Options with a value that do not either."""


@dataclass(frozen=True)
class RunRecord:
    """What ``run.json`` says of a run that is to be repeated.

    Parameters
    ----------
    path : Path
        File of the record.
    content : mapping
        As :meth:`~experiments.runs.run.Run.record` wrote it.
    """

    path: Path
    content: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "RunRecord":
        """Read a record, by its own path or that of the folder of its run.

        Raises
        ------
        ResultsError
            If it is no record of a run, or not of one that was started from the command line.
        """
        path = path / RECORD if path.is_dir() else path
        try:
            content = json.loads(read_text(path, f"the {RECORD} of a run"))
            arguments, command = content["arguments"], content["command"]
            texts = [command, content["working_directory"], *arguments]
            known = isinstance(content["inputs_sha256"], dict) and isinstance(
                content["outputs_sha256"], dict
            )
            if not known or not all(isinstance(text, str) for text in texts):
                raise TypeError("values are of other types")  # noqa: TRY301 - of the same file
        except (CubeFormatError, ValueError, KeyError, TypeError) as error:
            raise ResultsError(
                f"{path}: cannot be repeated ({error}); expected the {RECORD} that this version of "
                "kurvs, or a later one, wrote beside results"
            ) from None
        if arguments[:1] != [command]:
            raise ResultsError(
                f"{path}: states the arguments {arguments} of a run of '{command}'; expected those "
                "of its command line: what was started from Python is repeated from Python"
            )
        return cls(path, content)

    @property
    def arguments(self) -> list[str]:
        """The command line, without where results went and how they were shown."""
        kept: list[str] = []
        values = iter(self.content["arguments"])
        for argument in values:
            if argument in OF_ONE_PLACE:
                next(values, None)
            elif argument not in OF_ONE_CALL and argument.partition("=")[0] not in OF_ONE_PLACE:
                kept.append(argument)
        return kept

    @property
    def directory(self) -> Path:
        """The folder that relative paths count from: that of the run, or this where it is gone."""
        stated = Path(self.content["working_directory"])
        return stated if stated.is_dir() else Path.cwd()

    def differences_of_software(self) -> list[str]:
        """Say which software is of another version than then, one line each."""
        then = {
            "kurvs": self.content.get("version"),
            "python": self.content.get("python"),
            **self.content.get("libraries", {}),
        }
        return [
            f"{name} is {now} and was {then.get(name)}{_how_to_get(then.get(name))}"
            for name, now in software().items()
            if then.get(name) != now
        ]

    def require_inputs(self) -> None:
        """Refuse to go on where an input file is not what it was.

        Raises
        ------
        ConfigurationError
            If one is missing or has another checksum; all of them are named.
        """
        changed = []
        for name, stated in self.content["inputs_sha256"].items():
            path = self.directory / name
            try:
                found = checksum(path)
            except (CubeFormatError, OSError):
                changed.append(f"{path} cannot be read")
                continue
            if found != stated:
                changed.append(f"{path} has SHA-256 {found[:12]}... and had {stated[:12]}...")
        if changed:
            raise ConfigurationError(
                f"{self.path}: cannot be repeated, as input differs: {'; '.join(changed)}; "
                "expected the files that the run read: bring them back, or run the command anew"
            )


def rerun(
    record: RunRecord,
    run: Callable[[Sequence[str]], int],
    *,
    output: Path | None,
    options: Sequence[str],
) -> tuple[int, list[str], int]:
    """Repeat a run in the folder that it was started in.

    Parameters
    ----------
    run : callable
        Runs a command line, and returns its exit code.
    output : Path or None
        Where results go; the first free ``kurvs-out/COMMAND`` otherwise.
    options : sequence of str
        To add to the command line.

    Returns
    -------
    code : int
        Of the command.
    different : list of str
        Files that are missing, are new or have other bytes than then.
    number : int
        How many files there were.
    """
    place = free_directory(OUTPUT_ROOT / record.content["command"]) if output is None else output
    place = place.absolute()
    with chdir(record.directory):
        code = run([*record.arguments, "--output", str(place), *options])
    before: dict[str, str] = record.content["outputs_sha256"]
    after = RunRecord.read(place).content["outputs_sha256"]
    names = sorted(before.keys() | after.keys())
    return code, [n for n in names if before.get(n) != after.get(n)], len(before)


def _how_to_get(version: object) -> str:
    commit = commit_of(str(version))
    if not commit:
        return ""
    is_clean = str(version).endswith(commit)
    return f" (git checkout {commit})" if is_clean else " (with changes that git does not have)"
