/* SHA-256 (FIPS 180-4) over many short messages.
 *
 * A single stream waits for the latency of the round instruction, so two independent messages are
 * interleaved on processors with SHA extensions; eight lanes of AVX2 serve x86 processors without
 * them, and portable C all others. The choice is made at run time: no machine flags at build.
 * Python twin: merkle_por/hashes/sha256.py (hashlib).
 */
#include "kernel.h"
#include "sha256.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define SHA256_X86 1
#include <cpuid.h>
#include <immintrin.h>
#endif

const uint32_t merkle_por_sha256_initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* 16-byte aligned: read four at a time. */
#if defined(__GNUC__)
__attribute__((aligned(16)))
#endif
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* ---- portable C, one lane ---- */

#define ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

static void compress_portable(uint32_t (*states)[8], const uint8_t *const *data, size_t blocks)
{
    uint32_t *state = states[0];
    const uint8_t *at = data[0];
    for (; blocks > 0; blocks--, at += SHA256_BLOCK) {
        uint32_t w[64], a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)at[4 * i] << 24 | (uint32_t)at[4 * i + 1] << 16 |
                   (uint32_t)at[4 * i + 2] << 8 | (uint32_t)at[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            uint32_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (ROTR(x, 7) ^ ROTR(x, 18) ^ (x >> 3)) + w[i - 7] +
                   (ROTR(y, 17) ^ ROTR(y, 19) ^ (y >> 10));
        }
        for (int i = 0; i < 64; i++) {
            uint32_t t1 = h + (ROTR(e, 6) ^ ROTR(e, 11) ^ ROTR(e, 25)) + ((e & f) ^ (~e & g)) +
                          K[i] + w[i];
            uint32_t t2 = (ROTR(a, 2) ^ ROTR(a, 13) ^ ROTR(a, 22)) +
                          ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

static const struct sha256_engine portable = {"portable", 1, compress_portable};

#ifdef SHA256_X86

/* ---- SHA extensions, two interleaved lanes ---- */

/* Four rounds of one lane: m0 holds w[4i .. 4i+3]. The instruction takes the state as ABEF and
 * CDGH and two round inputs at a time. */
#define ROUNDS(abef, cdgh, m0, k)                                                                  \
    do {                                                                                           \
        __m128i wk = _mm_add_epi32(m0, k);                                                         \
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);                                              \
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0E));                     \
    } while (0)

/* w[4i+16 .. 4i+19] over w[4i .. 4i+3]. */
#define SCHEDULE(m0, m1, m2, m3)                                                                   \
    m0 = _mm_sha256msg2_epu32(                                                                     \
        _mm_add_epi32(_mm_sha256msg1_epu32(m0, m1), _mm_alignr_epi8(m3, m2, 4)), m3)

#define FOUR(i, m0, m1, m2, m3, n0, n1, n2, n3, more)                                              \
    do {                                                                                           \
        __m128i k = _mm_load_si128((const __m128i *)(K + 4 * (i)));                                \
        ROUNDS(abef0, cdgh0, m0, k);                                                               \
        ROUNDS(abef1, cdgh1, n0, k);                                                               \
        if (more) {                                                                                \
            SCHEDULE(m0, m1, m2, m3);                                                              \
            SCHEDULE(n0, n1, n2, n3);                                                              \
        }                                                                                          \
    } while (0)

#define SIXTEEN(i, more)                                                                           \
    FOUR(i, m0, m1, m2, m3, n0, n1, n2, n3, more);                                                 \
    FOUR(i + 1, m1, m2, m3, m0, n1, n2, n3, n0, more);                                             \
    FOUR(i + 2, m2, m3, m0, m1, n2, n3, n0, n1, more);                                             \
    FOUR(i + 3, m3, m0, m1, m2, n3, n0, n1, n2, more)

