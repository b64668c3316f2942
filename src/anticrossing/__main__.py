"""``python -m anticrossing``: the command line, where the command itself is not on the path."""

from anticrossing.cli import main

if __name__ == "__main__":
    main()
