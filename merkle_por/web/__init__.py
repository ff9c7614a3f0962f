"""The local web app (extra `web`): the same verdicts as the command line, in a browser."""
