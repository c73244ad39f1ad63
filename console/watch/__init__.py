"""Live status: checks, their state, the schedule, the lease, and the database of what is true now."""
