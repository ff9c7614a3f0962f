/* Merkle-sum trees whose nodes are text: rows of a tree file to packed records, and a level of
 * records to the level above it. What a row and a node look like is a template, one letter a
 * field, so that one parser and one hasher serve every format of the kind.
 *
 * A record is the fields of a row in their order: hashes as raw bytes, amounts as 16 bytes (little
 * endian, unsigned) in units of 10^-decimals. For text_parents it is one hash and then the amounts.
 * Templates and rules: merkle_por/ledger/text_levels.py, which also holds the Python twins.
 */
#include "hex.h"
#include "kernel.h"
#include "sha256.h"

#if defined(__SIZEOF_INT128__) /* elsewhere the method table is empty and Python serves */

typedef unsigned __int128 u128;

#define AMOUNT 16
#define U128_DIGITS 39
#define MAX_DECIMALS 38
#define MAX_TEMPLATE 65536
#define LINE_LIMIT 16384 /* longer lines are refused unread; text_levels.py has the same number */
#define GROUP 64         /* nodes hashed at a time */

/* text_levels.py names them in this order. */
enum row_kind {
    ROW_GOOD,
    ROW_FORM,
    ROW_HASH,
    ROW_AMOUNT,
    ROW_NUMBER,
    ROW_OTHER_LEVEL,
    ROW_INDEX,
    ROW_NEGATIVE,
};

struct template {
    const uint8_t *ops;
    size_t length;
    size_t width; /* bytes of a hash */
    const uint8_t *decimals;
    size_t assets;
};

/* 0 with a ValueError for a template that is none. `known` are the letters allowed; after one of
 * `numbers` the template must end or go on with a literal that no number has. */
static int check_template(const struct template *t, const char *known, const char *numbers)
{
    size_t assets = 0;
    int after_number = 0;
    if (t->length > MAX_TEMPLATE || t->width < 1 || t->width > SHA256_DIGEST)
        goto wrong;
    for (size_t i = 0; i < t->length; i++) {
        uint8_t op = t->ops[i];
        if (op == '\'') {
            if (++i == t->length ||
                (after_number && t->ops[i] != 0 && strchr("0123456789.-", t->ops[i]) != NULL))
                goto wrong;
            after_number = 0;
            continue;
        }
        if (op == 0 || strchr(known, op) == NULL || after_number)
            goto wrong;
        assets += op == 'a' || op == 'f';
        after_number = strchr(numbers, op) != NULL;
    }
    if (assets != t->assets)
        goto wrong;
    for (size_t i = 0; i < assets; i++)
        if (t->decimals[i] > MAX_DECIMALS)
            goto wrong;
    return 1;
wrong:
    PyErr_SetString(PyExc_ValueError, "template: unknown letter, or another number of amounts");
    return 0;
}

/* Written out: compilers make one load or store of eight bytes. */
static void put_u64(uint8_t *out, uint64_t value)
{
    out[0] = (uint8_t)value, out[1] = (uint8_t)(value >> 8);
    out[2] = (uint8_t)(value >> 16), out[3] = (uint8_t)(value >> 24);
    out[4] = (uint8_t)(value >> 32), out[5] = (uint8_t)(value >> 40);
    out[6] = (uint8_t)(value >> 48), out[7] = (uint8_t)(value >> 56);
}

static uint64_t get_u64(const uint8_t *in)
{
    return (uint64_t)in[0] | (uint64_t)in[1] << 8 | (uint64_t)in[2] << 16 | (uint64_t)in[3] << 24 |
           (uint64_t)in[4] << 32 | (uint64_t)in[5] << 40 | (uint64_t)in[6] << 48 |
           (uint64_t)in[7] << 56;
}

static void put_u128(uint8_t *out, u128 value)
{
    put_u64(out, (uint64_t)value);
    put_u64(out + 8, (uint64_t)(value >> 64));
}

static u128 get_u128(const uint8_t *in)
{
    return (u128)get_u64(in + 8) << 64 | get_u64(in);
}

/* ---- reading rows ---- */

static int is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

#define U64_SAFE_DIGITS 19 /* any so many digits are below 2^64 */

/* A number as its digits come in: in one word as long as no digit more could leave it. */
struct number {
    uint64_t small;
    u128 value;
    unsigned digits;
};

/* Appends a digit; 0 where that leaves 128 bits. */
static int push_digit(struct number *number, unsigned digit)
{
    const u128 most = ~(u128)0; /* divided by the compiler, not for each digit */
    if (number->digits < U64_SAFE_DIGITS) {
        number->small = number->small * 10 + digit;
        number->digits++;
        return 1;
    }
    if (number->digits == U64_SAFE_DIGITS)
        number->value = number->small;
    if (number->value > most / 10 ||
        (number->value == most / 10 && digit > (unsigned)(most % 10)))
        return 0;
    number->value = number->value * 10 + digit;
    number->digits = U64_SAFE_DIGITS + 1;
    return 1;
}

