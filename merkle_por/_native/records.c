/* Ledgers of BitMEX and River, block by block: rows `<64 hex>,<u64>` to packed records, every
 * parent's hash and sum, the leaves of one account, leaves that stand twice.
 *
 * A record is hash (32 bytes) || value (8 bytes, little endian), in file order. The file stands
 * root first, so the children of node i are records 2i+1 and 2i+2, and the 80 bytes that a parent
 * hashes are a plain slice. Rules: specs bitmex-liabilities and river-liabilities; how it was
 * measured: ledger-hot-path. Python twin: merkle_por/ledger/packed.py.
 */
#include "hex.h"
#include "kernel.h"
#include "sha256.h"

#include <stdlib.h>

#if defined(__SSE2__) /* part of every x86-64: no choice at run time needed */
#include <emmintrin.h>
#endif

#define RECORD 40
#define HASH 32
#define HASH_DIGITS 64
#define U64_DIGITS 20
#define LINE_LIMIT 1024 /* longer lines are refused unread; packed.py has the same number */
#define GROUP 64        /* nodes hashed at a time */

/* ---- reading rows ---- */

/* packed.py names them in this order. */
enum row_kind { ROW_GOOD, ROW_FORM, ROW_HASH, ROW_VALUE };

static void put_le64(uint8_t *out, uint64_t value)
{
    /* Written out: compilers make one store of it. */
    out[0] = (uint8_t)value, out[1] = (uint8_t)(value >> 8);
    out[2] = (uint8_t)(value >> 16), out[3] = (uint8_t)(value >> 24);
    out[4] = (uint8_t)(value >> 32), out[5] = (uint8_t)(value >> 40);
    out[6] = (uint8_t)(value >> 48), out[7] = (uint8_t)(value >> 56);
}

static uint64_t get_le64(const uint8_t *in)
{
    /* Written out: compilers make one load of it. */
    return (uint64_t)in[0] | (uint64_t)in[1] << 8 | (uint64_t)in[2] << 16 | (uint64_t)in[3] << 24 |
           (uint64_t)in[4] << 32 | (uint64_t)in[5] << 40 | (uint64_t)in[6] << 48 |
           (uint64_t)in[7] << 56;
}

/* What is wrong with a line that did not read: the fields' number first, then the hash. */
static enum row_kind why(const uint8_t *line, size_t length)
{
    uint8_t hash[HASH];
    const uint8_t *comma = length > 0 ? memchr(line, ',', length) : NULL;
    if (length > LINE_LIMIT || comma == NULL ||
        memchr(comma + 1, ',', (size_t)(line + length - comma - 1)) != NULL)
        return ROW_FORM;
    if (comma - line != HASH_DIGITS || !merkle_por_unhex(line, hash, HASH, merkle_por_hex_lower))
        return ROW_HASH;
    return ROW_VALUE;
}

/* One line without its end. */
static enum row_kind read_row(const uint8_t *line, size_t length, int portable, uint8_t *record)
{
    uint64_t value = 0;
    if (length < HASH_DIGITS + 2 || length > HASH_DIGITS + 1 + U64_DIGITS ||
        line[HASH_DIGITS] != ',')
        return why(line, length);
    if (!(portable ? merkle_por_unhex(line, record, HASH, merkle_por_hex_lower)
                   : merkle_por_unhex32(line, record)))
        return why(line, length);
    const uint8_t *digit = line + HASH_DIGITS + 1, *end = line + length;
    if (*digit == '0' && end - digit > 1)
        return why(line, length);
    for (; digit < end; digit++) {
        unsigned d = (unsigned)*digit - '0';
        if (d > 9 || value > UINT64_MAX / 10 ||
            (value == UINT64_MAX / 10 && d > (unsigned)(UINT64_MAX % 10)))
            return why(line, length);
        value = value * 10 + d;
    }
    put_le64(record + HASH, value);
    return ROW_GOOD;
}

