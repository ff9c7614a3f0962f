"""The command line: click commands, one file each, a thin skin over the public functions."""
