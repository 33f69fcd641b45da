"""The teaching demo: what seeing does to a metallicity gradient, with sliders, in a browser."""
