/* SHA-256 over many messages, for the other parts of the kernel (sha256.c; FIPS 180-4). */
#ifndef MERKLE_POR_SHA256_H
#define MERKLE_POR_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK 64
#define SHA256_DIGEST 32
#define SHA256_MAX_LANES 8

/* How blocks are compressed. `lanes` independent states advance by `blocks` blocks each, lane i
 * reading 64 * blocks bytes at data[i]. */
struct sha256_engine {
    const char *name;
    size_t lanes;
    void (*compress)(uint32_t (*state)[8], const uint8_t *const *data, size_t blocks);
};

struct sha256_message {
    const uint8_t *data;
    size_t length;
};

extern const uint32_t merkle_por_sha256_initial[8];

/* The engine of that name, the fastest of this processor for "auto", or NULL with a Python
 * ValueError where the processor or the build has none (call it with the GIL held). */
const struct sha256_engine *merkle_por_sha256_engine(const char *name);

/* The digests of `count` messages, 32 bytes each, into `out`. */
void merkle_por_sha256_many(const struct sha256_engine *engine,
                            const struct sha256_message *messages, size_t count, uint8_t *out);

/* The digests of `count` messages of one length, message i at data + i * stride, into `out`. */
void merkle_por_sha256_equal(const struct sha256_engine *engine, const uint8_t *data,
                             size_t stride, size_t length, size_t count, uint8_t *out);

/* Advances `count` states by one block each; the blocks stand one after the other. */
void merkle_por_sha256_step(const struct sha256_engine *engine, uint32_t (*states)[8],
                            const uint8_t *blocks, size_t count);

/* A state as the 32 bytes of a digest. */
void merkle_por_sha256_store(const uint32_t state[8], uint8_t out[SHA256_DIGEST]);

#endif
