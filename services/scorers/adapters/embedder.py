"""The one embedder of a workshop: its table is loaded once, and a text's row is made once for all scorers."""

from services.scorers.embedding import Embedder
from services.scorers.remembered import RememberedEmbedder
from services.scorers.workshop import Workshop


def embedder_of(workshop: Workshop) -> Embedder:
    """Return it, loading it at the first call."""
    return workshop.once("embedder", RememberedEmbedder.load)