/* A good line and its end at the start of a text, the usual case, without a search for the end.
 * Returns its length, 0 where the line needs a closer look. */
static size_t read_usual_row(const uint8_t *line, size_t room, int crlf, uint8_t *record)
{
    /* Up to 19 digits fit in 64 bits whatever they are. */
    if (room < HASH_DIGITS + 1 + U64_DIGITS + 2 || line[HASH_DIGITS] != ',' ||
        !merkle_por_unhex32(line, record))
        return 0;
    const uint8_t *first = line + HASH_DIGITS + 1, *at = first;
    uint64_t value = 0;
    for (unsigned d; at < first + U64_DIGITS - 1 && (d = (unsigned)*at - '0') < 10; at++)
        value = value * 10 + d;
    if (at == first || (*first == '0' && at - first > 1))
        return 0;
    if (crlf && *at++ != '\r')
        return 0;
    if (*at++ != '\n')
        return 0;
    put_le64(record + HASH, value);
    return (size_t)(at - line);
}

struct block {
    const uint8_t *text;
    size_t length;
    int crlf;  /* every line ends with CR LF */
    int final; /* the last line may lack its end */
    int portable;
};

/* Records of the complete lines at the start of the block, until one is wrong. */
static enum row_kind read_rows(const struct block *block, uint8_t *records, size_t *count,
                               size_t *consumed)
{
    const uint8_t *at = block->text, *end = block->text + block->length;
    enum row_kind kind = ROW_GOOD;
    *count = 0;
    while (at < end) {
        size_t usual = block->portable ? 0
                                       : read_usual_row(at, (size_t)(end - at), block->crlf,
                                                        records + *count * RECORD);
        if (usual > 0) {
            ++*count;
            at += usual;
            continue;
        }
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at)), *next;
        if (stop == NULL) {
            /* A line that is too long is refused at once, so what is refused does not depend on
             * where a block ends. One byte more: it may be the CR. */
            if (!block->final && (size_t)(end - at) <= LINE_LIMIT + 1)
                break;
            stop = next = end;
        } else {
            next = stop + 1;
        }
        size_t length = (size_t)(stop - at);
        if (block->crlf) {
            if (length > 0 && at[length - 1] == '\r')
                length--;
            else if (next != stop) { /* a lone LF */
                kind = ROW_FORM;
                break;
            }
        }
        kind = read_row(at, length, block->portable, records + *count * RECORD);
        if (kind != ROW_GOOD)
            break;
        ++*count;
        at = next;
    }
    *consumed = (size_t)(at - block->text);
    return kind;
}

static PyObject *rows(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer text;
    struct block block;
    if (!PyArg_ParseTuple(args, "y*ppp", &text, &block.crlf, &block.final, &block.portable))
        return NULL;
    block.text = text.buf;
    block.length = (size_t)text.len;
    /* the shortest row has a digit and LF; a last line without LF adds one */
    Py_ssize_t most = text.len / (HASH_DIGITS + 3) + 1;
    PyObject *packed = PyByteArray_FromStringAndSize(NULL, most * RECORD);
    if (packed == NULL) {
        PyBuffer_Release(&text);
        return NULL;
    }
    uint8_t *records = (uint8_t *)PyByteArray_AsString(packed);
    size_t count, consumed;
    enum row_kind kind;
    Py_BEGIN_ALLOW_THREADS
    kind = read_rows(&block, records, &count, &consumed);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&text);
    if (PyByteArray_Resize(packed, (Py_ssize_t)count * RECORD) < 0) {
        Py_DECREF(packed);
        return NULL;
    }
    return Py_BuildValue("(Nni)", packed, (Py_ssize_t)consumed, (int)kind);
}

/* ---- parents ---- */

/* packed.py names them in this order. */
enum node_kind { NODE_GOOD, NODE_SUM, NODE_HASH };

struct found {
    size_t index;
    int kind;
};

