"""Archives on their way out: asked for, made by a worker that holds them, kept for some days, handed out."""
