"""`python -m drum_like`, the same as the command `drum-like`."""

from drum_like.cli.main import main

if __name__ == "__main__":
    main()
