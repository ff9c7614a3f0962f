/* Poseidon over the Goldilocks field (p = 2^64 - 2^32 + 1, width 12, x^7, 4 + 22 + 4 rounds).
 *
 * Rule and Python twin: merkle_por/hashes/poseidon_goldilocks.py. Its tables come in from there
 * as little-endian words, in the order of `struct tables`. Words are any 64-bit numbers and mean
 * their residue; results are below p. Inside, numbers stay below 2^64 without being below p; every
 * correction is a mask, never a branch: branches that depend on the data cost twice the time.
 */
#include "kernel.h"

#define WIDTH 12
#define RATE 8
#define DIGEST 4
#define HALF_FULL 4
#define PARTIAL 22
#define ROUNDS (2 * HALF_FULL + PARTIAL)
#define WORD 8

#define EPSILON 0xffffffffULL /* 2^64 mod p */
#define MODULUS 0xffffffff00000001ULL

static const uint64_t CIRCULANT[WIDTH] = {17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20};
#define DIAGONAL 8

static uint64_t load(const uint8_t *at)
{
    uint64_t word = 0;
    for (int i = WORD - 1; i >= 0; i--)
        word = word << 8 | at[i];
    return word;
}

static void store(uint8_t *at, uint64_t word)
{
    for (int i = 0; i < WORD; i++)
        at[i] = (uint8_t)(word >> 8 * i);
}

/* a + b where b < p, or a + b < 2^65 - 2^32: one correction is enough. */
static inline uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;
    return sum + (EPSILON & (0 - (uint64_t)(sum < a)));
}

/* high * 2^64 + low: 2^64 = 2^32 - 1 and 2^96 = -1. */
static inline uint64_t reduce(uint64_t low, uint64_t high)
{
    uint64_t top = high >> 32;
    uint64_t first = low - top;
    first -= EPSILON & (0 - (uint64_t)(low < top));
    return add(first, (high & EPSILON) * EPSILON); /* the product is below 2^64 - 2^33 + 2 */
}

/* A sum of products: top * 2^128 + high * 2^64 + low. */
struct sum {
    uint64_t low, high, top;
};

static inline void add_product(struct sum *sum, uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    unsigned __int128 product = (unsigned __int128)a * b;
    unsigned __int128 total = (unsigned __int128)sum->high << 64 | sum->low;
    total += product;
    sum->top += total < product;
    sum->low = (uint64_t)total;
    sum->high = (uint64_t)(total >> 64);
#else
    uint64_t a0 = a & EPSILON, a1 = a >> 32, b0 = b & EPSILON, b1 = b >> 32;
    uint64_t first = a0 * b0, middle = a1 * b0 + (first >> 32);
    uint64_t other = a0 * b1 + (middle & EPSILON);
    uint64_t low = other << 32 | (first & EPSILON);
    uint64_t high = a1 * b1 + (middle >> 32) + (other >> 32); /* below 2^64 - 1 */
    sum->low += low;
    high += sum->low < low;
    sum->high += high;
    sum->top += sum->high < high;
#endif
}

/* 2^128 = -2^32; at most 2^31 products were added. */
static inline uint64_t reduce_sum(const struct sum *sum)
{
    uint64_t first = reduce(sum->low, sum->high), top = sum->top << 32;
    uint64_t result = first - top;
    return result - (EPSILON & (0 - (uint64_t)(first < top)));
}

static inline uint64_t multiply(uint64_t a, uint64_t b)
{
    struct sum product = {0, 0, 0};
    add_product(&product, a, b);
    return reduce(product.low, product.high);
}

static inline uint64_t seventh_power(uint64_t x)
{
    uint64_t square = multiply(x, x);
    return multiply(multiply(square, square), multiply(square, x));
}

/* Twelve products by numbers below 2^6: the sum stays below 2^73. */
static inline void linear_layer(uint64_t state[WIDTH])
{
    uint64_t twice[2 * WIDTH];
    for (int i = 0; i < WIDTH; i++)
        twice[i] = twice[i + WIDTH] = state[i];
    for (int row = 0; row < WIDTH; row++) {
#ifdef __SIZEOF_INT128__
        unsigned __int128 sum = 0;
        for (int i = 0; i < WIDTH; i++)
            sum += (unsigned __int128)CIRCULANT[i] * twice[row + i];
        if (row == 0)
            sum += (unsigned __int128)DIAGONAL * twice[0];
        state[row] = add((uint64_t)sum, (uint64_t)(sum >> 64) * EPSILON);
#else
        uint64_t below = 0, above = 0; /* of 2^32 */
        for (int i = 0; i < WIDTH; i++) {
            below += CIRCULANT[i] * (twice[row + i] & EPSILON);
            above += CIRCULANT[i] * (twice[row + i] >> 32);
        }
        if (row == 0) {
            below += DIAGONAL * (twice[0] & EPSILON);
            above += DIAGONAL * (twice[0] >> 32);
        }
        state[row] = add(above << 32, below + (above >> 32) * EPSILON);
#endif
    }
}

