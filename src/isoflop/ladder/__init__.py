"""The ladder: plans and trains the small runs, and hands them to the fit."""