#define LOAD_STATE(state, abef, cdgh)                                                              \
    do {                                                                                           \
        __m128i lo = _mm_loadu_si128((const __m128i *)(state));                                    \
        __m128i hi = _mm_loadu_si128((const __m128i *)((state) + 4));                              \
        lo = _mm_shuffle_epi32(lo, 0xB1);                                                          \
        hi = _mm_shuffle_epi32(hi, 0x1B);                                                          \
        abef = _mm_alignr_epi8(lo, hi, 8);                                                         \
        cdgh = _mm_blend_epi16(hi, lo, 0xF0);                                                      \
    } while (0)

#define STORE_STATE(state, abef, cdgh)                                                             \
    do {                                                                                           \
        __m128i lo = _mm_shuffle_epi32(abef, 0x1B);                                                \
        __m128i hi = _mm_shuffle_epi32(cdgh, 0xB1);                                                \
        _mm_storeu_si128((__m128i *)(state), _mm_blend_epi16(lo, hi, 0xF0));                       \
        _mm_storeu_si128((__m128i *)((state) + 4), _mm_alignr_epi8(hi, lo, 8));                    \
    } while (0)

#define LOAD_WORDS(p) _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p)), swap)

__attribute__((target("sha,sse4.1,ssse3"))) static void
compress_sha(uint32_t (*states)[8], const uint8_t *const *data, size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    const uint8_t *p = data[0], *q = data[1];
    __m128i abef0, cdgh0, abef1, cdgh1;
    LOAD_STATE(states[0], abef0, cdgh0);
    LOAD_STATE(states[1], abef1, cdgh1);
    for (; blocks > 0; blocks--, p += SHA256_BLOCK, q += SHA256_BLOCK) {
        const __m128i a0 = abef0, c0 = cdgh0, a1 = abef1, c1 = cdgh1;
        __m128i m0 = LOAD_WORDS(p), m1 = LOAD_WORDS(p + 16);
        __m128i m2 = LOAD_WORDS(p + 32), m3 = LOAD_WORDS(p + 48);
        __m128i n0 = LOAD_WORDS(q), n1 = LOAD_WORDS(q + 16);
        __m128i n2 = LOAD_WORDS(q + 32), n3 = LOAD_WORDS(q + 48);
        SIXTEEN(0, 1);
        SIXTEEN(4, 1);
        SIXTEEN(8, 1);
        SIXTEEN(12, 0);
        abef0 = _mm_add_epi32(abef0, a0), cdgh0 = _mm_add_epi32(cdgh0, c0);
        abef1 = _mm_add_epi32(abef1, a1), cdgh1 = _mm_add_epi32(cdgh1, c1);
    }
    STORE_STATE(states[0], abef0, cdgh0);
    STORE_STATE(states[1], abef1, cdgh1);
}

static const struct sha256_engine sha_extensions = {"sha", 2, compress_sha};

/* ---- AVX2, eight lanes: word i of all lanes in one register ---- */

