/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "channels/sms.h"
#include "cli/sample.h"
#include "templates/locale_format.h"

#include <errno.h>
#include <stdio.h>

#define FILE_MAX ((size_t)16 << 20)

/* One template with one customer's data, in one or all of its locales. */
struct preview {
    struct arena *arena;
    const struct workspace *workspace;
    const struct message_template *template;
    struct value data;
    const struct zone *zone;
    struct buf page; /* HTML; empty when a page was not asked for */
    bool failed;
};

static bool read_file(struct arena *a, const char *path, struct str *out, struct err *e) {
    struct buf b = BUF_IN(a);
    FILE *f = fopen(path, "r");
    if (!f)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    size_t n;
    do {
        n = fread(buf_reserve(&b, 65536), 1, 65536, f);
        b.n += n;
    } while (n && b.n <= FILE_MAX);
    bool ok = !ferror(f) && b.n <= FILE_MAX;
    fclose(f);
    *out = buf_str(&b);
    return ok || err_set(e, ERR_INPUT, "%s: cannot be read, or is larger than 16 MiB", path);
}

static bool read_data(struct preview *p, const char *path, struct err *e) {
    struct str text;
    p->data = value_map(map_new(p->arena, 0));
    if (!path)
        return true;
    if (!read_file(p->arena, path, &text, e))
        return false;
    if (!json_parse(p->arena, text, &p->data, e))
        return err_context(e, "%s", path);
    return p->data.type == V_MAP ||
           err_set(e, ERR_INPUT, "%s: the data is an object: {\"customer\": {...}}", path);
}

/* The customer's zone if the data has one, otherwise the workspace's. */
static void choose_zone(struct preview *p) {
    const struct value *v = value_path(&p->data, S("customer.timezone"));
    struct err e = ERR_INIT;
    struct str name = v && v->type == V_STRING ? value_text(*v) : p->workspace->settings.timezone;
    if (!wallclock_zone(name, &p->zone, &e))
        p->zone = NULL;
}

static void escape(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '<')
            buf_add_str(out, S("&lt;"));
        else if (c == '>')
            buf_add_str(out, S("&gt;"));
        else if (c == '&')
            buf_add_str(out, S("&amp;"));
        else if (c == '"')
            buf_add_str(out, S("&quot;"));
        else
            buf_add_char(out, c);
    }
}

/* Text from a template on a terminal: no control characters but line ends and tabs. */
static void print_safely(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= ' ' || c == '\n' || c == '\t')
            putchar(c == 0x7f ? '?' : c);
        else if (c != '\r')
            putchar('?');
    }
    if (s.n == 0 || s.p[s.n - 1] != '\n')
        putchar('\n');
}

/* What stands beside the name of a part: for an SMS what it costs. */
static struct str remark(struct arena *a, enum template_part part, struct str text) {
    struct sms sms;
    if (part != TEMPLATE_SMS || !sms_measure(text, &sms))
        return STR_NONE;
    return str_printf(a, " (%d segment%s: %zu %s, %s)", sms.segments, sms.segments == 1 ? "" : "s",
                      sms.units, sms.coding == SMS_GSM7 ? "septets" : "UTF-16 units",
                      sms_coding_name(sms.coding));
}

static void show(struct preview *p, enum template_part part, struct str text, bool failed) {
    const char *name = template_part_name(part);
    struct str note = failed ? S(" (fails)") : remark(p->arena, part, text);
    if (!p->page.p) {
        printf("\n-- %s%.*s\n", name, STR_FMT(note));
        print_safely(text);
        return;
    }
    buf_printf(&p->page, "<section class=\"%s%s\"><h3>%s%.*s</h3>", failed ? "failed " : "", name,
               name, STR_FMT(note));
    bool frame = part == TEMPLATE_HTML && !failed;
    buf_add_str(&p->page, frame ? S("<iframe sandbox srcdoc=\"") : S("<pre>"));
    escape(&p->page, text);
    buf_add_str(&p->page, frame ? S("\"></iframe></section>\n") : S("</pre></section>\n"));
}

static void render_locale(struct preview *p, struct str locale) {
    struct str shown = locale.n ? locale : S("default");
    struct locale_format *format = locale_format_new(locale.n ? locale : S("en"));
    struct liquid_params params = {.arena = p->arena,
                                   .data = p->data.u.map,
                                   .now = wallclock_now() / WALLCLOCK_US_PER_S,
                                   .zone = p->zone,
                                   .locale = format,
                                   .locale_name = locale};
    if (p->page.p)
        buf_printf(&p->page, "<h2>%.*s</h2><div class=\"parts\">\n", STR_FMT(shown));
    else
        printf("\n==== %.*s, locale %.*s\n", STR_FMT(template_name(p->template)), STR_FMT(shown));
    for (int part = 0; part < TEMPLATE_PARTS; part++) {
        struct buf out = BUF_IN(p->arena);
        struct err e = ERR_INIT;
        if (!template_has(p->template, (enum template_part)part))
            continue;
        bool ok = template_render(p->workspace->template_set, p->template, (enum template_part)part,
                                  &params, &out, &e);
        p->failed = p->failed || !ok;
        show(p, (enum template_part)part, ok ? buf_str(&out) : str_dup(p->arena, str_from(e.text)),
             !ok);
    }
    if (p->page.p)
        buf_add_str(&p->page, S("</div>\n"));
    locale_format_free(format);
}

