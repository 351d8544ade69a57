/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/page.h"

/* ---- languages: a column each; a new one is a line in `languages` and its texts */

enum text {
    T_TITLE,
    T_INTRO,
    T_LEGEND,
    T_SAVE,
    T_OFF,
    T_SAVED,
    T_ALL_OFF,
    T_UNKNOWN_TITLE,
    T_UNKNOWN,
    T_LATER_TITLE,
    T_LATER,
    T_GO_ON,
    T_CONFIRM_TITLE,
    T_CONFIRM_ASK,
    T_CONFIRM,
    T_CONFIRMED,
    T_CONFIRM_GONE,
    T_PENDING,
    TEXTS
};

static const struct language {
    const char *lang;
    const char *prefix; /* of locales that read it */
    const char *text[TEXTS];
} languages[] = {
    {"en",
     "en",
     {[T_TITLE] = "Your preferences",
      [T_INTRO] = "Choose what you would like to hear about from",
      [T_LEGEND] = "Topics",
      [T_SAVE] = "Save",
      [T_OFF] = "Unsubscribe from everything",
      [T_SAVED] = "Saved. This holds from now on.",
      [T_ALL_OFF] =
          "You are unsubscribed from everything. You can change your mind here at any time.",
      [T_UNKNOWN_TITLE] = "This link is not known",
      [T_UNKNOWN] =
          "It may have been cut short on its way. Please use the link in the message itself.",
      [T_LATER_TITLE] = "Please try again in a moment",
      [T_LATER] = "We cannot answer just now.",
      [T_GO_ON] = "Go on to",
      [T_CONFIRM_TITLE] = "Confirm your subscription",
      [T_CONFIRM_ASK] = "Would you like to receive messages from",
      [T_CONFIRM] = "Yes, subscribe me",
      [T_CONFIRMED] = "Thank you. You are subscribed.",
      [T_CONFIRM_GONE] = "There is nothing to confirm any more.",
      [T_PENDING] = "We have sent you a message: please follow its link to confirm."}},
    {"zh-Hant",
     "zh",
     {[T_TITLE] = "訂閱設定",
      [T_INTRO] = "請選擇您想收到的訊息，寄件者：",
      [T_LEGEND] = "主題",
      [T_SAVE] = "儲存",
      [T_OFF] = "全部取消訂閱",
      [T_SAVED] = "已儲存，立即生效。",
      [T_ALL_OFF] = "您已取消所有訂閱。您隨時可以在此頁重新訂閱。",
      [T_UNKNOWN_TITLE] = "無法辨識此連結",
      [T_UNKNOWN] = "連結可能不完整，請直接點選訊息中的連結。",
      [T_LATER_TITLE] = "請稍後再試",
      [T_LATER] = "目前無法處理您的要求。",
      [T_GO_ON] = "前往",
      [T_CONFIRM_TITLE] = "確認訂閱",
      [T_CONFIRM_ASK] = "請確認您想收到訊息，寄件者：",
      [T_CONFIRM] = "是，我要訂閱",
      [T_CONFIRMED] = "謝謝您，訂閱已完成。",
      [T_CONFIRM_GONE] = "目前沒有需要確認的訂閱。",
      [T_PENDING] = "我們已寄出確認訊息，請點選其中的連結完成訂閱。"}},
};

static const struct language *language_of(struct str locale) {
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        struct str prefix = str_from(languages[i].prefix);
        if (str_eq_nocase(str_sub(locale, 0, prefix.n), prefix))
            return &languages[i];
    }
    return &languages[0];
}

/* ---- writing */

static void put(struct buf *out, const char *html) {
    buf_add_str(out, str_from(html));
}

static void put_text(struct buf *out, struct str text) {
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '&')
            put(out, "&amp;");
        else if (c == '<')
            put(out, "&lt;");
        else if (c == '>')
            put(out, "&gt;");
        else if (c == '"')
            put(out, "&quot;");
        else if (c == '\'')
            put(out, "&#39;");
        else
            buf_add_char(out, c);
    }
}

static void open_page(struct buf *out, const struct language *l, enum text title) {
    buf_printf(out,
               "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"robots\" content=\"noindex\">\n<title>%s</title>\n",
               l->lang, l->text[title]);
    put(out, "<style>body{font:1.1em/1.6 system-ui,sans-serif;max-width:34em;margin:2em auto;"
             "padding:0 1em;color:#1a1a1a;background:#fff}fieldset{border:1px solid #767676;"
             "margin:1em 0;padding:.5em 1em}label{display:block;padding:.4em 0}"
             "input{width:1.2em;height:1.2em;margin-right:.6em}button{font:inherit;"
             "padding:.5em 1em;margin:.3em .6em .3em 0}[role=status]{border-left:.3em solid "
             "#0b6b2e;padding:.3em 1em;background:#eef7f0}</style>\n");
    buf_printf(out, "</head>\n<body>\n<main>\n<h1>%s</h1>\n", l->text[title]);
}

