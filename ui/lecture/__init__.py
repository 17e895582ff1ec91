"""The sections of the Lecture page, one a module."""