static void start_page(struct preview *p) {
    buf_add_str(&p->page, S("<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>"));
    escape(&p->page, template_name(p->template));
    buf_add_str(
        &p->page,
        S("</title><style>body{font:15px sans-serif;margin:24px;background:#f4f4f4}"
          ".parts{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:16px}"
          "section{background:#fff;border:1px solid #ccc;padding:12px}.subject{grid-column:1/-1}"
          ".failed{border-color:#b00020;color:#b00020}h3{margin:0 0 8px;font-size:13px;color:#666}"
          "pre{white-space:pre-wrap;margin:0;font:13px monospace}"
          "iframe{width:100%;height:640px;border:0}</style></head><body>\n<h1>"));
    escape(&p->page, template_name(p->template));
    buf_add_str(&p->page, S("</h1>\n"));
}

static bool write_page(struct preview *p, const char *path, struct err *e) {
    buf_add_str(&p->page, S("</body></html>\n"));
    FILE *f = fopen(path, "w");
    if (!f)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    bool ok = fwrite(p->page.p, 1, p->page.n, f) == p->page.n;
    ok = fclose(f) == 0 && ok;
    if (ok)
        printf("written to %s\n", path);
    return ok || err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
}

/* What a message to this customer would be rendered from, and what is added to it. */
static bool read_customer(struct preview *p, struct setup *s, const struct sample *x,
                          struct str customer, struct err *e) {
    struct str input, locale;
    if (!sample_input(s, x, customer, &input, &locale, e) ||
        !json_parse(p->arena, input, &p->data, e))
        return false;
    struct map *data = (struct map *)p->data.u.map;
    struct str url = p->workspace->settings.tracking.public_url;
    map_set_str(p->arena, data, S("campaign"), value_str(x->campaign->id));
    if (url.n && x->step->u.send.topic.n)
        map_set_str(p->arena, data, S("unsubscribe_url"),
                    value_str(str_printf(p->arena, "%.*s/u/preview", STR_FMT(url))));
    else if (url.n)
        map_set_str(p->arena, data, S("confirm_url"),
                    value_str(str_printf(p->arena, "%.*s/d/preview", STR_FMT(url))));
    return true;
}

static bool preview(struct preview *p, const struct args *args, struct setup *s, struct err *e) {
    const char *locale = args_get(args, "locale"), *page = args_get(args, "html"),
               *customer = args_get(args, "customer");
    struct sample x;
    if (!sample_find(p->workspace, str_from(args->positional[0]), &x, e))
        return false;
    p->template = x.template;
    if (customer ? !read_customer(p, s, &x, str_from(customer), e)
                 : !read_data(p, args_get(args, "data"), e))
        return false;
    choose_zone(p);
    p->page = BUF_IN(p->arena);
    if (page)
        start_page(p);
    const struct list *locales = template_locales(p->template);
    render_locale(p, locale ? str_from(locale) : S(""));
    for (size_t i = 0; !locale && i < locales->n; i++)
        render_locale(p, value_text(locales->v[i]));
    return !page || write_page(p, page, e);
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    bool customer = args_get(args, "customer") != NULL;
    if (customer && args_get(args, "data"))
        return args_usage(args, "--customer or --data, not both");
    if (!(customer ? setup_database : setup_workspace)(args, &s))
        return EXIT_WRONG;
    struct preview p = {.arena = s.arena, .workspace = s.workspace};
    bool ok = preview(&p, args, &s, &e);
    setup_close(&s);
    if (!ok)
        return setup_fail(args, &e);
    return p.failed ? EXIT_WRONG : EXIT_DONE;
}

static const struct command_option options[] = {
    {"customer", 0, "KEY", "with this customer's profile and last event"},
    {"data", 0, "FILE.json", "what the template sees: {\"customer\": {...}, \"event\": {...}}"},
    {"locale", 0, "LOCALE", "only this one; without it the default and all variants"},
    {"html", 0, "FILE", "write a page with all parts side by side, instead of text here"},
    {0},
};

const struct command cmd_preview = {
    .name = "preview",
    .arguments = "CAMPAIGN|TEMPLATE",
    .summary = "Shows a message as a customer would get it.",
    .about = "Renders each part (subject, text, HTML, SMS) in each locale there is a variant for.\n"
             "A part that would fail for this data is shown with the reason; the exit status is 1.",
    .example = "  godwit preview winback --customer c-1042\n"
               "  godwit preview winback-1 --data ada.json --locale zh-TW\n"
               "  godwit preview winback-1 --data ada.json --html preview.html",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
