"""The guided lesson: six steps, each a state of the page, a question and its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import panel as pn

from experiments.demo.model.parameters import DemoParameters
from experiments.demo.page.controls import button

WRAPPING_BUTTONS = {
    "display": "grid", "grid-template-columns": "repeat(auto-fit, minmax(7.5rem, 1fr))",
    "gap": "0.4rem",
}  # fmt: skip
"""In one row where there is room, as on a wide screen, and in two on a telephone."""


@dataclass(frozen=True)
class Step:
    """One step of the lesson, in plain text, with the parameters that it begins with."""

    title: str
    task: str
    question: str
    answer: str
    parameters: DemoParameters


LESSON = (
    Step(
        "What seeing does",
        "Drag the seeing slowly from 0.1 to 1.2 arcsec and watch the "
        "[N\N{NO-BREAK SPACE}II]/Hα map and the orange line.",
        "The galaxy does not change. Why does the orange slope become flat?",
        "Seeing moves bright, metal-rich light of the centre outwards, so every annulus holds a "
        "mixture. At 0.6 arcsec two fifths of this gradient are left, at 1.2 arcsec a seventh.",
        DemoParameters(seeing_fwhm_arcsec=0.1, halpha_snr=200.0),
    ),
    Step(
        "Size against seeing",
        "The seeing is 0.6 arcsec. Change the effective radius from 0.2 to 0.8 arcsec.",
        "Which galaxies keep their gradient, and what number decides it?",
        "Large ones: what counts is the effective radius over the seeing. f_grad falls from "
        "about 7 to below 2. A correction by 7 also multiplies the error by 7.",
        DemoParameters(effective_radius_arcsec=0.2, halpha_snr=200.0),
    ),
    Step(
        "Inclination",
        "Tilt the galaxy from face-on to 75 degrees.",
        "Why does inclination flatten the gradient further, though the seeing is the same?",
        "Along the minor axis the annuli are squeezed by cos(i) below the seeing, so light of "
        "different radii lands in one annulus. Rotation also smears the velocity map.",
        DemoParameters(inclination_deg=0.0, halpha_snr=200.0),
    ),
    Step(
        "Correct, or model?",
        "Compare the green line (slope times f_grad) and the blue band (forward fit) with the "
        "dashed truth. Press New noise several times.",
        "Both know the seeing. How do their errors differ, and which one is honest?",
        "f_grad is a number for a reference gradient of −0.02 dex/kpc; the forward fit asks which "
        "gradient explains all fluxes, detected or not, and its band grows where data say little.",
        DemoParameters(gradient=-0.06, effective_radius_arcsec=0.4, halpha_snr=80.0),
    ),
    Step(
        "Noise chooses the bins",
        "Lower the S/N of Hα from 150 to 20 and watch the outer annuli.",
        "Which points vanish first, and what does this do to the slope?",
        "[N\N{NO-BREAK SPACE}II] is faintest where metals are few: outer annuli of a negative "
        "gradient become limits (triangles). Points that survive by luck are too high, which "
        "flattens the slope.",
        DemoParameters(halpha_snr=150.0, annulus_width_arcsec=0.3),
    ),
    Step(
        "Dust, wings and annuli",
        "Make the dust gradient −0.3 mag/kpc, then the wings of the PSF 0.4, then the "
        "annuli narrower. End with the preset JWST seeing.",
        "Which of these changes [N\N{NO-BREAK SPACE}II]/Hα itself, and what would you ask for in a "
        "proposal?",
        "None: dust dims close lines alike. But it changes which light is smeared, and a disk that "
        "is not exponential is a poor fit; wings reach far, and narrow annuli share their light. "
        "Ask for sharp images and large galaxies first, then for exposure time.",
        DemoParameters(halpha_snr=100.0),
    ),
)  # fmt: skip

LESSON_STYLE = """
:host { overflow: auto; }
.lesson { font: 1.14rem/1.28 "Liberation Sans", Arial, sans-serif; color: #16324F; }
.lesson h2 { font-size: 1.3rem; margin: 0 0 0.25rem; }
.lesson p { margin: 0 0 0.35rem; }
.question { font-weight: bold; }
.answer { border-left: 0.3rem solid #009E73; padding-left: 0.5rem; }
"""


class LessonView:
    """The lesson and its current step; ``show`` gets the parameters of a step when it begins."""

    def __init__(self, show: Callable[[DemoParameters], None]) -> None:
        self._show = show
        self._step, self._answered = 0, False
        self._text = pn.pane.HTML(
            self._html(), stylesheets=[LESSON_STYLE], sizing_mode="stretch_both", margin=0
        )
        buttons = pn.Row(
            button("Back", lambda: self._go(-1)),
            button("Set sliders", lambda: self._go(0)),
            button("Show answer", self._reveal, kind="primary"),
            button("Next", lambda: self._go(1)),
            sizing_mode="stretch_width", margin=0, styles=WRAPPING_BUTTONS,
        )  # fmt: skip
        self.layout = pn.Column(self._text, buttons, sizing_mode="stretch_both", margin=0)

    def _go(self, by: int) -> None:
        self._step = min(max(self._step + by, 0), len(LESSON) - 1)
        self.hide_answer()
        self._show(LESSON[self._step].parameters)

    def hide_answer(self) -> None:
        """Take the answer back, if it is shown."""
        self._answered = False
        self._text.object = self._html()

    def _reveal(self) -> None:
        self._answered = not self._answered
        self._text.object = self._html()

    def _html(self) -> str:
        step = LESSON[self._step]
        answer = f'<p class="answer">{escape(step.answer)}</p>' if self._answered else ""
        return (
            f'<div class="lesson" aria-live="polite"><h2>Lesson {self._step + 1} of {len(LESSON)}: '
            f"{escape(step.title)}</h2><p>{escape(step.task)}</p>"
            f'<p class="question">{escape(step.question)}</p>{answer}</div>'
        )
