/* Hexadecimal text <-> bytes, strict about the letters' case. */
#include "hex.h"

#if defined(__SSE2__) /* part of every x86-64: no choice at run time needed */
#include <emmintrin.h>
#endif

#define X 0xff
#define NONE_16 X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X
#define DIGITS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, X, X, X, X, X, X
#define LETTERS X, 10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X
#define NONE_128 NONE_16, NONE_16, NONE_16, NONE_16, NONE_16, NONE_16, NONE_16, NONE_16

const uint8_t merkle_por_hex_lower[256] = {
    NONE_16, NONE_16, NONE_16, DIGITS, NONE_16, NONE_16, LETTERS, NONE_16, NONE_128,
};

const uint8_t merkle_por_hex_any[256] = {
    NONE_16, NONE_16, NONE_16, DIGITS, LETTERS, NONE_16, LETTERS, NONE_16, NONE_128,
};

int merkle_por_unhex(const uint8_t *text, uint8_t *out, size_t count, const uint8_t table[256])
{
    unsigned seen = 0; /* a wrong digit has high bits */
    for (size_t i = 0; i < count; i++) {
        unsigned high = table[text[2 * i]], low = table[text[2 * i + 1]];
        seen |= high | low;
        out[i] = (uint8_t)(high << 4 | (low & 15));
    }
    return seen < 16;
}

#if defined(__SSE2__)

/* The nibbles of 16 digits; clears *good where one is no lower-case digit. Bytes above 127 compare
 * as negative. */
static inline __m128i nibbles(const uint8_t *text, int *good)
{
    __m128i v = _mm_loadu_si128((const __m128i *)text);
    __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)),
                                  _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
    __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('a' - 1)),
                                   _mm_cmplt_epi8(v, _mm_set1_epi8('f' + 1)));
    *good &= _mm_movemask_epi8(_mm_or_si128(digit, letter)) == 0xffff;
    __m128i n = _mm_add_epi8(_mm_and_si128(v, _mm_set1_epi8(15)),
                             _mm_and_si128(letter, _mm_set1_epi8(9)));
    return _mm_and_si128(_mm_or_si128(_mm_slli_epi16(n, 4), _mm_srli_epi16(n, 8)),
                         _mm_set1_epi16(0xff));
}

int merkle_por_unhex32(const uint8_t *text, uint8_t *out)
{
    int good = 1;
    for (int i = 0; i < 2; i++) {
        __m128i low = nibbles(text + 32 * i, &good), high = nibbles(text + 32 * i + 16, &good);
        _mm_storeu_si128((__m128i *)(out + 16 * i), _mm_packus_epi16(low, high));
    }
    return good;
}

#else

int merkle_por_unhex32(const uint8_t *text, uint8_t *out)
{
    return merkle_por_unhex(text, out, 32, merkle_por_hex_lower);
}

#endif

void merkle_por_hex(const uint8_t *bytes, uint8_t *text, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = (uint8_t)digits[bytes[i] >> 4];
        text[2 * i + 1] = (uint8_t)digits[bytes[i] & 15];
    }
}
