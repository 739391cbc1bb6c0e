/* Source bytes ─▶ clean text: checked UTF-8 and size, letters composed (NFC), look-alikes made one (apostrophes, spaces, full-width and
 * mathematical letters, ligatures, digits of other scripts), what makes no sound dropped. A map leads back to the source's bytes.
 * [label](/phonemes/) links pass as they are, because a phoneme is not a letter. */
#include "tts/atoms.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 20000

/* ---- composition -------------------------------------------------------------------------------------------------------- */

/* For each combining mark: base and composed letter by turns (Unicode, canonical composition; Latin, Greek, Cyrillic). */
static const struct composition {
    uint32_t mark;
    const char *pairs;
} compositions[] = {
    {0x300, "AÀEÈIÌNǸOÒUÙWẀYỲaàeèiìnǹoòuùwẁyỳÂẦÊỀÔỒÜǛâầêềôồüǜĂẰăằĒḔēḕ"
            "ŌṐōṑƠỜơờƯỪưừЕЀИЍеѐиѝ"},
    {0x301, "AÁCĆEÉGǴIÍKḰLĹMḾNŃOÓPṔRŔSŚUÚWẂYÝZŹaácćeégǵiíkḱlĺmḿnńoópṕ"
            "rŕsśuúwẃyýzź¨΅ÂẤÅǺÆǼÇḈÊẾÏḮÔỐÕṌØǾÜǗâấåǻæǽçḉêếïḯôốõṍøǿüǘĂẮ"
            "ăắĒḖēḗŌṒōṓŨṸũṹƠỚơớƯỨưứΑΆΕΈΗΉΙΊΟΌΥΎΩΏαάεέηήιίοόυύωώϊΐϋΰϒϓ"
            "ГЃКЌгѓкќ"},
    {0x302, "AÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶZẐaâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷzẑẠẬạậ"
            "ẸỆẹệỌỘọộ"},
    {0x303, "AÃEẼIĨNÑOÕUŨVṼYỸaãeẽiĩnñoõuũvṽyỹÂẪÊỄÔỖâẫêễôỗĂẴăẵƠỠơỡƯỮưữ"},
    {0x304, "AĀEĒGḠIĪOŌUŪYȲaāeēgḡiīoōuūyȳÄǞÆǢÕȬÖȪÜǕäǟæǣõȭöȫüǖǪǬǫǭȦǠȧǡ"
            "ȮȰȯȱИӢУӮиӣуӯḶḸḷḹṚṜṛṝ"},
    {0x306, "AĂEĔGĞIĬOŎUŬaăeĕgğiĭoŏuŭȨḜȩḝАӐЕӖЖӁИЙУЎаӑеӗжӂийуўẠẶạặ"},
    {0x307, "AȦBḂCĊDḊEĖFḞGĠHḢIİMṀNṄOȮPṖRṘSṠTṪWẆXẊYẎZŻaȧbḃcċdḋeėfḟgġhḣ"
            "mṁnṅoȯpṗrṙsṡtṫwẇxẋyẏzżŚṤśṥŠṦšṧſẛṢṨṣṩ"},
    {0x308, "AÄEËHḦIÏOÖUÜWẄXẌYŸaäeëhḧiïoötẗuüwẅxẍyÿÕṎõṏŪṺūṻΙΪΥΫιϊυϋϒϔ"
            "ІЇАӒЕЁЖӜЗӞИӤОӦУӰЧӴЫӸЭӬаӓеёжӝзӟиӥоӧуӱчӵыӹэӭіїӘӚәӛӨӪөӫ"},
    {0x309, "AẢEẺIỈOỎUỦYỶaảeẻiỉoỏuủyỷÂẨÊỂÔỔâẩêểôổĂẲăẳƠỞơởƯỬưử"},
    {0x30A, "AÅUŮaåuůwẘyẙ"},
    {0x30B, "OŐUŰoőuűУӲуӳ"},
    {0x30C, "AǍCČDĎEĚGǦHȞIǏKǨLĽNŇOǑRŘSŠTŤUǓZŽaǎcčdďeěgǧhȟiǐjǰkǩlľnňoǒ"
            "rřsštťuǔzžÜǙüǚƷǮʒǯ"},
    {0x30F, "AȀEȄIȈOȌRȐUȔaȁeȅiȉoȍrȑuȕѴѶѵѷ"},
    {0x311, "AȂEȆIȊOȎRȒUȖaȃeȇiȋoȏrȓuȗ"},
    {0x31B, "OƠUƯoơuư"},
    {0x323, "AẠBḄDḌEẸHḤIỊKḲLḶMṂNṆOỌRṚSṢTṬUỤVṾWẈYỴZẒaạbḅdḍeẹhḥiịkḳlḷmṃ"
            "nṇoọrṛsṣtṭuụvṿwẉyỵzẓƠỢơợƯỰưự"},
    {0x324, "UṲuṳ"},
    {0x325, "AḀaḁ"},
    {0x326, "SȘTȚsștț"},
    {0x327, "CÇDḐEȨGĢHḨKĶLĻNŅRŖSŞTŢcçdḑeȩgģhḩkķlļnņrŗsştţ"},
    {0x328, "AĄEĘIĮOǪUŲaąeęiįoǫuų"},
    {0x32D, "DḒEḘLḼNṊTṰUṶdḓeḙlḽnṋtṱuṷ"},
    {0x32E, "HḪhḫ"},
    {0x330, "EḚIḬUṴeḛiḭuṵ"},
    {0x331, "BḆDḎKḴLḺNṈRṞTṮZẔbḇdḏhẖkḵlḻnṉrṟtṯzẕ"},
};

