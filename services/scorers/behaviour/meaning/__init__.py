"""What texts are about, by their static embeddings and words."""
