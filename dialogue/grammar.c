/* The grammars (GBNF) that the writer decodes under: what is not a speakable line cannot come out.
 *
 *   line ─▶ "Maya: " sentence (" " sentence)*      sentence ─▶ words between single blanks, ending in . ? or !
 *
 * Words are letters and digits with inner ' - and &; numbers may have a money sign before and a unit after. So no markup,
 * bracket, quotation, emoji or colon, and no second name in a line. */
#include "dialogue/writer_impl.h"

#include <string.h>

static const char word_rules[] = "word ::= plain | number\n"
                                 "first ::= capital | number\n"
                                 "plain ::= core (inner core){0,3}\n"
                                 "capital ::= [A-ZÀ-ÖØ-Þ] [A-Za-z0-9À-ÖØ-öø-ɏ]{0,19} (inner core){0,3}\n"
                                 "core ::= [A-Za-z0-9À-ÖØ-öø-ɏ]{1,20}\n"
                                 "inner ::= ['&-]\n"
                                 "number ::= [$£€]? [0-9]{1,9} ([.,] [0-9]{1,9}){0,3} [%a-z]{0,3}\n";

static void add_quoted(struct cw_text *out, const char *s)
{
    cw_text_add_char(out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            cw_text_add_char(out, '\\');
        }
        cw_text_add_char(out, *s);
    }
    cw_text_add_char(out, '"');
}

static void add_sentence(struct cw_text *out)
{
    cw_text_add(out, "words ::= first (\",\"? \" \" word){1,29}\n"
                     "sentence ::= words [.?!]\n");
    cw_text_add(out, word_rules);
}

void writer_grammar_turn(struct cw_text *out, const char *name, int least, int most, bool question)
{
    cw_text_add(out, "root ::= ");
    add_quoted(out, name);
    if (question) {
        cw_text_printf(out, "\": \" (sentence \" \"){%d,%d} words \"?\" \"\\n\"\n", least - 1, most - 1);
    } else {
        cw_text_printf(out, "\": \" sentence (\" \" sentence){%d,%d} \"\\n\"\n", least - 1, most - 1);
    }
    add_sentence(out);
}

void writer_grammar_outline(struct cw_text *out, int parts)
{
    cw_text_add(out, "root ::= \"Title: \" first (\",\"? \" \" word){1,8} \"\\n\"");
    for (int i = 1; i <= parts; i++) {
        cw_text_printf(out, " \"%d. \" part \"\\n\"", i);
    }
    cw_text_add(out, "\npart ::= first (\" \" word){1,5} \" - \" words \"?\"\n");
    add_sentence(out);
}

void writer_grammar_facts(struct cw_text *out, int count)
{
    cw_text_printf(out, "root ::= (\"- \" fact \"\\n\"){%d}\n", count);
    cw_text_add(out, "fact ::= first (\",\"? \" \" word){5,27} \".\"\n");
    add_sentence(out);
}
