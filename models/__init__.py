"""The models, one package each, with the same verbs: `dataset` -> `train` -> `evaluate` -> `package`."""
