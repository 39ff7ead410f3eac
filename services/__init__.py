"""Processes around the streams, and the clients that every process shares."""
