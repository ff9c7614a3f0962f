/* Shared by all parts of the kernel: the limited API and the method table of each part. */
#ifndef MERKLE_POR_KERNEL_H
#define MERKLE_POR_KERNEL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern PyMethodDef merkle_por_ed25519_methods[]; /* ed25519.c */
extern PyMethodDef merkle_por_goldilocks_methods[]; /* goldilocks.c */
extern PyMethodDef merkle_por_keccak_methods[]; /* keccak.c */
extern PyMethodDef merkle_por_poseidon_bn254_methods[]; /* poseidon_bn254.c */
extern PyMethodDef merkle_por_records_methods[]; /* records.c */
extern PyMethodDef merkle_por_sha256_methods[]; /* sha256.c */
extern PyMethodDef merkle_por_text_trees_methods[]; /* text_trees.c */

#endif
