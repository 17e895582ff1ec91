"""Several runs side by side: arms that differ in what was chosen, over seeds that they share."""
