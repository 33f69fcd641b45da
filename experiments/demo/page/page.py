"""One session's page: widgets and figures, and how they react to changes."""

from collections.abc import Mapping
from importlib.resources import files
from io import BytesIO, StringIO
from urllib.parse import urlencode

import panel as pn
from bokeh.plotting import figure

from experiments.demo.model.parameters import DemoParameters
from experiments.demo.model.state import DemoState, demo_state
from experiments.demo.page.controls import BUTTON_STYLE, button, preset_buttons, slider_widgets
from experiments.demo.page.lesson import LessonView
from experiments.demo.page.map_views import MapViews
from experiments.demo.page.readout import READOUT_STYLE, readout_html
from experiments.demo.page.saved import figure_png, table_text
from experiments.demo.page.views import DemoViews

TITLE = "kurvs: what seeing does to a metallicity gradient"
MESSAGE_STYLE = """
.message { background: #16324F; color: white; border-radius: 0.4rem; padding: 0.5rem 1rem;
  font: 1.15rem/1.3 "Liberation Sans", Arial, sans-serif; }
"""


class DemoPage:
    """The page of one session; sessions share nothing that changes."""

    def __init__(self, query: Mapping[str, str]) -> None:
        parameters, messages = DemoParameters.from_query(query)
        self.parameters = parameters
        self.views = DemoViews()
        self.sliders = slider_widgets(parameters)
        self.readout = pn.pane.HTML(
            stylesheets=[READOUT_STYLE], sizing_mode="stretch_width", margin=0
        )
        self.message = pn.pane.HTML(stylesheets=[MESSAGE_STYLE], margin=0)
        self.annulus = pn.widgets.RadioButtonGroup(
            options=["A"], value="A", stylesheets=[BUTTON_STYLE], margin=0,
            sizing_mode="stretch_width",
        )  # fmt: skip
        self.lesson = LessonView(self.go_to)
        self._moving_many = self._waiting = False
        self.state = self._compute()
        for slider in self.sliders.values():
            slider.on_change("value", lambda _name, _old, _new: self._moved())
        self.annulus.param.watch(lambda _: self._show_annulus(), "value")
        self._tell(*messages)

    def go_to(self, parameters: DemoParameters) -> None:
        """Move all sliders at once."""
        self._moving_many = True
        try:
            for name, slider in self.sliders.items():
                slider.value = getattr(parameters, name)
        finally:
            self._moving_many = False
        self.parameters = parameters
        self._tell()
        self._compute()

    def _start_from(self, parameters: DemoParameters) -> None:
        """Move to a preset: an answer that is shown was given for another galaxy."""
        self.lesson.hide_answer()
        self.go_to(parameters)

    def _moved(self) -> None:
        """Note that a slider moved; states that were overtaken are never computed."""
        if self._moving_many or self._waiting:
            return
        document = self.sliders["gradient"].document
        if document is None:
            self._follow_sliders()
            return
        self._waiting = True
        document.add_next_tick_callback(self._follow_sliders)

    def _follow_sliders(self) -> None:
        self._waiting = False
        at = {name: slider.value for name, slider in self.sliders.items()}
        self.parameters = DemoParameters(**at, noise_seed=self.parameters.noise_seed)
        self._tell()
        self._compute()

    def _new_noise(self) -> None:
        self.parameters = self.parameters.with_new_noise()
        self._compute()

    def _compute(self) -> DemoState:
        self.state = demo_state(self.parameters)
        names = list(self.state.annulus_names)
        if self.annulus.options != names:
            self.annulus.options = names
            if self.annulus.value not in names:
                self.annulus.value = names[-1]
        self.views.show(self.state, self._annulus_index)
        self.readout.object = readout_html(self.state)
        return self.state

    @property
    def _annulus_index(self) -> int:
        return self.state.annulus_names.index(self.annulus.value)

    def _show_annulus(self) -> None:
        if self.annulus.value in self.state.annulus_names:
            self.views.show(self.state, self._annulus_index)

    def _tell(self, *messages: str) -> None:
        text = ". ".join(messages)
        self.message.object = f'<div class="message">{text}.</div>' if text else ""

    def _share(self) -> None:
        query = urlencode(self.parameters.as_query())
        if pn.state.location is not None:
            pn.state.location.search = f"?{query}"
        self._tell("The link to this state is now in the address bar")

    def _actions(self) -> pn.Column:
        row = {"sizing_mode": "stretch_width", "styles": {"gap": "0.4rem"}, "margin": 0}
        return pn.Column(
            pn.Row(button("New noise", self._new_noise, kind="primary"),
                   button("Share link", self._share), **row),
            pn.Row(self._download("Save figure", "kurvs-demo.png", self._figure_file),
                   self._download("Save data", "kurvs-demo.ecsv", self._data_file), **row),
            **row,
        )  # fmt: skip

    def _download(self, label: str, filename: str, make: object) -> pn.widgets.FileDownload:
        return pn.widgets.FileDownload(
            callback=make, filename=filename, label=label, button_type="default", margin=0,
            stylesheets=[BUTTON_STYLE], sizing_mode="stretch_width", icon=None,
        )  # fmt: skip

    def _figure_file(self) -> BytesIO:
        return BytesIO(figure_png(self.state))

    def _data_file(self) -> StringIO:
        return StringIO(table_text(self.state))

    def template(self) -> pn.Template:
        """Return the page, ready to be served."""
        source = files("experiments.demo.page").joinpath("page.html").read_text("utf-8")
        page = pn.Template(source, location=True)
        for name, plot in (("spectrum", self.views.spectrum.figure),
                           ("profile", self.views.profile.figure)):  # fmt: skip
            page.add_panel(name, _pane(plot))
        sliders = pn.Column(
            *(pn.pane.Bokeh(slider, sizing_mode="stretch_width", margin=0)
              for slider in self.sliders.values()),
            sizing_mode="stretch_both", margin=0,
            styles={"justify-content": "space-evenly", "height": "100%"},
        )  # fmt: skip
        for name, part in (("maps", _map_grid(self.views.maps)),
                           ("presets", preset_buttons(self._start_from)), ("sliders", sliders),
                           ("actions", self._actions()), ("annulus", self.annulus),
                           ("readout", self.readout), ("lesson", self.lesson.layout),
                           ("message", self.message)):  # fmt: skip
            page.add_panel(name, part)
        return page


def _map_grid(maps: MapViews) -> pn.Column:
    """Lay out the maps; those with a colour bar below are taller, so that all skies are alike."""
    rows = [
        pn.Row(*map(_pane, plots), sizing_mode="stretch_both", margin=0,
               styles={"flex": f"{height} 1 0", "min-height": "0"})
        for plots, height in zip(maps.figures, (1.0, 1.32), strict=True)
    ]  # fmt: skip
    return pn.Column(*rows, sizing_mode="stretch_both", margin=0)


def _pane(plot: figure) -> pn.pane.Bokeh:
    return pn.pane.Bokeh(plot, sizing_mode="stretch_both", margin=0)