static u128 number_of(const struct number *number)
{
    return number->digits <= U64_SAFE_DIGITS ? number->small : number->value;
}

/* An amount in its one form: no sign but a minus, no needless zeros, at most `decimals` places. */
static enum row_kind read_amount(const uint8_t *at, const uint8_t *end, unsigned decimals,
                                 uint8_t *out)
{
    struct number number = {0, 0, 0};
    unsigned places = 0, whole = 0;
    int negative = at < end && *at == '-';
    at += negative;
    if (at == end || !is_digit(*at) || (*at == '0' && end - at > 1 && is_digit(at[1])))
        return ROW_AMOUNT;
    for (; at < end && is_digit(*at); at++)
        if (++whole > U128_DIGITS || !push_digit(&number, (unsigned)(*at - '0')))
            return ROW_AMOUNT;
    if (at < end) {
        if (*at != '.' || end - at < 2 || end[-1] == '0')
            return ROW_AMOUNT;
        for (at++; at < end; at++)
            if (!is_digit(*at) || ++places > decimals ||
                !push_digit(&number, (unsigned)(*at - '0')))
                return ROW_AMOUNT;
    }
    for (; places < decimals && number_of(&number) != 0; places++)
        if (!push_digit(&number, 0))
            return ROW_AMOUNT;
    u128 value = number_of(&number);
    if (negative)
        return value == 0 ? ROW_AMOUNT : ROW_NEGATIVE;
    put_u128(out, value);
    return ROW_GOOD;
}

/* A decimal number below 2^64 without needless zeros. Returns the place after it, or NULL. */
static const uint8_t *read_number(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    const uint8_t *start = at;
    *value = 0;
    for (; at < end && is_digit(*at); at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (*value > UINT64_MAX / 10 ||
            (*value == UINT64_MAX / 10 && digit > (unsigned)(UINT64_MAX % 10)))
            return NULL;
        *value = *value * 10 + digit;
    }
    return at == start || (*start == '0' && at - start > 1) ? NULL : at;
}

/* One line without its end, left to right; the first thing wrong decides. */
static enum row_kind read_row(const struct template *t, const uint8_t *at, size_t length,
                              uint64_t level, uint64_t index, int portable, uint8_t *record)
{
    const uint8_t *end = at + length;
    const uint8_t *decimals = t->decimals;
    if (length == 0 || length > LINE_LIMIT)
        return ROW_FORM;
    for (size_t i = 0; i < t->length; i++) {
        uint64_t number;
        switch (t->ops[i]) {
        case '\'':
            if (at == end || *at != t->ops[++i])
                return ROW_FORM;
            at++;
            break;
        case 'x':
        case 'y':
            if ((size_t)(end - at) < 2 * t->width)
                return ROW_HASH;
            if (t->ops[i] == 'x' && t->width == SHA256_DIGEST && !portable) {
                if (!merkle_por_unhex32(at, record))
                    return ROW_HASH;
            } else if (!merkle_por_unhex(at, record, t->width,
                                         t->ops[i] == 'x' ? merkle_por_hex_lower
                                                          : merkle_por_hex_any)) {
                return ROW_HASH;
            }
            at += 2 * t->width;
            record += t->width;
            break;
        case 'n':
        case 'i':
            at = read_number(at, end, &number);
            if (at == NULL)
                return ROW_NUMBER;
            if (number != (t->ops[i] == 'n' ? level : index))
                return t->ops[i] == 'n' ? ROW_OTHER_LEVEL : ROW_INDEX;
            break;
        case 'a': {
            /* ends before the literal that follows, or with the line */
            const uint8_t *stop = end;
            if (i + 2 < t->length && t->ops[i + 1] == '\'' && at < end) {
                const uint8_t *mark = memchr(at, t->ops[i + 2], (size_t)(end - at));
                stop = mark != NULL ? mark : end;
            }
            enum row_kind kind = read_amount(at, stop, *decimals++, record);
            if (kind != ROW_GOOD)
                return kind;
            at = stop;
            record += AMOUNT;
            break;
        }
        }
    }
    return at == end ? ROW_GOOD : ROW_FORM;
}

struct rows {
    struct template template;
    const uint8_t *text;
    size_t length;
    int crlf, final, portable;
    uint64_t level, first;
    size_t record; /* bytes of a record */
};

/* Records of the complete lines at the start of the block, until one is wrong or of another level;
 * lines end as in records.c. */
