"""What the Safety and Quality pages are made of: questions, rates, charts, texts, and the scorers to try."""
