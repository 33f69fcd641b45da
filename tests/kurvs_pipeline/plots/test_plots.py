"""Figures of a measured galaxy: what they show, and where."""

from dataclasses import replace

import matplotlib.colors as mcolors
import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from matplotlib.figure import Figure
from matplotlib.markers import CARETDOWNBASE, CARETUPBASE
from matplotlib.patches import Circle, Ellipse, StepPatch
from matplotlib.text import Text

from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.plots.maps import plot_halpha_map, plot_velocity_map
from kurvs_pipeline.plots.parts import signed, two_digits, unit_label
from kurvs_pipeline.plots.profile import TrueProfile, common_abundance_range, plot_radial_profile
from kurvs_pipeline.plots.profiles_page import profiles_figure
from kurvs_pipeline.plots.spectra_page import spectra_figure
from kurvs_pipeline.plots.spectrum import (
    MeasuredLine,
    draw_spectrum,
    line_notes,
    measured_lines,
    plot_spectrum,
    spectral_panels,
)
from kurvs_pipeline.plots.summary_page import headline, summary
from kurvs_sim import Galaxy, PointSpreadFunction, observe

POSITION_ANGLE_DEG = 120.0
KPC_PER_ARCSEC = 8.70
"""At z = 1.5 for H0 = 67.3 and Omega_m = 0.315, by Wright's (2006) calculator."""

MIDDLES_KPC = np.array([0.25, 0.75, 1.25]) * KPC_PER_ARCSEC


def observed(**options):
    galaxy = Galaxy(
        name="disk", redshift=1.5, inclination_deg=40.0, position_angle_deg=POSITION_ANGLE_DEG,
        effective_radius_arcsec=0.5,
    )  # fmt: skip
    known = {"psf": PointSpreadFunction("gaussian", 0.6), "halpha_snr": 60.0, "seed": 2,
             "within_kms_of_lines": 2000.0}  # fmt: skip
    return observe(galaxy, **(known | options))


@pytest.fixture(scope="module")
def results():
    """Return the results of a mock in three bands."""
    return Pipeline(BinningScheme.parse("3x0.5")).run(observed())


@pytest.fixture
def axes():
    """Return empty axes."""
    return Figure().subplots()


def with_snr(results, aperture, **by_line):
    """Return results in which lines of an aperture have other S/N, and limits that fit."""
    fluxes = results.fluxes.copy()
    for line, snr in by_line.items():
        row = (fluxes["aperture"] == aperture) & (fluxes["line"] == line)
        fluxes["snr"][row] = snr
        limit = np.nan if snr > 4.0 else 0.25
        fluxes["upper_limit"][row] = limit * fluxes["upper_limit"].unit
    return replace(results, fluxes=fluxes)


def abundances(rows):
    """Return a table from rows of aperture, diagnostic, value, limit, branch_check."""
    names = ("aperture", "diagnostic", "abundance", "limit", "branch_check")
    table = QTable(rows=rows, names=names)
    table["err_low"] = np.where(table["limit"] == "", 0.05, np.nan) * u.dex
    table["err_high"] = np.where(table["limit"] == "", 0.07, np.nan) * u.dex
    table["abundance"] = table["abundance"] * u.dex
    return table


def gradients(rows):
    """Return a table from rows of diagnostic, estimator, gradient, error and perhaps a flag."""
    rows = [(*row, "ok")[:5] for row in rows]
    table = QTable(rows=rows, names=("diagnostic", "estimator", "gradient", "gradient_err", "flag"))
    table["gradient_low"] = table["gradient"] - table["gradient_err"]
    table["gradient_high"] = table["gradient"] + table["gradient_err"]
    for name in ("gradient", "gradient_err", "gradient_low", "gradient_high"):
        table[name] = table[name].astype(float) * u.dex / u.kpc
    return table


