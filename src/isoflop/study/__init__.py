"""A study: one turn of the cycle in one folder. Rungs, fit, held-out forecast, truth, next plan."""
