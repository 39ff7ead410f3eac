"""Tests of services.clients.registry."""
