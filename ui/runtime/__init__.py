"""What the server shares between its visitors: caches, the queue, limits, the event log, and hosting."""
