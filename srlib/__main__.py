"""``python -m srlib`` is ``srlib``."""

from srlib.cli import main

main()