def on_a_line(results, *, gradient=-0.03, corrected=-0.05):
    """Return results whose N2 abundances are 8.8 at the centre and fall on a line."""
    values = 8.8 + gradient * MIDDLES_KPC
    return replace(
        results,
        abundances=abundances([(name, "n2", value, "", "")
                               for name, value in zip("ABC", values, strict=True)]),
        gradients=gradients([("n2", "slope", gradient, 0.01),
                             ("n2", "slope_fgrad", corrected, 0.02)]),
    )  # fmt: skip


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def drawn(axes, label):
    """Return the one line with a label."""
    lines = [line for line in axes.lines if line.get_label() == label]
    assert len(lines) == 1
    return lines[0]


def points(axes, label):
    """Return the positions of the error bars with a label, shape (n_points, 2)."""
    found = [bars for bars in axes.containers if bars.get_label() == label]
    return np.array([np.ravel(bars.lines[0].get_xydata()) for bars in found])


# Maps


def test_north_is_up_and_east_is_left(results, axes):
    plot_halpha_map(results, axes)
    assert axes.get_xlim()[0] < 0.0 < axes.get_xlim()[1]
    assert axes.get_xlabel().startswith("West (arcsec)")
    assert axes.get_ylim()[0] < axes.get_ylim()[1]
    assert axes.get_ylabel() == "North (arcsec)"


def test_every_aperture_is_drawn_along_the_position_angle(results, axes):
    plot_halpha_map(results, axes)
    ellipses = {p.get_label(): p for p in axes.patches if type(p) is Ellipse}
    assert set(ellipses) == {"integrated", "A", "B", "C"}
    angle = np.radians(POSITION_ANGLE_DEG)
    for aperture in results.apertures:
        vertex = ellipses[aperture.name].get_patch_transform().transform((1.0, 0.0))
        # The receding side is at (-sin PA, cos PA) to the West and North.
        expected = aperture.outer_arcsec * np.array([-np.sin(angle), np.cos(angle)])
        np.testing.assert_allclose(vertex, expected, atol=1e-9)


def test_the_seeing_is_drawn_to_scale(results, axes):
    plot_velocity_map(results, axes)
    (beam,) = [patch for patch in axes.patches if isinstance(patch, Circle)]
    assert 2.0 * beam.get_radius() == pytest.approx(0.6)


def test_the_map_of_halpha_peaks_at_one_where_the_galaxy_is(results, axes):
    plot_halpha_map(results, axes)
    (mesh,) = axes.collections
    shown = mesh.get_array()
    row, column = np.unravel_index(np.argmax(shown.filled(0.0)), shown.shape)
    assert shown.max() == pytest.approx(1.0)
    assert np.hypot(results.x_arcsec[column], results.y_arcsec[row]) < 0.3


def test_velocities_that_were_not_measured_stay_blank(results, axes):
    plot_velocity_map(results, axes)
    (mesh,) = axes.collections
    np.testing.assert_array_equal(~np.ma.getmaskarray(mesh.get_array()), results.maps.measured)


def nothing_measured(results):
    nothing = np.full_like(results.maps.velocity_kms, np.nan)
    maps = replace(
        results.maps, velocity_kms=nothing, sigma_kms=nothing, halpha_flux=nothing,
        halpha_snr=nothing, measured=np.zeros(nothing.shape, dtype=bool),
    )  # fmt: skip
    return replace(results, maps=maps, redshift_err=float("nan"))


@pytest.mark.parametrize("plot", [plot_halpha_map, plot_velocity_map])
def test_a_map_without_any_spaxel_says_so(plot, results, axes):
    plot(nothing_measured(results), axes)
    assert "no spaxel with H$\\alpha$" in texts(axes)
    low, high = axes.collections[0].get_clim()
    assert low < high


# Spectra


