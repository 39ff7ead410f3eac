"""Calls as KServe's logger tells of them: a CloudEvent of the request, and one of the answer."""
