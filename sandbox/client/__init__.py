"""Driving a sandbox from another process: tests, benchmarks."""
