"""A judge compares what a shadow answered with what the user got, beside the controller and never in its way."""
