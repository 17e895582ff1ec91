"""What a run learns from: built-in data sets and the columns of a visitor's table."""