/* See `_Tables` of the Python twin. Input: S-box of a partial round; heads[j], constants[j] are
 * about input j + 1, whole and the last 12 constants about the state after the partial rounds;
 * trail[k] is the first column of the matrix moved on by k rounds. */
struct tables {
    uint64_t rounds[ROUNDS][WIDTH];
    uint64_t constants[PARTIAL - 1 + WIDTH];
    uint64_t heads[PARTIAL - 1][WIDTH];
    uint64_t whole[WIDTH][WIDTH];
    uint64_t trail[PARTIAL][WIDTH];
};

/* All 22 partial rounds: sums of products, reduced once for each S-box input and each result. */
static void partial_rounds(const struct tables *tables, uint64_t state[WIDTH])
{
    uint64_t outputs[PARTIAL], results[WIDTH];
    outputs[0] = seventh_power(state[0]);
    for (int input = 1; input < PARTIAL; input++) {
        struct sum sum = {tables->constants[input - 1], 0, 0};
        for (int i = 0; i < WIDTH; i++)
            add_product(&sum, tables->heads[input - 1][i], state[i]);
        for (int before = 0; before < input; before++)
            add_product(&sum, tables->trail[input - 1 - before][0], outputs[before]);
        outputs[input] = seventh_power(reduce_sum(&sum));
    }
    for (int row = 0; row < WIDTH; row++) {
        struct sum sum = {tables->constants[PARTIAL - 1 + row], 0, 0};
        for (int i = 0; i < WIDTH; i++)
            add_product(&sum, tables->whole[row][i], state[i]);
        for (int before = 0; before < PARTIAL; before++)
            add_product(&sum, tables->trail[PARTIAL - 1 - before][row], outputs[before]);
        results[row] = reduce_sum(&sum);
    }
    memcpy(state, results, sizeof results);
}

static void full_round(uint64_t state[WIDTH], const uint64_t next[WIDTH])
{
    for (int i = 0; i < WIDTH; i++)
        state[i] = seventh_power(state[i]);
    linear_layer(state);
    for (int i = 0; i < WIDTH; i++)
        state[i] = add(state[i], next[i]);
}

static void permute(const struct tables *tables, uint64_t state[WIDTH])
{
    static const uint64_t nothing[WIDTH] = {0};
    const int second = HALF_FULL + PARTIAL;
    for (int i = 0; i < WIDTH; i++)
        state[i] = add(state[i], tables->rounds[0][i]);
    for (int round = 0; round < HALF_FULL; round++)
        full_round(state, tables->rounds[round + 1]);
    partial_rounds(tables, state); /* adds the constants of the round after it */
    for (int round = second; round < ROUNDS; round++)
        full_round(state, round + 1 < ROUNDS ? tables->rounds[round + 1] : nothing);
    for (int i = 0; i < WIDTH; i++)
        state[i] -= MODULUS & (0 - (uint64_t)(state[i] >= MODULUS));
}

/* The entries are reduced so that `add` may take them. */
static void read_tables(const uint8_t *words, struct tables *tables)
{
    uint64_t *entries = (uint64_t *)tables;
    for (size_t i = 0; i < sizeof *tables / WORD; i++) {
        uint64_t word = load(words + WORD * i);
        entries[i] = word - (MODULUS & (0 - (uint64_t)(word >= MODULUS)));
    }
}

static int tables_fit(Py_ssize_t size)
{
    if (size == (Py_ssize_t)sizeof(struct tables))
        return 1;
    PyErr_SetString(PyExc_ValueError, "goldilocks: tables of another size");
    return 0;
}

PyDoc_STRVAR(permute_doc, "goldilocks_permute(tables, states) -> bytes\n\n"
                          "The permutation of each state of 12 words.");

static PyObject *goldilocks_permute(PyObject *self, PyObject *args)
{
    const char *table, *states;
    Py_ssize_t table_size, size;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#y#", &table, &table_size, &states, &size) ||
        !tables_fit(table_size))
        return NULL;
    if (size % (WIDTH * WORD) != 0) {
        PyErr_SetString(PyExc_ValueError, "goldilocks_permute: not whole states");
        return NULL;
    }
    PyObject *result = PyBytes_FromStringAndSize(NULL, size);
    if (result == NULL)
        return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AsString(result);
    const uint8_t *in = (const uint8_t *)states;
    Py_BEGIN_ALLOW_THREADS
    struct tables tables;
    uint64_t state[WIDTH];
    read_tables((const uint8_t *)table, &tables);
    for (Py_ssize_t at = 0; at < size; at += WIDTH * WORD) {
        for (int i = 0; i < WIDTH; i++)
            state[i] = load(in + at + WORD * i);
        permute(&tables, state);
        for (int i = 0; i < WIDTH; i++)
            store(out + at + WORD * i, state[i]);
    }
    Py_END_ALLOW_THREADS
    return result;
}

