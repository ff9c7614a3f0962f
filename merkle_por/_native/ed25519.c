/* Ed25519's one costly step: the encoding of s B - k A (RFC 8032 section 5.1), and whether 32 bytes
 * are a point at all.
 *
 * Python twin: merkle_por/reserves/ownership/ed25519.py, which hashes and judges. Only public
 * numbers come here, so time may depend on them.
 */
#include "kernel.h"

#if defined(__SIZEOF_INT128__)

typedef unsigned __int128 wide;

#define BITS 51
#define MASK (((uint64_t)1 << BITS) - 1)

/* A number modulo p = 2^255 - 19: limbs of 51 bits, least significant first. Bounds: every result
 * but that of `plus` has limbs below 2^52 ("reduced"); `plus` of two such stays below 2^53. All
 * functions take limbs below 2^54. */
typedef struct {
    uint64_t v[5];
} number;

/* x = X/Z, y = Y/Z, x y = T/Z (Hisil, Wong, Carter, Dawson 2008). */
typedef struct {
    number x, y, z, t;
} point;

/* A point prepared to be added: Y - X, Y + X, 2 d T, 2 Z. */
typedef struct {
    number minus, plus, t, z;
} addend;

static const number ZERO = {{0, 0, 0, 0, 0}};
static const number ONE = {{1, 0, 0, 0, 0}};
/* d = -121665/121666, twice it, and a square root of -1. */
static const number D = {
    {0x34dca135978a3u, 0x1a8283b156ebdu, 0x5e7a26001c029u, 0x739c663a03cbbu, 0x52036cee2b6ffu}};
static const number TWICE_D = {
    {0x69b9426b2f159u, 0x35050762add7au, 0x3cf44c0038052u, 0x6738cc7407977u, 0x2406d9dc56dffu}};
static const number ROOT = {
    {0x61b274a0ea0b0u, 0x0d5a5fc8f189du, 0x7ef5e9cbd0c60u, 0x78595a6804c9eu, 0x2b8324804fc1du}};
/* The base point: y = 4/5, x even. */
static const point BASE = {
    {{0x62d608f25d51au, 0x412a4b4f6592au, 0x75b7171a4b31du, 0x1ff60527118feu, 0x216936d3cd6e5u}},
    {{0x6666666666658u, 0x4ccccccccccccu, 0x1999999999999u, 0x3333333333333u, 0x6666666666666u}},
    {{1, 0, 0, 0, 0}},
    {{0x68ab3a5b7dda3u, 0x00eea2a5eadbbu, 0x2af8df483c27eu, 0x332b375274732u, 0x67875f0fd78b7u}},
};

/* ---- numbers modulo p ---- */

static inline void carry(number *a)
{
    for (int i = 0; i < 4; i++) {
        a->v[i + 1] += a->v[i] >> BITS;
        a->v[i] &= MASK;
    }
    a->v[0] += 19 * (a->v[4] >> BITS);
    a->v[4] &= MASK;
}

static inline void plus(number *out, const number *a, const number *b)
{
    for (int i = 0; i < 5; i++)
        out->v[i] = a->v[i] + b->v[i];
}

/* 8 p is added first, so that no limb goes below zero. */
static inline void minus(number *out, const number *a, const number *b)
{
    const uint64_t low = 8 * (MASK - 18), high = 8 * MASK;
    for (int i = 0; i < 5; i++)
        out->v[i] = a->v[i] + (i == 0 ? low : high) - b->v[i];
    carry(out);
}

/* From five sums below 2^115, one a limb's weight. */
static inline void reduce(number *out, wide r0, wide r1, wide r2, wide r3, wide r4)
{
    r1 += r0 >> BITS;
    r2 += r1 >> BITS;
    r3 += r2 >> BITS;
    r4 += r3 >> BITS;
    wide low = ((uint64_t)r0 & MASK) + (r4 >> BITS) * 19;
    out->v[0] = (uint64_t)low & MASK;
    out->v[1] = ((uint64_t)r1 & MASK) + (uint64_t)(low >> BITS);
    out->v[2] = (uint64_t)r2 & MASK;
    out->v[3] = (uint64_t)r3 & MASK;
    out->v[4] = (uint64_t)r4 & MASK;
}

/* A limb of weight 2^255 counts 19 times into the one of weight 1. Five products of limbs below
 * 2^54, four of them times 19, stay below 2^115. */
