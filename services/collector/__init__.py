"""The entrance for events made elsewhere: CloudEvents, lines of JSON, OpenTelemetry traces."""
