"""Tests of services.bus."""