static void times(number *out, const number *a, const number *b)
{
    uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    uint64_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
    uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;
    wide r0 = (wide)a0 * b0 + (wide)a1 * c4 + (wide)a2 * c3 + (wide)a3 * c2 + (wide)a4 * c1;
    wide r1 = (wide)a0 * b1 + (wide)a1 * b0 + (wide)a2 * c4 + (wide)a3 * c3 + (wide)a4 * c2;
    wide r2 = (wide)a0 * b2 + (wide)a1 * b1 + (wide)a2 * b0 + (wide)a3 * c4 + (wide)a4 * c3;
    wide r3 = (wide)a0 * b3 + (wide)a1 * b2 + (wide)a2 * b1 + (wide)a3 * b0 + (wide)a4 * c4;
    wide r4 = (wide)a0 * b4 + (wide)a1 * b3 + (wide)a2 * b2 + (wide)a3 * b1 + (wide)a4 * b0;
    reduce(out, r0, r1, r2, r3, r4);
}

static inline void square(number *out, const number *a)
{
    uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    uint64_t d0 = 2 * a0, d1 = 2 * a1, c3 = 19 * a3, c4 = 19 * a4;
    wide r0 = (wide)a0 * a0 + (wide)d1 * c4 + (wide)(2 * a2) * c3;
    wide r1 = (wide)d0 * a1 + (wide)(2 * a2) * c4 + (wide)a3 * c3;
    wide r2 = (wide)d0 * a2 + (wide)a1 * a1 + (wide)(2 * a3) * c4;
    wide r3 = (wide)d0 * a3 + (wide)d1 * a2 + (wide)a4 * c4;
    wide r4 = (wide)d0 * a4 + (wide)d1 * a3 + (wide)a2 * a2;
    reduce(out, r0, r1, r2, r3, r4);
}

static void squares(number *out, const number *a, int n)
{
    square(out, a);
    while (--n > 0)
        square(out, out);
}

/* a^(2^252 - 3), that is a^((p - 5) / 8). Names: the exponents, e_n = 2^n - 1. */
static void root_power(number *out, const number *a)
{
    number e1 = *a, e2, e4, e5, e10, e20, e40, e50, e100, t;
    square(&t, &e1);
    times(&e2, &t, &e1);
    squares(&t, &e2, 2);
    times(&e4, &t, &e2);
    square(&t, &e4);
    times(&e5, &t, &e1);
    squares(&t, &e5, 5);
    times(&e10, &t, &e5);
    squares(&t, &e10, 10);
    times(&e20, &t, &e10);
    squares(&t, &e20, 20);
    times(&e40, &t, &e20);
    squares(&t, &e40, 10);
    times(&e50, &t, &e10);
    squares(&t, &e50, 50);
    times(&e100, &t, &e50);
    squares(&t, &e100, 100);
    times(&t, &t, &e100); /* e200 */
    squares(&t, &t, 50);
    times(&t, &t, &e50); /* e250 */
    squares(&t, &t, 2);
    times(out, &t, &e1);
}

/* 1 / a = a^(p - 2): p - 2 = 8 (2^252 - 3) + 3. */
static void inverse(number *out, const number *a)
{
    number high, low;
    root_power(&high, a);
    squares(&high, &high, 3);
    square(&low, a);
    times(&low, &low, a);
    times(out, &high, &low);
}

/* The 32 bytes, little-endian, of the number below p. */
static void write_number(uint8_t out[32], const number *a)
{
    number t = *a;
    carry(&t);
    carry(&t);
    /* Is t + 19 at least 2^255, and so t at least p? Then 19 more and the top bit away. */
    uint64_t above = (t.v[0] + 19) >> BITS;
    for (int i = 1; i < 5; i++)
        above = (t.v[i] + above) >> BITS;
    t.v[0] += 19 * above;
    for (int i = 0; i < 4; i++) {
        t.v[i + 1] += t.v[i] >> BITS;
        t.v[i] &= MASK;
    }
    t.v[4] &= MASK;
    uint64_t words[4] = {
        t.v[0] | t.v[1] << 51,
        t.v[1] >> 13 | t.v[2] << 38,
        t.v[2] >> 26 | t.v[3] << 25,
        t.v[3] >> 39 | t.v[4] << 12,
    };
    for (int i = 0; i < 32; i++)
        out[i] = (uint8_t)(words[i / 8] >> 8 * (i % 8));
}

static void read_words(uint64_t words[4], const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        words[i] = 0;
        for (int j = 7; j >= 0; j--)
            words[i] = words[i] << 8 | bytes[8 * i + j];
    }
}

