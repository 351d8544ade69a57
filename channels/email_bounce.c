/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/email_bounce.h"

#include "base/arena.h"
#include "channels/email_bounce_text.h"
#include "channels/email_parts.h"

#define DIAGNOSTIC_MOST 500
#define NAME_MOST 320
#define GROUPS_MOST 50
#define STATUS_MOST 11

/* What is being read. */
struct look {
    struct arena *a;
    struct email_parts parts;
    struct email_report *out;
};

/* ---- clues */

static void add_address(struct look *l, struct str text) {
    size_t from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        bool inside = i < text.n && !strchr(" \t<>,;\"()[]", text.p[i]);
        if (inside)
            continue;
        struct str one = str_sub(text, from, i);
        from = i + 1;
        if (str_find(one, S("@")) > 0 && str_find(one, S("+")) > 0 && one.n <= NAME_MOST &&
            l->out->n_addresses < EMAIL_REPORT_CLUES)
            l->out->addresses[l->out->n_addresses++] = one;
    }
}

/* Each <...@...>; a text without brackets is one. */
static void add_ids(struct look *l, struct str text) {
    if (str_find(text, S("<")) < 0 && str_find(text, S("@")) > 0)
        text = str_printf(l->a, "<%.*s>", STR_FMT(str_trim(text)));
    while (l->out->n_ids < EMAIL_REPORT_CLUES) {
        ptrdiff_t open = str_find(text, S("<"));
        if (open < 0)
            return;
        text = str_sub(text, (size_t)open + 1, text.n);
        ptrdiff_t close = str_find(text, S(">"));
        if (close < 0)
            return;
        struct str id = str_trim(str_sub(text, 0, (size_t)close));
        if (str_find(id, S("@")) > 0)
            l->out->ids[l->out->n_ids++] = id;
    }
}

static void add_fields(struct look *l, const struct email_fields *f, const char *const *addresses,
                       const char *const *ids) {
    for (; *addresses; addresses++)
        for (size_t i = 0; i < f->n; i++)
            if (str_eq_nocase(f->list[i].name, str_from(*addresses)))
                add_address(l, f->list[i].value);
    for (; *ids; ids++)
        add_ids(l, email_field(f, *ids));
}

/* The mail that was sent, as it comes back. */
static void add_original(struct look *l, const struct email_fields *f) {
    static const char *const addresses[] = {"Return-Path", "X-Envelope-From", "Errors-To", NULL};
    static const char *const ids[] = {"Message-ID", "X-Original-Message-ID", NULL};
    add_fields(l, f, addresses, ids);
}

/* What gateways put in front of what they return: "Message-ID: <...>" on any line. */
static void add_returned(struct look *l, struct str text) {
    struct str line;
    for (int n = 0; n < 2000 && text.n && str_split(&text, '\n', &line); n++) {
        line = str_trim(line);
        while (str_starts(line, S("> ")))
            line = str_sub(line, 2, line.n);
        if (str_eq_nocase(str_sub(line, 0, 11), S("message-id:")))
            add_ids(l, email_clean(l->a, str_sub(line, 11, line.n), NAME_MOST, false));
        else if (str_eq_nocase(str_sub(line, 0, 12), S("return-path:")))
            add_address(l, email_clean(l->a, str_sub(line, 12, line.n), NAME_MOST, false));
    }
}

static const struct email_part *find(const struct look *l, const char *type) {
    for (size_t i = 0; i < l->parts.n; i++)
        if (str_eq(l->parts.list[i].type, str_from(type)))
            return &l->parts.list[i];
    return NULL;
}

