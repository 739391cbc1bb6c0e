/* Words of one spelling and two sounds that the lexicon does not tell apart, or that a part of speech alone does not: "lead" the metal,
 * "bass" the fish, "Reading" the town. One row a sense: the first whose signs are there says how the word sounds; without a row that
 * holds, the lexicon does. */
#include "tts/tagger.h"

#include <string.h>
#include <strings.h>

enum { NEAR = 9 }; /* words on either side that count as near */

enum sign {
    LARGE = 1,   /* written with a capital that no sentence's start explains */
    SMALL = 2,   /* written without */
    ACCENT = 4,  /* written with its accent: "résumé" */
    VERB = 8,    /* the tagger says so */
    NOMINAL = 16 /* the tagger says noun or adjective */
};

struct sense {
    const char *word;
    int signs;                  /* all of them must hold */
    const char *before, *after; /* lists that the word before and the word after must be in, */
    const char *near;           /* or one that any word nearby is in, where there are lists; */
    const char *unless;         /* a word of this one before or after spoils it */
    const char *us, *gb;
};

#define FISH                                                                                                                               \
    "fish fishing fished striped largemouth smallmouth sea trout lake species catch caught angler anglers angling walleye perch pike "     \
    "crappie catfish salmon grilled fillet carp bluegill sunfish bait rock reservoir river pond stocked hatchery flounder spotted"
#define METAL                                                                                                                              \
    "zinc copper mercury arsenic cadmium tin molten metals metal toxic silver uranium alloy ore ores smelting antimony poisoning "         \
    "element atomic pb radioactive tonnes chromium nickel sulfur barium isotopes ppm asbestos bismuth"
#define WEEPING                                                                                                                            \
    "eye eyes cheek cheeks cried cry cries crying wept weep weeping sad gas shed shedding drop drops duct ducts film fluid jerker "        \
    "jerking glands gland sorrow joy lacrimal smile grief sobbing mourning stained teardrop artificial fall falls fell rolled roll"
#define SHIP                                                                                                                               \
    "ship ships stern hull port starboard deck vessel boat boats thruster torpedo wave submarine keel prow sonar aft tubes doors "         \
    "cannon cannons pounder waterline destroyer ship's quay bulbous amidships anchor rudder mast forward yacht ferry canoe bows gun guns " \
    "ramp"
#define TOOLS                                                                                                                              \
    "axe stone battle bronze swords sword tools spears spear hand throwing flint weapons hammers hammer shovels saws wood chopping "       \
    "adzes knives bows arrows blades picks iron war pickaxes chisels copper polished shields"
#define CELTIC_SPORT                                                                                                                       \
    "boston glasgow fc rangers park cup hibernian hearts aberdeen season goal goals manager striker football celtics club match "          \
    "dundee scored signed league fans midfielder premier hampden celtic's belfast fixture derby bloemfontein farsley basketball nba "      \
    "stadium"
#define RICE_WINE                                                                                                                          \
    "rice brewery breweries brewing brewed brewer brewers drink drinks drinking drank beer wine bottle bottles shochu sushi japanese "     \
    "japan cup cups tea liquor alcohol restaurant barrel barrels soy mirin miso beverage beverages pour"

