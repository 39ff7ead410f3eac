"""What the sink put aside: looked at, and sent again once the cause is mended."""
