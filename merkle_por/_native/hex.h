/* Hexadecimal text <-> bytes, for the parts that read and write ledgers. */
#ifndef MERKLE_POR_HEX_H
#define MERKLE_POR_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Value of a lower-case hexadecimal digit; 0xff for every other byte. */
extern const uint8_t merkle_por_hex_lower[256];
/* The same, letters of either case. */
extern const uint8_t merkle_por_hex_any[256];

/* Decodes 2 * `count` digits; 1 if all are in `table`, else 0 (then `out` holds anything). */
int merkle_por_unhex(const uint8_t *text, uint8_t *out, size_t count, const uint8_t table[256]);

/* The same for 64 lower-case digits, the length of nearly every hash, with the instructions that
 * each processor of the kind has. */
int merkle_por_unhex32(const uint8_t *text, uint8_t *out);

/* Writes 2 * `count` lower-case digits. */
void merkle_por_hex(const uint8_t *bytes, uint8_t *text, size_t count);

#endif