def test_columns_are_the_bands_in_order_of_wavelength(results):
    panels = spectral_panels(results)
    assert [panel.band for panel in panels] == ["IZ", "YJ", "H"]
    lines = [list(panel.lines) for panel in panels]
    assert lines == [["oii"], ["hbeta", "oiii_5007"],
                     ["halpha", "nii_6584", "sii_6716", "sii_6731"]]  # fmt: skip


def halpha_panel(results):
    return spectral_panels(results)[-1]


def test_steps_are_the_data_in_the_rest_frame(results, axes):
    panel = halpha_panel(results)
    plot_spectrum(results, panel, "B", axes)
    spectra = results.spectra["H"]
    rest = spectra.wavelength_um / (1.0 + results.metadata.redshift)
    shown = (rest >= panel.range_um[0]) & (rest <= panel.range_um[1])
    (steps,) = [p for p in axes.patches if p.get_label() == "data"]
    values, edges, _ = steps.get_data()
    np.testing.assert_array_equal(
        values, np.where(spectra.valid[2, shown], spectra.flux[2, shown], np.nan)
    )
    np.testing.assert_allclose(0.5 * (edges[1:] + edges[:-1]), rest[shown], rtol=1e-12)


def test_channels_that_are_left_out_are_shaded_and_not_drawn(results, axes):
    spectra = results.spectra["H"]
    valid = spectra.valid.copy()
    out = int(np.argmin(np.abs(spectra.wavelength_um / 2.5 - 0.6600)))
    valid[:, [out - 3, out]] = False
    masked = replace(results, spectra={"H": replace(spectra, valid=valid)})
    panel = halpha_panel(results)
    plot_spectrum(masked, panel, "A", axes)
    steps = {p.get_label(): p.get_data() for p in axes.patches if isinstance(p, StepPatch)}
    where_shaded = np.isfinite(steps["left out"].values)
    np.testing.assert_array_equal(where_shaded, np.isnan(steps["data"].values))
    # A single good channel between two bad ones is still seen.
    rest = 0.5 * (steps["data"].edges[1:] + steps["data"].edges[:-1])
    at = int(np.argmin(np.abs(rest - spectra.wavelength_um[out] / (1 + 1.5))))
    assert where_shaded[at]
    assert not where_shaded[at - 1]


@pytest.mark.parametrize(("snr", "n_curves"), [(4.1, 1), (3.9, 0), (np.nan, 0)])
def test_a_fit_is_drawn_only_with_a_line_above_4_sigma(snr, n_curves, results, axes):
    others = dict.fromkeys(("nii_6584", "sii_6716", "sii_6731"), 1.0)
    changed = with_snr(results, "C", halpha=snr, **others)
    plot_spectrum(changed, halpha_panel(results), "C", axes)
    assert len([line for line in axes.lines if line.get_label() == "fit"]) == n_curves


def test_a_fit_is_dotted_at_a_line_of_which_a_limit_is_stated(results, axes):
    changed = with_snr(results, "C", halpha=3.9, nii_6584=3.9, nii_6548=3.9,
                       sii_6716=5.0, sii_6731=5.0)  # fmt: skip
    plot_spectrum(changed, halpha_panel(results), "C", axes)
    curves = {line.get_label(): line for line in axes.lines}
    full, dotted = curves["fit"], curves["fit, not detected"]
    assert dotted.get_linestyle() == ":"
    for curve, line, other in ((dotted, "halpha", "sii_6716"), (full, "sii_6716", "halpha")):
        rest, model = curve.get_data()
        at, away = (np.abs(rest - REST_WAVELENGTH_UM[name]).argmin() for name in (line, other))
        assert np.isfinite(model[at])
        assert np.isnan(model[away])


def test_every_line_has_its_ratio_or_its_limit(results):
    changed = with_snr(results, "A", halpha=53.6, nii_6584=4.44, sii_6716=3.9, sii_6731=np.nan)
    fluxes = changed.fluxes
    fluxes["upper_limit"][(fluxes["aperture"] == "A") & (fluxes["line"] == "sii_6731")] = (
        np.nan * fluxes["upper_limit"].unit
    )
    notes = line_notes(measured_lines(changed, halpha_panel(results), "A"))
    assert [note.text for note in notes] == [
        r"H$\alpha$ 54", "[N II] 4.4", "[S II] < 0.25", "and no data",
    ]  # fmt: skip
    assert [note.detected for note in notes] == [True, True, False, False]


