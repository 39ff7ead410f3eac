"""`driftloop replay`: what the log gives when it is read again, compared with what the warehouse holds."""
