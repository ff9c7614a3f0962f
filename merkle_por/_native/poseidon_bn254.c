/* Poseidon over BN254 in the sponge of Binance, Gate and HTX (specs/zk-primitives-bn254 section 2).
 *
 * Python twin: merkle_por/hashes/poseidon_bn254.py; tables: poseidon_bn254_tables.py. Partial
 * rounds are taken in groups of GROUP: lanes 1.. stay as they were at the start of the group, and
 * lane 0 of each round is one dot product of them and of the S-box outputs of the group so far.
 * Their own update is one dot product a lane at the end of the group. So a group of b rounds takes
 * b + t - 1 reductions where plain sparse rounds take b t.
 *
 * Sums are reduced once. That is right only for a bounded number of terms: FIELD_TERMS.
 */
#include "kernel.h"

#if defined(__SIZEOF_INT128__)

typedef unsigned __int128 wide;

/* A number modulo q, four words, least significant first, in Montgomery form (times 2^256). */
typedef struct {
    uint64_t w[4];
} field;

#define ELEMENT 32
#define MIN_WIDTH 2
#define MAX_WIDTH 17
#define HALF_ROUNDS 4 /* full rounds before, and as many after, the partial ones */
#define GROUP 5
/* The longest sum: q = 0.189 * 2^256, so that n products of numbers below q and what the reduction
 * adds to them stay below 0.0358 n + 0.19 times 2^512. They fit for n <= 22. The reduced sum is then
 * below (0.19 n + 1) q <= 5.2 q; with a number below q added to it, as the end of a group does with
 * GROUP terms, below 3 q. Subtracting 4q, 2q and q where possible brings either below q. */
#define FIELD_TERMS 22

#if MAX_WIDTH - 1 + GROUP > FIELD_TERMS
#error "a dot product would overflow"
#endif

static const unsigned char PARTIAL_ROUNDS[MAX_WIDTH + 1] = {0,  0,  56, 57, 56, 60, 60, 63, 64,
                                                            63, 60, 66, 60, 65, 70, 60, 64, 68};

/* q, 2q and 4q: one array, so that assembly reaches all of them from one pointer. */
static const uint64_t MULTIPLES[12] = {
    0x43e1f593f0000001u, 0x2833e84879b97091u, 0xb85045b68181585du, 0x30644e72e131a029u,
    0x87c3eb27e0000002u, 0x5067d090f372e122u, 0x70a08b6d0302b0bau, 0x60c89ce5c2634053u,
    0x0f87d64fc0000004u, 0xa0cfa121e6e5c245u, 0xe14116da06056174u, 0xc19139cb84c680a6u,
};
#define Q MULTIPLES
static const uint64_t INVERSE = 0xc2e1f593efffffffu; /* -1/q modulo 2^64 */
/* 2^512 modulo q: a Montgomery product with it brings a number into Montgomery form. */
static const field SQUARE = {
    {0x1bb8e645ae216da7u, 0x53fe3ab1e35c59e3u, 0x8c49833d53bb8085u, 0x0216d0b17f4e44a5u}};

/* One engine does the arithmetic; all of them with equal results.
 * power5: x <- x^5 for x < 2q, the result below q.
 * dot: the sum of a[i] b[i], n terms below q each, and of `plus` (below q) unless it is NULL; the
 * result is below q. With a `plus` n is at most GROUP. */
struct engine {
    const char *name;
    void (*power5)(field *x);
    void (*dot)(field *out, const field *a, const field *b, size_t n, const field *plus);
};

/* ---- portable ---- */

/* x - m where that is not negative; no branches: the numbers are users' balances. */
static inline void subtract_if_above(uint64_t x[4], const uint64_t m[4])
{
    uint64_t d[4], borrow = 0;
    for (int i = 0; i < 4; i++) {
        wide t = (wide)x[i] - m[i] - borrow;
        d[i] = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
    }
    uint64_t keep = (uint64_t)0 - borrow;
    for (int i = 0; i < 4; i++)
        x[i] = (x[i] & keep) | (d[i] & ~keep);
}