static void add_clues(struct look *l) {
    static const char *const addresses[] = {"Delivered-To",
                                            "X-Original-To",
                                            "Envelope-To",
                                            "X-Envelope-To",
                                            "X-Delivered-To",
                                            "X-Rcpt-To",
                                            "X-Forwarded-To",
                                            "To",
                                            "Cc",
                                            NULL};
    static const char *const ids[] = {"In-Reply-To", "References", "X-Original-Message-ID", NULL};
    static const char *const none[] = {NULL};
    add_fields(l, &l->parts.header, addresses, none);
    for (size_t i = 0; i < l->parts.n; i++) {
        const struct email_part *p = &l->parts.list[i];
        struct str content = p->content;
        if (str_eq(p->type, S("message/rfc822"))) {
            add_original(l, &p->fields);
        } else if (str_ends(p->type, S("rfc822-headers")) ||
                   str_eq(p->type, S("message/global-headers"))) {
            struct email_fields f = email_fields_read(l->a, &content);
            add_original(l, &f);
        }
    }
    add_fields(l, &l->parts.header, none, ids);
}

/* ---- delivery status (RFC 3464) */

/* "dns; mx.example.net" without its type. */
static struct str untyped(struct arena *a, struct str value, size_t most) {
    ptrdiff_t semicolon = str_find(value, S(";"));
    return email_clean(a, str_sub(value, semicolon < 0 ? 0 : (size_t)semicolon + 1, value.n), most,
                       false);
}

static bool action_of(struct str text, enum email_report_kind *out) {
    static const struct {
        const char *action;
        enum email_report_kind kind;
    } actions[] = {{"failed", EMAIL_BOUNCE},
                   {"delayed", EMAIL_DELAYED},
                   {"delivered", EMAIL_DELIVERED},
                   {"relayed", EMAIL_DELIVERED},
                   {"expanded", EMAIL_DELIVERED}};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (str_eq_nocase(str_sub(text, 0, strlen(actions[i].action)),
                          str_from(actions[i].action))) {
            *out = actions[i].kind;
            return true;
        }
    return false;
}

/* One recipient's group of fields; what is worse than what is known takes its place. */
static bool take_group(struct look *l, const struct email_fields *f, bool any) {
    enum email_report_kind kind;
    struct str status = email_field(f, "Status");
    bool said = action_of(email_field(f, "Action"), &kind);
    if (!said && !status.n)
        return false;
    if (!said)
        kind = status.p[0] == '2' ? EMAIL_DELIVERED : EMAIL_BOUNCE;
    if (any && kind >= l->out->kind)
        return true;
    struct str who = email_field(f, "Final-Recipient");
    struct str diagnostic = email_field(f, "Diagnostic-Code");
    l->out->kind = kind;
    l->out->recipient =
        untyped(l->a, who.n ? who : email_field(f, "Original-Recipient"), NAME_MOST);
    l->out->status = bounce_status_in(status);
    if (kind == EMAIL_DELIVERED)
        l->out->status = str_sub(status, 0, STATUS_MOST);
    l->out->diagnostic = untyped(l->a, diagnostic, DIAGNOSTIC_MOST);
    l->out->remote_mta = untyped(l->a, email_field(f, "Remote-MTA"), NAME_MOST);
    return true;
}

static struct str first_text(const struct look *l) {
    const struct email_part *p = find(l, "text/plain");
    return p ? p->content : S("");
}

static void judge(struct look *l) {
    struct email_report *out = l->out;
    out->code = bounce_code_in(out->diagnostic);
    struct bounce_said said = {out->status, out->code, out->diagnostic};
    out->verdict = bounce_classify(&said);
    struct str status = bounce_status_in(out->diagnostic);
    if (!out->status.n || (str_ends(out->status, S(".0.0")) && status.n))
        out->status = status;
}

