/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define LIVE_US INT64_C(100000)
#define LOG_US INT64_C(10000000)
#define BAR_LEAST 10 /* columns; a narrower bar says nothing */
#define BAR_MOST 40
#define COLUMNS 80 /* of a terminal that does not tell */

struct progress {
    struct progress_look look;
    int64_t start_us;
    int64_t drawn_us;
    bool drawn;       /* live: a line stands there */
    int64_t base;     /* what was done when the bar was first drawn */
    int64_t base_us;  /* -1: not yet */
    struct buf text;  /* of the line, before it is cut */
    struct buf shown; /* what is written */
};

static int64_t monotonic_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct progress_look progress_look(FILE *to) {
    const char *term = getenv("TERM");
    bool dumb = !term || !*term || strcmp(term, "dumb") == 0;
    return (struct progress_look){
        .to = to, .live = !dumb && isatty(fileno(to)), .clock_us = monotonic_us};
}

struct progress *progress_new(struct progress_look look) {
    struct progress *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->look = look;
    p->start_us = look.clock_us();
    p->drawn_us = look.live ? p->start_us - LIVE_US : p->start_us;
    p->base_us = -1;
    return p;
}

void progress_number(struct buf *out, int64_t n) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n < 0 ? -(uint64_t)n : (uint64_t)n);
    if (n < 0)
        buf_add_char(out, '-');
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_add_char(out, ',');
        buf_add_char(out, digits[i]);
    }
}

/* ---- drawing */