struct findings {
    struct found *list;
    size_t limit; /* room in the list */
    size_t total; /* seen, listed or not */
};

static void add_finding(struct findings *findings, size_t index, int kind)
{
    if (findings->total < findings->limit) {
        findings->list[findings->total].index = index;
        findings->list[findings->total].kind = kind;
    }
    findings->total++;
}

static void check_parents(const struct sha256_engine *engine, const uint8_t *parents,
                          const uint8_t *children, size_t count, struct findings *findings)
{
    uint8_t digests[GROUP * SHA256_DIGEST];
    for (size_t first = 0; first < count; first += GROUP) {
        size_t n = count - first < GROUP ? count - first : GROUP;
        const uint8_t *pairs = children + first * 2 * RECORD;
        merkle_por_sha256_equal(engine, pairs, 2 * RECORD, 2 * RECORD, n, digests);
        for (size_t i = 0; i < n; i++) {
            const uint8_t *parent = parents + (first + i) * RECORD, *left = pairs + i * 2 * RECORD;
            uint64_t a = get_le64(left + HASH), b = get_le64(left + RECORD + HASH);
            if (a > UINT64_MAX - b || a + b != get_le64(parent + HASH))
                add_finding(findings, first + i, NODE_SUM);
            if (memcmp(parent, digests + i * SHA256_DIGEST, HASH) != 0)
                add_finding(findings, first + i, NODE_HASH);
        }
    }
}