static bool read_status(struct look *l, const struct email_part *part) {
    struct str rest = part->content;
    bool any;
    struct email_fields f = email_fields_read(l->a, &rest);
    l->out->reporting_mta = untyped(l->a, email_field(&f, "Reporting-MTA"), NAME_MOST);
    add_address(l, email_field(&f, "Original-Envelope-Id"));
    add_address(l, email_field(&f, "X-Postfix-Sender"));
    add_ids(l, email_field(&f, "Original-Envelope-Id"));
    any = take_group(l, &f, false); /* some put all into one group */
    for (int n = 0; n < GROUPS_MOST && rest.n; n++) {
        rest = str_trim(rest); /* as many empty lines as there are */
        f = email_fields_read(l->a, &rest);
        any = take_group(l, &f, any) || any;
    }
    if (any && l->out->kind == EMAIL_BOUNCE) {
        struct email_bounce_text t;
        email_bounce_text_read(l->a, first_text(l), &t);
        if (!l->out->diagnostic.n)
            l->out->diagnostic = email_clean(l->a, t.said, DIAGNOSTIC_MOST, false);
        judge(l);
    }
    return any;
}

static struct str address_in(struct str value) {
    ptrdiff_t open = str_find(value, S("<"));
    struct str in = open < 0 ? value : str_sub(value, (size_t)open + 1, value.n);
    ptrdiff_t close = str_find(in, S(">"));
    return str_trim(close < 0 ? in : str_sub(in, 0, (size_t)close));
}

/* ---- complaints (RFC 5965) */

static bool read_feedback(struct look *l, const struct email_part *part) {
    static const char *const complaints[] = {"abuse",   "fraud",        "virus", "other",
                                             "opt-out", "opt-out-list", NULL};
    struct str rest = part->content;
    struct email_fields f = email_fields_read(l->a, &rest);
    add_address(l, email_field(&f, "Original-Mail-From"));
    l->out->feedback = email_field(&f, "Feedback-Type");
    l->out->recipient = untyped(l->a, address_in(email_field(&f, "Original-Rcpt-To")), NAME_MOST);
    l->out->reporting_mta = untyped(l->a, email_field(&f, "Reporting-MTA"), NAME_MOST);
    if (!l->out->reporting_mta.n)
        l->out->reporting_mta = email_field(&f, "User-Agent");
    l->out->kind = EMAIL_UNRECOGNISED; /* not-spam, auth-failure: reports, but no complaints */
    for (const char *const *c = complaints; *c; c++)
        if (str_eq_nocase(l->out->feedback, str_from(*c)))
            l->out->kind = EMAIL_COMPLAINT;
    return true;
}

/* ---- without a standard */

static bool is_daemon(const struct look *l) {
    static const char *const names[] = {"mailer-daemon", "postmaster", "mail-daemon", "maildaemon",
                                        "mail delivery", "bounce",     NULL};
    struct str from = email_field(&l->parts.header, "From");
    for (const char *const *n = names; *n; n++)
        for (size_t i = 0; i + strlen(*n) <= from.n; i++)
            if (str_eq_nocase(str_sub(from, i, i + strlen(*n)), str_from(*n)))
                return true;
    return false;
}

/* No answer is wanted. */
static bool is_from_nobody(const struct look *l) {
    return str_eq(email_field(&l->parts.header, "Return-Path"), S("<>"));
}

static bool read_words(struct look *l) {
    struct email_bounce_text t, subject;
    const struct email_part *html = find(l, "text/html");
    struct str text = first_text(l);
    struct str failed = email_field(&l->parts.header, "X-Failed-Recipients");
    if (!text.n && html)
        text = email_bounce_text_of_html(l->a, html->content);
    if (!failed.n && !is_daemon(l) && !is_from_nobody(l))
        return false;
    email_bounce_text_read(l->a, text, &t);
    email_bounce_text_read(l->a, l->out->subject, &subject);
    if (!failed.n && !t.failed && !subject.failed && !t.delayed && !subject.delayed)
        return false;
    add_returned(l, t.returned.n ? t.returned : text);
    l->out->recipient = failed.n ? address_in(failed) : t.recipient;
    l->out->diagnostic = email_clean(l->a, t.said, DIAGNOSTIC_MOST, false);
    l->out->kind = t.delayed || subject.delayed ? EMAIL_DELAYED : EMAIL_BOUNCE;
    if (l->out->kind == EMAIL_BOUNCE)
        judge(l);
    return true;
}

