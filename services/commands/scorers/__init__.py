"""What a person does with scorers at the command line."""
