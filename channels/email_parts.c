/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/email_parts.h"

#include "base/arena.h"

#include <gmime/gmime.h>

#define PARTS_MOST 100
#define FIELDS_MOST 300
#define DEPTH_MOST 12
#define CONTENT_MOST 65536
#define VALUE_MOST 4000
#define NAME_MOST 100

static bool started; /* GMime is */

struct reader {
    struct arena *a;
    struct email_parts *out;
    struct email_part *parts;
};

/* ---- text */

struct str email_clean(struct arena *a, struct str text, size_t most, bool lines) {
    struct buf b = BUF_IN(a);
    size_t i = 0;
    while (i < text.n) {
        uint32_t code;
        size_t n = str_utf8(str_sub(text, i, text.n), &code);
        char c = text.p[i];
        bool space = c == ' ' || (c >= '\t' && c <= '\r');
        if (b.n + (n ? n : 1) > most)
            break;
        if (lines && c == '\r' && i + 1 < text.n && text.p[i + 1] == '\n')
            ; /* the line end comes next */
        else if (space && lines)
            buf_add_char(&b, c == '\t' || c == ' ' ? c : '\n');
        else if (space && (!b.n || b.p[b.n - 1] != ' '))
            buf_add_char(&b, ' ');
        else if (!n)
            buf_add_char(&b, '?');
        else if (!space && code >= 0x20 && !(code >= 0x7f && code < 0xa0))
            buf_add(&b, text.p + i, n);
        i += n ? n : 1;
    }
    return str_trim(b.p ? buf_str(&b) : S(""));
}

static struct str lower(struct arena *a, const char *text) {
    struct str s = email_clean(a, str_from(text), NAME_MOST, false);
    char *p = str_cstr(a, s);
    for (size_t i = 0; i < s.n; i++)
        p[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]);
    return str_of(p, s.n);
}

/* ---- fields */

struct str email_field(const struct email_fields *f, const char *name) {
    for (size_t i = 0; i < f->n; i++)
        if (str_eq_nocase(f->list[i].name, str_from(name)))
            return f->list[i].value;
    return S("");
}

/* The next line without its end; false: there is none. */
static bool next_line(struct str *rest, struct str *line) {
    if (!rest->n)
        return false;
    ptrdiff_t end = str_find(*rest, S("\n"));
    *line = str_sub(*rest, 0, end < 0 ? rest->n : (size_t)end);
    *rest = str_sub(*rest, end < 0 ? rest->n : (size_t)end + 1, rest->n);
    if (str_ends(*line, S("\r")))
        line->n--;
    return true;
}

struct email_fields email_fields_read(struct arena *a, struct str *rest) {
    struct email_field *list = ARENA_ARRAY(a, struct email_field, FIELDS_MOST);
    struct str line, name = STR_NONE;
    struct buf value = BUF_IN(a);
    size_t n = 0;
    bool more = true;
    while (more) {
        more = next_line(rest, &line) && str_trim(line).n > 0;
        if (more && (line.p[0] == ' ' || line.p[0] == '\t')) {
            if (value.n < VALUE_MOST)
                buf_add_str(&value, str_sub(line, 0, VALUE_MOST));
            continue;
        }
        if (name.n && n < FIELDS_MOST)
            list[n++] = (struct email_field){email_clean(a, name, NAME_MOST, false),
                                             email_clean(a, buf_str(&value), VALUE_MOST, false)};
        name = STR_NONE;
        buf_clear(&value);
        ptrdiff_t colon = more ? str_find(line, S(":")) : -1;
        if (colon > 0) {
            name = str_trim(str_sub(line, 0, (size_t)colon));
            buf_add_str(&value, str_sub(line, (size_t)colon + 1, (size_t)colon + 1 + VALUE_MOST));
        }
    }
    return (struct email_fields){list, n};
}