static bool combining(uint32_t c) {
    return c >= 0x300 && c <= 0x36F;
}

/* The letter that base and mark make together; 0: none. */
static uint32_t composed(uint32_t base, uint32_t mark) {
    for (size_t k = 0; k < sizeof compositions / sizeof compositions[0]; k++) {
        const char *p = compositions[k].pairs;
        if (compositions[k].mark != mark) {
            continue;
        }
        for (size_t left = strlen(p); left > 0;) {
            uint32_t from = 0, to = 0;
            size_t a = (size_t)cw_utf8_next(p, left, &from), b = (size_t)cw_utf8_next(p + a, left - a, &to);
            if (from == base) {
                return to;
            }
            p += a + b;
            left -= a + b;
        }
    }
    return 0;
}

/* The letter that a composed one and a mark make, when the mark belongs below the one that is there: "ê" and a dot below. */
static uint32_t composed_below(uint32_t c, uint32_t mark) {
    for (size_t k = 0; k < sizeof compositions / sizeof compositions[0]; k++) {
        const char *p = compositions[k].pairs;
        for (size_t left = strlen(p); left > 0;) {
            uint32_t from = 0, to = 0;
            size_t a = (size_t)cw_utf8_next(p, left, &from), b = (size_t)cw_utf8_next(p + a, left - a, &to);
            uint32_t under = to == c ? composed(from, mark) : 0;
            if (under) {
                return composed(under, compositions[k].mark);
            }
            p += a + b;
            left -= a + b;
        }
    }
    return 0;
}

/* ---- look-alikes -------------------------------------------------------------------------------------------------------- */

static bool blank(uint32_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Marks that neither sound nor part words: byte order mark, soft hyphen, zero-width characters, directions, variation selectors, skin
 * tones. */
static bool invisible(uint32_t c) {
    return c == 0xFEFF || c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) ||
           (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x1F3FB && c <= 0x1F3FF) || (c >= 0xE0000 && c <= 0xE007F);
}

/* Digits of other scripts, and lowered ones, each a run of ten. */
static uint32_t digit_of(uint32_t c) {
    static const uint32_t zeros[] = {0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0x2080, 0xFF10};
    for (size_t k = 0; k < sizeof zeros / sizeof zeros[0]; k++) {
        if (c >= zeros[k] && c < zeros[k] + 10) {
            return '0' + (c - zeros[k]);
        }
    }
    return c >= 0x1D7CE && c <= 0x1D7FF ? '0' + (c - 0x1D7CE) % 10 : 0;
}

static uint32_t one_of_alike(uint32_t c) {
    uint32_t digit = digit_of(c);
    if (digit) {
        return digit;
    }
    if (c >= 0xFF01 && c <= 0xFF5E) { /* full-width ASCII */
        return one_of_alike(c - 0xFEE0);
    }
    if (c >= 0x1D400 && c <= 0x1D6A3) { /* mathematical bold, italic, script …: 26 capitals and 26 small letters by turns */
        uint32_t k = (c - 0x1D400) % 52;
        return k < 26 ? 'A' + k : 'a' + k - 26;
    }
    switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201A:
    case 0x201B:
    case 0x2032:
    case 0x2BC:
    case '`':
    case 0xB4:
        return '\'';
    case 0x2010:
    case 0x2011:
    case 0xFE63:
        return '-';
    case 0x2012:
    case 0x2015:
        return 0x2013;
    case 0x201E:
    case 0x201F:
    case 0x2033:
    case 0xAB:
    case 0xBB:
        return '"';
    case 0x37E:
        return ';';
    case 0x3002:
        return '.';
    case 0x3001:
        return ',';
    case 0x2044:
    case 0x2215:
        return '/';
    case 0x2217:
        return '*';
    case 0x2236:
        return ':';
    case 0x212B:
        return 0xC5;
    case 0x2126:
        return 0x3A9;
    case 0xB5:
        return 0x3BC;
    case 0xFFE0:
        return 0xA2;
    case 0xFFE1:
        return 0xA3;
    case 0xFFE5:
        return 0xA5;
    case 0xFFE6:
        return 0x20A9;
    default:
        return c;
    }
}

