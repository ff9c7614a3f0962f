"""Published lists of reserve addresses, one file for each layout; all yield the same `Row`.

`layouts.LAYOUTS` names them all.
"""
