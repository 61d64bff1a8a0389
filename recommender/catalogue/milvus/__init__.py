"""A catalogue in Milvus."""
