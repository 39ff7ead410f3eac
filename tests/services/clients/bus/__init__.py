"""Tests of services.clients.bus."""