static const struct sense senses[] = {
    {.word = "aged",
     .after = "man men woman women person persons mother father parents couple king queen relative grandmother grandfather "
              "widow gentleman lady poor sick infirm relatives",
     .unless = "middle",
     .us = "ˈAʤᵻd",
     .gb = "ˈAʤɪd"},
    {.word = "august",
     LARGE,
     .unless = "in of on by since until till from early late mid last each every this and to through for during "
               "between next the that <0> <,> around before after when about",
     .after = "<name>",
     .us = "ˈWɡʊst",
     .gb = "ˈWɡʊst"},
    {.word = "axes", .near = TOOLS, .us = "ˈæksᵻz", .gb = "ˈaksɪz"},
    {.word = "bass",
     .after = "player players guitar guitars guitarist line lines drum drums note notes clef solo voice singer riff amp",
     .us = "bˈAs",
     .gb = "bˈAs"},
    {.word = "bass", .near = FISH, .us = "bˈæs", .gb = "bˈas"},
    {.word = "bass", .us = "bˈAs", .gb = "bˈAs"},
    {.word = "blessed", LARGE, .us = "blˈɛsᵻd", .gb = "blˈɛsɪd"},
    {.word = "blessed",
     NOMINAL,
     .after = "virgin sacrament day event mother trinity memory life souls are is relief thing",
     .us = "blˈɛsᵻd",
     .gb = "blˈɛsɪd"},
    {.word = "bologna", SMALL, .us = "bəlˈOni", .gb = "bəlˈQni"},
    {.word = "bow", VERB, .us = "bˈW", .gb = "bˈW"},
    {.word = "bow",
     .before = "take took takes taking final polite deep slight curtain",
     .near = SHIP,
     .unless = "street road arrow arrows tie",
     .us = "bˈW",
     .gb = "bˈW"},
    {.word = "celtic", .near = CELTIC_SPORT, .us = "sˈɛltɪk", .gb = "sˈɛltɪk"},
    {.word = "close", NOMINAL, .before = "the a its", .after = "of . ,", .us = "klˈOz", .gb = "klˈQz"},
    {.word = "close", NOMINAL, .us = "klˈOs", .gb = "klˈQs"},
    {.word = "compact", NOMINAL, .us = "kˈɑmpˌækt", .gb = "kˈɒmpakt"},
    {.word = "dove",
     .after = "into in down for under off headfirst deep onto straight through",
     .before = "he she they we i who and it then",
     .unless = "a the white",
     .us = "dˈOv",
     .gb = "dˈQv"},
    {.word = "export", VERB, .us = "ɪkspˈɔɹt", .gb = "ɪkspˈɔːt"},
    {.word = "expose", ACCENT, .us = "ˌɛkspOzˈA", .gb = "ɛkspˈQzA"},
    {.word = "expose", NOMINAL, .before = "an the this his her shocking television newspaper", .us = "ˌɛkspOzˈA", .gb = "ɛkspˈQzA"},
    {.word = "frequent", VERB, .us = "fɹikwˈɛnt", .gb = "fɹɪkwˈɛnt"},
    {.word = "impact", VERB, .us = "ɪmpˈækt", .gb = "ɪmpˈakt"},
    {.word = "increment", VERB, .us = "ˈɪŋkɹəmˌɛnt", .gb = "ˈɪŋkɹɪmɛnt"},
    {.word = "instrument", VERB, .us = "ˈɪnstɹəmˌɛnt", .gb = "ˈɪnstɹʊmɛnt"},
    {.word = "invalid",
     .before = "an the her his confirmed elderly",
     .after = "for until who since wife husband son daughter mother father brother sister carriage chair children "
              "soldiers soldier pension and due at from in home when by . ,",
     .us = "ˈɪnvəlɪd",
     .gb = "ˈɪnvəlɪd"},
    {.word = "invalid", .us = "ɪnvˈælɪd", .gb = "ɪnvˈalɪd"},
    {.word = "jesus", ACCENT, .us = "hAsˈus", .gb = "hAsˈuːs"},
    {.word = "jesus", LARGE, .before = "de", .us = "hAsˈus", .gb = "hAsˈuːs"},
    {.word = "job",
     LARGE,
     .near = "bible biblical testament hebrew psalms ecclesiastes satan prophet patience righteous scripture comforters",
     .us = "ʤˈOb",
     .gb = "ʤˈQb"},
    {.word = "lead",
     .after = "paint paints pipe pipes poisoning acid ore ores bullet bullets oxide shot crystal sheet sheets mine mines mining "
              "miners pellets exposure acetate sulfide sulphide chromate nitrate azide contamination shielding coffin coffins "
              "smelter smelters alloy isotopes based glass and-zinc compounds dust",
     .us = "lˈɛd",
     .gb = "lˈɛd"},
    {.word = "lead",
     NOMINAL,
     .near = METAL,
     .unless = "singer guitar role vocals actor actress to the a his her",
     .us = "lˈɛd",
     .gb = "lˈɛd"},
    {.word = "live",
     .before = "went go goes going gone broadcast broadcasts perform performed recorded streamed stream streams",
     .us = "lˈIv",
     .gb = "lˈIv"},
    {.word = "mate", ACCENT, .us = "mˈɑtˌA", .gb = "mˈɑːtA"},
    {.word = "mate", .before = "yerba", .near = "yerba gourd infusion", .us = "mˈɑtˌA", .gb = "mˈɑːtA"},
    {.word = "mobile", LARGE, .after = "alabama bay county river ala al", .us = "mObˈil", .gb = "mQbˈiːl"},
    {.word = "mobile",
     LARGE,
     .before = "in to from near at around outside",
     .unless = "phone phones world app apps games gaming network",
     .us = "mObˈil",
     .gb = "mQbˈiːl"},
    {.word = "mobile", .us = "mˈObᵊl", .gb = "mˈQbIl"},
    {.word = "moped", .after = "around about", .us = "mˈOpt", .gb = "mˈQpt"},
    {.word = "nestle", ACCENT, .us = "nˈɛsli", .gb = "nˈɛslA"},
    {.word = "nestle", LARGE, .us = "nˈɛsli", .gb = "nˈɛslA"},
    {.word = "nestle", NOMINAL, .us = "nˈɛsli", .gb = "nˈɛslA"},
    {.word = "pasty",
     .after = "skin face white pale faced complexion mixture mass texture consistency flesh looking substance or phase",
     .us = "pˈAsti",
     .gb = "pˈAsti"},
    {.word = "pasty", .before = "thick soft rather slightly pale somewhat mushy", .us = "pˈAsti", .gb = "pˈAsti"},
    {.word = "pasty", .us = "pˈæsti", .gb = "pˈasti"},
    {.word = "perfume", VERB, .us = "pəɹfjˈum", .gb = "pəfjˈuːm"},
    {.word = "perfume", .us = "pˈɜɹfjˌum", .gb = "pˈɜːfjuːm"},
    {.word = "protest", VERB, .us = "pɹətˈɛst", .gb = "pɹətˈɛst"},
    {.word = "ravel", LARGE, .us = "ɹəvˈɛl", .gb = "ɹavˈɛl"},
    {.word = "ravel",
     .before = "maurice composer",
     .near = "debussy piano orchestra composer composers sonata concerto stravinsky maurice",
     .us = "ɹəvˈɛl",
     .gb = "ɹavˈɛl"},
    {.word = "reading", LARGE, .before = "in to at from near against with via between of", .us = "ɹˈɛdɪŋ", .gb = "ɹˈɛdɪŋ"},
    {.word = "reading",
     LARGE,
     .after = "fc railroad railway pennsylvania berkshire university town station borough terminal gaol prison abbey united football pa "
              "company west east buses line",
     .us = "ɹˈɛdɪŋ",
     .gb = "ɹˈɛdɪŋ"},
    {.word = "recount", NOMINAL, .us = "ɹˈikˌWnt", .gb = "ɹˈiːkWnt"},
    {.word = "resume", ACCENT, .us = "ɹˈɛzəmˌA", .gb = "ɹˈɛzjʊmA"},
    {.word = "resume", NOMINAL, .us = "ɹˈɛzəmˌA", .gb = "ɹˈɛzjʊmA"},
    {.word = "rodeo", LARGE, .after = "drive", .us = "ɹOdˈAO", .gb = "ɹQdˈAQ"},
    {.word = "row", .before = "diplomatic political furious blazing heated bitter", .us = "ɹˈW", .gb = "ɹˈW"},
    {.word = "sake", .near = RICE_WINE, .unless = "the for 's its of that", .us = "sˈɑkˌA", .gb = "sˈɑːkA"},
    {.word = "sow", .near = "pig pigs piglets litter boar boars farrow farrowing gilts", .us = "sˈW", .gb = "sˈW"},
    {.word = "tear", VERB, .us = "tˈɛɹ", .gb = "tˈɛː"},
    {.word = "tear", .near = WEEPING, .us = "tˈɪɹ", .gb = "tˈɪə"},
    {.word = "tear", .us = "tˈɛɹ", .gb = "tˈɛː"},
    {.word = "wound", VERB, .after = "up down around its his her through tightly along back on round their", .us = "wˈWnd", .gb = "wˈWnd"},
    {.word = "wound", VERB, .before = "he she it who i they we", .us = "wˈWnd", .gb = "wˈWnd"},
};

