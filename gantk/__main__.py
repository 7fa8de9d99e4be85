"""`python -m gantk` is `gantk`."""

from gantk.cli import main

main()