/* out[i] gets element i of each of the eight rows. */
__attribute__((target("avx2"))) static void transpose(__m256i r[8])
{
    __m256i t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        u[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        u[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        u[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x31);
    }
}

#define ROTR8(x, n) _mm256_or_si256(_mm256_srli_epi32(x, n), _mm256_slli_epi32(x, 32 - (n)))
#define XOR3(x, y, z) _mm256_xor_si256(_mm256_xor_si256(x, y), z)
#define ADD8(x, y) _mm256_add_epi32(x, y)

__attribute__((target("avx2"))) static void
compress_avx2(uint32_t (*states)[8], const uint8_t *const *data, size_t blocks)
{
    const __m256i swap =
        _mm256_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL, 0x0c0d0e0f08090a0bLL,
                          0x0405060700010203LL);
    __m256i s[8], w[16];
    for (int i = 0; i < 8; i++)
        s[i] = _mm256_loadu_si256((const __m256i *)states[i]);
    transpose(s);
    for (size_t n = 0; n < blocks; n++) {
        __m256i a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
        for (int i = 0; i < 8; i++) {
            const uint8_t *p = data[i] + n * SHA256_BLOCK;
            w[i] = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)p), swap);
            w[i + 8] = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)(p + 32)), swap);
        }
        transpose(w);
        transpose(w + 8);
        for (int i = 0; i < 64; i++) {
            __m256i word = w[i & 15];
            if (i >= 16) {
                __m256i x = w[(i + 1) & 15], y = w[(i + 14) & 15];
                word = ADD8(word, XOR3(ROTR8(x, 7), ROTR8(x, 18), _mm256_srli_epi32(x, 3)));
                word = ADD8(word, w[(i + 9) & 15]);
                word = ADD8(word, XOR3(ROTR8(y, 17), ROTR8(y, 19), _mm256_srli_epi32(y, 10)));
                w[i & 15] = word;
            }
            __m256i t1 = ADD8(h, XOR3(ROTR8(e, 6), ROTR8(e, 11), ROTR8(e, 25)));
            t1 = ADD8(t1, _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g))));
            t1 = ADD8(t1, ADD8(word, _mm256_set1_epi32((int)K[i])));
            __m256i t2 = ADD8(XOR3(ROTR8(a, 2), ROTR8(a, 13), ROTR8(a, 22)),
                              _mm256_or_si256(_mm256_and_si256(a, b),
                                              _mm256_and_si256(c, _mm256_or_si256(a, b))));
            h = g, g = f, f = e, e = ADD8(d, t1), d = c, c = b, b = a, a = ADD8(t1, t2);
        }
        s[0] = ADD8(s[0], a), s[1] = ADD8(s[1], b), s[2] = ADD8(s[2], c), s[3] = ADD8(s[3], d);
        s[4] = ADD8(s[4], e), s[5] = ADD8(s[5], f), s[6] = ADD8(s[6], g), s[7] = ADD8(s[7], h);
    }
    transpose(s);
    for (int i = 0; i < 8; i++)
        _mm256_storeu_si256((__m256i *)states[i], s[i]);
}

static const struct sha256_engine avx2 = {"avx2", 8, compress_avx2};

static int has_sha_extensions(void)
{
    /* Asked once: a virtual machine may take 20 us to answer. Two threads find the same. */
    static int known; /* 0: not asked yet, else 1 + answer */
    if (known == 0) {
        unsigned a, b, c, d; /* leaf 7: EBX bit 29; __builtin_cpu_supports knows it only lately */
        known = 1 + (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) &&
                     __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1"));
    }
    return known - 1;
}

static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2"); /* asks the operating system too */
}

#endif /* SHA256_X86 */

static int always(void)
{
    return 1;
}

/* Fastest first. */
static const struct {
    const struct sha256_engine *engine;
    int (*runs)(void);
} ENGINES[] = {
#ifdef SHA256_X86
    {&sha_extensions, has_sha_extensions},
    {&avx2, has_avx2},
#endif
    {&portable, always},
};
#define ENGINE_COUNT (sizeof ENGINES / sizeof *ENGINES)

const struct sha256_engine *merkle_por_sha256_engine(const char *name)
{
    for (size_t i = 0; i < ENGINE_COUNT; i++)
        if ((strcmp(name, "auto") == 0 || strcmp(name, ENGINES[i].engine->name) == 0) &&
            ENGINES[i].runs())
            return ENGINES[i].engine;
    PyErr_Format(PyExc_ValueError, "no SHA-256 engine %s on this machine", name);
    return NULL;
}

/* ---- scheduling messages of mixed lengths over the lanes ---- */

struct lane {
    const uint8_t *at;                /* next block */
    size_t blocks;                    /* blocks left at `at` */
    size_t tail_blocks;               /* padded blocks still to come after them, 0 to 2 */
    uint8_t *out;                     /* where its digest goes; NULL: nothing to do */
    uint8_t tail[2 * SHA256_BLOCK];   /* rest of the message, padded */
};

