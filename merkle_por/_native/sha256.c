/* SHA-256 over many messages. */
#include "kernel.h"

PyMethodDef merkle_por_sha256_methods[] = {
    {NULL, NULL, 0, NULL},
};
