"""`python -m merkle_por` is `merkle-por`."""

from merkle_por.cli.main import main

if __name__ == "__main__":
    main()
