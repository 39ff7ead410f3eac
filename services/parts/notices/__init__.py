"""How an alert leaves the house: its wording, its signature, the channels."""
