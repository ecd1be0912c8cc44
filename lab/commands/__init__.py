"""Commands of a checkout; thin, as those of :mod:`leanpose.cli`."""
