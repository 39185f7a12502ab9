"""Forecasts from part of a run: loss curves, laws of learning-rate schedules, final losses, alarms."""