static const char *ligature(uint32_t c) {
    static const char *const latin[] = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
    return c >= 0xFB00 && c <= 0xFB06 ? latin[c - 0xFB00] : NULL;
}

/* ---- the pass ------------------------------------------------------------------------------------------------------------- */

static void put_code(struct reader *r, uint32_t c, size_t from) {
    char *out = r->text + r->length;
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t k = n; k-- > 1; c >>= 6) {
        out[k] = (char)(0x80 | (c & 0x3F));
    }
    out[0] = (char)(n == 1 ? c : lead[n] | c);
    for (size_t k = 0; k < n; k++) {
        r->map[r->length + k] = (uint32_t)from;
    }
    r->length += n;
}

size_t link_length(const char *s, size_t n, size_t *label) {
    size_t close = 1;
    if (n < 5 || *s != '[') {
        return 0;
    }
    while (close < n && s[close] != ']' && s[close] != '[' && s[close] != '\n') {
        close++;
    }
    if (close == 1 || close + 1 >= n || s[close] != ']' || s[close + 1] != '(') {
        return 0;
    }
    size_t end = close + 2;
    while (end < n && s[end] != ')' && s[end] != '\n' && s[end] != '[') {
        end++;
    }
    *label = close - 1;
    return end < n && s[end] == ')' ? end + 1 : 0;
}

int text_clean(struct reader *r, const char *s, struct cw_error *err) {
    size_t n = strlen(s), label;
    r->source = s;
    if (n > MAX_BYTES) {
        return cw_fail(err, CW_BAD_INPUT, "text: expected at most %d bytes in one turn, found %zu", MAX_BYTES, n);
    }
    ptrdiff_t bad = cw_utf8_invalid(s, n);
    if (bad >= 0) {
        return cw_fail(err, CW_BAD_INPUT, "text: byte %td: expected UTF-8, found an invalid sequence (0x%02X)", bad, (unsigned char)s[bad]);
    }
    /* nothing grows: a letter that others stand for is never longer than they are */
    r->text = malloc(n + 4);
    r->map = malloc((n + 4) * sizeof *r->map);
    if (!r->text || !r->map) {
        return cw_fail_memory(err, "text");
    }
    for (size_t i = 0, verbatim = 0; i < n;) {
        uint32_t c = 0, mark = 0;
        size_t k = (size_t)cw_utf8_next(s + i, n - i, &c), at = i;
        if ((c < 0x20 && (i < verbatim || (c != '\t' && c != '\n' && c != '\r'))) || (c >= 0x7F && c < 0xA0)) {
            return cw_fail(err, CW_BAD_INPUT, "text: byte %zu: expected text, found a control character (U+%04X)", i, (unsigned)c);
        }
        if (c == '[' && i >= verbatim) {
            size_t link = link_length(s + i, n - i, &label);
            verbatim = link ? i + link : verbatim;
        }
        i += k;
        if (at < verbatim) {
            put_code(r, c, at);
            continue;
        }
        if (invisible(c)) {
            continue;
        }
        if ((c == '`' || c == '\'') && i < n && s[i] == (char)c) { /* ``a quotation'' */
            put_code(r, '"', at);
            i++;
            continue;
        }
        if (ligature(c)) {
            for (const char *p = ligature(c); *p; p++) {
                put_code(r, (unsigned char)*p, at);
            }
            continue;
        }
        c = blank(c) ? (c == '\n' ? '\n' : ' ') : one_of_alike(c);
        /* composition; a mark that does not compose stays behind the letter for those that follow it */
        uint32_t kept[4];
        size_t kept_n = 0;
        while (i < n && (k = (size_t)cw_utf8_next(s + i, n - i, &mark)) && combining(mark)) {
            uint32_t whole = composed(c, mark);
            whole = whole || c < 0xC0 ? whole : composed_below(c, mark);
            if (whole) {
                c = whole;
            } else if (kept_n < 4) {
                kept[kept_n++] = mark;
            }
            i += k;
        }
        put_code(r, c, at);
        for (size_t m = 0; m < kept_n; m++) {
            put_code(r, kept[m], at);
        }
    }
    r->text[r->length] = '\0';
    r->map[r->length] = (uint32_t)n;
    return 0;
}
