"""What the embedder's service says of its model."""

from __future__ import annotations

from typing import Any

from recommender.embedders.local import LocalEmbedder
from recommender.embedders.spaces import SPACES

_MAX = {
    "id": "audio_embeddings-tf",
    "name": "audio_embeddings TensorFlow Model",
    "description": "audio_embeddings TensorFlow model trained on Audio Set",
    "type": "Audio Modeling",
    "license": "Apache 2.0",
    "source": "https://developer.ibm.com/exchanges/models/all/max-audio-embedding-generator/",
}
_MODELS = {
    "vggish-pca": _MAX,
    "vggish-relu-pca": _MAX,
    "musicnn-msd": {
        "id": "musicnn-tf",
        "name": "MusiCNN TensorFlow Model",
        "description": "MusiCNN TensorFlow model trained on the Million Song Dataset",
        "type": "Audio Modeling",
        "license": "ISC",
        "source": "https://github.com/jordipons/musicnn",
    },
    "yamnet-fp32": {
        "id": "yamnet-tf",
        "name": "YAMNet TensorFlow Model",
        "description": "YAMNet TensorFlow model trained on Audio Set",
        "type": "Audio Modeling",
        "license": "Apache 2.0",
        "source": "https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
    },
}


def metadata_of(embedder: LocalEmbedder) -> dict[str, Any]:
    """Describe an embedder: the fields of MAX, and those that tell its space. hop: seconds between rows."""
    space = SPACES[embedder.space]
    return {
        **_MODELS[space.name],
        "space": space.name,
        "dimension": space.dimension,
        "hop": space.hop,
        "tag_names": list(embedder.tag_names),
        "verified": embedder.network.verified,
    }
