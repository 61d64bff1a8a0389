"""Uploads that wait: the job, the queue on Redis, records of what was posted, leases."""
