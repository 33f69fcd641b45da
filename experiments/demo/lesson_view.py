"""The guided lesson on the page."""

from collections.abc import Callable
from html import escape

import panel as pn

from experiments.demo.controls import button
from experiments.demo.lesson import LESSON
from experiments.demo.parameters import DemoParameters

LESSON_STYLE = """
:host { overflow: auto; }
.lesson { font: 1.14rem/1.28 "Liberation Sans", Arial, sans-serif; color: #16324F; }
.lesson h2 { font-size: 1.3rem; margin: 0 0 0.25rem; }
.lesson p { margin: 0 0 0.35rem; }
.question { font-weight: bold; }
.answer { border-left: 0.3rem solid #009E73; padding-left: 0.5rem; }
"""


class LessonView:
    """Where a class is in the lesson.

    Parameters
    ----------
    show : callable
        Called with the parameters of a step when it begins.
    """

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
            sizing_mode="stretch_width", styles={"gap": "0.4rem"}, margin=0,
        )  # fmt: skip
        self.layout = pn.Column(self._text, buttons, sizing_mode="stretch_both", margin=0)

    def _go(self, by: int) -> None:
        self._step = min(max(self._step + by, 0), len(LESSON) - 1)
        self._answered = False
        self._text.object = self._html()
        self._show(LESSON[self._step].parameters)

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