def test_a_line_of_oii_has_its_own_note_only_without_the_sum():
    pair = {"oii_3726": MeasuredLine(6.0, np.nan), "oii_3729": MeasuredLine(3.0, 0.5)}
    assert [note.text for note in line_notes(pair)] == ["[O II] 6.0", "and < 0.5"]
    both = pair | {"oii": MeasuredLine(7.0, np.nan)}
    assert [note.text for note in line_notes(both)] == ["[O II] 7.0"]


def test_lines_are_marked_at_their_velocity_and_the_whole_fit_is_shown(axes):
    rest, line = np.linspace(0.654, 0.659, 200), np.zeros(200)
    line[100] = -50.0
    noise = np.ones(200)
    draw_spectrum(axes, rest, line, (-noise, noise), model=line, velocity_kms=300.0,
                  lines={"halpha": MeasuredLine(-8.0, 9.0)})  # fmt: skip
    marks = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
    assert marks == pytest.approx([REST_WAVELENGTH_UM["halpha"] * (1.0 + 300.0 / 299792.458)])
    assert axes.get_ylim()[0] < -50.0


def test_channels_that_are_left_out_may_be_drawn(axes):
    rest, flux, noise = np.linspace(0.654, 0.659, 50), np.arange(50.0), np.ones(50)
    left_out = flux > 45.0
    draw_spectrum(axes, rest, flux, (-noise, noise), lines={}, left_out=left_out)
    steps = {p.get_label(): p.get_data() for p in axes.patches if isinstance(p, StepPatch)}
    np.testing.assert_array_equal(steps["data"].values, flux)
    np.testing.assert_array_equal(np.isfinite(steps["left out"].values), left_out)


def test_the_figure_of_spectra_has_a_row_an_annulus_and_a_column_a_band(results):
    figure = spectra_figure(results)
    left, right = figure.subfigs
    assert len(right.axes) == 9
    assert [a.get_title() for a in right.axes[:3]] == ["IZ", "YJ", "H"]
    assert [a.get_ylabel()[0] for a in right.axes[::3]] == ["A", "B", "C"]
    said = texts(right)
    for label in ("[O II]", r"H$\beta$", "[O III]", r"H$\alpha$ + [N II]", "[S II]"):
        assert label in said
    assert "rest wavelength (µm, vacuum)" in said
    assert any(label.startswith("flux density (") and "erg" in label for label in said)
    assert any(type(patch) is Ellipse for patch in left.axes[0].patches)


def test_residuals_of_sky_lines_do_not_set_the_scale(results, axes):
    spectra = results.spectra["H"]
    flux = spectra.flux.copy()
    flux[:, 5] = 1e6
    spiky = replace(results, spectra={"H": replace(spectra, flux=flux)})
    plot_spectrum(spiky, halpha_panel(results), "A", axes)
    assert axes.get_ylim()[1] < 1e5


# Profiles


def test_points_stand_at_the_middles_of_their_annuli(results, axes):
    plot_radial_profile(on_a_line(results), axes)
    expected = np.column_stack([MIDDLES_KPC, 8.8 - 0.03 * MIDDLES_KPC])
    np.testing.assert_allclose(points(axes, "n2"), expected, rtol=3e-3)


def test_bars_are_the_errors_up_and_down(results, axes):
    plot_radial_profile(on_a_line(results), axes)
    bars = next(c for c in axes.containers if c.get_label() == "n2")
    ((_, low), (_, high)) = bars.lines[2][0].get_segments()[0]
    value = bars.lines[0].get_ydata()[0]
    assert value - low == pytest.approx(0.05)
    assert high - value == pytest.approx(0.07)


