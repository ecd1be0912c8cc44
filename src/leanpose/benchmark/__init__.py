"""How fast models are on this machine, beside each other, beside others' and beside what the machine can do."""
