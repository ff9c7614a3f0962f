/* merkle_por._native._kernel: the optional C kernel, over CPython's limited API (abi3, 3.11+).
 *
 * Each part lives in a file of its own and exports one NULL-terminated method table; this file
 * only joins them. Every function takes buffers and returns new bytes or numbers, validates its
 * arguments before it releases the GIL, and has a readable Python twin with equal results.
 */
#include "kernel.h"

static PyMethodDef *const PARTS[] = {
    merkle_por_ed25519_methods,
    merkle_por_goldilocks_methods,
    merkle_por_keccak_methods,
    merkle_por_poseidon_bn254_methods,
    merkle_por_records_methods,
    merkle_por_sha256_methods,
    merkle_por_text_trees_methods,
    NULL,
};

static struct PyModuleDef kernel_module = {
    PyModuleDef_HEAD_INIT,
    "_kernel",
    "C twins of the hot loops of merkle_por.",
    0,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    PyObject *module = PyModule_Create(&kernel_module);
    if (module == NULL)
        return NULL;
    for (PyMethodDef *const *part = PARTS; *part != NULL; part++) {
        if (PyModule_AddFunctions(module, *part) < 0) {
            Py_DECREF(module);
            return NULL;
        }
    }
    return module;
}
