"""A module that can be called: `merkle_por.reserves(...)` where `merkle_por.reserves` is a room.

The public functions `reserves` and `solvency` have the names of the modules they live in. Python
binds a submodule's name in its package when it is first imported, so the name would mean the
function or the module, whichever came first. Setting a module's class is the language's own way
to give modules special methods (reference, 3.3.2.1 "Customizing module attribute access").
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def make_callable(module: str, home: str, function: str) -> None:
    """Calling the module `module` calls `function` of the module `home`, imported at first use."""

    class CallableModule(ModuleType):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            from importlib import import_module

            return getattr(import_module(home), function)(*args, **kwargs)

    sys.modules[module].__class__ = CallableModule
