"""``python -m pinnscene``: the command line (the one place where the core starts it)."""

from pinnscene.cli import main

if __name__ == "__main__":
    main()