static void close_page(struct buf *out) {
    put(out, "</main>\n</body>\n</html>\n");
}

static bool same_language(struct str a, struct str b) {
    size_t n = 0;
    while (n < a.n && a.p[n] != '-' && a.p[n] != '_' && a.p[n] != ',')
        n++;
    struct str rest = str_sub(b, n, b.n);
    return n && str_eq_nocase(str_sub(a, 0, n), str_sub(b, 0, n)) &&
           (!rest.n || rest.p[0] == '-' || rest.p[0] == '_');
}

/* The title in the locale, in its language, without one, in English, the first there is. */
static struct str title_of(const struct settings_topic *t, struct str locale) {
    const struct map *titles = t->title.u.map;
    const struct value *v = locale.n ? map_get_str(titles, locale) : NULL;
    for (size_t i = 0; !v && i < titles->n; i++)
        if (same_language(locale, value_text(titles->e[i].key)))
            v = &titles->e[i].value;
    v = v ? v : map_get_str(titles, S(""));
    v = v ? v : map_get_str(titles, S("en"));
    v = !v && titles->n ? &titles->e[0].value : v;
    return v ? value_text(*v) : t->name;
}

static void put_topic(struct buf *out, const struct page_preferences *p, size_t i) {
    put(out, "<label><input type=\"checkbox\" name=\"topic\" value=\"");
    put_text(out, p->topics[i].name);
    put(out, p->subscribed[i] ? "\" checked>" : "\">");
    put_text(out, title_of(&p->topics[i], p->locale));
    put(out, "</label>\n");
}

void page_preferences(struct buf *out, const struct page_preferences *p) {
    const struct language *l = language_of(p->locale);
    open_page(out, l, T_TITLE);
    if (p->done != PAGE_ASKING)
        buf_printf(out, "<p role=\"status\">%s</p>\n",
                   l->text[p->done == PAGE_SAVED ? T_SAVED : T_ALL_OFF]);
    if (p->pending)
        buf_printf(out, "<p role=\"status\">%s</p>\n", l->text[T_PENDING]);
    buf_printf(out, "<p>%s ", l->text[T_INTRO]);
    put_text(out, p->sender);
    put(out, "</p>\n<form method=\"post\">\n<input type=\"hidden\" name=\"form\" "
             "value=\"preferences\">\n");
    if (p->n) {
        buf_printf(out, "<fieldset>\n<legend>%s</legend>\n", l->text[T_LEGEND]);
        for (int pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < p->n; i++)
                if (str_eq(p->topics[i].name, p->topic) == (pass == 0))
                    put_topic(out, p, i);
        put(out, "</fieldset>\n");
        buf_printf(out, "<button name=\"action\" value=\"save\">%s</button>\n", l->text[T_SAVE]);
    }
    buf_printf(out, "<button name=\"action\" value=\"off\">%s</button>\n</form>\n", l->text[T_OFF]);
    close_page(out);
}

void page_confirm(struct buf *out, enum page_confirm what, struct str locale, struct str sender) {
    const struct language *l = language_of(locale);
    open_page(out, l, T_CONFIRM_TITLE);
    if (what == PAGE_CONFIRM_ASK) {
        buf_printf(out, "<p>%s ", l->text[T_CONFIRM_ASK]);
        put_text(out, sender);
        buf_printf(out, "</p>\n<form method=\"post\">\n<button>%s</button>\n</form>\n",
                   l->text[T_CONFIRM]);
    } else {
        buf_printf(out, "<p role=\"status\">%s</p>\n",
                   l->text[what == PAGE_CONFIRMED ? T_CONFIRMED : T_CONFIRM_GONE]);
    }
    close_page(out);
}

void page_notice(struct buf *out, enum page_notice what, struct str locale, struct str url) {
    static const struct {
        enum text title, text;
    } notices[PAGE_NOTICES] = {[PAGE_UNKNOWN_LINK] = {T_UNKNOWN_TITLE, T_UNKNOWN},
                               [PAGE_LATER] = {T_LATER_TITLE, T_LATER}};
    const struct language *l = language_of(locale);
    open_page(out, l, notices[what].title);
    buf_printf(out, "<p>%s</p>\n", l->text[notices[what].text]);
    if (url.n) {
        buf_printf(out, "<p>%s <a rel=\"noreferrer\" href=\"", l->text[T_GO_ON]);
        put_text(out, url);
        put(out, "\">");
        put_text(out, url);
        put(out, "</a></p>\n");
    }
    close_page(out);
}