/* Is `w` (any case) one of the words of `list`, which single blanks part? */
static bool listed(const char *w, const char *list) {
    size_t n = strlen(w);
    for (const char *p = list; p && *p;) {
        size_t k = strcspn(p, " ");
        if (k == n && strncasecmp(p, w, n) == 0) {
            return true;
        }
        p += k;
        p += *p == ' ';
    }
    return false;
}

static const char *word_at(const struct cw_tokens *t, size_t i, long step) {
    return step < 0 && i < (size_t)-step ? "" : i + (size_t)step >= t->n ? "" : cw_token_spoken(t, i + (size_t)step);
}

static bool is_capital(const char *w) {
    return *w >= 'A' && *w <= 'Z';
}

static bool any_listed(const struct cw_tokens *t, size_t i, const char *list, long from, long to) {
    for (long k = from; k <= to; k++) {
        const char *w = word_at(t, i, k);
        size_t n = strlen(w);
        if (k != 0 && (listed(w, list) || (n > 2 && listed(w + n - 2, list) && strcmp(w + n - 2, "'s") == 0))) {
            return true;
        }
    }
    return false;
}

/* "<name>": a word with a capital; "<0>", "<,>": a number, a comma. */
static bool kind_listed(const struct cw_tokens *t, size_t i, long step, const char *list) {
    const char *w = word_at(t, i, step);
    bool number = *w && (t->v[i + (size_t)step].flags & CW_TOKEN_NUMBER);
    return (listed("<name>", list) && is_capital(w) && !number) || (listed("<0>", list) && number) ||
           (listed("<,>", list) && strcmp(w, ",") == 0);
}