static int columns(const struct progress *p) {
    struct winsize size = {0};
    if (p->look.columns > 0)
        return p->look.columns;
    if (ioctl(fileno(p->look.to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return COLUMNS;
}

/* Columns of the character that s begins with; *n gets its bytes. What is not printable
 * or not UTF-8 will be shown as one column. */
static int character(struct str s, size_t *n) {
    uint32_t code;
    *n = str_utf8(s, &code);
    if (*n == 0) {
        *n = 1;
        return 1;
    }
    int w = code < ' ' || code == 0x7f ? 1 : wcwidth((wchar_t)code);
    return w < 0 ? 1 : w;
}

static int width(struct str s) {
    int w = 0;
    for (size_t at = 0, n; at < s.n; at += n)
        w += character(str_sub(s, at, s.n), &n);
    return w;
}

/* Appends as much of s as fits into `most` columns, made safe for a terminal. */
static void add_cut(struct buf *out, struct str s, int most) {
    size_t n;
    for (size_t at = 0; at < s.n; at += n) {
        struct str rest = str_sub(s, at, s.n);
        uint32_t code;
        most -= character(rest, &n);
        if (most < 0)
            return;
        if (str_utf8(rest, &code) == 0)
            buf_add_char(out, '?');
        else if (code < ' ' || (code >= 0x7f && code < 0xa0))
            buf_add_char(out, ' ');
        else
            buf_add(out, rest.p, n);
    }
}

static void put(struct progress *p) {
    if (p->shown.n)
        fwrite(p->shown.p, 1, p->shown.n, p->look.to);
    fflush(p->look.to);
    buf_clear(&p->shown);
}

/* The cursor goes back to the first column behind the text: a line that someone else
 * prints then covers it. One write, so that nothing flickers. */
static void draw(struct progress *p) {
    if (p->look.live) {
        add_cut(&p->shown, buf_str(&p->text), columns(p) - 1);
        buf_add_str(&p->shown, S("\033[K\r"));
    } else {
        add_cut(&p->shown, buf_str(&p->text), INT32_MAX);
        buf_add_char(&p->shown, '\n');
    }
    p->drawn = p->look.live;
    put(p);
}

static bool is_due(struct progress *p) {
    int64_t now = p->look.clock_us();
    if (now - p->drawn_us < (p->look.live ? LIVE_US : LOG_US))
        return false;
    p->drawn_us = now;
    buf_clear(&p->text);
    return true;
}

void progress_status(struct progress *p, struct str text) {
    if (!is_due(p))
        return;
    buf_add_str(&p->text, text);
    draw(p);
}

/* ---- the bar */

static void add_span(struct buf *out, int64_t seconds) {
    if (seconds >= 3600)
        buf_printf(out, "%" PRId64 ":%02d:%02d", seconds / 3600, (int)(seconds / 60 % 60),
                   (int)(seconds % 60));
    else
        buf_printf(out, "%d:%02d", (int)(seconds / 60), (int)(seconds % 60));
}

/* Everything behind the bar. */
static void add_counts(struct buf *out, const struct progress *p, int64_t done, int64_t total,
                       struct str detail) {
    double seconds = (double)(p->drawn_us - p->base_us) / 1e6;
    double rate = seconds > 0.2 ? (double)(done - p->base) / seconds : 0;
    progress_number(out, done);
    if (total > 0) {
        buf_add_str(out, S(" of "));
        progress_number(out, total);
    }
    if (rate >= 1) {
        buf_add_str(out, S("  "));
        progress_number(out, (int64_t)rate);
        buf_add_str(out, S("/s"));
    }
    if (rate > 0 && total > done) {
        double left = (double)(total - done) / rate;
        if (left < 360000) {
            buf_add_str(out, S("  "));
            add_span(out, (int64_t)left + 1);
            buf_add_str(out, S(" left"));
        }
    }
    if (detail.n) {
        buf_add_str(out, S("  "));
        buf_add_str(out, detail);
    }
}

static void add_bar(struct buf *out, double share, int cells) {
    int full = (int)(share * cells);
    buf_add_char(out, '[');
    for (int i = 0; i < cells; i++)
        buf_add_char(out, i < full ? '=' : i == full ? '>' : ' ');
    buf_add_str(out, S("]  "));
}

void progress_bar(struct progress *p, struct str label, int64_t done, int64_t total,
                  struct str detail) {
    if (p->base_us < 0) {
        p->base_us = p->look.clock_us();
        p->base = done;
    }
    if (!is_due(p))
        return;
    struct buf counts = BUF_HEAP;
    if (total > 0 && done > total)
        done = total;
    buf_add_str(&p->text, label);
    buf_add_str(&p->text, S("  "));
    if (total > 0) {
        double share = (double)done / (double)total;
        buf_printf(&counts, p->look.live ? "%3d %%  " : "%d %%  ", (int)(share * 100));
        add_counts(&counts, p, done, total, detail);
        int cells = columns(p) - 5 - width(buf_str(&p->text)) - width(buf_str(&counts));
        if (p->look.live && cells >= BAR_LEAST)
            add_bar(&p->text, share, cells < BAR_MOST ? cells : BAR_MOST);
    } else {
        add_counts(&counts, p, done, total, detail);
    }
    buf_add_str(&p->text, buf_str(&counts));
    buf_close(&counts);
    draw(p);
}

/* ---- lines beside it */

static void say(struct progress *p, struct str line) {
    add_cut(&p->shown, line, INT32_MAX);
    buf_add_str(&p->shown, p->drawn ? S("\033[K\n") : S("\n"));
}

void progress_say(struct progress *p, struct str line) {
    say(p, line);
    if (p->drawn) {
        add_cut(&p->shown, buf_str(&p->text), columns(p) - 1);
        buf_add_str(&p->shown, S("\033[K\r"));
    }
    put(p);
}

void progress_clear(struct progress *p) {
    if (p->drawn)
        buf_add_str(&p->shown, S("\033[K"));
    p->drawn = false;
    put(p);
}

void progress_end(struct progress *p, struct str last) {
    if (!p)
        return;
    if (last.n)
        say(p, last);
    else
        progress_clear(p);
    put(p);
    buf_close(&p->text);
    buf_close(&p->shown);
    free(p);
}
