"""Watching exchanges: a look at each every few minutes, kept in the history, with what has changed.

In order: `target` reads what the user named (lists, what is owed) once; `look` asks the nodes and
price services he named and makes a `Reading`; `changes` sets it beside earlier ones; `alerts` holds
it against his bounds; `loop` does so again and again. Rules:
- a figure that could not be had is unknown, and shown with the last known one, its time and age;
- a chain or service that fails is asked less and less often, and each time that is said;
- nothing is asked that the user did not name.
"""
