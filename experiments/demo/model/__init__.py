"""From the positions of the sliders to the arrays that the page shows."""
