"""Worlds of any size: tile columns, streaming in time, stores that go on after a kill."""