static PyObject *parents(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer above, below;
    Py_ssize_t limit;
    const char *name;
    PyObject *result = NULL;
    struct findings findings = {NULL, 0, 0};
    if (!PyArg_ParseTuple(args, "y*y*ns", &above, &below, &limit, &name))
        return NULL;
    const struct sha256_engine *engine = merkle_por_sha256_engine(name);
    if (engine == NULL)
        goto done;
    if (above.len % RECORD != 0 || below.len != 2 * above.len || limit < 0 || limit > 1 << 20) {
        PyErr_SetString(PyExc_ValueError, "records: two children of 40 bytes for each parent");
        goto done;
    }
    findings.limit = (size_t)limit;
    findings.list = PyMem_Malloc((findings.limit + 1) * sizeof *findings.list);
    if (findings.list == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    check_parents(engine, above.buf, below.buf, (size_t)(above.len / RECORD), &findings);
    Py_END_ALLOW_THREADS
    PyObject *list = PyList_New(0);
    size_t listed = findings.total < findings.limit ? findings.total : findings.limit;
    for (size_t i = 0; list != NULL && i < listed; i++) {
        PyObject *pair = Py_BuildValue("(ni)", (Py_ssize_t)findings.list[i].index,
                                       findings.list[i].kind);
        if (pair == NULL || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    if (list != NULL)
        result = Py_BuildValue("(nN)", (Py_ssize_t)findings.total, list);
done:
    PyMem_Free(findings.list);
    PyBuffer_Release(&above);
    PyBuffer_Release(&below);
    return result;
}

/* ---- the leaves of one account ---- */

/* HMAC (RFC 2104) with a key of at most one block: the states after its two pads. */
static void hmac_pads(const struct sha256_engine *engine, const uint8_t *key, size_t length,
                      uint32_t states[2][8])
{
    uint8_t pads[2 * SHA256_BLOCK];
    memset(pads, 0x36, SHA256_BLOCK);
    memset(pads + SHA256_BLOCK, 0x5c, SHA256_BLOCK);
    for (size_t i = 0; i < length; i++) {
        pads[i] ^= key[i];
        pads[SHA256_BLOCK + i] ^= key[i];
    }
    memcpy(states[0], merkle_por_sha256_initial, sizeof states[0]);
    memcpy(states[1], merkle_por_sha256_initial, sizeof states[1]);
    merkle_por_sha256_step(engine, states, pads, 2);
}

/* The last block of a message whose first 64 bytes are compressed already. */
static void pad_second_block(uint8_t *block, size_t used)
{
    unsigned bits = (unsigned)(SHA256_BLOCK + used) * 8;
    memset(block + used, 0, SHA256_BLOCK - used);
    block[used] = 0x80;
    block[SHA256_BLOCK - 2] = (uint8_t)(bits >> 8);
    block[SHA256_BLOCK - 1] = (uint8_t)bits;
}

/* Sets marks[i] where record i, leaf number first + i, is HMAC(key, LE64(value) || LE64(number)). */
static void scan_leaves(const struct sha256_engine *engine, const uint8_t *records, size_t count,
                        uint64_t first, uint32_t pads[2][8], uint8_t *marks)
{
    uint8_t blocks[GROUP * SHA256_BLOCK], digest[SHA256_DIGEST];
    uint32_t states[GROUP][8];
    for (size_t done = 0; done < count; done += GROUP) {
        size_t n = count - done < GROUP ? count - done : GROUP;
        for (size_t i = 0; i < n; i++) {
            uint8_t *block = blocks + i * SHA256_BLOCK;
            memcpy(block, records + (done + i) * RECORD + HASH, 8);
            put_le64(block + 8, first + done + i);
            pad_second_block(block, 16);
            memcpy(states[i], pads[0], sizeof states[i]);
        }
        merkle_por_sha256_step(engine, states, blocks, n);
        for (size_t i = 0; i < n; i++) {
            uint8_t *block = blocks + i * SHA256_BLOCK;
            merkle_por_sha256_store(states[i], block);
            pad_second_block(block, SHA256_DIGEST);
            memcpy(states[i], pads[1], sizeof states[i]);
        }
        merkle_por_sha256_step(engine, states, blocks, n);
        for (size_t i = 0; i < n; i++) {
            const uint8_t *hash = records + (done + i) * RECORD;
            uint32_t word = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 |
                            (uint32_t)hash[2] << 8 | (uint32_t)hash[3];
            marks[done + i] = 0;
            if (word == states[i][0]) { /* hardly ever: spares writing the digest */
                merkle_por_sha256_store(states[i], digest);
                marks[done + i] = memcmp(digest, hash, HASH) == 0;
            }
        }
    }
}

static PyObject *scan(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer records, key;
    unsigned long long first;
    const char *name;
    PyObject *list = NULL;
    uint8_t *marks = NULL;
    if (!PyArg_ParseTuple(args, "y*Ky*s", &records, &first, &key, &name))
        return NULL;
    const struct sha256_engine *engine = merkle_por_sha256_engine(name);
    if (engine == NULL)
        goto done;
    if (records.len % RECORD != 0 || key.len > SHA256_BLOCK) {
        PyErr_SetString(PyExc_ValueError, "records of 40 bytes and a key of at most 64");
        goto done;
    }
    Py_ssize_t count = records.len / RECORD;
    marks = PyMem_Malloc((size_t)count + 1);
    if (marks == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    uint8_t own_key[SHA256_BLOCK];
    memcpy(own_key, key.buf, (size_t)key.len);
    Py_BEGIN_ALLOW_THREADS
    uint32_t pads[2][8];
    hmac_pads(engine, own_key, (size_t)key.len, pads);
    scan_leaves(engine, records.buf, (size_t)count, first, pads, marks);
    Py_END_ALLOW_THREADS
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        if (!marks[i])
            continue;
        PyObject *index = PyLong_FromSsize_t(i);
        if (index == NULL || PyList_Append(list, index) < 0)
            Py_CLEAR(list);
        Py_XDECREF(index);
    }
done:
    PyMem_Free(marks);
    PyBuffer_Release(&records);
    PyBuffer_Release(&key);
    return list;
}

/* ---- leaves that stand twice ---- */

/* A keyed multilinear hash (NH, then multiply and shift): the key is random and unknown to whoever
 * wrote the file, so nobody can make leaves that crowd one slot. */
static uint64_t slot_hash(const uint8_t *hash, size_t words, const uint64_t key[9])
{
    uint64_t sum = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = get_le64(hash + 8 * i);
        uint32_t low = (uint32_t)word + (uint32_t)key[2 * i];
        uint32_t high = (uint32_t)(word >> 32) + (uint32_t)key[2 * i + 1];
        sum += (uint64_t)low * high;
    }
    return sum * (key[8] | 1);
}

#define AHEAD 16 /* slots fetched ahead: the table does not fit in any cache */

/* What is compared: either whole records' hashes, or the first word of each hash alone. */
struct layout {
    size_t size;  /* bytes of a record */
    size_t words; /* 64-bit words that are compared */
};

/* Indexes of records whose hash stood before, in order, into `later` (room: limit). */
static size_t find_duplicates(const uint8_t *records, size_t count, struct layout layout,
                              const uint64_t key[9], uint32_t *table, unsigned bits,
                              uint32_t *later, size_t limit)
{
    size_t mask = ((size_t)1 << bits) - 1, total = 0;
    uint64_t slots[AHEAD];
    for (size_t first = 0; first < count; first += AHEAD) {
        size_t n = count - first < AHEAD ? count - first : AHEAD;
        for (size_t i = 0; i < n; i++) {
            const uint8_t *hash = records + (first + i) * layout.size;
            slots[i] = slot_hash(hash, layout.words, key) >> (64 - bits);
#if defined(__GNUC__)
            __builtin_prefetch(&table[slots[i]], 1);
#endif
        }
        for (size_t i = 0; i < n; i++) {
            const uint8_t *hash = records + (first + i) * layout.size;
            size_t slot = (size_t)slots[i];
            while (table[slot] != 0 && memcmp(records + (size_t)(table[slot] - 1) * layout.size,
                                              hash, layout.words * 8) != 0)
                slot = (slot + 1) & mask;
            if (table[slot] == 0) {
                table[slot] = (uint32_t)(first + i + 1);
            } else {
                if (total < limit)
                    later[total] = (uint32_t)(first + i);
                total++;
            }
        }
    }
    return total;
}

static PyObject *duplicates(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer records, seed;
    Py_ssize_t limit, key_bytes;
    PyObject *result = NULL;
    uint32_t *table = NULL, *later = NULL;
    if (!PyArg_ParseTuple(args, "y*y*nn", &records, &seed, &limit, &key_bytes))
        return NULL;
    struct layout layout = {key_bytes == 8 ? 8 : RECORD, key_bytes == 8 ? 1 : HASH / 8};
    Py_ssize_t size = (Py_ssize_t)layout.size;
    if (records.len % size != 0 || records.len / size >= UINT32_MAX / 2 || seed.len != 72 ||
        limit < 0 || limit > 1 << 20 || (key_bytes != 8 && key_bytes != HASH)) {
        PyErr_SetString(PyExc_ValueError,
                        "at most 2^31 records of 40 bytes or prefixes of 8, and a seed of 72");
        goto done;
    }
    size_t count = (size_t)(records.len / size), total;
    unsigned bits = 4;
    while (((size_t)1 << bits) < 2 * count)
        bits++;
    uint64_t key[9];
    memcpy(key, seed.buf, sizeof key);
    table = calloc((size_t)1 << bits, sizeof *table);
    later = PyMem_Malloc(((size_t)limit + 1) * sizeof *later);
    if (table == NULL || later == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    total = find_duplicates(records.buf, count, layout, key, table, bits, later, (size_t)limit);
    Py_END_ALLOW_THREADS
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < total && i < (size_t)limit; i++) {
        PyObject *index = PyLong_FromSize_t(later[i]);
        if (index == NULL || PyList_Append(list, index) < 0)
            Py_CLEAR(list);
        Py_XDECREF(index);
    }
    if (list != NULL)
        result = Py_BuildValue("(nN)", (Py_ssize_t)total, list);
done:
    free(table);
    PyMem_Free(later);
    PyBuffer_Release(&records);
    PyBuffer_Release(&seed);
    return result;
}

/* ---- where lines begin ---- */

#define CHUNK 2048 /* a multiple of 16, at most 255 times 16 */

/* Line ends in CHUNK bytes. */
static size_t count_lines(const uint8_t *text)
{
#if defined(__SSE2__)
    __m128i counts = _mm_setzero_si128(), end = _mm_set1_epi8('\n');
    for (size_t i = 0; i < CHUNK; i += 16) /* where equal, all bits are set: minus one */
        counts = _mm_sub_epi8(counts,
                              _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(text + i)), end));
    counts = _mm_sad_epu8(counts, _mm_setzero_si128());
    return (size_t)_mm_cvtsi128_si32(counts) +
           (size_t)_mm_cvtsi128_si32(_mm_unpackhi_epi64(counts, counts));
#else
    size_t count = 0;
    for (size_t i = 0; i < CHUNK; i++)
        count += text[i] == '\n';
    return count;
#endif
}

