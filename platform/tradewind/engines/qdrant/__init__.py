"""The embedded Qdrant: the engine in this process, behind the part of Qdrant's REST API that the platform speaks."""
