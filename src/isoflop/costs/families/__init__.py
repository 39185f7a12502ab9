"""How each family of models writes its config.json: one file per family, found by discovery.

A file offers `MODEL_TYPES`: model_type -> a function from `ConfigFields` to `Architecture`.
"""
