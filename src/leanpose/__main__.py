"""``python -m leanpose`` is the command ``leanpose``."""

from leanpose.cli import main

if __name__ == "__main__":
    main()
