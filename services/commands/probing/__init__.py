"""`driftloop check --probe`: does everything answer that the configuration and the settings name?"""
