"""Labelled people: readers and writers of every format, and what inspects, labels, merges and packs them."""