def test_a_limit_is_an_arrow_and_no_point(results, axes):
    limits = abundances([("A", "n2", 8.5, "upper", ""), ("B", "n2", 8.3, "lower", ""),
                         ("C", "n2", np.nan, "none", "")])  # fmt: skip
    plot_radial_profile(replace(on_a_line(results), abundances=limits), axes)
    assert points(axes, "n2").size == 0
    np.testing.assert_allclose(points(axes, "n2 limit")[:, 1], [8.5, 8.3])
    heads = [c.lines[1][0].get_marker() for c in axes.containers]
    assert heads == [CARETDOWNBASE, CARETUPBASE]


def test_the_slope_runs_through_the_points_and_the_corrected_one_through_their_middle(
    results, axes
):
    plot_radial_profile(on_a_line(results), axes)
    slope, corrected = (drawn(axes, f"n2 {name}") for name in ("slope", "slope_fgrad"))
    np.testing.assert_allclose(
        np.interp(MIDDLES_KPC, *slope.get_data()), 8.8 - 0.03 * MIDDLES_KPC, atol=2e-3
    )
    x, y = corrected.get_data()
    assert np.diff(y)[0] / np.diff(x)[0] == pytest.approx(-0.05)
    assert np.interp(MIDDLES_KPC[1], x, y) == pytest.approx(8.8 - 0.03 * MIDDLES_KPC[1], abs=2e-3)
    assert slope.get_linestyle() != corrected.get_linestyle()


def test_two_limits_and_a_point_have_no_slope(results, axes):
    table = abundances([("A", "n2", 8.5, "", ""), ("B", "n2", 8.3, "upper", "")])
    none = gradients([("n2", "slope", np.nan, np.nan), ("n2", "slope_fgrad", np.nan, np.nan)])
    plot_radial_profile(replace(results, abundances=table, gradients=none), axes)
    assert not [line for line in axes.lines if "slope" in str(line.get_label())]
    assert "N2: < 2 annuli" in texts(axes)


def test_the_gradient_is_written_as_corrected(results, axes):
    plot_radial_profile(on_a_line(results), axes)
    assert "N2 \N{MINUS SIGN}0.050 ± 0.020" in texts(axes)


def test_a_gradient_that_could_not_be_corrected_is_marked(results, axes):
    plot_radial_profile(on_a_line(results, corrected=np.nan), axes)
    assert "N2 \N{MINUS SIGN}0.030 ± 0.010*" in texts(axes)


def test_an_error_that_is_not_known_is_a_question_mark(results, axes):
    rows = [("n2", "slope", -0.03, np.nan), ("n2", "slope_fgrad", -0.05, np.nan)]
    plot_radial_profile(replace(on_a_line(results), gradients=gradients(rows)), axes)
    assert "N2 \N{MINUS SIGN}0.050 ± ?" in texts(axes)


def test_the_forward_fit_is_what_is_drawn_as_corrected_with_its_interval(results, axes):
    rows = [("n2", "slope", -0.03, 0.01), ("n2", "slope_fgrad", -0.05, 0.02),
            ("n2", "forward", -0.06, 0.03)]  # fmt: skip
    plot_radial_profile(replace(on_a_line(results), gradients=gradients(rows)), axes)
    assert "N2 \N{MINUS SIGN}0.060 ± 0.030" in texts(axes)
    x, y = drawn(axes, "n2 forward").get_data()
    assert np.diff(y)[0] / np.diff(x)[0] == pytest.approx(-0.06)
    (band,) = [c for c in axes.collections if c.get_label() == "n2 forward interval"]
    corners = band.get_paths()[0].vertices
    pivot = np.interp(MIDDLES_KPC[1], x, y)
    steepest = corners[corners[:, 0] == x[1], 1].min()
    assert (steepest - pivot) / (x[1] - MIDDLES_KPC[1]) == pytest.approx(-0.09, abs=2e-3)


