"""Adds the optional C kernel to the package (everything else stands in setup.cfg).

The kernel is built against CPython's limited API (abi3, 3.11+). Where there is no compiler the
install succeeds without it, and the readable Python twins do the same work.
"""

from glob import glob

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "merkle_por._native._kernel",
            sources=sorted(glob("merkle_por/_native/*.c")),
            depends=sorted(glob("merkle_por/_native/*.h")),
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-O2"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
