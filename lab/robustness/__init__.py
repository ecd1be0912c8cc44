"""How models bear distorted pictures: ``leanpose robustness`` in a checkout."""