static enum row_kind read_rows(const struct rows *r, uint8_t *records, size_t most, size_t *count,
                               size_t *consumed)
{
    const uint8_t *at = r->text, *end = r->text + r->length;
    enum row_kind kind = ROW_GOOD;
    *count = 0;
    while (at < end && *count < most) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at)), *next;
        if (stop == NULL) {
            if (!r->final && (size_t)(end - at) <= LINE_LIMIT + 1)
                break;
            stop = next = end;
        } else {
            next = stop + 1;
        }
        size_t length = (size_t)(stop - at);
        if (r->crlf) {
            if (length > 0 && at[length - 1] == '\r')
                length--;
            else if (next != stop) {
                kind = ROW_FORM;
                break;
            }
        }
        kind = read_row(&r->template, at, length, r->level, r->first + *count, r->portable,
                        records + *count * r->record);
        if (kind != ROW_GOOD)
            break;
        ++*count;
        at = next;
    }
    *consumed = (size_t)(at - r->text);
    return kind;
}

static PyObject *text_rows(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer text;
    const char *ops, *decimals; /* immutable bytes only: they are trusted without the GIL */
    Py_ssize_t width, ops_length, assets;
    unsigned long long level, first;
    struct rows r;
    PyObject *packed = NULL;
    if (!PyArg_ParseTuple(args, "y*y#ny#KKppp", &text, &ops, &ops_length, &width, &decimals,
                          &assets, &level, &first, &r.crlf, &r.final, &r.portable))
        return NULL;
    size_t shortest = 1, count, consumed;
    r.template = (struct template){(const uint8_t *)ops, (size_t)ops_length, (size_t)width,
                                   (const uint8_t *)decimals, (size_t)assets};
    r.text = text.buf, r.length = (size_t)text.len, r.level = level, r.first = first;
    if (!check_template(&r.template, "xynia", "nia"))
        goto done;
    r.record = r.template.assets * AMOUNT;
    for (size_t i = 0; i < r.template.length; i++) {
        uint8_t op = r.template.ops[i];
        int hash = op == 'x' || op == 'y';
        i += op == '\'';
        r.record += hash ? r.template.width : 0;
        shortest += hash ? 2 * r.template.width : 1;
    }
    size_t most = r.length / shortest + 1; /* with their ends; the last may lack it */
    if (r.record > 0 && most > (size_t)PY_SSIZE_T_MAX / r.record) {
        PyErr_NoMemory();
        goto done;
    }
    packed = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(most * r.record));
    if (packed == NULL)
        goto done;
    uint8_t *records = (uint8_t *)PyByteArray_AsString(packed);
    enum row_kind kind;
    Py_BEGIN_ALLOW_THREADS
    kind = read_rows(&r, records, most, &count, &consumed);
    Py_END_ALLOW_THREADS
    if (PyByteArray_Resize(packed, (Py_ssize_t)(count * r.record)) < 0)
        Py_CLEAR(packed);
done:
    PyBuffer_Release(&text);
    if (packed == NULL)
        return NULL;
    return Py_BuildValue("(Nnni)", packed, (Py_ssize_t)count, (Py_ssize_t)consumed, (int)kind);
}

/* ---- a level to the one above ---- */

