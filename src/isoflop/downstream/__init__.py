"""Forecasts of the metrics people care about: two-step, direct, observational, and when not to forecast."""
