"""Tables of spectra to tables and figures: fit-spectra and stack."""