/* Digits of the value, at least `least` of them; returns their number. */
static size_t put_decimal(uint8_t *out, u128 value, size_t least)
{
    uint8_t digits[U128_DIGITS + 1];
    size_t count = 0;
    while (value >> 64) { /* dividing 128 bits is slow: 19 digits at a time */
        const uint64_t part = 10000000000000000000u;
        uint64_t low = (uint64_t)(value % part);
        value /= part;
        for (int i = 0; i < 19; i++, low /= 10)
            digits[count++] = (uint8_t)('0' + low % 10);
    }
    for (uint64_t rest = (uint64_t)value; rest > 0; rest /= 10)
        digits[count++] = (uint8_t)('0' + rest % 10);
    while (count < least)
        digits[count++] = '0';
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

/* An amount as a plain decimal; returns its length, at most U128_DIGITS + 2. */
static size_t put_amount(uint8_t *out, u128 value, size_t decimals, int all_places)
{
    size_t length = put_decimal(out, value, decimals + 1), places = decimals;
    if (!all_places)
        while (places > 0 && out[length - 1] == '0')
            places--, length--;
    if (places == 0)
        return length;
    memmove(out + length - places + 1, out + length - places, places);
    out[length - places] = '.';
    return length + 1;
}

/* What the parent of two records hashes; its sums go to `sums`. 0 where a sum leaves 128 bits. */
static int put_preimage(const struct template *t, const uint8_t *two, size_t record,
                        uint64_t level, uint8_t *out, size_t *length, uint8_t *sums)
{
    const uint8_t *left = two, *right = two + record, *start = out;
    size_t asset = 0;
    for (size_t i = 0; i < t->assets; i++) {
        u128 a = get_u128(left + t->width + i * AMOUNT);
        u128 sum = a + get_u128(right + t->width + i * AMOUNT);
        if (sum < a)
            return 0;
        put_u128(sums + i * AMOUNT, sum);
    }
    for (size_t i = 0; i < t->length; i++) {
        uint8_t op = t->ops[i];
        switch (op) {
        case '\'':
            *out++ = t->ops[++i];
            break;
        case 'l':
        case 'r':
            memcpy(out, op == 'l' ? left : right, t->width);
            out += t->width;
            break;
        case 'x':
        case 'y':
            merkle_por_hex(op == 'x' ? left : right, out, t->width);
            out += 2 * t->width;
            break;
        case 'n':
            out += put_decimal(out, level, 1);
            break;
        case 'a':
        case 'f':
            out += put_amount(out, get_u128(sums + asset * AMOUNT), t->decimals[asset], op == 'f');
            asset++;
            break;
        }
    }
    *length = (size_t)(out - start);
    return 1;
}

/* Room for any preimage of the template. */
static size_t preimage_room(const struct template *t)
{
    size_t room = 0;
    for (size_t i = 0; i < t->length; i++) {
        uint8_t op = t->ops[i];
        if (op == '\'')
            i++, room++;
        else if (op == 'l' || op == 'r')
            room += t->width;
        else if (op == 'x' || op == 'y')
            room += 2 * t->width;
        else
            room += U128_DIGITS + 2;
    }
    return room + 1;
}

static PyObject *text_parents(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer children;
    const char *ops, *decimals; /* immutable bytes only: they are trusted without the GIL */
    Py_ssize_t width, out_width, ops_length, assets;
    unsigned long long level;
    const char *name;
    PyObject *packed = NULL;
    uint8_t *arena = NULL;
    if (!PyArg_ParseTuple(args, "y*y#nny#Ks", &children, &ops, &ops_length, &width, &out_width,
                          &decimals, &assets, &level, &name))
        return NULL;
    struct template t = {(const uint8_t *)ops, (size_t)ops_length, (size_t)width,
                         (const uint8_t *)decimals, (size_t)assets};
    size_t made = 0;
    const struct sha256_engine *engine = merkle_por_sha256_engine(name);
    if (engine == NULL || !check_template(&t, "lrxynaf", ""))
        goto done;
    size_t record = t.width + t.assets * AMOUNT, room = preimage_room(&t);
    if (out_width < 1 || out_width > SHA256_DIGEST || (size_t)children.len % (2 * record) != 0) {
        PyErr_SetString(PyExc_ValueError, "records: an even number, hashes of 1 to 32 bytes");
        goto done;
    }
    size_t count = (size_t)children.len / (2 * record);
    size_t out_record = (size_t)out_width + t.assets * AMOUNT;
    /* a parent is at most 32 bytes longer than a child, and there are half as many: no overflow */
    packed = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(count * out_record));
    arena = PyMem_Malloc(GROUP * room);
    if (packed == NULL || arena == NULL) {
        Py_CLEAR(packed);
        PyErr_NoMemory();
        goto done;
    }
    uint8_t *out = (uint8_t *)PyByteArray_AsString(packed);
    Py_BEGIN_ALLOW_THREADS
    struct sha256_message messages[GROUP];
    uint8_t digests[GROUP * SHA256_DIGEST];
    int fits = 1;
    while (made < count && fits) {
        size_t n = 0;
        for (; n < GROUP && made + n < count; n++) {
            messages[n].data = arena + n * room;
            fits = put_preimage(&t, (const uint8_t *)children.buf + (made + n) * 2 * record,
                                record, level, arena + n * room, &messages[n].length,
                                out + (made + n) * out_record + out_width);
            if (!fits)
                break;
        }
        merkle_por_sha256_many(engine, messages, n, digests);
        for (size_t i = 0; i < n; i++)
            memcpy(out + (made + i) * out_record, digests + i * SHA256_DIGEST, (size_t)out_width);
        made += n;
    }
    Py_END_ALLOW_THREADS
    if (PyByteArray_Resize(packed, (Py_ssize_t)(made * out_record)) < 0)
        Py_CLEAR(packed);
done:
    PyMem_Free(arena);
    PyBuffer_Release(&children);
    return packed;
}

PyMethodDef merkle_por_text_trees_methods[] = {
    {"text_rows", text_rows, METH_VARARGS,
     "(text, template, width, decimals, level, first index, crlf, final, portable)"
     " -> (records, count, bytes consumed, what stopped it)."},
    {"text_parents", text_parents, METH_VARARGS,
     "(records, template, width, width of a parent's hash, decimals, level, engine)"
     " -> parents, fewer than half where a sum leaves 128 bits."},
    {NULL, NULL, 0, NULL},
};

#else

PyMethodDef merkle_por_text_trees_methods[] = {
    {NULL, NULL, 0, NULL},
};

#endif
