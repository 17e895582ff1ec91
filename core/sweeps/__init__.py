"""The parts of a sweep: its grid, chunks of it, their way through an executor, the table, and files."""
