"""Services that all visitors of the server share: caches, the queue, limits, the event log, and hosting."""