static void start(struct lane *lane, uint32_t state[8], const struct sha256_message *message,
                  uint8_t *out)
{
    size_t full = message->length / SHA256_BLOCK, rest = message->length % SHA256_BLOCK;
    size_t tail_blocks = rest + 9 <= SHA256_BLOCK ? 1 : 2; /* 0x80 and the 8-byte length */
    uint64_t bits = (uint64_t)message->length * 8;
    uint8_t *end = lane->tail + tail_blocks * SHA256_BLOCK;
    if (rest > 0)
        memcpy(lane->tail, message->data + full * SHA256_BLOCK, rest);
    lane->tail[rest] = 0x80;
    memset(lane->tail + rest + 1, 0, (size_t)(end - lane->tail) - rest - 1);
    for (int i = 1; i <= 8; i++, bits >>= 8)
        end[-i] = (uint8_t)bits;
    memcpy(state, merkle_por_sha256_initial, sizeof merkle_por_sha256_initial);
    lane->out = out;
    lane->at = full > 0 ? message->data : lane->tail;
    lane->blocks = full > 0 ? full : tail_blocks;
    lane->tail_blocks = full > 0 ? tail_blocks : 0;
}

void merkle_por_sha256_store(const uint32_t state[8], uint8_t out[SHA256_DIGEST])
{
    for (int i = 0; i < 8; i++) {
        uint32_t word = state[i]; /* a copy, since out may alias: compilers make one store of it */
        out[4 * i] = (uint8_t)(word >> 24);
        out[4 * i + 1] = (uint8_t)(word >> 16);
        out[4 * i + 2] = (uint8_t)(word >> 8);
        out[4 * i + 3] = (uint8_t)word;
    }
}

void merkle_por_sha256_many(const struct sha256_engine *engine,
                            const struct sha256_message *messages, size_t count, uint8_t *out)
{
    struct lane lanes[SHA256_MAX_LANES];
    uint32_t states[SHA256_MAX_LANES][8];
    const uint8_t *data[SHA256_MAX_LANES];
    size_t next = 0, busy = 0;
    memset(states, 0, sizeof states);
    for (size_t i = 0; i < engine->lanes; i++) {
        lanes[i].out = NULL;
        if (next < count) {
            start(&lanes[i], states[i], &messages[next], out + next * SHA256_DIGEST);
            next++, busy++;
        }
    }
    while (busy > 0) {
        size_t blocks = SIZE_MAX;
        const uint8_t *readable = NULL;
        for (size_t i = 0; i < engine->lanes; i++)
            if (lanes[i].out != NULL && lanes[i].blocks < blocks)
                blocks = lanes[i].blocks, readable = lanes[i].at;
        for (size_t i = 0; i < engine->lanes; i++) /* idle lanes hash along, unused */
            data[i] = lanes[i].out != NULL ? lanes[i].at : readable;
        engine->compress(states, data, blocks);
        for (size_t i = 0; i < engine->lanes; i++) {
            struct lane *lane = &lanes[i];
            if (lane->out == NULL)
                continue;
            lane->at += blocks * SHA256_BLOCK;
            lane->blocks -= blocks;
            if (lane->blocks > 0)
                continue;
            if (lane->tail_blocks > 0) {
                lane->at = lane->tail;
                lane->blocks = lane->tail_blocks;
                lane->tail_blocks = 0;
                continue;
            }
            merkle_por_sha256_store(states[i], lane->out);
            lane->out = NULL;
            if (next < count) {
                start(lane, states[i], &messages[next], out + next * SHA256_DIGEST);
                next++;
            } else {
                busy--;
            }
        }
    }
}

/* All lanes begin and end together, so nothing has to be scheduled, and the padding is written
 * once. Where there are fewer messages than lanes the spare ones repeat the first. */
