/* Keccak-256 and SHA3-256 (they differ in the padding byte) over many messages.
 *
 * Rule: the Keccak reference / FIPS 202, rate 136 bytes. One permutation is written once, over a
 * lane type: uint64_t for one message, and four messages side by side in AVX2 registers where the
 * CPU has them (found at run time). Little-endian and big-endian machines give equal results.
 */
#include "kernel.h"

#define RATE 136
#define RATE_LANES (RATE / 8)
#define DIGEST 32
#define LANES 25
#define WIDE 4

static const uint64_t IOTA[24] = {
    0x0000000000000001ULL, 0x0000000000008082ULL, 0x800000000000808aULL, 0x8000000080008000ULL,
    0x000000000000808bULL, 0x0000000080000001ULL, 0x8000000080008081ULL, 0x8000000000008009ULL,
    0x000000000000008aULL, 0x0000000000000088ULL, 0x0000000080008009ULL, 0x000000008000000aULL,
    0x000000008000808bULL, 0x800000000000008bULL, 0x8000000000008089ULL, 0x8000000000008003ULL,
    0x8000000000008002ULL, 0x8000000000000080ULL, 0x000000000000800aULL, 0x800000008000000aULL,
    0x8000000080008081ULL, 0x8000000000008080ULL, 0x0000000080000001ULL, 0x8000000080008008ULL,
};

#define ROL(v, n) ((v) << (n) | (v) >> (64 - (n)))

/* chi on one row of five: from the moved lanes b0..b4 to five lanes of E. */
#define CHI(E, i0, i1, i2, i3, i4) \
    E##i0 = b0 ^ (~b1 & b2);       \
    E##i1 = b1 ^ (~b2 & b3);       \
    E##i2 = b2 ^ (~b3 & b4);       \
    E##i3 = b3 ^ (~b4 & b0);       \
    E##i4 = b4 ^ (~b0 & b1);

/* theta, rho and pi on five lanes of A: those that meet in one row of the next state. */
#define GATHER(A, i0, d0, i1, n1, d1, i2, n2, d2, i3, n3, d3, i4, n4, d4) \
    b1 = A##i1 ^ d1;                                                      \
    b2 = A##i2 ^ d2;                                                      \
    b3 = A##i3 ^ d3;                                                      \
    b4 = A##i4 ^ d4;                                                      \
    b1 = ROL(b1, n1);                                                     \
    b2 = ROL(b2, n2);                                                     \
    b3 = ROL(b3, n3);                                                     \
    b4 = ROL(b4, n4);                                                     \
    b0 = A##i0 ^ d0;

/* One round from the lanes A0..A24 (lane x + 5y) to E0..E24. */
#define ROUND(A, E, constant)                                               \
    c0 = A##0 ^ A##5 ^ A##10 ^ A##15 ^ A##20;                               \
    c1 = A##1 ^ A##6 ^ A##11 ^ A##16 ^ A##21;                               \
    c2 = A##2 ^ A##7 ^ A##12 ^ A##17 ^ A##22;                               \
    c3 = A##3 ^ A##8 ^ A##13 ^ A##18 ^ A##23;                               \
    c4 = A##4 ^ A##9 ^ A##14 ^ A##19 ^ A##24;                               \
    d0 = c4 ^ ROL(c1, 1);                                                   \
    d1 = c0 ^ ROL(c2, 1);                                                   \
    d2 = c1 ^ ROL(c3, 1);                                                   \
    d3 = c2 ^ ROL(c4, 1);                                                   \
    d4 = c3 ^ ROL(c0, 1);                                                   \
    GATHER(A, 0, d0, 6, 44, d1, 12, 43, d2, 18, 21, d3, 24, 14, d4)         \
    CHI(E, 0, 1, 2, 3, 4)                                                   \
    E##0 ^= (constant);                                                     \
    GATHER(A, 3, d3, 9, 20, d4, 10, 3, d0, 16, 45, d1, 22, 61, d2)          \
    b0 = ROL(b0, 28);                                                       \
    CHI(E, 5, 6, 7, 8, 9)                                                   \
    GATHER(A, 1, d1, 7, 6, d2, 13, 25, d3, 19, 8, d4, 20, 18, d0)           \
    b0 = ROL(b0, 1);                                                        \
    CHI(E, 10, 11, 12, 13, 14)                                              \
    GATHER(A, 4, d4, 5, 36, d0, 11, 10, d1, 17, 15, d2, 23, 56, d3)         \
    b0 = ROL(b0, 27);                                                       \
    CHI(E, 15, 16, 17, 18, 19)                                              \
    GATHER(A, 2, d2, 8, 55, d3, 14, 39, d4, 15, 41, d0, 21, 2, d1)          \
    b0 = ROL(b0, 62);                                                       \
    CHI(E, 20, 21, 22, 23, 24)

