/* SPDX-License-Identifier: Apache-2.0
 *
 * Parser, link finder, inputs and renderer of templates. The first byte chooses the
 * modes; what follows a NUL is a partial named p.
 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "templates/links.h"
#include "templates/liquid_parse.h"
#include "templates/locale_format.h"
#include "templates/template_inputs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char values[] =
    "{\"a\":1,\"b\":-2.5,\"s\":\"t<ext> \\u00e9\",\"e\":\"\",\"l\":[3,\"x\",null,[1,{}],2.5],"
    "\"h\":{\"k\":\"v\",\"size\":9,\"d\":\"2016-03-14 "
    "5pm\"},\"o\":[{\"n\":\"b\",\"p\":2},{\"n\":\"a\"}],"
    "\"t\":true,\"f\":false,\"big\":\"123456789012345678901234567890\",\"url\":\"https://x.example/"
    "?a=1&b\"}";

static void on_link(void *context, uint32_t index, struct str url, struct buf *out) {
    (void)context;
    buf_printf(out, "%u", (unsigned)index);
    buf_add_str(out, url);
}

static void check(struct arena *a, uint8_t modes, struct str source, struct str partial) {
    struct liquid_set *set = liquid_set_new(a, modes & 1, modes & 2);
    const struct liquid_template *t, *p;
    struct value v;
    struct err e = ERR_INIT;
    struct liquid_place place;
    struct buf out = BUF_IN(a);
    struct template_needs needs;
    struct locale_format *locale = modes & 16 ? locale_format_new(S("de")) : NULL;
    if (!json_parse(a, str_from(values), &v, &e))
        abort();
    struct liquid_params params = {
        .arena = a,
        .data = v.u.map,
        .globals = modes & 8,
        .now = 1700000000,
        .locale = locale,
        .locale_name = locale ? S("de") : S(""),
        .on_link = modes & 4 ? on_link : NULL,
        .limits = {.output = 200000, .memory = 8000000, .steps = 50000, .iterations = 5000}};
    bool fine = liquid_parse(set, S("p"), partial, 0, modes & 4, &p, &e, &place);
    fine = liquid_parse(set, S("t"), source, 0, modes & 4, &t, &e, &place) && fine;
    if (t->usable)
        links_find(a, (struct liquid_template *)t);
    template_needs_init(&needs, a);
    template_needs_add(&needs, set, t, NULL, NULL);
    if (!liquid_render(set, t, &params, &out, &e, &place) && (out.n || place.line < 1))
        abort();
    if (out.n > 300000)
        abort();
    locale_format_free(locale);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    struct arena *a = arena_new(0);
    struct str text = str_dup(a, str_of((const char *)data + 1, size - 1)), source;
    if (str_split(&text, 0, &source))
        check(a, data[0], source, text);
    arena_free(a);
    return 0;
}
