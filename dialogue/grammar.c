/* The grammars (GBNF) that the writer decodes under: what is not a speakable line cannot come out.
 *
 *   line ─▶ sentence (" " sentence)*, after the name      sentence ─▶ words between single blanks, ending in . ? or !
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

/* Generous: a sentence that reaches the limit would be torn, so the writer stops sooner and asks again. */
static void add_sentence(struct cw_text *out) {
    cw_text_add(out, "words ::= first (\",\"? \" \" word){1,45}\n"
                     "sentence ::= words [.?!]\n");
    cw_text_add(out, word_rules);
}

static void add_question(struct cw_text *out) {
    cw_text_add(
        out,
        "askfirst ::= (\"What\" | \"How\" | \"Why\" | \"Who\" | \"When\" | \"Where\" | \"Which\" | \"Is\" | \"Are\" | \"Do\" | \"Does\" | "
        "\"Can\" | \"Could\" | "
        "\"Would\" | \"Isn't\" | \"Doesn't\" | \"Don't\" | \"So what\" | \"So how\" | \"So why\" | \"And who\" | \"And what\") askrest\n"
        "asklower ::= (\"what\" | \"how\" | \"why\" | \"who\" | \"when\" | \"where\" | \"which\" | \"is\" | \"are\" | \"do\" | \"does\" | "
        "\"can\" | \"could\" | "
        "\"would\" | \"isn't\" | \"doesn't\" | \"don't\") askrest\n"
        "askrest ::= (\",\"? \" \" word){2,45} \"?\"\n");
}

void writer_grammar_close(struct cw_text *out) {
    cw_text_add(
        out,
        "root ::= \" \" sentence \" \" (\"Goodbye.\" | \"Bye for now.\" | \"Until next time.\" | \"Take care, and goodbye.\") \"\\n\"\n");
    add_sentence(out);
}

void writer_grammar_turn(struct cw_text *out, bool opened, int least, int most, bool question) {
    if (question) { /* begins as questions do: else a statement comes, with a question mark put on it */
        cw_text_printf(out, "root ::= \" \" %s \"\\n\"\n", opened ? "asklower" : "askfirst");
        add_question(out);
    } else {
        cw_text_printf(out, "root ::= \" \" opening (\" \" sentence){%d,%d} \"\\n\"\n", least - 1, most - 1);
        cw_text_printf(out, "opening ::= %s (\",\"? \" \" word){1,45} [.?!]\n", opened ? "word" : "first");
    }
    add_sentence(out);
}

void writer_grammar_outline(struct cw_text *out, int parts, bool angle, const char *a, const char *b) {
    cw_text_add(out, "root ::= \"Title: \" first (\",\"? \" \" word){1,16} \"\\n\"");
    cw_text_add(out, angle ? " \"Angle: " ANGLE_FORM "\" word (\",\"? \" \" word){3,20} \".\\n\"" : "");
    for (int i = 1; i <= parts; i++) {
        cw_text_printf(out, " \"%d. \" part \"\\n\"", i);
    }
    if (a != NULL && b != NULL) {
        cw_text_printf(out, "\npart ::= askfirst \" %s thinks \" view \" %s thinks \" view\nview ::= word (\" \" word){3,18} \".\"\n", a,
                       b);
    } else {
        cw_text_add(out, "\npart ::= askfirst\n");
    }
    add_question(out);
    add_sentence(out);
}

void writer_grammar_summary(struct cw_text *out, int words) {
    cw_text_printf(out, "root ::= \"- \" first (\",\"? \" \" word){4,%d} \".\\n\"\n", words);
    add_sentence(out);
}

void writer_grammar_facts(struct cw_text *out, int count) {
    cw_text_printf(out, "root ::= (\"- \" fact \"\\n\"){%d}\n", count);
    cw_text_add(out, "fact ::= first (\",\"? \" \" word){8,45} \".\"\n");
    add_sentence(out);
}