/* The lower 255 bits. */
static void read_number(number *out, const uint8_t bytes[32])
{
    uint64_t w[4];
    read_words(w, bytes);
    out->v[0] = w[0] & MASK;
    out->v[1] = (w[0] >> 51 | w[1] << 13) & MASK;
    out->v[2] = (w[1] >> 38 | w[2] << 26) & MASK;
    out->v[3] = (w[2] >> 25 | w[3] << 39) & MASK;
    out->v[4] = w[3] >> 12 & MASK;
}

static int same(const number *a, const number *b)
{
    uint8_t left[32], right[32];
    write_number(left, a);
    write_number(right, b);
    return memcmp(left, right, 32) == 0;
}

static int odd(const number *a)
{
    uint8_t bytes[32];
    write_number(bytes, a);
    return bytes[0] & 1;
}

/* ---- points ---- */

/* Reads a point (RFC 8032 section 5.1.3); 0 if the bytes are not the one encoding of one. */
static int read_point(point *out, const uint8_t bytes[32])
{
    uint8_t again[32];
    number u, v, v3, t, root;
    int sign = bytes[31] >> 7;
    read_number(&out->y, bytes);
    write_number(again, &out->y);
    again[31] |= (uint8_t)(sign << 7);
    if (memcmp(again, bytes, 32) != 0)
        return 0;
    /* x^2 = u / v = (y^2 - 1) / (d y^2 + 1); x = u v^3 (u v^7)^((p - 5) / 8), or that times a root
     * of -1. */
    square(&t, &out->y);
    minus(&u, &t, &ONE);
    times(&v, &t, &D);
    plus(&v, &v, &ONE);
    square(&v3, &v);
    times(&v3, &v3, &v);
    square(&t, &v3);
    times(&t, &t, &v);
    times(&t, &t, &u);
    root_power(&root, &t);
    times(&root, &root, &v3);
    times(&root, &root, &u);
    square(&t, &root);
    times(&t, &t, &v);
    if (!same(&t, &u)) {
        minus(&v3, &ZERO, &u);
        if (!same(&t, &v3))
            return 0;
        times(&root, &root, &ROOT);
    }
    if (same(&root, &ZERO) && sign)
        return 0;
    if (odd(&root) != sign)
        minus(&root, &ZERO, &root);
    out->x = root;
    out->z = ONE;
    times(&out->t, &out->x, &out->y);
    return 1;
}

static void write_point(uint8_t out[32], const point *a)
{
    number inverted, x, y;
    inverse(&inverted, &a->z);
    times(&x, &a->x, &inverted);
    times(&y, &a->y, &inverted);
    write_number(out, &y);
    out[31] |= (uint8_t)(odd(&x) << 7);
}

static void prepare(addend *out, const point *a)
{
    minus(&out->minus, &a->y, &a->x);
    plus(&out->plus, &a->y, &a->x);
    times(&out->t, &a->t, &TWICE_D);
    plus(&out->z, &a->z, &a->z);
}

/* added: will something be added next? Doubling doesn't read T. */
static void finish(point *out, const number *e, const number *f, const number *g, const number *h,
                   int added)
{
    times(&out->x, e, f);
    times(&out->y, g, h);
    times(&out->z, f, g);
    if (added)
        times(&out->t, e, h);
}

/* Complete: right for all points, equal and neutral ones too. negative: -b is added. */
static void add(point *out, const point *a, const addend *b, int negative)
{
    number left, right, c, d, e, f, g, h, t;
    minus(&t, &a->y, &a->x);
    times(&left, &t, negative ? &b->plus : &b->minus);
    plus(&t, &a->y, &a->x);
    times(&right, &t, negative ? &b->minus : &b->plus);
    times(&c, &a->t, &b->t);
    times(&d, &a->z, &b->z);
    minus(&e, &right, &left);
    plus(&h, &right, &left);
    minus(negative ? &g : &f, &d, &c);
    plus(negative ? &f : &g, &d, &c);
    finish(out, &e, &f, &g, &h, 1);
}

static void twice(point *out, const point *a, int added)
{
    number xx, yy, zz, both, e, f, g, h, t;
    square(&xx, &a->x);
    square(&yy, &a->y);
    square(&zz, &a->z);
    plus(&zz, &zz, &zz);
    plus(&both, &xx, &yy);
    plus(&t, &a->x, &a->y);
    square(&t, &t);
    minus(&e, &t, &both);
    minus(&g, &yy, &xx);
    minus(&f, &g, &zz);
    minus(&h, &ZERO, &both);
    finish(out, &e, &f, &g, &h, added);
}

/* ---- s B - k A ---- */

#define WINDOW 5
#define ODDS (1 << (WINDOW - 2)) /* odd multiples kept of a point: 1, 3 ... 15 */
#define DIGITS 256