void merkle_por_sha256_equal(const struct sha256_engine *engine, const uint8_t *data,
                             size_t stride, size_t length, size_t count, uint8_t *out)
{
    uint8_t tails[SHA256_MAX_LANES][2 * SHA256_BLOCK];
    uint32_t states[SHA256_MAX_LANES][8];
    const uint8_t *at[SHA256_MAX_LANES], *tail[SHA256_MAX_LANES];
    size_t lanes = engine->lanes, full = length / SHA256_BLOCK, rest = length % SHA256_BLOCK;
    size_t tail_blocks = rest + 9 <= SHA256_BLOCK ? 1 : 2;
    uint64_t bits = (uint64_t)length * 8;
    memset(tails, 0, sizeof tails);
    for (size_t i = 0; i < lanes; i++) {
        uint8_t *end = tails[i] + tail_blocks * SHA256_BLOCK;
        tails[i][rest] = 0x80;
        for (int j = 1; j <= 8; j++)
            end[-j] = (uint8_t)(bits >> 8 * (j - 1));
        tail[i] = tails[i];
    }
    for (size_t done = 0; done < count; done += lanes) {
        size_t n = count - done < lanes ? count - done : lanes;
        for (size_t i = 0; i < lanes; i++) {
            at[i] = data + (done + (i < n ? i : 0)) * stride;
            memcpy(states[i], merkle_por_sha256_initial, sizeof states[i]);
            if (rest > 0)
                memcpy(tails[i], at[i] + full * SHA256_BLOCK, rest);
        }
        if (full > 0)
            engine->compress(states, at, full);
        engine->compress(states, tail, tail_blocks);
        for (size_t i = 0; i < n; i++)
            merkle_por_sha256_store(states[i], out + (done + i) * SHA256_DIGEST);
    }
}

void merkle_por_sha256_step(const struct sha256_engine *engine, uint32_t (*states)[8],
                            const uint8_t *blocks, size_t count)
{
    size_t lanes = engine->lanes, done = 0;
    const uint8_t *data[SHA256_MAX_LANES];
    for (; done + lanes <= count; done += lanes) {
        for (size_t i = 0; i < lanes; i++)
            data[i] = blocks + (done + i) * SHA256_BLOCK;
        engine->compress(states + done, data, 1);
    }
    if (done < count) { /* fewer states than lanes: the spare lanes repeat the first block */
        uint32_t spare[SHA256_MAX_LANES][8];
        memset(spare, 0, sizeof spare);
        memcpy(spare, states + done, (count - done) * sizeof *states);
        for (size_t i = 0; i < lanes; i++)
            data[i] = blocks + (done + (i < count - done ? i : 0)) * SHA256_BLOCK;
        engine->compress(spare, data, 1);
        memcpy(states + done, spare, (count - done) * sizeof *states);
    }
}

/* ---- Python's side ---- */

#define BATCH 256 /* messages described at a time; keeps the descriptors on the stack */

static PyObject *engines(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    PyObject *names = PyList_New(0);
    for (size_t i = 0; names != NULL && i < ENGINE_COUNT; i++) {
        if (!ENGINES[i].runs())
            continue;
        PyObject *name = PyUnicode_FromString(ENGINES[i].engine->name);
        if (name == NULL || PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

/* New bytes for `count` digests, or NULL with an exception. */
static PyObject *new_digests(Py_ssize_t count)
{
    if (count > PY_SSIZE_T_MAX / SHA256_DIGEST)
        return PyErr_NoMemory();
    return PyBytes_FromStringAndSize(NULL, count * SHA256_DIGEST);
}

/* Messages that are bytes objects. */
static PyObject *of_list(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *given, *owned, *result = NULL;
    struct sha256_message *messages = NULL;
    const char *name;
    if (!PyArg_ParseTuple(args, "Os", &given, &name))
        return NULL;
    const struct sha256_engine *engine = merkle_por_sha256_engine(name);
    if (engine == NULL)
        return NULL;
    owned = PySequence_Tuple(given); /* holds the messages while the GIL is released */
    if (owned == NULL)
        return NULL;
    Py_ssize_t count = PyTuple_Size(owned);
    messages = PyMem_Malloc((size_t)(count > 0 ? count : 1) * sizeof *messages);
    if (messages == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        char *data;
        Py_ssize_t length;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(owned, i), &data, &length) < 0)
            goto done;
        messages[i].data = (const uint8_t *)data;
        messages[i].length = (size_t)length;
    }
    result = new_digests(count);
    if (result != NULL) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS
        merkle_por_sha256_many(engine, messages, (size_t)count, out);
        Py_END_ALLOW_THREADS
    }
done:
    PyMem_Free(messages);
    Py_DECREF(owned);
    return result;
}

