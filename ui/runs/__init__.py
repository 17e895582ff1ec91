"""Parts of the page Your run."""
