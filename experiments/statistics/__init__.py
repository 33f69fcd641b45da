"""Whether estimators and their errors can be trusted."""