/* Message i is data[offsets[i]:offsets[i+1]]; offsets are native 64-bit integers. */
static PyObject *of_flat(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer data, offsets;
    PyObject *result = NULL;
    uint64_t *at = NULL;
    const char *name;
    if (!PyArg_ParseTuple(args, "y*y*s", &data, &offsets, &name))
        return NULL;
    const struct sha256_engine *engine = merkle_por_sha256_engine(name);
    if (engine == NULL)
        goto done;
    if (offsets.len < 8 || offsets.len % 8 != 0) {
        PyErr_SetString(PyExc_ValueError, "offsets: 64-bit integers, one more than messages");
        goto done;
    }
    size_t count = (size_t)offsets.len / 8 - 1;
    at = PyMem_Malloc((size_t)offsets.len); /* our own copy: checked now, trusted without the GIL */
    if (at == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    memcpy(at, offsets.buf, (size_t)offsets.len);
    for (size_t i = 0; i < count; i++) {
        if (at[i] > at[i + 1] || at[i + 1] > (uint64_t)data.len) {
            PyErr_SetString(PyExc_ValueError, "offsets: not ascending, or beyond the data");
            goto done;
        }
    }
    result = new_digests((Py_ssize_t)count);
    if (result != NULL) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS
        struct sha256_message messages[BATCH];
        for (size_t i = 0; i < count;) {
            size_t n = 0;
            for (; n < BATCH && i + n < count; n++) {
                messages[n].data = (const uint8_t *)data.buf + at[i + n];
                messages[n].length = (size_t)(at[i + n + 1] - at[i + n]);
            }
            merkle_por_sha256_many(engine, messages, n, out + i * SHA256_DIGEST);
            i += n;
        }
        Py_END_ALLOW_THREADS
    }
done:
    PyMem_Free(at);
    PyBuffer_Release(&data);
    PyBuffer_Release(&offsets);
    return result;
}

/* Message i is data[first + i*stride : first + i*stride + length]. */
static PyObject *of_slices(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer data;
    Py_ssize_t first, stride, length, count;
    PyObject *result = NULL;
    const char *name;
    if (!PyArg_ParseTuple(args, "y*nnnns", &data, &first, &stride, &length, &count, &name))
        return NULL;
    const struct sha256_engine *engine = merkle_por_sha256_engine(name);
    if (engine == NULL)
        goto done;
    if (first < 0 || stride < 0 || length < 0 || count < 0 ||
        (count > 0 && (first > data.len || length > data.len - first ||
                       (stride > 0 && (data.len - first - length) / stride < count - 1)))) {
        PyErr_SetString(PyExc_ValueError, "slices: negative, or beyond the data");
        goto done;
    }
    result = new_digests(count);
    if (result != NULL) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS
        merkle_por_sha256_equal(engine, (const uint8_t *)data.buf + first, (size_t)stride,
                                (size_t)length, (size_t)count, out);
        Py_END_ALLOW_THREADS
    }
done:
    PyBuffer_Release(&data);
    return result;
}

PyMethodDef merkle_por_sha256_methods[] = {
    {"sha256_engines", engines, METH_NOARGS, "Names of the engines that run here, fastest first."},
    {"sha256_of_list", of_list, METH_VARARGS, "(messages, engine) -> digests, 32 bytes each."},
    {"sha256_of_flat", of_flat, METH_VARARGS, "(data, offsets, engine) -> digests."},
    {"sha256_of_slices", of_slices, METH_VARARGS,
     "(data, first, stride, length, count, engine) -> digests."},
    {NULL, NULL, 0, NULL},
};