@pytest.mark.parametrize("flag", ["two_bins", "turnover", "two_bins+few_draws", "unconstrained"])
def test_a_gradient_with_a_flag_is_faded_in_brackets_and_without_interval(flag, results, axes):
    rows = [("n2", "slope", -0.03, 0.01), ("n2", "forward", -0.06, 0.03, flag)]
    plot_radial_profile(replace(on_a_line(results), gradients=gradients(rows)), axes)
    assert "(N2 \N{MINUS SIGN}0.060 ± 0.030)" in texts(axes)
    assert drawn(axes, "n2 forward").get_alpha() < 0.5 < drawn(axes, "n2 slope").get_alpha()
    assert not [c for c in axes.collections if c.get_label() == "n2 forward interval"]


def test_the_diagnostics_have_the_markers_of_the_paper(results, axes):
    table = abundances([("A", name, 8.5, "", "") for name in ("n2", "r23", "n2o2")])
    plot_radial_profile(replace(results, abundances=table), axes)
    marker = {c.get_label(): c.lines[0].get_marker() for c in axes.containers}
    assert marker == {"n2": "o", "r23": "D", "n2o2": "s"}
    colours = {mcolors.to_hex(c.lines[0].get_color()) for c in axes.containers}
    assert len(colours) == 3


def test_markers_do_not_depend_on_what_else_is_drawn(results, axes):
    table = abundances([("A", "n2o2", 8.5, "", ""), ("A", "o3n2", 8.5, "", "")])
    plot_radial_profile(replace(results, abundances=table), axes, diagnostics=("o3n2", "n2o2"))
    marker = {c.get_label(): c.lines[0].get_marker() for c in axes.containers}
    assert marker["n2o2"] == "s"
    assert marker["o3n2"] != "s"


def test_the_wrong_side_of_a_diagnostic_is_an_open_symbol(results, axes):
    table = abundances([("A", "r23", 8.5, "", "wrong"), ("B", "r23", 8.5, "", "right")])
    plot_radial_profile(replace(results, abundances=table), axes)
    wrong, right = (c.lines[0].get_markerfacecolor() for c in axes.containers)
    assert mcolors.to_hex(wrong) == "#ffffff"
    assert mcolors.to_hex(right) != "#ffffff"


def test_the_truth_is_drawn_as_it_is(results, axes):
    truth = TrueProfile(np.array([0.0, 5.0, 10.0]), {"n2": np.array([8.9, 8.6, 8.5])})
    plot_radial_profile(on_a_line(results), axes, truth=truth)
    np.testing.assert_array_equal(
        drawn(axes, "n2 truth").get_xydata(), [[0.0, 8.9], [5.0, 8.6], [10.0, 8.5]]
    )


def test_a_range_holds_points_errors_and_limits_in_whole_steps(results):
    table = abundances([("A", "n2", 7.93, "", ""), ("B", "n2", 9.16, "lower", ""),
                        ("C", "n2", np.nan, "none", "")])  # fmt: skip
    found = common_abundance_range([replace(results, abundances=table)], ["n2"])
    assert found == (7.8, 9.4)


def test_a_range_is_that_of_other_figures_where_points_allow_it(results):
    assert common_abundance_range([on_a_line(results)]) == (8.0, 9.2)


def test_panels_share_their_axes_and_are_named(results):
    far = on_a_line(replace(results, metadata=replace(results.metadata, name="far")))
    low = abundances([("A", "n2", 7.7, "", "")])
    figure = profiles_figure([on_a_line(results), far, replace(far, abundances=low)])
    assert [a.get_title() for a in figure.axes] == ["disk", "far", "far"]
    assert len({(*a.get_xlim(), *a.get_ylim()) for a in figure.axes}) == 1
    assert figure.axes[0].get_ylim()[0] < 7.6
    assert {"radius (kpc)", "12 + log(O/H)"} <= set(texts(figure))


