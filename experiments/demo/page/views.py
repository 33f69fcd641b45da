"""The figures of the page, made once; new states only replace what their sources hold."""

from dataclasses import dataclass

from bokeh.models import ColumnDataSource, FixedTicker, Label
from bokeh.plotting import figure

from experiments.demo.model.state import DemoState
from experiments.demo.page.map_views import MapViews
from experiments.demo.page.parts import (
    LABEL_SIZE,
    legible,
    plain_figure,
)
from kurvs_pipeline.plots.parts import (
    CORRECTED_COLOUR,
    FIT_COLOUR,
    FORWARD_COLOUR,
    NOISE_COLOUR,
    SLOPE_COLOUR,
    TRUTH_COLOUR,
)

PROFILE_X_KPC = (0.0, 13.0)
PROFILE_Y = (7.85, 9.1)
SPECTRUM_X_KMS = (-1500.0, 1650.0)
SPECTRUM_Y = (-0.35, 1.35)
LINE_LABELS = (("[N II]", -662.0), ("Hα", 0.0), ("[N II]", 942.0))
"""km/s from H-alpha, for lines of 6549.9, 6564.6 and 6585.3 Angstrom in vacuum."""


@dataclass(frozen=True, eq=False)
class ProfileView:
    """12 + log(O/H) against radius, with truth, points and estimators.

    Parameters
    ----------
    figure : bokeh figure
        12 + log(O/H) against radius in kpc.
    lines, band, points, errors, limits : ColumnDataSource
        Their data.
    """

    figure: figure
    lines: ColumnDataSource
    band: ColumnDataSource
    points: ColumnDataSource
    errors: ColumnDataSource
    limits: ColumnDataSource

    @classmethod
    def empty(cls) -> "ProfileView":
        """Return the figure before any state was shown."""
        plot = plain_figure(
            "", x_range=PROFILE_X_KPC, y_range=PROFILE_Y,
            x_label="radius (kpc)", y_label="12 + log(O/H)",
        )  # fmt: skip
        lines = ColumnDataSource(
            {name: [] for name in ("radius", "truth", "slope", "slope_fgrad", "forward")},
            name="profile_lines",
        )
        band = ColumnDataSource({"radius": [], "low": [], "high": []}, name="forward_band")
        points = ColumnDataSource({"radius": [], "abundance": []}, name="profile_points")
        errors = ColumnDataSource({"x0": [], "y0": [], "y1": []}, name="profile_errors")
        limits = ColumnDataSource({"radius": [], "limit": []}, name="profile_limits")
        plot.varea("radius", "low", "high", source=band, color=FORWARD_COLOUR, alpha=0.25)
        for name, label, colour, dash, width in (
            ("truth", "truth", TRUTH_COLOUR, [8, 5], 4),
            ("slope", "slope", SLOPE_COLOUR, "solid", 4),
            ("slope_fgrad", "slope × f_grad", CORRECTED_COLOUR, [14, 4, 3, 4], 3.5),
            ("forward", "forward fit, 68 %", FORWARD_COLOUR, "solid", 3),
        ):
            plot.line("radius", name, source=lines, color=colour, line_dash=dash,
                      line_width=width, legend_label=label)  # fmt: skip
        plot.segment("x0", "y0", "x0", "y1", source=errors, color=TRUTH_COLOUR, line_width=3)
        plot.scatter("radius", "abundance", source=points, size=12, color=TRUTH_COLOUR,
                     legend_label="annuli, observed")  # fmt: skip
        plot.scatter("radius", "limit", source=limits, size=13, marker="inverted_triangle",
                     line_color=TRUTH_COLOUR, fill_color="white", line_width=2,
                     legend_label="upper limit, 4σ")  # fmt: skip
        legible(plot)
        # Beside the axes: gradients of either sign would run below it.
        plot.legend.ncols, plot.legend.spacing = 3, 6
        plot.add_layout(plot.legend[0], "above")
        return cls(plot, lines, band, points, errors, limits)

    def show(self, state: DemoState) -> None:
        """Show a state.

        Parameters
        ----------
        state : DemoState
            From the sliders.
        """
        profiles = state.profiles
        self.lines.data = {
            "radius": profiles.radius_kpc, "truth": profiles.truth, "slope": profiles.slope,
            "slope_fgrad": profiles.slope_fgrad, "forward": profiles.forward[1],
        }  # fmt: skip
        self.band.data = {
            "radius": profiles.radius_kpc,
            "low": profiles.forward[0],
            "high": profiles.forward[2],
        }
        radius, value, error = (
            profiles.annulus_kpc, profiles.abundance, profiles.abundance_err
        )  # fmt: skip
        self.points.data = {"radius": radius, "abundance": value}
        self.errors.data = {"x0": radius, "y0": value - error, "y1": value + error}
        self.limits.data = {"radius": radius, "limit": profiles.limit}


