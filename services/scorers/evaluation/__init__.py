"""How right scorers are: labelled examples in, figures with intervals out."""