#define EACH_LANE(DO)                                                         \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) \
    DO(12) DO(13) DO(14) DO(15) DO(16) DO(17) DO(18) DO(19) DO(20) DO(21)     \
    DO(22) DO(23) DO(24)
#define LOAD(i) A##i = state[i];
#define STORE(i) state[i] = A##i;

/* Keccak-f[1600] on `state`, an array of 25 lanes of the given type; two rounds per turn. */
#define PERMUTE(lane)                                                            \
    {                                                                            \
        lane A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14,    \
            A15, A16, A17, A18, A19, A20, A21, A22, A23, A24;                    \
        lane E0, E1, E2, E3, E4, E5, E6, E7, E8, E9, E10, E11, E12, E13, E14,    \
            E15, E16, E17, E18, E19, E20, E21, E22, E23, E24;                    \
        lane b0, b1, b2, b3, b4, c0, c1, c2, c3, c4, d0, d1, d2, d3, d4;         \
        EACH_LANE(LOAD)                                                          \
        for (int round = 0; round < 24; round += 2) {                            \
            ROUND(A, E, IOTA[round])                                             \
            ROUND(E, A, IOTA[round + 1])                                         \
        }                                                                        \
        EACH_LANE(STORE)                                                         \
    }

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static inline uint64_t load_lane(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_lane(uint8_t *p, uint64_t v) { memcpy(p, &v, sizeof v); }
#else
static inline uint64_t load_lane(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static inline void store_lane(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}
#endif

/* The last block of a message: what is left of it (fewer than RATE bytes), padded. */
static void pad_block(uint8_t block[RATE], const uint8_t *rest, size_t length, uint8_t padding)
{
    memset(block, 0, RATE);
    memcpy(block, rest, length);
    block[length] = padding;
    block[RATE - 1] |= 0x80;
}

static void hash_one(const uint8_t *message, size_t length, uint8_t padding, uint8_t *out)
{
    uint64_t state[LANES] = {0};
    uint8_t last[RATE];
    size_t full = length / RATE;
    pad_block(last, message + full * RATE, length % RATE, padding);
    for (size_t block = 0; block <= full; block++) {
        const uint8_t *p = block < full ? message + block * RATE : last;
        for (int i = 0; i < RATE_LANES; i++)
            state[i] ^= load_lane(p + 8 * i);
        PERMUTE(uint64_t)
    }
    for (int i = 0; i < DIGEST / 8; i++)
        store_lane(out + 8 * i, state[i]);
}

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_WIDE 1
typedef uint64_t wide_lane __attribute__((vector_size(8 * WIDE)));

/* Four messages of one length, `stride` bytes apart. */
__attribute__((target("avx2"))) static void hash_four(const uint8_t *messages, size_t stride,
                                                      size_t length, uint8_t padding,
                                                      uint8_t *out)
{
    wide_lane state[LANES];
    uint8_t last[WIDE][RATE];
    size_t full = length / RATE;
    memset(state, 0, sizeof state);
    for (int k = 0; k < WIDE; k++)
        pad_block(last[k], messages + (size_t)k * stride + full * RATE, length % RATE, padding);
    for (size_t block = 0; block <= full; block++) {
        const uint8_t *p[WIDE];
        for (int k = 0; k < WIDE; k++)
            p[k] = block < full ? messages + (size_t)k * stride + block * RATE : last[k];
        for (int i = 0; i < RATE_LANES; i++) {
            wide_lane v = {load_lane(p[0] + 8 * i), load_lane(p[1] + 8 * i),
                           load_lane(p[2] + 8 * i), load_lane(p[3] + 8 * i)};
            state[i] ^= v;
        }
        PERMUTE(wide_lane)
    }
    for (int k = 0; k < WIDE; k++)
        for (int i = 0; i < DIGEST / 8; i++)
            store_lane(out + k * DIGEST + 8 * i, state[i][k]);
}

static int has_wide(void) { return __builtin_cpu_supports("avx2"); }
#else
#define HAVE_WIDE 0
#endif

static void hash_rows(const uint8_t *rows, size_t count, size_t length, uint8_t padding, int fast,
                      uint8_t *out)
{
    size_t done = 0;
#if HAVE_WIDE
    if (fast && has_wide())
        for (; done + WIDE <= count; done += WIDE)
            hash_four(rows + done * length, length, length, padding, out + done * DIGEST);
#else
    (void)fast;
#endif
    for (; done < count; done++)
        hash_one(rows + done * length, length, padding, out + done * DIGEST);
}

PyDoc_STRVAR(keccak_rows_doc,
             "keccak_rows(rows, length, padding, fast) -> bytes\n\n"
             "Digests of equally long messages laid end to end; fast: SIMD where the CPU has it.");

static PyObject *keccak_rows(PyObject *self, PyObject *args)
{
    const char *rows;
    Py_ssize_t size, length;
    int padding, fast;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#nip", &rows, &size, &length, &padding, &fast))
        return NULL;
    if (length <= 0 || size % length != 0 || padding < 0 || padding > 0x7f) {
        PyErr_SetString(PyExc_ValueError, "keccak_rows: bad length or padding");
        return NULL;
    }
    Py_ssize_t count = size / length;
    if (count > PY_SSIZE_T_MAX / DIGEST)
        return PyErr_NoMemory();
    PyObject *result = PyBytes_FromStringAndSize(NULL, count * DIGEST);
    if (result == NULL)
        return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AsString(result);
    Py_BEGIN_ALLOW_THREADS
    hash_rows((const uint8_t *)rows, (size_t)count, (size_t)length, (uint8_t)padding, fast, out);
    Py_END_ALLOW_THREADS
    return result;
}

PyDoc_STRVAR(keccak_many_doc,
             "keccak_many(messages, padding, fast) -> bytes\n\n"
             "Digests of a list of bytes, end to end. Lengths may differ.");

static PyObject *keccak_many(PyObject *self, PyObject *args)
{
    PyObject *messages;
    int padding, fast;
    (void)self;
    if (!PyArg_ParseTuple(args, "Oip", &messages, &padding, &fast))
        return NULL;
    if (!PyList_Check(messages) || padding < 0 || padding > 0x7f) {
        PyErr_SetString(PyExc_ValueError, "keccak_many: a list of bytes and a padding byte");
        return NULL;
    }
    Py_ssize_t count = PyList_Size(messages);
    if (count < 0 || count > PY_SSIZE_T_MAX / DIGEST)
        return PyErr_NoMemory();
    PyObject *result = PyBytes_FromStringAndSize(NULL, count * DIGEST);
    if (result == NULL)
        return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AsString(result);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *message = PyList_GetItem(messages, i); /* borrowed; the GIL stays held */
        char *data;
        Py_ssize_t length;
        if (message == NULL || PyBytes_AsStringAndSize(message, &data, &length) < 0) {
            Py_DECREF(result);
            return NULL;
        }
        hash_one((const uint8_t *)data, (size_t)length, (uint8_t)padding, out + i * DIGEST);
    }
    (void)fast;
    return result;
}

PyMethodDef merkle_por_keccak_methods[] = {
    {"keccak_rows", keccak_rows, METH_VARARGS, keccak_rows_doc},
    {"keccak_many", keccak_many, METH_VARARGS, keccak_many_doc},
    {NULL, NULL, 0, NULL},
};