/* a b / 2^256 modulo q, for a, b < 2q; the result is below 2q, as 4 * 0.19 + 1 < 2. */
static inline void multiply(uint64_t out[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t[5] = {0, 0, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        wide carry = 0;
        for (int j = 0; j < 4; j++) {
            carry += (wide)a[j] * b[i] + t[j];
            t[j] = (uint64_t)carry;
            carry >>= 64;
        }
        t[4] = (uint64_t)carry;
        uint64_t m = t[0] * INVERSE;
        carry = ((wide)m * Q[0] + t[0]) >> 64;
        for (int j = 1; j < 4; j++) {
            carry += (wide)m * Q[j] + t[j];
            t[j - 1] = (uint64_t)carry;
            carry >>= 64;
        }
        t[3] = t[4] + (uint64_t)carry;
    }
    for (int i = 0; i < 4; i++)
        out[i] = t[i];
}

static void power5_portable(field *x)
{
    uint64_t square[4], fourth[4];
    multiply(square, x->w, x->w);
    multiply(fourth, square, square);
    multiply(x->w, fourth, x->w);
    subtract_if_above(x->w, Q);
}

static void dot_portable(field *out, const field *a, const field *b, size_t n, const field *plus)
{
    uint64_t sum[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    if (plus != NULL)
        for (int i = 0; i < 4; i++)
            sum[4 + i] = plus->w[i];
    for (; n > 0; n--, a++, b++) {
        uint64_t product[8];
        wide carry = 0;
        for (int j = 0; j < 4; j++) {
            carry += (wide)a->w[j] * b->w[0];
            product[j] = (uint64_t)carry;
            carry >>= 64;
        }
        product[4] = (uint64_t)carry;
        for (int i = 1; i < 4; i++) {
            carry = 0;
            for (int j = 0; j < 4; j++) {
                carry += (wide)a->w[j] * b->w[i] + product[i + j];
                product[i + j] = (uint64_t)carry;
                carry >>= 64;
            }
            product[i + 4] = (uint64_t)carry;
        }
        carry = 0;
        for (int i = 0; i < 8; i++) {
            carry += (wide)sum[i] + product[i];
            sum[i] = (uint64_t)carry;
            carry >>= 64;
        }
    }
    uint64_t over = 0; /* what the rows so far carry into the next word */
    for (int i = 0; i < 4; i++) {
        uint64_t m = sum[i] * INVERSE;
        wide carry = 0;
        for (int j = 0; j < 4; j++) {
            carry += (wide)m * Q[j] + sum[i + j];
            sum[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        carry += (wide)sum[i + 4] + over;
        sum[i + 4] = (uint64_t)carry;
        over = (uint64_t)(carry >> 64);
    }
    for (int i = 0; i < 4; i++)
        out->w[i] = sum[4 + i];
    subtract_if_above(out->w, MULTIPLES + 8);
    subtract_if_above(out->w, MULTIPLES + 4);
    subtract_if_above(out->w, Q);
}

static const struct engine portable = {"portable", power5_portable, dot_portable};

/* ---- x86-64 with BMI2 (mulx) and ADX (two independent carry chains) ---- */

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_ADX 1
#include <cpuid.h>

static int cpu_has_adx(void)
{
    /* Asked once: in a virtual machine the answer takes as long as half a hash of two elements. */
    static int known; /* 0: not asked yet, else 1 + answer. Two threads find the same. */
    if (known == 0) {
        unsigned a, b, c, d;
        known = 1 + (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 8 & 1) && (b >> 19 & 1));
    }
    return known - 1;
}

/* t <- t + a * (word of b); then t <- (t + m q) / 2^64. t1 t2 t3 t4 t0 are the words afterwards. */
#define MULTIPLY_ROW(word, t0, t1, t2, t3, t4)                                                     \
    "movq " word "(%[b]), %%rdx\n\t"                                                               \
    "xorl %k[zero], %k[zero]\n\t"                                                                  \
    "mulxq (%[a]), %[lo], %[hi]\n\t"                                                               \
    "adcxq %[lo], %[" t0 "]\n\t"                                                                   \
    "adoxq %[hi], %[" t1 "]\n\t"                                                                   \
    "mulxq 8(%[a]), %[lo], %[hi]\n\t"                                                              \
    "adcxq %[lo], %[" t1 "]\n\t"                                                                   \
    "adoxq %[hi], %[" t2 "]\n\t"                                                                   \
    "mulxq 16(%[a]), %[lo], %[hi]\n\t"                                                             \
    "adcxq %[lo], %[" t2 "]\n\t"                                                                   \
    "adoxq %[hi], %[" t3 "]\n\t"                                                                   \
    "mulxq 24(%[a]), %[lo], %[" t4 "]\n\t"                                                         \
    "adcxq %[lo], %[" t3 "]\n\t"                                                                   \
    "adoxq %[zero], %[" t4 "]\n\t"                                                                 \
    "adcxq %[zero], %[" t4 "]\n\t" REDUCE_ROW(t0, t1, t2, t3, t4)
#define REDUCE_ROW(t0, t1, t2, t3, t4)                                                             \
    "movq %[" t0 "], %%rdx\n\t"                                                                    \
    "imulq %[inverse], %%rdx\n\t"                                                                  \
    "xorl %k[zero], %k[zero]\n\t"                                                                  \
    "mulxq (%[q]), %[lo], %[hi]\n\t"                                                               \
    "adcxq %[lo], %[" t0 "]\n\t"                                                                   \
    "adoxq %[hi], %[" t1 "]\n\t"                                                                   \
    "mulxq 8(%[q]), %[lo], %[hi]\n\t"                                                              \
    "adcxq %[lo], %[" t1 "]\n\t"                                                                   \
    "adoxq %[hi], %[" t2 "]\n\t"                                                                   \
    "mulxq 16(%[q]), %[lo], %[hi]\n\t"                                                             \
    "adcxq %[lo], %[" t2 "]\n\t"                                                                   \
    "adoxq %[hi], %[" t3 "]\n\t"                                                                   \
    "mulxq 24(%[q]), %[lo], %[hi]\n\t"                                                             \
    "adcxq %[lo], %[" t3 "]\n\t"                                                                   \
    "adoxq %[hi], %[" t4 "]\n\t"                                                                   \
    "adcxq %[zero], %[" t4 "]\n\t"

/* As `multiply`. */
static inline void multiply_adx(uint64_t out[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0, lo, hi, zero;
    __asm__(MULTIPLY_ROW("", "t0", "t1", "t2", "t3", "t4")         /**/
            MULTIPLY_ROW("8", "t1", "t2", "t3", "t4", "t0")        /**/
            MULTIPLY_ROW("16", "t2", "t3", "t4", "t0", "t1")       /**/
            MULTIPLY_ROW("24", "t3", "t4", "t0", "t1", "t2")       /**/
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [t4] "+&r"(t4),
              [lo] "=&r"(lo), [hi] "=&r"(hi), [zero] "=&r"(zero)
            : [a] "r"(a), [b] "r"(b), [q] "r"(Q), [inverse] "m"(INVERSE),
              "m"(*(const uint64_t(*)[4])a), "m"(*(const uint64_t(*)[4])b)
            : "rdx", "cc");
    out[0] = t4;
    out[1] = t0;
    out[2] = t1;
    out[3] = t2;
}

static void power5_adx(field *x)
{
    uint64_t square[4], fourth[4];
    multiply_adx(square, x->w, x->w);
    multiply_adx(fourth, square, square);
    multiply_adx(x->w, fourth, x->w);
    subtract_if_above(x->w, Q);
}

/* One row of a product added to the sum in r8..r15; `ends` takes both carries up to the top. */
#define DOT_ROW(word, s0, s1, s2, s3, s4, ends)                                                    \
    "movq " word "(%%rdi), %%rdx\n\t"                                                              \
    "xorl %%ebx, %%ebx\n\t"                                                                        \
    "mulxq (%%rsi), %%rax, %%rcx\n\t"                                                              \
    "adcxq %%rax, %%" s0 "\n\t"                                                                    \
    "adoxq %%rcx, %%" s1 "\n\t"                                                                    \
    "mulxq 8(%%rsi), %%rax, %%rcx\n\t"                                                             \
    "adcxq %%rax, %%" s1 "\n\t"                                                                    \
    "adoxq %%rcx, %%" s2 "\n\t"                                                                    \
    "mulxq 16(%%rsi), %%rax, %%rcx\n\t"                                                            \
    "adcxq %%rax, %%" s2 "\n\t"                                                                    \
    "adoxq %%rcx, %%" s3 "\n\t"                                                                    \
    "mulxq 24(%%rsi), %%rax, %%rcx\n\t"                                                            \
    "adcxq %%rax, %%" s3 "\n\t"                                                                    \
    "adoxq %%rcx, %%" s4 "\n\t"                                                                    \
    "adcxq %%rbx, %%" s4 "\n\t" ends
#define BOTH(s) "adoxq %%rbx, %%" s "\n\tadcxq %%rbx, %%" s "\n\t"
/* One row of the reduction; rsi points at q. */
#define DOT_REDUCE_ROW(s0, s1, s2, s3, s4, ends)                                                   \
    "movq %%" s0 ", %%rdx\n\t"                                                                     \
    "imulq %[inverse], %%rdx\n\t"                                                                  \
    "xorl %%ebx, %%ebx\n\t"                                                                        \
    "mulxq (%%rsi), %%rax, %%rcx\n\t"                                                              \
    "adcxq %%rax, %%" s0 "\n\t"                                                                    \
    "adoxq %%rcx, %%" s1 "\n\t"                                                                    \
    "mulxq 8(%%rsi), %%rax, %%rcx\n\t"                                                             \
    "adcxq %%rax, %%" s1 "\n\t"                                                                    \
    "adoxq %%rcx, %%" s2 "\n\t"                                                                    \
    "mulxq 16(%%rsi), %%rax, %%rcx\n\t"                                                            \
    "adcxq %%rax, %%" s2 "\n\t"                                                                    \
    "adoxq %%rcx, %%" s3 "\n\t"                                                                    \
    "mulxq 24(%%rsi), %%rax, %%rcx\n\t"                                                            \
    "adcxq %%rax, %%" s3 "\n\t"                                                                    \
    "adoxq %%rcx, %%" s4 "\n\t"                                                                    \
    "adcxq %%rbx, %%" s4 "\n\t" ends
/* r12..r15 less a multiple of q, where that is not negative. */
#define DOT_SUBTRACT(w0, w1, w2, w3)                                                               \
    "movq %%r12, %%rax\n\t"                                                                        \
    "movq %%r13, %%rcx\n\t"                                                                        \
    "movq %%r14, %%rdx\n\t"                                                                        \
    "movq %%r15, %%rbx\n\t"                                                                        \
    "subq " w0 "(%%rsi), %%rax\n\t"                                                                \
    "sbbq " w1 "(%%rsi), %%rcx\n\t"                                                                \
    "sbbq " w2 "(%%rsi), %%rdx\n\t"                                                                \
    "sbbq " w3 "(%%rsi), %%rbx\n\t"                                                                \
    "cmovncq %%rax, %%r12\n\t"                                                                     \
    "cmovncq %%rcx, %%r13\n\t"                                                                     \
    "cmovncq %%rdx, %%r14\n\t"                                                                     \
    "cmovncq %%rbx, %%r15\n\t"

static void dot_adx(field *out, const field *a, const field *b, size_t n, const field *plus)
{
    static const field zero = {{0, 0, 0, 0}};
    register uint64_t s4 __asm__("r12"), s5 __asm__("r13"), s6 __asm__("r14"), s7 __asm__("r15");
    const uint64_t *q = MULTIPLES;
    if (plus == NULL)
        plus = &zero;
    s4 = plus->w[0];
    s5 = plus->w[1];
    s6 = plus->w[2];
    s7 = plus->w[3];
    __asm__ volatile(
        "xorl %%r8d, %%r8d\n\t"
        "xorl %%r9d, %%r9d\n\t"
        "xorl %%r10d, %%r10d\n\t"
        "xorl %%r11d, %%r11d\n\t"
        ".p2align 4\n"
        "1:\n\t"                                                                                 /**/
        DOT_ROW("", "r8", "r9", "r10", "r11", "r12", BOTH("r13") BOTH("r14") BOTH("r15"))        /**/
        DOT_ROW("8", "r9", "r10", "r11", "r12", "r13", BOTH("r14") BOTH("r15"))                  /**/
        DOT_ROW("16", "r10", "r11", "r12", "r13", "r14", BOTH("r15"))                            /**/
        DOT_ROW("24", "r11", "r12", "r13", "r14", "r15", "")                                     /**/
        "addq $32, %%rsi\n\t"
        "addq $32, %%rdi\n\t"
        "decq %[n]\n\t"
        "jnz 1b\n\t"
        "movq %[q], %%rsi\n\t"                                                                   /**/
        DOT_REDUCE_ROW("r8", "r9", "r10", "r11", "r12", BOTH("r13") BOTH("r14") BOTH("r15"))     /**/
        DOT_REDUCE_ROW("r9", "r10", "r11", "r12", "r13", BOTH("r14") BOTH("r15"))                /**/
        DOT_REDUCE_ROW("r10", "r11", "r12", "r13", "r14", BOTH("r15"))                           /**/
        DOT_REDUCE_ROW("r11", "r12", "r13", "r14", "r15", "")                                    /**/
        DOT_SUBTRACT("64", "72", "80", "88")                                                     /**/
        DOT_SUBTRACT("32", "40", "48", "56")                                                     /**/
        DOT_SUBTRACT("0", "8", "16", "24")
        : "+r"(s4), "+r"(s5), "+r"(s6), "+r"(s7), "+S"(a), "+D"(b), [n] "+m"(n)
        : [q] "m"(q), [inverse] "m"(INVERSE)
        : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "cc", "memory");
    out->w[0] = s4;
    out->w[1] = s5;
    out->w[2] = s6;
    out->w[3] = s7;
}

static const struct engine adx = {"adx", power5_adx, dot_adx};
#endif

static const struct engine *choose(int fast)
{
#ifdef HAVE_ADX
    if (fast && cpu_has_adx())
        return &adx;
#endif
    (void)fast;
    return &portable;
}

/* ---- the permutation ---- */

/* Layout of a prepared table, in numbers of Montgomery form: 4 t constants of the first full
 * rounds, the matrix (t t), the joint matrix (t t), the groups of partial rounds, 4 t constants of
 * the last full rounds. A group of b rounds: for round g its constant and its t + g factors (of
 * lanes 1.., of the S-box outputs of rounds 0..g); then for each lane 1.. its b factors. */
static size_t group_size(size_t rounds_left)
{
    return rounds_left < GROUP ? rounds_left : GROUP;
}

static size_t prepared_numbers(size_t t)
{
    size_t total = 2 * t * t + 2 * HALF_ROUNDS * t;
    for (size_t left = PARTIAL_ROUNDS[t]; left > 0; left -= group_size(left)) {
        size_t b = group_size(left);
        total += b * (1 + t) + b * (b - 1) / 2 + (t - 1) * b;
    }
    return total;
}

static inline void add_plain(field *x, const field *y) /* both below q; the sum below 2q */
{
    wide carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (wide)x->w[i] + y->w[i];
        x->w[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

static void full_round(const struct engine *engine, field *lanes, size_t t, const field *constants,
                       const field *matrix)
{
    field boxed[MAX_WIDTH];
    for (size_t i = 0; i < t; i++) {
        boxed[i] = lanes[i];
        add_plain(&boxed[i], &constants[i]);
        engine->power5(&boxed[i]);
    }
    for (size_t i = 0; i < t; i++)
        engine->dot(&lanes[i], boxed, matrix + i * t, t, NULL);
}

static void permute(const struct engine *engine, field *lanes, size_t t, const field *at)
{
    const field *mds = at + HALF_ROUNDS * t, *joint = mds + t * t;
    for (size_t i = 0; i < HALF_ROUNDS; i++)
        full_round(engine, lanes, t, at + i * t, i + 1 < HALF_ROUNDS ? mds : joint);
    at = joint + t * t;
    /* Lanes 1.. and behind them the S-box outputs of the group: one vector for the dot products. */
    field terms[MAX_WIDTH - 1 + GROUP], zero = lanes[0];
    for (size_t i = 1; i < t; i++)
        terms[i - 1] = lanes[i];
    for (size_t left = PARTIAL_ROUNDS[t]; left > 0; left -= group_size(left)) {
        size_t b = group_size(left);
        for (size_t g = 0; g < b; g++) {
            field *x = &terms[t - 1 + g];
            *x = zero;
            add_plain(x, at++);
            engine->power5(x);
            engine->dot(&zero, terms, at, t + g, NULL);
            at += t + g;
        }
        for (size_t i = 0; i + 1 < t; i++) {
            field lane = terms[i];
            engine->dot(&terms[i], terms + t - 1, at, b, &lane);
            at += b;
        }
    }
    lanes[0] = zero;
    for (size_t i = 1; i < t; i++)
        lanes[i] = terms[i - 1];
    for (size_t i = 0; i < HALF_ROUNDS; i++)
        full_round(engine, lanes, t, at + i * t, mds);
}

/* ---- bytes ---- */

/* 32 bytes big-endian, as they are; 0 where the number is not below q. */
static int read_words(field *out, const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        uint64_t word = 0;
        for (int j = 0; j < 8; j++)
            word = word << 8 | bytes[8 * (3 - i) + j];
        out->w[i] = word;
    }
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++)
        borrow = (uint64_t)(((wide)out->w[i] - Q[i] - borrow) >> 64) & 1;
    return borrow != 0;
}

static void write_words(uint8_t *bytes, const uint64_t x[4])
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 8; j++)
            bytes[8 * (3 - i) + j] = (uint8_t)(x[i] >> (8 * (7 - j)));
}

/* The same into Montgomery form, and back. */
static int read_number(field *out, const uint8_t *bytes)
{
    field x;
    if (!read_words(&x, bytes))
        return 0;
    multiply(out->w, x.w, SQUARE.w);
    subtract_if_above(out->w, Q);
    return 1;
}

static void write_number(uint8_t *bytes, const field *x)
{
    static const uint64_t one[4] = {1, 0, 0, 0};
    uint64_t plain[4];
    multiply(plain, x->w, one);
    subtract_if_above(plain, Q);
    write_words(bytes, plain);
}

/* ---- Python ---- */

/* From the table's numbers to the prepared form; 0 where one of them is not below q. */
static int prepare(field *out, const uint8_t *bytes, size_t t)
{
    size_t head = HALF_ROUNDS * t + 2 * t * t;
    for (size_t i = 0; i < head; i++, bytes += ELEMENT)
        if (!read_number(out++, bytes))
            return 0;
    for (size_t left = PARTIAL_ROUNDS[t]; left > 0; left -= group_size(left)) {
        size_t b = group_size(left);
        field row[GROUP][MAX_WIDTH - 1], column[GROUP][MAX_WIDTH - 1];
        for (size_t g = 0; g < b; g++) {
            field corner;
            if (!read_number(out++, bytes) || !read_number(&corner, bytes + ELEMENT))
                return 0;
            bytes += 2 * ELEMENT;
            for (size_t i = 0; i + 1 < t; i++, bytes += ELEMENT)
                if (!read_number(&row[g][i], bytes))
                    return 0;
            for (size_t i = 0; i + 1 < t; i++, bytes += ELEMENT)
                if (!read_number(&column[g][i], bytes))
                    return 0;
            memcpy(out, row[g], (t - 1) * sizeof(field));
            out += t - 1;
            for (size_t h = 0; h < g; h++)
                portable.dot(out++, row[g], column[h], t - 1, NULL);
            *out++ = corner;
        }
        for (size_t i = 0; i + 1 < t; i++)
            for (size_t g = 0; g < b; g++)
                *out++ = column[g][i];
    }
    for (size_t i = 0; i < HALF_ROUNDS * t; i++, bytes += ELEMENT)
        if (!read_number(out++, bytes))
            return 0;
    return 1;
}

PyDoc_STRVAR(prepare_doc, "poseidon_bn254_prepare(table, width) -> bytes\n\n"
                          "The form of a table that poseidon_bn254_hash wants. ValueError where the\n"
                          "table has not this width's size or a number is not reduced.");

static PyObject *poseidon_bn254_prepare(PyObject *self, PyObject *args)
{
    const char *table;
    Py_ssize_t size, width;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#n", &table, &size, &width))
        return NULL;
    if (width < MIN_WIDTH || width > MAX_WIDTH) {
        PyErr_SetString(PyExc_ValueError, "poseidon_bn254_prepare: no such width");
        return NULL;
    }
    size_t t = (size_t)width;
    size_t numbers = 2 * t * (HALF_ROUNDS + t) + 2 * t * PARTIAL_ROUNDS[t];
    if ((size_t)size != numbers * ELEMENT) {
        PyErr_SetString(PyExc_ValueError, "poseidon_bn254_prepare: wrong size of the table");
        return NULL;
    }
    size_t bytes = prepared_numbers(t) * sizeof(field);
    field *made = PyMem_Malloc(bytes);
    if (made == NULL)
        return PyErr_NoMemory();
    PyObject *result = NULL;
    if (prepare(made, (const uint8_t *)table, t))
        result = PyBytes_FromStringAndSize((const char *)made, (Py_ssize_t)bytes);
    else
        PyErr_SetString(PyExc_ValueError, "poseidon_bn254_prepare: a number is not reduced");
    PyMem_Free(made);
    return result;
}

struct job {
    const uint8_t *data;
    size_t count, length, block;
    const field *full, *last;
    uint8_t *out;
};

/* 0 where an element is not below q. */
static int run(const struct engine *engine, const struct job *job)
{
    const uint8_t *at = job->data;
    uint8_t *out = job->out;
    for (size_t i = 0; i < job->count; i++, out += ELEMENT) {
        field lanes[MAX_WIDTH];
        memset(&lanes[0], 0, sizeof lanes[0]);
        for (size_t left = job->length; left > 0;) {
            size_t k = left < job->block ? left : job->block;
            for (size_t j = 1; j <= k; j++, at += ELEMENT)
                if (!read_number(&lanes[j], at))
                    return 0;
            left -= k;
            permute(engine, lanes, k + 1, left > 0 ? job->full : job->last);
        }
        write_number(out, &lanes[1]);
    }
    return 1;
}

PyDoc_STRVAR(
    hash_doc,
    "poseidon_bn254_hash(messages, length, block, full, last, fast) -> bytes\n\n"
    "Digests, 32 bytes each, of messages of `length` elements laid end to end. full, last: prepared\n"
    "tables of width block + 1 (unused, so empty, where length <= block) and of the last block.\n"
    "fast: may this processor's own instructions be used? ValueError where an element is not\n"
    "reduced or sizes do not fit.");

static PyObject *poseidon_bn254_hash(PyObject *self, PyObject *args)
{
    const char *data, *full, *last;
    Py_ssize_t size, length, block, full_size, last_size;
    int fast;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#nny#y#p", &data, &size, &length, &block, &full, &full_size,
                          &last, &last_size, &fast))
        return NULL;
    if (length < 1 || length > PY_SSIZE_T_MAX / ELEMENT || block < 1 || block > MAX_WIDTH - 1 ||
        size % (length * ELEMENT) != 0) {
        PyErr_SetString(PyExc_ValueError, "poseidon_bn254_hash: sizes of the messages");
        return NULL;
    }
    size_t last_block = (size_t)((length - 1) % block + 1);
    size_t wanted = prepared_numbers(last_block + 1) * sizeof(field);
    size_t wanted_full =
        length > block ? prepared_numbers((size_t)block + 1) * sizeof(field) : 0;
    if ((size_t)last_size != wanted || (size_t)full_size != wanted_full ||
        (uintptr_t)last % sizeof(uint64_t) != 0 ||
        (wanted_full != 0 && (uintptr_t)full % sizeof(uint64_t) != 0)) {
        PyErr_SetString(PyExc_ValueError, "poseidon_bn254_hash: not the tables of these widths");
        return NULL;
    }
    Py_ssize_t count = size / (length * ELEMENT);
    PyObject *result = PyBytes_FromStringAndSize(NULL, count * ELEMENT);
    if (result == NULL)
        return NULL;
    struct job job = {(const uint8_t *)data, (size_t)count,       (size_t)length,
                      (size_t)block,         (const field *)full, (const field *)last,
                      (uint8_t *)PyBytes_AsString(result)};
    int right;
    Py_BEGIN_ALLOW_THREADS
    right = run(choose(fast), &job);
    Py_END_ALLOW_THREADS
    if (!right) {
        Py_DECREF(result);
        PyErr_SetString(PyExc_ValueError, "poseidon_bn254_hash: an element is not reduced");
        return NULL;
    }
    return result;
}