static struct email_fields header_of(struct arena *a, GMimeMessage *m) {
    GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(m));
    int count = g_mime_header_list_get_count(headers);
    size_t n = count > FIELDS_MOST ? FIELDS_MOST : count > 0 ? (size_t)count : 0;
    struct email_field *list = ARENA_ARRAY(a, struct email_field, n + 1);
    for (size_t i = 0; i < n; i++) {
        GMimeHeader *h = g_mime_header_list_get_header_at(headers, (int)i);
        list[i].name = email_clean(a, str_from(g_mime_header_get_name(h)), NAME_MOST, false);
        list[i].value = email_clean(a, str_from(g_mime_header_get_value(h)), VALUE_MOST, false);
    }
    return (struct email_fields){list, n};
}

/* ---- parts */

static struct email_part *add_part(struct reader *r, struct str type) {
    if (r->out->n == PARTS_MOST)
        return NULL;
    struct email_part *p = &r->parts[r->out->n++];
    p->type = type;
    p->content = S("");
    return p;
}

static struct str content_of(struct arena *a, GMimePart *part) {
    if (GMIME_IS_TEXT_PART(part)) {
        char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
        struct str s = text ? email_clean(a, str_from(text), CONTENT_MOST, true) : S("");
        g_free(text);
        return s;
    }
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (!content)
        return S("");
    GMimeStream *stream = g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(content, stream);
    const GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    struct str s =
        email_clean(a, str_of((const char *)bytes->data, bytes->len), CONTENT_MOST, true);
    g_object_unref(stream);
    return s;
}

/* Images and the like are of no interest. */
static bool is_readable(struct str type) {
    return str_starts(type, S("text/")) || str_starts(type, S("message/"));
}

static void walk(struct reader *r, GMimeObject *object, int depth) {
    if (!object || depth > DEPTH_MOST)
        return;
    GMimeContentType *ct = g_mime_object_get_content_type(object);
    char *mime = ct ? g_mime_content_type_get_mime_type(ct) : NULL;
    struct str type = lower(r->a, mime ? mime : "text/plain");
    g_free(mime);
    if (GMIME_IS_MULTIPART(object)) {
        const char *report = ct ? g_mime_content_type_get_parameter(ct, "report-type") : NULL;
        if (report && !r->out->report_type.n)
            r->out->report_type = lower(r->a, report);
        int n = g_mime_multipart_get_count(GMIME_MULTIPART(object));
        for (int i = 0; i < n && r->out->n < PARTS_MOST; i++)
            walk(r, g_mime_multipart_get_part(GMIME_MULTIPART(object), i), depth + 1);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        GMimeMessage *m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
        struct email_part *p = m ? add_part(r, S("message/rfc822")) : NULL;
        if (p) {
            p->fields = header_of(r->a, m);
            walk(r, g_mime_message_get_mime_part(m), depth + 1);
        }
    } else if (GMIME_IS_PART(object) && is_readable(type)) {
        struct email_part *p = add_part(r, type);
        if (p)
            p->content = content_of(r->a, GMIME_PART(object));
    }
}

/* No mail may hold NUL (RFC 5322), and C texts would end there. */
static struct str without_nul(struct arena *a, struct str mail) {
    if (!mail.n || !memchr(mail.p, 0, mail.n))
        return mail;
    char *out = arena_alloc(a, mail.n);
    size_t n = 0;
    for (size_t i = 0; i < mail.n; i++)
        if (mail.p[i])
            out[n++] = mail.p[i];
    return str_of(out, n);
}

void email_parts_read(struct arena *a, struct str mail, struct email_parts *out) {
    *out = (struct email_parts){.report_type = S("")};
    struct reader r = {a, out, ARENA_ARRAY(a, struct email_part, PARTS_MOST)};
    out->list = r.parts;
    if (!started)
        g_mime_init();
    started = true;
    struct str line;
    if (str_starts(mail, S("From "))) /* as some pipes begin */
        (void)next_line(&mail, &line);
    mail = without_nul(a, mail);
    if (!mail.n)
        return;
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mail.p, mail.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
    if (m) {
        out->header = header_of(a, m);
        walk(&r, g_mime_message_get_mime_part(m), 0);
        g_object_unref(m);
    }
    g_object_unref(parser);
    g_object_unref(stream);
}

void email_parts_shutdown(void) {
    if (started)
        g_mime_shutdown();
    started = false;
}