def test_only_the_galaxy_with_a_truth_gets_one(results):
    far = on_a_line(replace(results, metadata=replace(results.metadata, name="far")))
    truth = TrueProfile(np.array([0.0, 5.0]), {"n2": np.array([8.9, 8.6])})
    figure = profiles_figure([on_a_line(results), far], truths={"far": truth})
    with_truth = [[ln.get_label() for ln in a.lines].count("n2 truth") for a in figure.axes]
    assert with_truth == [0, 1]


@pytest.mark.parametrize(("number", "rows"), [(1, 1), (5, 1), (6, 2), (29, 6)])
def test_a_grid_has_five_columns(number, rows, results):
    figure = profiles_figure([on_a_line(results)] * number)
    assert figure.axes[0].get_gridspec().nrows == rows
    assert sum(bool(axes.get_title()) for axes in figure.axes) == number


# The page


def page(results):
    """Draw a page as for a file, and return what it says."""
    figure = summary(results)
    figure.draw_without_rendering()
    return texts(figure)


def test_the_page_has_every_aperture_and_band(results):
    said = page(results)
    assert {"IZ", "YJ", "H", "A", "B", "C"} <= set(said)
    assert headline(results) in said
    assert any("A_V (mag)" in text for text in said)


def test_the_page_of_one_band_with_six_annuli():
    six = Pipeline(BinningScheme.parse("6x0.25")).run(observed(bands=["H"]))
    said = page(six)
    assert "H" in said
    assert "YJ" not in said
    for name in "ABCDEF":
        assert any(text.startswith(f"{name}  ") for text in said)


def test_the_page_of_annuli_in_effective_radii_shows_them():
    scaled = Pipeline(BinningScheme.parse("2x1.0re")).run(observed(bands=["H"]))
    said = page(scaled)
    assert "A  0\N{EN DASH}0.5\N{DOUBLE PRIME}" in said
    assert "radius ($R_e$)" in said


def test_the_page_of_a_galaxy_that_is_not_detected():
    none = Pipeline().run(observed(bands=["H"], halpha_snr=0.1))
    said = page(none)
    assert any("(as given)" in text for text in said)
    assert "N2: < 2 annuli" in said
    assert not [line for axes in summary(none).subfigs[1].axes for line in axes.lines
                if line.get_label() == "fit"]  # fmt: skip


def test_the_page_without_any_map(results):
    assert "no spaxel with H$\\alpha$" in page(nothing_measured(results))


def test_the_page_of_a_galaxy_of_unknown_size_and_seeing(results):
    metadata = replace(
        results.metadata, effective_radius_arcsec=float("nan"), seeing_fwhm_arcsec=float("nan"),
        inclination_deg=0.0, position_angle_deg=float("nan"),
    )  # fmt: skip
    said = page(replace(results, metadata=metadata))
    assert "nan" not in " ".join(said)
    assert "radius ($R_e$)" not in said


def test_the_page_without_valid_channels_in_a_band(results):
    spectra = results.spectra["YJ"]
    empty = replace(spectra, valid=np.zeros_like(spectra.valid),
                    model=np.full_like(spectra.model, np.nan))  # fmt: skip
    assert "YJ" in page(replace(results, spectra={**results.spectra, "YJ": empty}))


# Words


def test_numbers_are_spelt_for_print():
    assert signed(-0.0123, 3) == "\N{MINUS SIGN}0.012"
    assert signed(0.5, 1) == "+0.5"
    assert [two_digits(v) for v in (123.4, 0.00294, 0.25)] == ["120", "0.0029", "0.25"]


def test_units_are_spelt_with_a_power_of_ten():
    spelt = unit_label("1e-16 erg / (s cm2 um)")
    assert "10^{-16}" in spelt
    assert "times" not in spelt
    assert "adu" in unit_label("adu um")