@dataclass(frozen=True, eq=False)
class SpectrumView:
    """The spectrum of one annulus with the airglow's noise and the fit.

    Parameters
    ----------
    figure : bokeh figure
        Flux over the peak of H-alpha against velocity in km/s.
    source : ColumnDataSource
        ``velocity, flux, fit, above, below``.
    """

    figure: figure
    source: ColumnDataSource

    @classmethod
    def empty(cls) -> "SpectrumView":
        """Return the figure before any state was shown."""
        plot = plain_figure(
            "", x_range=SPECTRUM_X_KMS, y_range=SPECTRUM_Y,
            x_label="velocity from Hα (km/s)", y_label="flux / peak of Hα",
        )  # fmt: skip
        columns = ("velocity", "flux", "fit", "above", "below")
        source = ColumnDataSource({name: [] for name in columns}, name="spectrum")
        plot.varea_step("velocity", "below", "above", source=source, step_mode="center",
                        color=NOISE_COLOUR, legend_label="noise, 1σ: sky lines")  # fmt: skip
        plot.step("velocity", "flux", source=source, mode="center", color=TRUTH_COLOUR,
                  line_width=2, legend_label="data")  # fmt: skip
        plot.line("velocity", "fit", source=source, color=FIT_COLOUR, line_width=3.5,
                  legend_label="fit")  # fmt: skip
        for name, velocity_kms in LINE_LABELS:
            plot.add_layout(Label(x=velocity_kms, y=1.2, text=name, text_align="center",
                                  text_baseline="middle", text_font_size=LABEL_SIZE))  # fmt: skip
        legible(plot)
        plot.yaxis.ticker = FixedTicker(ticks=[0.0, 0.5, 1.0])
        plot.legend.orientation = "horizontal"
        plot.legend.spacing = 14
        plot.add_layout(plot.legend[0], "above")
        return cls(plot, source)

    def show(self, state: DemoState, annulus: int) -> None:
        """Show one annulus of a state.

        Parameters
        ----------
        state : DemoState
            From the sliders.
        annulus : int
            Counted from the centre, 0 first.
        """
        spectra = state.spectra
        sigma = spectra.sigma[annulus]
        self.source.data = {
            "velocity": spectra.velocity_kms, "flux": spectra.flux[annulus],
            "fit": spectra.fit[annulus], "above": sigma, "below": -sigma,
        }  # fmt: skip


class DemoViews:
    """All figures of one session."""

    def __init__(self) -> None:
        self.maps = MapViews()
        self.profile = ProfileView.empty()
        self.spectrum = SpectrumView.empty()
        self.summary = ColumnDataSource(name="summary")
        # Nothing is drawn from it: it travels with the page, for whoever reads its data.
        self.profile.figure.tags = [self.summary]

    def show(self, state: DemoState, annulus: int) -> None:
        """Show a state.

        Parameters
        ----------
        state : DemoState
            From the sliders.
        annulus : int
            Whose spectrum is shown.
        """
        self.maps.show(state, annulus)
        self.profile.show(state)
        self.spectrum.show(state, annulus)
        self.summary.data = summary_columns(state)


def summary_columns(state: DemoState) -> dict[str, list[float]]:
    """Return the numbers of a state, one row: parameters, gradients and f_grad.

    Parameters
    ----------
    state : DemoState
        From the sliders.
    """
    gradients = state.gradients
    numbers: dict[str, list[float]] = {
        name: [float(value)] for name, value in vars(state.parameters).items()
    }
    for name in ("slope", "slope_fgrad", "forward"):
        low, best, high = getattr(gradients, name)
        numbers |= {f"{name}_low": [low], name: [best], f"{name}_high": [high]}
    return numbers | {"f_grad": [gradients.f_grad]}
