"""Named starting points: set-ups, comparisons and sweeps, each with the claim that tests hold it to."""
