/* SPDX-License-Identifier: Apache-2.0
 * Reads a mail with GMime, for tests: gmime_read FILE prints the subject, the types of all
 * parts, the names of files, the bytes of the first text part, and that text. */
#include <gmime/gmime.h>
#include <stdio.h>

struct found {
    GString *types, *files;
    GMimeTextPart *text;
};

static void look(GMimeObject *parent, GMimeObject *part, gpointer arg) {
    struct found *f = arg;
    (void)parent;
    char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(part));
    g_string_append_printf(f->types, "%s%s", f->types->len ? " " : "", type);
    g_free(type);
    if (GMIME_IS_PART(part) && g_mime_part_get_filename(GMIME_PART(part)))
        g_string_append(f->files, g_mime_part_get_filename(GMIME_PART(part)));
    else if (GMIME_IS_TEXT_PART(part) && !f->text)
        f->text = GMIME_TEXT_PART(part);
}

int main(int argc, char **argv) {
    g_mime_init();
    GMimeStream *in = argc == 2 ? g_mime_stream_file_open(argv[1], "r", NULL) : NULL;
    if (!in)
        return 2;
    GMimeParser *parser = g_mime_parser_new_with_stream(in);
    GMimeMessage *mail = g_mime_parser_construct_message(parser, NULL);
    struct found f = {g_string_new(NULL), g_string_new(NULL), NULL};
    if (!mail)
        return 1;
    look(NULL, g_mime_message_get_mime_part(mail), &f);
    if (GMIME_IS_MULTIPART(g_mime_message_get_mime_part(mail)))
        g_mime_multipart_foreach(GMIME_MULTIPART(g_mime_message_get_mime_part(mail)), look, &f);
    GString *text = g_string_new(NULL);
    char *read = f.text ? g_mime_text_part_get_text(f.text) : NULL;
    for (const char *p = read; p && *p; p++) /* line ends as the writer had them */
        if (*p != '\r')
            g_string_append_c(text, *p);
    printf("%s\n%s\n%s\n%zu\n%s", g_mime_message_get_subject(mail), f.types->str, f.files->str,
           (size_t)text->len, text->str);
    g_free(read);
    g_string_free(text, TRUE);
    g_string_free(f.types, TRUE);
    g_string_free(f.files, TRUE);
    g_object_unref(mail);
    g_object_unref(parser);
    g_object_unref(in);
    g_mime_shutdown();
    return 0;
}