PyDoc_STRVAR(hash_doc, "goldilocks_hash(tables, words, width) -> bytes\n\n"
                       "The hash (4 words) of each message of `width` words, not padded.");

static PyObject *goldilocks_hash(PyObject *self, PyObject *args)
{
    const char *table, *words;
    Py_ssize_t table_size, size, width;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#y#n", &table, &table_size, &words, &size, &width) ||
        !tables_fit(table_size))
        return NULL;
    if (width <= 0 || width > PY_SSIZE_T_MAX / WORD || size % (width * WORD) != 0) {
        PyErr_SetString(PyExc_ValueError, "goldilocks_hash: not whole messages");
        return NULL;
    }
    Py_ssize_t count = size / (width * WORD);
    if (count > PY_SSIZE_T_MAX / (DIGEST * WORD))
        return PyErr_NoMemory();
    PyObject *result = PyBytes_FromStringAndSize(NULL, count * DIGEST * WORD);
    if (result == NULL)
        return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AsString(result);
    const uint8_t *in = (const uint8_t *)words;
    Py_BEGIN_ALLOW_THREADS
    struct tables tables;
    read_tables((const uint8_t *)table, &tables);
    for (; count > 0; count--) {
        uint64_t state[WIDTH] = {0};
        for (Py_ssize_t left = width; left > 0; left -= RATE) {
            int block = left < RATE ? (int)left : RATE; /* a short one keeps the old tail */
            for (int i = 0; i < block; i++, in += WORD)
                state[i] = load(in);
            permute(&tables, state);
        }
        for (int i = 0; i < DIGEST; i++, out += WORD)
            store(out, state[i]);
    }
    Py_END_ALLOW_THREADS
    return result;
}

PyDoc_STRVAR(climb_doc,
             "goldilocks_climb(tables, leaves, indexes, siblings, depth) -> bytes\n\n"
             "The root that each path leads to: leaves of 4 words, indexes of one word (bit k set: "
             "the node at height k is the right child), depth siblings of 4 words for each leaf.");

static PyObject *goldilocks_climb(PyObject *self, PyObject *args)
{
    const char *table, *leaves, *indexes, *siblings;
    Py_ssize_t table_size, leaves_size, indexes_size, siblings_size, depth;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#y#y#y#n", &table, &table_size, &leaves, &leaves_size, &indexes,
                          &indexes_size, &siblings, &siblings_size, &depth) ||
        !tables_fit(table_size))
        return NULL;
    const Py_ssize_t node = DIGEST * WORD;
    Py_ssize_t count = leaves_size / node;
    int fits = leaves_size % node == 0 && indexes_size % WORD == 0 &&
               indexes_size / WORD == count && siblings_size % node == 0 && depth >= 0 &&
               depth <= 64;
    /* depth is small here, and count * depth cannot overflow: count * 32 is a buffer's size */
    if (!fits || siblings_size / node / (depth ? depth : 1) != (depth ? count : 0) ||
        (depth && siblings_size / node % depth != 0)) {
        PyErr_SetString(PyExc_ValueError, "goldilocks_climb: buffers of different lengths");
        return NULL;
    }
    PyObject *result = PyBytes_FromStringAndSize(NULL, leaves_size);
    if (result == NULL)
        return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AsString(result);
    const uint8_t *in = (const uint8_t *)leaves, *next = (const uint8_t *)siblings;
    const uint8_t *places = (const uint8_t *)indexes;
    Py_BEGIN_ALLOW_THREADS
    struct tables tables;
    read_tables((const uint8_t *)table, &tables);
    for (Py_ssize_t path = 0; path < count; path++) {
        uint64_t current[DIGEST], index = load(places + WORD * path);
        for (int i = 0; i < DIGEST; i++)
            current[i] = load(in + node * path + WORD * i);
        for (Py_ssize_t height = 0; height < depth; height++, index >>= 1, next += node) {
            uint64_t state[WIDTH] = {0};
            int own = index & 1 ? DIGEST : 0;
            for (int i = 0; i < DIGEST; i++) {
                state[own + i] = current[i];
                state[DIGEST - own + i] = load(next + WORD * i);
            }
            permute(&tables, state);
            for (int i = 0; i < DIGEST; i++)
                current[i] = state[i];
        }
        for (int i = 0; i < DIGEST; i++)
            store(out + node * path + WORD * i, current[i]);
    }
    Py_END_ALLOW_THREADS
    return result;
}

PyMethodDef merkle_por_goldilocks_methods[] = {
    {"goldilocks_permute", goldilocks_permute, METH_VARARGS, permute_doc},
    {"goldilocks_hash", goldilocks_hash, METH_VARARGS, hash_doc},
    {"goldilocks_climb", goldilocks_climb, METH_VARARGS, climb_doc},
    {NULL, NULL, 0, NULL},
};