/* ---- answers */

static bool is_machine(const struct look *l) {
    static const char *const marks[] = {
        "X-Autoreply",      "X-Autorespond", "X-Autoresponder", "X-Auto-Reply-From",
        "X-Mail-Autoreply", "List-Id",       "X-Vacation",      NULL};
    static const char *const bulk[] = {"bulk", "junk", "list", "auto_reply", NULL};
    const struct email_fields *h = &l->parts.header;
    struct str submitted = email_field(h, "Auto-Submitted"),
               precedence = email_field(h, "Precedence");
    if (submitted.n && !str_eq_nocase(str_sub(submitted, 0, 2), S("no")))
        return true;
    for (const char *const *m = marks; *m; m++)
        if (email_field(h, *m).n)
            return true;
    for (const char *const *b = bulk; *b; b++)
        if (str_eq_nocase(precedence, str_from(*b)))
            return true;
    return str_starts(l->parts.report_type, S("disposition")) || is_from_nobody(l) ||
           email_bounce_text_away(l->out->subject);
}

static void read_answer(struct look *l) {
    const struct email_part *html = find(l, "text/html");
    struct str text = first_text(l);
    if (is_daemon(l))
        return; /* a report of some kind that is not understood */
    if (is_machine(l)) {
        l->out->kind = EMAIL_AUTO_REPLY;
        return;
    }
    if (!l->out->from.n || (!l->out->n_ids && !l->out->n_addresses))
        return;
    l->out->kind = EMAIL_REPLY;
    if (!text.n && html)
        text = email_bounce_text_of_html(l->a, html->content);
    l->out->text = email_clean(l->a, email_bounce_text_reply(l->a, text), EMAIL_REPORT_TEXT, true);
}

/* ---- the whole */

void email_bounce_read(struct arena *a, struct str mail, struct email_report *out) {
    struct look l = {.a = a, .out = out};
    *out = (struct email_report){.kind = EMAIL_UNRECOGNISED,
                                 .recipient = S(""),
                                 .status = S(""),
                                 .diagnostic = S(""),
                                 .reporting_mta = S(""),
                                 .remote_mta = S(""),
                                 .feedback = S(""),
                                 .text = S("")};
    email_parts_read(a, mail, &l.parts);
    const struct email_fields *h = &l.parts.header;
    out->from = email_clean(a, address_in(email_field(h, "From")), NAME_MOST, false);
    out->subject = email_clean(a, email_field(h, "Subject"), DIAGNOSTIC_MOST, false);
    out->message_id = address_in(email_field(h, "Message-ID"));
    out->date = email_field(h, "Date");
    add_clues(&l);
    const struct email_part *feedback = find(&l, "message/feedback-report");
    const struct email_part *status = find(&l, "message/delivery-status");
    if (!status)
        status = find(&l, "message/global-delivery-status");
    if ((feedback && read_feedback(&l, feedback)) || (status && read_status(&l, status)) ||
        read_words(&l))
        return;
    read_answer(&l);
}

const char *email_report_kind_name(enum email_report_kind k) {
    static const char *const names[EMAIL_REPORT_KINDS] = {[EMAIL_BOUNCE] = "bounce",
                                                          [EMAIL_DELAYED] = "delayed",
                                                          [EMAIL_DELIVERED] = "delivered",
                                                          [EMAIL_COMPLAINT] = "complaint",
                                                          [EMAIL_REPLY] = "reply",
                                                          [EMAIL_AUTO_REPLY] = "auto_reply",
                                                          [EMAIL_UNRECOGNISED] = "unrecognised"};
    return names[k];
}

void email_bounce_shutdown(void) {
    email_parts_shutdown();
}