/* Digits, least significant first, each 0 or odd and below 2^(WINDOW - 1) in size; of WINDOW that
 * follow one another at most one is not 0. The scalar is below 2^255. */
static void recode(int8_t digits[DIGITS], const uint8_t scalar[32])
{
    uint64_t w[4];
    read_words(w, scalar);
    for (int i = 0; i < DIGITS; i++) {
        int digit = 0;
        if (w[0] & 1) {
            digit = (int)(w[0] & ((1 << WINDOW) - 1));
            if (digit > 1 << (WINDOW - 1)) {
                digit -= 1 << WINDOW;
                uint64_t more = (uint64_t)-digit;
                for (int j = 0; j < 4; j++) {
                    w[j] += more;
                    more = w[j] < more;
                }
            } else {
                w[0] -= (uint64_t)digit;
            }
        }
        digits[i] = (int8_t)digit;
        for (int j = 0; j < 4; j++)
            w[j] = w[j] >> 1 | (j < 3 ? w[j + 1] << 63 : 0);
    }
}

static void odd_multiples(addend table[ODDS], const point *a)
{
    point next = *a, doubled;
    addend step;
    twice(&doubled, a, 1);
    prepare(&step, &doubled);
    for (int i = 0; i < ODDS; i++) {
        prepare(&table[i], &next);
        add(&next, &next, &step, 0);
    }
}

static void combine(uint8_t out[32], const point *a, const uint8_t *s, const uint8_t *k)
{
    int8_t of_base[DIGITS], of_a[DIGITS];
    addend base[ODDS], other[ODDS];
    point sum = {ZERO, ONE, ONE, ZERO};
    recode(of_base, s);
    recode(of_a, k);
    odd_multiples(base, &BASE);
    odd_multiples(other, a);
    int i = DIGITS - 1;
    while (i >= 0 && of_base[i] == 0 && of_a[i] == 0)
        i--;
    for (; i >= 0; i--) {
        twice(&sum, &sum, of_base[i] != 0 || of_a[i] != 0);
        int digit = of_base[i];
        if (digit != 0)
            add(&sum, &sum, &base[(digit < 0 ? -digit : digit) / 2], digit < 0);
        digit = of_a[i];
        if (digit != 0)
            add(&sum, &sum, &other[(digit < 0 ? -digit : digit) / 2], digit > 0);
    }
    write_point(out, &sum);
}

PyDoc_STRVAR(combine_doc,
             "ed25519_combine(key, s, k) -> bytes | None\n\n"
             "The encoding of s B - k A for the base point B and the point A of `key`; None if the\n"
             "key is not the one encoding of a point. 32 bytes each, little-endian; s and k are\n"
             "below 2^255 (else ValueError).");

static PyObject *ed25519_combine(PyObject *self, PyObject *args)
{
    const char *key, *s, *k;
    Py_ssize_t key_size, s_size, k_size;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#y#y#", &key, &key_size, &s, &s_size, &k, &k_size))
        return NULL;
    if (key_size != 32 || s_size != 32 || k_size != 32 || (uint8_t)s[31] >> 7 ||
        (uint8_t)k[31] >> 7) {
        PyErr_SetString(PyExc_ValueError, "ed25519_combine: sizes or scalars");
        return NULL;
    }
    uint8_t out[32];
    int good;
    Py_BEGIN_ALLOW_THREADS
    point a;
    good = read_point(&a, (const uint8_t *)key);
    if (good)
        combine(out, &a, (const uint8_t *)s, (const uint8_t *)k);
    Py_END_ALLOW_THREADS
    if (!good)
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)out, 32);
}

PyDoc_STRVAR(is_point_doc, "ed25519_is_point(key) -> bool\n\n"
                           "Are the 32 bytes the one encoding of a point of the curve?");

static PyObject *ed25519_is_point(PyObject *self, PyObject *args)
{
    const char *key;
    Py_ssize_t size;
    point a;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#", &key, &size))
        return NULL;
    if (size != 32) {
        PyErr_SetString(PyExc_ValueError, "ed25519_is_point: not 32 bytes");
        return NULL;
    }
    return PyBool_FromLong(read_point(&a, (const uint8_t *)key));
}

PyMethodDef merkle_por_ed25519_methods[] = {
    {"ed25519_combine", ed25519_combine, METH_VARARGS, combine_doc},
    {"ed25519_is_point", ed25519_is_point, METH_VARARGS, is_point_doc},
    {NULL, NULL, 0, NULL},
};

#else /* no 128-bit integers: the Python twin serves */

PyMethodDef merkle_por_ed25519_methods[] = {
    {NULL, NULL, 0, NULL},
};

#endif
