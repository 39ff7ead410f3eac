"""`driftloop keys`: made, listed and revoked in the control store; processes hear of it there."""
