"""Tests of services.sink."""
