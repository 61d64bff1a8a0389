"""Sounds made with numpy alone: what the starter library consists of."""
