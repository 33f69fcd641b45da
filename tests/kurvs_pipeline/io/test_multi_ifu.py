"""Of a file that holds several IFUs, one is chosen by arm or by target, and never guessed."""

import numpy as np
import pytest
from astropy.io import fits

from experiments.cli import BAD_INPUT, execute
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.observation import metadata_of

SHAPE = (30, 5, 6)
TARGETS = {1: "cdfs_1", 7: "COS4_03493", 12: "star_4", 20: "cdfs_1"}
CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "WAVE", "CUNIT3": "um",
    "CRVAL1": 53.0, "CRVAL2": -27.0, "CRPIX1": 3.0, "CRPIX2": 3.0, "CRVAL3": 1.6, "CRPIX3": 1.0,
    "CD1_1": -0.2 / 3600, "CD2_2": 0.2 / 3600, "CD3_3": 2e-4,
}  # fmt: skip


def data_of(arm):
    return np.random.default_rng(arm).standard_normal(SHAPE).astype(np.float32)


def image(name, data, arm=None):
    header = fits.Header(CARDS)
    if arm in TARGETS:
        header[f"HIERARCH ESO OCS ARM{arm} NAME"] = TARGETS[arm]
    return fits.ImageHDU(data, header=header, name=name)


def pipeline_file(path, arms=(1, 7, 12, 20), *, empty=(3,), all_zero=(4,), arm_in_cubes=True):
    """Write what the ESO pipeline makes of one exposure: an extension for each of 24 arms."""
    primary = fits.PrimaryHDU()
    for arm in range(1, 25):
        primary.header[f"HIERARCH ESO OCS ARM{arm} NAME"] = TARGETS.get(arm, f"sky_{arm}")
    hdus = [primary]
    for arm in sorted({*arms, *empty, *all_zero}):
        own = arm if arm_in_cubes else None
        data = None if arm in empty else data_of(arm) * (arm not in all_zero)
        noise = None if arm in empty else np.full(SHAPE, arm, np.float32)
        hdus += [image(f"IFU.{arm}.DATA", data, own), image(f"IFU.{arm}.NOISE", noise, own)]
    fits.HDUList(hdus).writeto(path)
    return path


@pytest.mark.parametrize("arm_in_cubes", [True, False])
def test_an_arm_is_chosen_with_its_own_noise_and_target(tmp_path, arm_in_cubes):
    path = pipeline_file(tmp_path / "c.fits", arm_in_cubes=arm_in_cubes)
    cube = read_cube(path, CubeOptions(arm=7))
    np.testing.assert_allclose(cube.dataset["flux"], data_of(7))
    np.testing.assert_allclose(cube.dataset["variance"], 49.0)
    assert cube.header_metadata["name"] == "COS4_03493"


@pytest.mark.parametrize("target", ["COS4_03493", "cos4_03493", " COS4_03493 "])
def test_a_target_is_chosen_by_its_name(tmp_path, target):
    observation = read_observation([pipeline_file(tmp_path / "c.fits")], target=target)
    np.testing.assert_allclose(observation["H"]["flux"], data_of(7))
    assert metadata_of(observation).name == "COS4_03493"


def refusal(path, **options):
    with pytest.raises(CubeFormatError) as error:
        read_cube(path, CubeOptions(**options))
    assert len(str(error.value).splitlines()) == 1
    assert path.name in str(error.value)
    return str(error.value)


def test_without_a_choice_the_arms_with_data_and_their_targets_are_listed(tmp_path):
    message = refusal(pipeline_file(tmp_path / "c.fits"))
    for part in ("holds 4 cubes", "--arm", "--target", "arm 1 (cdfs_1) in IFU.1.DATA",
                 "arm 7 (COS4_03493)", "arm 12 (star_4)", "arm 20 (cdfs_1)"):  # fmt: skip
        assert part in message
    assert "arm 3 " not in message
    assert "arm 4 " not in message


def test_the_only_arm_with_data_needs_no_choice(tmp_path):
    cube = read_cube(pipeline_file(tmp_path / "c.fits", arms=(7,)))
    assert cube.header_metadata["name"] == "COS4_03493"


@pytest.mark.parametrize("options", [{"arm": 3}, {"arm": 25}, {"target": "cdfs_2"},
                                     {"arm": 1, "target": "COS4_03493"}])  # fmt: skip
def test_what_the_file_does_not_hold_is_refused_and_what_it_holds_listed(tmp_path, options):
    message = refusal(pipeline_file(tmp_path / "c.fits"), **options)
    assert f"no cube of {next(iter(options))}" in message
    assert "found arm 1 (cdfs_1) in IFU.1.DATA, arm 7" in message


def test_a_target_that_two_arms_saw_asks_for_the_arm(tmp_path):
    path = pipeline_file(tmp_path / "c.fits")
    assert "holds 2 cubes of target cdfs_1" in refusal(path, target="cdfs_1")
    np.testing.assert_allclose(
        read_cube(path, CubeOptions(target="cdfs_1", arm=20)).dataset["flux"], data_of(20)
    )


def test_an_arm_that_saw_nothing_is_said_to_hold_no_data(tmp_path):
    assert "no voxel holds data" in refusal(pipeline_file(tmp_path / "c.fits"), arm=4)


def test_a_file_of_idle_arms_is_said_to_hold_no_data(tmp_path):
    path = pipeline_file(tmp_path / "c.fits", arms=(), all_zero=(4, 5))
    assert "no voxel holds data" in refusal(path)


def test_a_combined_cube_is_known_by_the_arm_in_its_header(tmp_path):
    primary = fits.PrimaryHDU()
    for arm, name in TARGETS.items():
        primary.header[f"HIERARCH ESO OCS ARM{arm} NAME"] = name
    path = tmp_path / "c.fits"
    fits.HDUList([primary, image("IFU_1_12_etc.DATA", data_of(12), 12)]).writeto(path)
    assert read_cube(path, CubeOptions(arm=12)).header_metadata["name"] == "star_4"


def test_the_bands_of_one_target_are_found_in_files_of_several(tmp_path):
    paths = [pipeline_file(tmp_path / f"{band}.fits") for band in ("H", "YJ")]
    for extension in range(1, len(fits.info(paths[1], output=False))):
        fits.setval(paths[1], "CRVAL3", value=1.2, ext=extension)
        fits.setval(paths[1], "CD3_3", value=1.75e-4, ext=extension)
    observation = read_observation(paths, target="COS4_03493")
    assert list(observation.children) == ["H", "YJ"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "choose with --arm, --target"),
        (["--arm", "9"], "no cube of arm 9"),
        (["--target", "cdfs_9"], "no cube of target cdfs_9"),
    ],
)
def test_the_command_asks_for_an_arm_and_takes_one(tmp_path, capsys, options, expected):
    path = str(pipeline_file(tmp_path / "c.fits"))
    arguments = ["measure", path, "--redshift", "1.5", "--inclination", "0", *options]
    assert execute([*arguments, "--output", str(tmp_path / "out")]) == BAD_INPUT
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert expected in lines[0]


@pytest.mark.real_data
def test_the_real_cube_is_found_by_arm_and_target(shared_data):
    path = shared_data / "real/cubes/ecdfsf3_ifu22.fits"
    by_name = CubeOptions(extension="IFU_22_22_22_2_etc")
    for options in (CubeOptions(arm=22), CubeOptions(target="zmus_z1_166"), by_name):
        assert read_cube(path, options).header_metadata["name"] == "zmus_z1_166"
    assert "found arm 22 (zmus_z1_166)" in refusal(path, arm=7)