/* Places behind the line ends number `before`, before + stride, ..., into `places` (room: limit);
 * counts all line ends. */
static size_t find_lines(const uint8_t *text, size_t length, size_t before, size_t stride,
                         size_t *places, size_t *listed)
{
    const uint8_t *at = text, *end = text + length;
    size_t count = 0;
    *listed = 0;
    while (at < end) {
        if ((size_t)(end - at) >= CHUNK) {
            size_t more = count_lines(at);
            if (count + more < before) {
                count += more;
                at += CHUNK;
                continue;
            }
        }
        const uint8_t *stop = (size_t)(end - at) >= CHUNK ? at + CHUNK : end;
        while (at < stop && (at = memchr(at, '\n', (size_t)(stop - at))) != NULL) {
            at++;
            if (++count == before) {
                places[(*listed)++] = (size_t)(at - text);
                before += stride;
            }
        }
        at = stop;
    }
    return count;
}

static PyObject *lines(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer text;
    Py_ssize_t before, stride;
    if (!PyArg_ParseTuple(args, "y*nn", &text, &before, &stride))
        return NULL;
    PyObject *result = NULL, *list = NULL;
    size_t count, listed, *places = NULL;
    if (before < 1 || stride < 1) {
        PyErr_SetString(PyExc_ValueError, "records: lines count from 1, in steps of at least 1");
        goto done;
    }
    places = PyMem_Malloc(((size_t)(text.len / stride) + 2) * sizeof *places);
    if (places == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    count = find_lines(text.buf, (size_t)text.len, (size_t)before, (size_t)stride, places, &listed);
    Py_END_ALLOW_THREADS
    list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < listed; i++) {
        PyObject *place = PyLong_FromSize_t(places[i]);
        if (place == NULL || PyList_Append(list, place) < 0)
            Py_CLEAR(list);
        Py_XDECREF(place);
    }
    if (list != NULL)
        result = Py_BuildValue("(nN)", (Py_ssize_t)count, list);
done:
    PyMem_Free(places);
    PyBuffer_Release(&text);
    return result;
}

PyMethodDef merkle_por_records_methods[] = {
    {"records_rows", rows, METH_VARARGS,
     "(text, crlf, final, portable) -> (records, bytes consumed, what is wrong with the next row)."},
    {"records_parents", parents, METH_VARARGS,
     "(parents, children, limit, engine) -> (number of findings, [(index, kind), ...])."},
    {"records_scan", scan, METH_VARARGS,
     "(records, first leaf number, key, engine) -> indexes of the account's leaves."},
    {"records_duplicates", duplicates, METH_VARARGS,
     "(records, seed, limit, key bytes) -> (number, indexes of records whose key stood before)."},
    {"records_lines", lines, METH_VARARGS,
     "(text, before, stride) -> (line ends, places behind number before, before + stride, ...)."},
    {NULL, NULL, 0, NULL},
};
