/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_number: the arithmetic of Liquid, exact and the same on every machine.
 *
 * Integers have any size; a float takes part as the decimal number that its
 * shortest text stands for (0.1 is one tenth), and the result of an operation
 * on decimals is rounded to a float once, at the end. Numbers live in the arena
 * given. A result of more than LIQUID_DIGITS_MAX digits is refused. Pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_NUMBER_H
#define GODWIT_TEMPLATES_LIQUID_NUMBER_H

#include "base/err.h"
#include "base/value.h"

#define LIQUID_DIGITS_MAX 20000

/* Base 10^9, least significant limb first, no leading zero limbs; n 0 is zero. */
struct mag {
    uint32_t n;
    uint32_t *limb;
};

/* (-1)^negative * mag * 10^-scale. `integer` is false for a decimal, whose results
 * are floats even when whole. */
struct number {
    bool negative;
    bool integer;
    int32_t scale;
    struct mag mag;
};

/* An integer outside int64: what a value of kind V_BIG points at. */
struct big {
    bool negative;
    struct mag mag;
};

enum number_op { NUMBER_ADD, NUMBER_SUB, NUMBER_MUL, NUMBER_DIV, NUMBER_MOD };

struct number number_from_int(struct arena *a, int64_t i);
struct number number_from_double(struct arena *a, double d); /* finite */
/* "-12.50" as a decimal, or digits alone as an integer; false on anything else. */
bool number_from_text(struct arena *a, struct str text, struct number *out);

/* Division and modulo round towards minus infinity for integers; by zero is an error. */
bool number_apply(struct arena *a, enum number_op op, struct number x, struct number y,
                  struct number *out, struct err *e) MUST_CHECK;
int number_compare(struct arena *a, struct number x, struct number y);

/* Half away from zero at `digits` decimals (negative: tens, hundreds). */
bool number_round(struct arena *a, struct number x, int64_t digits, struct number *out,
                  struct err *e) MUST_CHECK;
struct number number_floor(struct arena *a, struct number x);
struct number number_ceil(struct arena *a, struct number x);

/* V_INT, V_BIG for an integer; V_DOUBLE for a decimal. */
struct value number_value(struct arena *a, struct number x);
double number_double(struct arena *a, struct number x);

/* Decimal text: of a number exactly, of a double the shortest that reads back equal
 * ("1.0", "0.0001", "1.0e+15"), as Ruby writes them. */
void number_write(struct buf *out, struct number x);
void number_write_double(struct buf *out, double d);

#endif
