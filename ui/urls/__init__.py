"""Settings as addresses, and addresses as settings."""