PyDoc_STRVAR(dot_doc,
             "poseidon_bn254_dot(a, b, plus, fast) -> bytes\n\n"
             "For tests of the reduction's bound, which whole hashes never come near: the sum of all\n"
             "a[i] b[i], divided by 2^256, and of `plus` unless that is empty, modulo q. Numbers are\n"
             "32 bytes big-endian below q; 1..22 terms, with a `plus` 1..5.");

static PyObject *poseidon_bn254_dot(PyObject *self, PyObject *args)
{
    const char *a, *b, *plus;
    Py_ssize_t a_size, b_size, plus_size;
    int fast;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#y#y#p", &a, &a_size, &b, &b_size, &plus, &plus_size, &fast))
        return NULL;
    Py_ssize_t most = plus_size == 0 ? FIELD_TERMS : GROUP;
    field left[FIELD_TERMS], right[FIELD_TERMS], added, sum;
    int good = a_size == b_size && a_size > 0 && a_size % ELEMENT == 0 &&
               a_size / ELEMENT <= most && (plus_size == 0 || plus_size == ELEMENT);
    size_t n = good ? (size_t)a_size / ELEMENT : 0;
    for (size_t i = 0; i < n; i++)
        good = good && read_words(&left[i], (const uint8_t *)a + i * ELEMENT) &&
               read_words(&right[i], (const uint8_t *)b + i * ELEMENT);
    if (good && plus_size != 0)
        good = read_words(&added, (const uint8_t *)plus);
    if (!good) {
        PyErr_SetString(PyExc_ValueError, "poseidon_bn254_dot: sizes or numbers");
        return NULL;
    }
    choose(fast)->dot(&sum, left, right, n, plus_size == 0 ? NULL : &added);
    uint8_t bytes[ELEMENT];
    write_words(bytes, sum.w);
    return PyBytes_FromStringAndSize((const char *)bytes, ELEMENT);
}

PyDoc_STRVAR(engine_doc, "poseidon_bn254_engine() -> str\n\n"
                         "What serves here where it may: `adx` or `portable`.");

static PyObject *poseidon_bn254_engine(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
    return PyUnicode_FromString(choose(1)->name);
}

PyMethodDef merkle_por_poseidon_bn254_methods[] = {
    {"poseidon_bn254_prepare", poseidon_bn254_prepare, METH_VARARGS, prepare_doc},
    {"poseidon_bn254_hash", poseidon_bn254_hash, METH_VARARGS, hash_doc},
    {"poseidon_bn254_dot", poseidon_bn254_dot, METH_VARARGS, dot_doc},
    {"poseidon_bn254_engine", poseidon_bn254_engine, METH_NOARGS, engine_doc},
    {NULL, NULL, 0, NULL},
};

#else /* no 128-bit integers: the Python twin serves */

PyMethodDef merkle_por_poseidon_bn254_methods[] = {
    {NULL, NULL, 0, NULL},
};

#endif