static bool has_signs(const struct cw_tokens *t, size_t i, int signs) {
    const char *w = cw_token_spoken(t, i);
    bool accent = false;
    for (const char *p = w; *p; p++) {
        accent = accent || (unsigned char)*p >= 0x80;
    }
    size_t back = i; /* quotes do not hide a sentence's start */
    while (back > 0 && t->v[back - 1].kind == CW_TOKEN_MARK && !cw_mark_is_clause(cw_token_spoken(t, back - 1))) {
        back--;
    }
    const char *before = back > 0 ? cw_token_spoken(t, back - 1) : ".";
    bool start = t->v[back ? back - 1 : 0].kind == CW_TOKEN_MARK && !listed(before, ", ; : —");
    start = start || back == 0;
    if (((signs & LARGE) && (start || !is_capital(w))) || ((signs & SMALL) && is_capital(w)) || ((signs & ACCENT) && !accent)) {
        return false;
    }
    if (signs & (VERB | NOMINAL)) {
        return ((signs & VERB) != 0) == cw_tag_is_verb(t, i);
    }
    return true;
}

const char *cw_homograph(const struct cw_tokens *t, size_t i, const char *word, bool british) {
    for (size_t k = 0; k < sizeof senses / sizeof senses[0]; k++) {
        const struct sense *s = &senses[k];
        int order = (unsigned char)*s->word - (unsigned char)*word;
        order = order ? order : strcmp(s->word, word);
        if (order > 0) {
            break; /* sorted */
        }
        if (order != 0 || !has_signs(t, i, s->signs)) {
            continue;
        }
        if (s->unless && (any_listed(t, i, s->unless, -1, 1) || kind_listed(t, i, -1, s->unless) || kind_listed(t, i, 1, s->unless))) {
            continue;
        }
        bool cues = s->before || s->after || s->near;
        bool before = !s->before || any_listed(t, i, s->before, -1, -1);
        bool after = !s->after || any_listed(t, i, s->after, 1, 1) || kind_listed(t, i, 1, s->after);
        if (!cues || ((s->before || s->after) && before && after) || (s->near && any_listed(t, i, s->near, -NEAR, NEAR))) {
            return british ? s->gb : s->us;
        }
    }
    return NULL;
}
