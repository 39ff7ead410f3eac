"""OpenTelemetry's trace exports, in JSON and protobuf, as one kind of span."""
