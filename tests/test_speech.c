/* The text front end: normalisation, numbers by an independent formula, phonemes, chunks, inline phonemes, refusals. */
#include "tests/speech.h"
#include "tts/front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- normalisation --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *spoken;
} normal[] = {
    /* cardinals */
    {"I have 3 cats.", "I have three cats."},
    {"There were 12 of us", "There were twelve of us"},
    {"0 errors", "zero errors"},
    {"1,249 people", "one thousand two hundred and forty nine people"},
    {"1,000,000 tokens", "one million tokens"},
    {"It took 12,345,678 steps.", "It took twelve million three hundred forty five thousand six hundred and seventy eight steps."},
    {"100", "one hundred"},
    {"45000 tokens", "forty five thousand tokens"},
    {"1000000000000000000000000000000000000", "one undecillion"},
    {"-5 degrees", "minus five degrees"},
    {"about ~20 users", "about twenty users"},
    {"007", "zero zero seven"},
    {"lists: 1, 2, 3.", "lists: one, two, three."},
    {"2048 tokens", "two thousand and forty eight tokens"},
    /* ordinals */
    {"the 2nd quarter", "the second quarter"},
    {"the 21st century", "the twenty first century"},
    {"the 103rd time", "the one hundred third time"},
    {"the 12th man", "the twelfth man"},
    {"the 20TH floor", "the twentieth floor"},
    {"1st, 3rd and 5th", "first, third and fifth"},
    /* decimals */
    {"3.14", "three point one four"},
    {"0.05 seconds", "zero point zero five seconds"},
    {".5 seconds", "point five seconds"},
    {"We shipped 3.2 million units.", "We shipped three point two million units."},
    {"1,234.5 miles", "one thousand two hundred and thirty four point five miles"},
    {"GPT-3.5", "GPT-three point five"},
    /* years and decades */
    {"in 1987", "in nineteen eighty seven"},
    {"In 2023 a run", "In twenty twenty three a run"},
    {"since 2005", "since two thousand five"},
    {"in 1905", "in nineteen oh five"},
    {"in 1900", "in nineteen hundred"},
    {"in 2000", "in two thousand"},
    {"in 2010", "in twenty ten"},
    {"the 1990s", "the nineteen nineties"},
    {"the 1900s", "the nineteen hundreds"},
    {"the '90s were fun", "the nineties were fun"},
    {"the 80s", "the eighties"},
    {"the 1960's", "the nineteen sixties"},
    {"mid-1990s", "mid nineteen nineties"},
    {"from 1914-1918", "from nineteen fourteen to nineteen eighteen"},
    {"1500 people came", "one thousand five hundred people came"},
    /* money */
    {"The bill came to $1,249.50, plus tax.", "The bill came to one thousand two hundred forty nine dollars fifty cents, plus tax."},
    {"$1", "one dollar"},
    {"$5", "five dollars"},
    {"$0.99", "ninety nine cents"},
    {"$0.01", "one cent"},
    {"$1.01", "one dollar one cent"},
    {"$5.00", "five dollars"},
    {"$3.2 million", "three point two million dollars"},
    {"$5 billion", "five billion dollars"},
    {"$5bn", "five billion dollars"},
    {"$700M", "seven hundred million dollars"},
    {"$10k", "ten thousand dollars"},
    {"a $5 bill", "a five dollar bill"},
    {"a $3 million house", "a three million dollar house"},
    {"$10-12", "ten to twelve dollars"},
    {"$10-$12", "ten dollars to twelve dollars"},
    {"US$20", "twenty US dollars"},
    {"£3.50", "three pounds fifty pence"},
    {"£1", "one pound"},
    {"€20", "twenty euros"},
    {"20 €", "twenty euros"},
    {"¥500", "five hundred yen"},
    {"$0.002 per token", "zero point zero zero two dollars per token"},
    {"$20/month", "twenty dollars per month"},
    {"-$5", "minus five dollars"},
    {"$1.5", "one dollar fifty cents"},
    {"That is $4.", "That is four dollars."},
    /* percent */
    {"about 40% more", "about forty percent more"},
    {"12.5%", "twelve point five percent"},
    {"5-10%", "five to ten percent"},
    {"5%-10%", "five percent to ten percent"},
    {"1 %", "one percent"},
    /* times */
    {"at 7:45 a.m.", "at seven forty five AM."},
    {"at 7:45 a.m. on Monday", "at seven forty five AM on Monday"},
    {"at 7 p.m. The doors", "at seven PM. The doors"},
    {"It ended at 7:45 a.m. I'd gone.", "It ended at seven forty five AM. I'd gone."},
    {"at 8 p.m. Maya left", "at eight PM. Maya left"},
    {"at 8 p.m. Friday", "at eight PM Friday"},
    {"in the U.S. I’m told", "in the US. I’m told"},
    {"14:30", "fourteen thirty"},
    {"at 7:00", "at seven o'clock"},
    {"at 7:05 PM", "at seven oh five PM"},
    {"7pm", "seven PM"},
    {"10am-ish", "ten AM-ish"},
    {"a 3:1 ratio", "a three to one ratio"},
    {"9-11 a.m.", "nine to eleven AM."},
    {"14:00", "fourteen hundred"},
    /* dates */
    {"on 5/6/2021 at noon", "on May sixth twenty twenty one at noon"},
    {"May 6, 2021", "May sixth, twenty twenty one"},
    {"May 6th", "May sixth"},
    {"6 May 2021", "the sixth of May twenty twenty one"},
    {"the 6th of May", "the sixth of May"},
    {"Sept. 11, 2001", "September eleventh, two thousand one"},
    {"in May 2021", "in May twenty twenty one"},
    {"2021-05-06", "May sixth twenty twenty one"},
    {"12/25/99", "December twenty fifth ninety nine"},
    {"25/12/1999", "the twenty fifth of December nineteen ninety nine"},
    {"On March 3 we met.", "On March third we met."},
    {"You may 2 times", "You may two times"},
    /* abbreviations */
    {"Dr. Alvarez moved to St. Louis.", "Doctor Alvarez moved to Saint Louis."},
    {"Mr. and Mrs. Smith", "Mister and Missus Smith"},
    {"Ms. Jones", "Ms Jones"},
    {"Prof. Lee", "Professor Lee"},
    {"on Main St. today", "on Main Street today"},
    {"on Main St.", "on Main Street."},
    {"12 Elm Dr. is nice", "twelve Elm Drive is nice"},
    {"cats vs. dogs", "cats versus dogs"},
    {"cats vs dogs", "cats versus dogs"},
    {"apples, pears, etc.", "apples, pears, et cetera."},
    {"apples, etc. are fruit", "apples, et cetera are fruit"},
    {"e.g. this", "for example this"},
    {"i.e., that", "that is, that"},
    {"No. 5 is alive", "number five is alive"},
    {"No. I said no.", "No. I said no."},
    {"Acme Inc. said", "Acme Incorporated said"},
    {"It is from Acme Inc.", "It is from Acme Incorporated."},
    {"approx. 20", "approximately twenty"},
    {"Martin Luther King Jr. spoke", "Martin Luther King Junior spoke"},
    {"the U.S. Senate", "the US Senate"},
    {"in the U.S. The law", "in the US. The law"},
    {"in the U.S.", "in the US."},
    {"a Ph.D. student", "a PhD student"},
    {"Washington, D.C.", "Washington, DC."},
    {"J. K. Rowling", "J K Rowling"},
    {"George W. Bush", "George W Bush"},
    {"This is plan B. The end.", "This is plan B. The end."},
    {"Jan. 5", "January fifth"},
    {"Fig. 2 shows", "figure two shows"},
    {"pp. 10-12", "pages ten to twelve"},
    {"Smith et al. found", "Smith et al found"},
    /* ranges and fractions */
    {"10-12 people", "ten to twelve people"},
    {"2–3 days", "two to three days"},
    {"1/2", "one half"},
    {"3/4 of them", "three quarters of them"},
    {"2/3", "two thirds"},
    {"5/8", "five eighths"},
    {"2 1/2 cups", "two and a half cups"},
    {"24/7", "twenty four seven"},
    {"2½ years", "two and a half years"},
    {"a 10-year-old boy", "a ten-year-old boy"},
    /* units */
    {"5 km", "five kilometers"},
    {"5km", "five kilometers"},
    {"1 kg", "one kilogram"},
    {"16 GB of RAM", "sixteen gigabytes of RAM"},
    {"100ms", "one hundred milliseconds"},
    {"60 mph", "sixty miles per hour"},
    {"20°C", "twenty degrees Celsius"},
    {"72 °F", "seventy two degrees Fahrenheit"},
    {"90°", "ninety degrees"},
    {"100 km/h", "one hundred kilometers per hour"},
    {"5 m²", "five square meters"},
    {"6'2\"", "six foot two"},
    {"3.5 GHz", "three point five gigahertz"},
    {"10k users", "ten thousand users"},
    {"7B parameters", "seven billion parameters"},
    {"10x faster", "ten times faster"},
    {"1920x1080", "nineteen twenty by ten eighty"},
    {"4K video", "four K video"},
    {"700 W", "seven hundred watts"},
    /* signs */
    {"R&D", "R and D"},
    {"salt & pepper", "salt and pepper"},
    {"2 + 2 = 4", "two plus two equals four"},
    {"#1", "number one"},
    {"C++ is old", "C plus plus is old"},
    {"and/or", "and/or"},
    {"5 × 3", "five times three"},
    {"±3", "plus or minus three"},
    {"α and β", "alpha and beta"},
    {"w/o sugar", "without sugar"},
    /* names with numerals */
    {"Chapter IV", "Chapter four"},
    {"World War II ended", "World War two ended"},
    {"Louis XIV", "Louis the fourteenth"},
    {"Henry VIII", "Henry the eighth"},
    {"Rocky III", "Rocky three"},
    {"I think so", "I think so"},
    {"Part I", "Part one"},
    {"So I did", "So I did"},
    /* letters and digits */
    {"GPT-4", "GPT-four"},
    {"the H100", "the H one hundred"},
    {"COVID-19", "COVID-nineteen"},
    {"B2B", "B two B"},
    {"MP3", "MP three"},
    {"v1.2", "version one point two"},
    {"Python 3.11.7", "Python three point eleven point seven"},
    {"call 555-0123", "call five five five, zero one two three"},
    {"212-555-0123", "two one two, five five five, zero one two three"},
    {"RTX 4090", "RTX forty ninety"},
    {"the 747", "the seven forty seven"},
    {"Llama-3.1-405B", "Llama-three point one-four hundred five billion"},
    {"the Boeing 747-400", "the Boeing seven forty seven four hundred"},
    {"E = mc^2", "E equals mc squared"},
    {"10^6", "ten to the power of six"},
    {"$250K-$300K/yr", "two hundred fifty thousand dollars to three hundred thousand dollars per year"},
    {"Mr. T. S. Eliot", "Mister T S Eliot"},
    {"AT&T and M&Ms.", "AT and T and M and Ms."},
    {"c. 1900", "circa nineteen hundred"},
    {"the A380", "the A three hundred eighty"},
    {"A/C", "A/C"},
    {"Turn to section 3.2.1, Fig. 4b.", "Turn to section three point two point one, figure four b."},
    {"the score, 21-14.", "the score, twenty one to fourteen."},
    {"in Q3 2024", "in Q three twenty twenty four"},
    {"16,000 H100s", "sixteen thousand H one hundreds"},
    {"HTTP/2", "HTTP/two"},
    {"-40°F", "minus forty degrees Fahrenheit"},
    {"Pope John Paul II met Queen Elizabeth II.", "Pope John Paul the second met Queen Elizabeth the second."},
    /* addresses */
    {"example.com", "example dot com"},
    {"https://www.example.com/a", "https colon slash slash www dot example dot com slash a"},
    {"mail bob@example.org now", "mail bob at example dot org now"},
    {"Node.js", "Node dot js"},
    {"end.Start", "end.Start"},
    /* marks */
    {"wait -- what", "wait -- what"},
    {"wait—what", "wait—what"},
    {"wait - what", "wait - what"},
    {"wait – what", "wait – what"},
    {"Really?!", "Really?!"},
    {"No!!!", "No!!!"},
    {"Well...", "Well..."},
    {"Well . . . yes", "Well… yes"},
    {"\"Look,\" he said.", "\"Look,\" he said."},
    {"'Look,' he said.", "'Look,' he said."},
    {"‘Look,’ he said.", "‘Look,’ he said."},
    {"the dogs' bowl", "the dogs' bowl"},
    {"don’t", "don’t"},
    {"'tis the season", "'tis the season"},
    {"rock 'n' roll", "rock 'n' roll"},
    {"(see below)", "(see below)"},
    {"[see below]", "[see below]"},
    {"- an item", "an item"},
    {"* an item", "an item"},
    {"**bold** and _thin_", "bold and thin"},
    {"fine-tune", "fine-tune"},
    {"line\none\ttwo", "line one two"},
    {"a , b", "a, b"},
    {"Hello,world", "Hello,world"},
    {"...and then", "...and then"},
    {"😀 hello", "hello"},
    {"[Tokens](/tˈOkᵊnz/) are cheap", "Tokens are cheap"},
    {"[2021](+1) is over", "twenty twenty one is over"},
    {"[a link](http) here", "a link here"},
};

static void normalise_table(void) {
    for (size_t i = 0; i < sizeof normal / sizeof normal[0]; i++) {
        struct cw_text spoken = {0};
        struct cw_error err = {0};
        bool ok = cw_normalise(normal[i].text, &spoken, &err) == 0;
        CHECKF(ok && strcmp(spoken.data, normal[i].spoken) == 0, "\"%s\": expected \"%s\", found \"%s\"", normal[i].text, normal[i].spoken,
               ok ? spoken.data : err.text);
        cw_text_free(&spoken);
    }
}

/* No digit is left over, whatever stands around the numbers. */
static void no_digit_left(void) {
    static const char *const frames[] = {"%ld",     "$%ld",  "%ld%%", "%ldth", "in %ld",    "%ld/7",   "%ld-12",  "%ld.5",   "%ld km",
                                         "GPT-%ld", "(%ld)", "%lds",  "x%ldy", "%ld:30",    "1/2/%ld", "No. %ld", "May %ld", "#%ld",
                                         "-%ld",    "%ldk",  "%ld'",  "%ld\"", "%ld.%ld.3", "%ld,",    "%ld pm",  "£%ld.99", "%ld°"};
    for (size_t f = 0; f < sizeof frames / sizeof frames[0]; f++) {
        for (long n = 0; n <= 3000; n += n < 130 ? 1 : 61) {
            char text[64];
            struct cw_text spoken = {0};
            struct cw_error err = {0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(text, sizeof text, frames[f], n, n);
#pragma GCC diagnostic pop
            bool ok = cw_normalise(text, &spoken, &err) == 0;
            CHECKF(ok && strpbrk(spoken.data, "0123456789$%#") == NULL, "\"%s\": expected words alone, found \"%s\"", text,
                   ok ? spoken.data : err.text);
            cw_text_free(&spoken);
        }
    }
}

/* ---- phonemes ------------------------------------------------------------------------------------------------------------- */

/* All chunks' phonemes, joined by " | ". free() it. */
static char *phonemes_of(const struct cw_speech *s, const char *text, const char *language) {
    struct cw_speech_params params = cw_speech_params_default();
    struct cw_utterance u;
    struct cw_error err = {0};
    struct cw_text all = {0};
    params.language = language;
    if (cw_speech_plan(s, text, params, &u, &err)) {
        return cw_strdup(err.text);
    }
    for (int i = 0; i < u.chunk_count; i++) {
        cw_text_add(&all, i ? " | " : "");
        cw_text_add(&all, u.chunks[i].phonemes);
    }
    cw_utterance_free(&u);
    return all.data;
}

/* Ours, checked by ear's rules and against misaki 0.9.4: where a part of speech does not matter, both give the same. */
static const struct {
    const char *language, *text, *phonemes;
} sounds[] = {
    {"en-us", "She used to read the record before she could record the project.",
     "ʃˌi jˈust tə ɹˈid ðə ɹˈɛkəɹd bəfˈɔɹ ʃi kʊd ɹəkˈɔɹd ðə pɹˈɑʤˌɛkt."},
    {"en-us", "They will present the present to the president.", "ðˌA wɪl pɹizˈɛnt ðə pɹˈɛzᵊnt tə ðə pɹˈɛzədˌɛnt."},
    {"en-us", "The wind is cold, so wind the clock.", "ðə wˈɪnd ɪz kˈOld, sˌO wˈInd ðə klˈɑk."},
    {"en-us", "I object to that, and that is that.", "ˌI əbʤˈɛkt tə ðˈæt, ænd ðˈæt ɪz ðˈæt."},
    {"en-us", "We use it, but the use of it is limited.", "wˌi jˈuz ɪt, bˌʌt ðə jˈus ʌv ɪt ɪz lˈɪməTᵻd."},
    {"en-us", "He closed the door because it was close to the wall.", "hˌi klˈOzd ðə dˈɔɹ bəkˈʌz ɪt wʌz klˈOs tə ðə wˈɔl."},
    {"en-us", "The content is good, and I am content.", "ðə kˈɑntɛnt ɪz ɡˈʊd, ænd ˌI ɐm kəntˈɛnt."},
    {"en-us", "Please separate the two separate files.", "plˈiz sˈɛpəɹˌAt ðə tˈu sˈɛpəɹət fˈIlz."},
    {"en-us", "They refuse to take the refuse out.", "ðˌA ɹəfjˈuz tə tˈAk ðə ɹˈɛfjˌus ˈWt."},
    {"en-us", "The contract says we contract the work.", "ðə kˈɑntɹˌækt sˈɛz wi kəntɹˈækt ðə wˈɜɹk."},
    {"en-us", "It may increase, and the increase may estimate to a lot.", "ˌɪt mˈA ɪnkɹˈis, ænd ði ˈɪnkɹˌis mˈA ˈɛstəmˌAt tə ɐ lˈɑt."},
    {"en-us", "I read every day, but yesterday I read nothing.", "ˌI ɹˈid ˈɛvəɹi dˈA, bˌʌt jˈɛstəɹdˌA ˌI ɹˈɛd nˈʌθɪŋ."},
    {"en-us", "Have you read the book that I read to you?", "hˌæv ju ɹˈɛd ðə bˈʊk ðæt ˌI ɹˈɛd tə ju?"},
    {"en-us", "You should read this, and then read that.", "jˌu ʃˌʊd ɹˈid ðˈɪs, ænd ðˈɛn ɹˈid ðˈæt."},
    {"en-us", "He wound the bandage around the wound.", "hˌi wˈWnd ðə bˈændɪʤ əɹˈWnd ðə wˈund."},
    {"en-us", "The bass player caught a bass.", "ðə bˈAs plˈAəɹ kˈɔt ɐ bˈæs."},
    {"en-us", "I live in Paris, where people live well and their lives are long.",
     "ˌI lˈɪv ɪn pˈɛɹəs, wˌɛɹ pˈipᵊl lˈɪv wˈɛl ænd ðɛɹ lˈIvz ɑɹ lˈɔŋ."},
    {"en-us", "She lives here, and we went live at noon.", "ʃˌi lˈɪvz hˈɪɹ, ænd wi wˈɛnt lˈIv æt nˈun."},
    {"en-us", "Tear the paper before a tear falls.", "tˈɛɹ ðə pˈApəɹ bəfˈɔɹ ɐ tˈɪɹ fˈɔlz."},
    {"en-us", "YouTube, OpenAI and the iPhone changed how GPUs and CEOs work.",
     "jˈutˌub, ˌOpᵊnˈAˌI ænd ði ˈIfˌOn ʧˈAnʤd hˌW ʤˌipˌijˈuz ænd sˌiˌiˈOz wˈɜɹk."},
    {"en-us", "What is the WHO, and who is it?", "wˌʌt ɪz ðə dˌʌbᵊljuˌAʧˈO, ænd hˌu ɪz ɪt?"},
    {"en-us", "The U.S. economy isn't the EU economy.", "ðə jˌuˈɛs ikˈɑnəmi ˈɪzᵊnt ði ˌijˈu ikˈɑnəmi."},
    {"en-us", "That's what they've said: we'd have gone, but couldn't.", "ðˈæts wˌʌt ðAv sˈɛd: wid hæv ɡˈɔn, bˌʌt kˈʊdᵊnt."},
    {"en-us", "It's a state-of-the-art, open-source, well-known thing.", "ˌɪts ɐ stˈAtʌvðiˈɑɹt, ˈOpᵊnsˌɔɹs, wˌɛlnˈOn θˈɪŋ."},
    {"en-us", "He is used to it; a knife is used to cut.", "hˌi ɪz jˈust tʊ ɪt; ɐ nˈIf ɪz jˈuzd tə kˈʌt."},
    {"en-us", "The engineers' answers and the engineer's answer differ.", "ði ˌɛnʤənˈɪɹz ˈænsəɹz ænd ði ˌɛnʤənˈɪɹz ˈænsəɹ dˈɪfəɹ."},
    {"en-us", "I'm going in. Come on in, and look at it.", "ˌIm ɡˈOɪŋ ˈɪn. kˈʌm ˌɔn ˈɪn, ænd lˈʊk æt ɪt."},
    {"en-us", "Who are you talking to? I don't know what it's for.", "hˌu ɑɹ ju tˈɔkɪŋ tu? ˌI dˈOnt nˈO wˌʌt ɪts fɔɹ."},
    {"en-us", "He asked for a cappuccino in a café in Zürich.", "hˌi ˈæskt fɔɹ ɐ kˌɑpəʧˈinO ɪn ɐ kæfˈA ɪn zˈuɹɪk."},
    {"en-us", "An hour ago an honest man had an idea; a European had a one-off.",
     "ɐn ˈWəɹ əɡˈO ɐn ˈɑnəst mˈæn hæd ɐn Idˈiə; ɐ jˌʊɹəpˈiən hæd ɐ wˈʌnˌɔf."},
    {"en-us", "Do you want the apple or the pear, a unit or an umbrella?", "dˈu ju wˈɑnt ði ˈæpᵊl ɔɹ ðə pˈɛɹ, ɐ jˈunət ɔɹ ɐn ˌʌmbɹˈɛlə?"},
    {"en-us", "Is that the thing that you said that you wanted?", "ˌɪz ðæt ðə θˈɪŋ ðæt ju sˈɛd ðæt ju wˈɑntᵻd?"},
    {"en-us", "He said that the model that won was the one that cost less.", "hˌi sˈɛd ðæt ðə mˈɑdᵊl ðæt wˈʌn wʌz ðə wˈʌn ðæt kˈɔst lˈɛs."},
    {"en-us", "Vitamin A is good. A is for apple. He got an A.", "vˈITəmən ˈA ɪz ɡˈʊd. ˈA ɪz fɔɹ ˈæpᵊl. hˌi ɡɑt ɐn ˈA."},
    {"en-us", "It was a learned man who learned it.", "ˌɪt wʌz ɐ lˈɜɹnɪd mˈæn hˌu lˈɜɹnd ɪt."},
    {"en-us", "The delegate will delegate, the associate will associate.", "ðə dˈɛləɡət wɪl dˈɛləɡˌAt, ði əsˈOsiət wɪl əsˈOsiˌAt."},
    {"en-us", "They conduct an orchestra, and their conduct is good.", "ðˌA kəndˈʌkt ɐn ˈɔɹkəstɹə, ænd ðɛɹ kˈɑndˌʌkt ɪz ɡˈʊd."},
    {"en-us", "I AM NOT going to do THAT.", "ˌI ˈæm nˈɑt ɡˈOɪŋ tə dˈu ðˈæt."},
    {"en-us", "Yes, it is. No, it's not! Isn't it?", "jˈɛs, ɪt ɪz. nˈO, ɪts nˌɑt! ˈɪzᵊnt ɪt?"},
    {"en-us", "Llama and Qwen beat Mistral's model by a mile.", "lˈɑmə ænd kjˈuwˈɛn bˈit mˈɪstɹᵊlz mˈɑdᵊl bI ɐ mˈIl."},
    {"en-us", "He does progress; the progress is slow.", "hˌi dˈʌz pɹəɡɹˈɛs; ðə pɹˈɑɡɹəs ɪz slˈO."},
    {"en-us", "We need more compute; a minute error took one minute.", "wˌi nˈid mˈɔɹ kəmpjˈut; ɐ mInˈut ˈɛɹəɹ tˈʊk wˈʌn mˈɪnət."},
    {"en-us", "[Inference](/ˈɪnfəɹəns/) is [very](+2) costly.", "ˈɪnfəɹəns ɪz vˈɛɹi kˈɔstli."},
    {"en-us", "[the](-2) [cat](/kˈæt/)", "ðə kˈæt."},
    {"en-us", "It ended at 7:45 a.m.", "ˌɪt ˈɛndᵻd æt sˈɛvən fˈɔɹTi fˈIv ˌAˈɛm."},
    {"en-us", "It costs $3.50.", "ˌɪt kˈɔsts θɹˈi dˈɑləɹz fˈɪfti sˈɛnts."},
    {"en-us", "The '90s were fun.", "ðə nˈIndiz wɜɹ fˈʌn."},
    {"en-us", "HTML, FBI, NASA and NATO", "ˌAʧtˌiˌɛmˈɛl, ˌɛfbˌiˈI, nˈæsə ænd nˈATO."},
    {"en-us", "rock 'n' roll", "ɹˈɑk ən ɹˈOl."},
    {"en-us", "fish, chips, etc.", "fˈɪʃ, ʧˈɪps, ɛt sˈɛTəɹə."},
    {"en-us", "I re-raised it.", "ˌI ɹˌiɹˈAzd ɪt."},
    {"en-us", "the [x](/z/) one", "ðə z wˈʌn."},
    {"en-gb", "The fast car can't go past the bath.", "ðə fˈɑːst kˈɑː kˈɑːnt ɡˌQ pˈɑːst ðə bˈɑːθ."},
    {"en-gb", "I ordered 105 cakes on 5/6/2021.", "ˌI ˈɔːdəd wˈʌn hˈʌndɹəd and fˈIv kˈAks ˌɒn ðə fˈɪfθ ɒv ʤˈuːn twˈɛnti twˈɛnti wˈʌn."},
    {"en-gb", "The programme cost 5 km of tape.", "ðə pɹˈQɡɹam kˈɒst fˈIv kˈɪləmˌiːtəz ɒv tˈAp."},
    {"en-gb", "She had a better idea about the data.", "ʃˌiː had ɐ bˈɛtə Idˈɪə əbˈWt ðə dˈAtə."},
    {"en-gb", "Go home, boy.", "ɡˌQ hˈQm, bˈY."},
};

static void phoneme_table(void) {
    struct cw_speech *s = open_speech();
    for (size_t i = 0; s && i < sizeof sounds / sizeof sounds[0]; i++) {
        char *got = phonemes_of(s, sounds[i].text, sounds[i].language);
        CHECKF(got && strcmp(got, sounds[i].phonemes) == 0, "%s \"%s\": expected %s, found %s", sounds[i].language, sounds[i].text,
               sounds[i].phonemes, got ? got : "nothing");
        free(got);
    }
    cw_speech_close(s);
}

/* ---- utterances: chunks and words ------------------------------------------------------------------------------------------ */

/* What must hold of every utterance. */
static void check_utterance(const struct cw_utterance *u, const char *text, int max) {
    CHECK(u->chunk_count > 0 && u->word_count > 0);
    int *covered = calloc((size_t)u->chunk_count + 1, sizeof *covered);
    size_t length = strlen(text);
    for (int c = 0; covered && c < u->chunk_count; c++) {
        const char *p = u->chunks[c].phonemes;
        int blanks = 0;
        for (size_t left = strlen(p); left > 0;) {
            uint32_t code = 0;
            size_t k = (size_t)cw_utf8_next(p, left, &code);
            if (!CHECKF(k && cw_symbol_known(code), "chunk %d: U+%04X is not in the alphabet", c, (unsigned)code)) {
                break;
            }
            blanks += code == ' ';
            p += k;
            left -= k;
        }
        p = u->chunks[c].phonemes;
        CHECKF(cw_symbols_count(p) == u->chunks[c].symbols, "chunk %d: %d symbols, said to be %d", c, cw_symbols_count(p),
               u->chunks[c].symbols);
        CHECKF(u->chunks[c].symbols <= max, "chunk %d: %d symbols, at most %d asked", c, u->chunks[c].symbols, max);
        /* one mark at the end, and a sound before it */
        size_t n = strlen(p), mark = n >= 3 && ((unsigned char)p[n - 1] & 0x80) ? 3 : 1;
        CHECKF(n > mark && cw_mark_is_clause(p + n - mark), "chunk %d ends without a mark: %s", c, p);
        CHECKF(n > mark && !strchr(".,;:!? ", p[n - mark - 1]), "chunk %d ends with two marks: %s", c, p);
        covered[c] = blanks;
    }
    int chunk = 0, symbols = 0;
    for (int i = 0; covered && i < u->word_count; i++) {
        const struct cw_spoken_word *w = &u->words[i];
        if (!CHECKF(w->chunk >= chunk && w->chunk < u->chunk_count && w->chunk <= chunk + 1, "word %d is in chunk %d after chunk %d", i,
                    w->chunk, chunk)) {
            break;
        }
        symbols = w->chunk == chunk ? symbols : 0;
        chunk = w->chunk;
        CHECKF(w->offset + strlen(w->text) <= length && memcmp(text + w->offset, w->text, strlen(w->text)) == 0,
               "word %d: \"%s\" is not at byte %zu", i, w->text, w->offset);
        CHECKF(w->first >= symbols && w->first + w->count <= u->chunks[chunk].symbols, "word %d: symbols %d+%d overlap or leave the chunk",
               i, w->first, w->count);
        symbols = w->first + w->count;
        if (w->count) { /* the slice of the chunk is the word's phonemes */
            const char *p = u->chunks[chunk].phonemes;
            for (int k = w->first; k > 0 && *p; k--) {
                do {
                    p++;
                } while (((unsigned char)*p & 0xC0) == 0x80);
            }
            CHECKF(strncmp(p, w->phonemes, strlen(w->phonemes)) == 0, "word %d: \"%s\" is not at symbol %d of its chunk", i, w->phonemes,
                   w->first);
            CHECKF(cw_symbols_count(w->phonemes) == w->count, "word %d: \"%s\" has not %d symbols", i, w->phonemes, w->count);
            covered[chunk] += w->count;
            for (const char *q = w->phonemes; *q; q++) {
                covered[chunk] -= *q == ' '; /* counted already, with the blanks between words */
            }
        }
    }
    for (int c = 0; covered && c < u->chunk_count; c++) { /* words, blanks and at most an added mark make up the chunk */
        int added = u->chunks[c].symbols - covered[c];
        CHECKF(added == 0 || added == 1, "chunk %d: %d symbols, its words and blanks make %d", c, u->chunks[c].symbols, covered[c]);
    }
    free(covered);
}

/* Plans and checks; the utterance is the caller's. */
static bool plan(const struct cw_speech *s, const char *text, const char *language, int max, struct cw_utterance *u) {
    struct cw_speech_params params = cw_speech_params_default();
    struct cw_error err = {0};
    params.language = language;
    params.max_symbols = max;
    if (!CHECKF(cw_speech_plan(s, text, params, u, &err) == 0, "\"%.60s\": %s", text, err.text)) {
        return false;
    }
    check_utterance(u, text, max);
    return true;
}

static char *data_file(const char *name) {
    char *data = NULL;
    size_t len = 0;
    struct cw_error err = {0};
    CHECKF(cw_file_read(cw_test_data(name), 1 << 20, &data, &len, &err) == 0, "%s", err.text);
    return data;
}

/* speech_misaki.tsv: sentence, tab, what misaki 0.9.4 says. Words must agree; differences are counted. */
static void agrees_with_misaki(void) {
    struct cw_speech *s = open_speech();
    char *data = s ? data_file("speech_misaki.tsv") : NULL;
    int words = 0, equal = 0, lines = 0;
    for (char *line = data, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        next = next ? (*next = '\0', next + 1) : line + strlen(line);
        char *tab = strchr(line, '\t');
        if (!CHECK(tab != NULL)) {
            break;
        }
        *tab = '\0';
        struct cw_utterance u;
        if (!plan(s, line, "en-us", 510, &u)) {
            break;
        }
        lines++;
        const char *want = tab + 1, *got = u.chunks[0].phonemes;
        while (*want && *got) { /* word by word */
            size_t a = strcspn(want, " "), b = strcspn(got, " ");
            bool same = a == b && memcmp(want, got, a) == 0;
            words++;
            equal += same;
            if (!same) {
                printf("    \"%s\": %.*s where misaki says %.*s\n", line, (int)b, got, (int)a, want);
            }
            want += a + (want[a] == ' ');
            got += b + (got[b] == ' ');
        }
        CHECKF(!*want && !*got, "\"%s\": not the same number of words", line);
        cw_utterance_free(&u);
    }
    CHECKF(!s || (lines >= 40 && equal * 1000 >= words * 985), "%d of %d words in %d sentences are as misaki says them; expected 98.5 %%",
           equal, words, lines);
    free(data);
    cw_speech_close(s);
}

static void utterances(void) {
    struct cw_speech *s = open_speech();
    char *data = s ? data_file("speech_sentences.txt") : NULL;
    for (char *line = data, *next; line && *line; line = next) {
        struct cw_utterance u;
        next = strchr(line, '\n');
        next = next ? (*next = '\0', next + 1) : line + strlen(line);
        for (int british = 0; british < 2; british++) {
            if (plan(s, line, british ? "en-gb" : "en-us", 250, &u)) {
                CHECKF(u.chunk_count == 1, "\"%s\": %d chunks for one sentence", line, u.chunk_count);
                CHECK(u.chunks[0].pause_ms == 350);
                for (int i = 0; i < u.word_count; i++) {
                    CHECKF((u.words[i].source == CW_WORD_PUNCTUATION) == cw_mark_is_clause(u.words[i].spoken) || u.words[i].count <= 1,
                           "\"%s\"", u.words[i].spoken);
                    CHECKF(u.words[i].source == CW_WORD_PUNCTUATION || u.words[i].count > 0, "\"%s\" has no sound", u.words[i].spoken);
                }
                cw_utterance_free(&u);
            }
        }
    }
    free(data);
    cw_speech_close(s);
}

/* Heard first, while the rest is made: see tts/speech.c. */
static void first_phrases(void) {
    static const struct {
        const char *text, *last_word; /* of the first chunk; NULL: one chunk */
        int pause_ms;
    } cases[] = {
        {"Welcome back to the show.", NULL, 350},
        {"Welcome back to the show. Today we talk about the tides, and why they come twice.", NULL, 350},
        {"Most people would say that it simply dried out. In truth, something inside it changed back, quietly, overnight, and the bread "
         "that "
         "you cut in the morning is another bread.",
         "out", 350},
        {"Really? So every time I ask it something, a machine far away gets warm? I had always thought of it as something like a book that "
         "answers, not as a kettle.",
         "warm", 350},
        {"When the committee finally met, the chairman read the report aloud, the engineers corrected his figures one by one, and the "
         "town, "
         "which had waited eleven years for a bridge, learned that it would have to wait for the twelfth, and for a new committee, too.",
         "aloud", 120},
        /* the rest would be a crumb */
        {"If you rent the same graphics card from two providers, you may pay four times as much for exactly the same work. Is that so?",
         NULL, 350},
    };
    struct cw_speech *s = open_speech();
    for (size_t i = 0; s && i < sizeof cases / sizeof cases[0]; i++) {
        struct cw_utterance u;
        if (!plan(s, cases[i].text, "en-us", 250, &u)) {
            continue;
        }
        const char *last = "";
        for (int w = 0; w < u.word_count; w++) {
            last = u.words[w].chunk == 0 && u.words[w].source != CW_WORD_PUNCTUATION ? u.words[w].text : last;
        }
        CHECKF(cases[i].last_word ? u.chunk_count > 1 && strcmp(last, cases[i].last_word) == 0 : u.chunk_count == 1,
               "\"%s\": %d chunks, the first one to \"%s\"", cases[i].text, u.chunk_count, last);
        CHECKF(u.chunks[0].pause_ms == cases[i].pause_ms, "\"%s\": a pause of %d ms", cases[i].text, u.chunks[0].pause_ms);
        cw_utterance_free(&u);
    }
    cw_speech_close(s);
}

static void word_sources(void) {
    struct cw_speech *s = open_speech();
    struct cw_utterance u;
    const char *text = "The [Qwen](/kwˈɛn/) engineers paid $1,249.50 to Grzegorzewski.";
    if (s && plan(s, text, "en-us", 250, &u)) {
        struct {
            const char *spoken, *text;
            int source;
        } want[] = {{"The", "The", CW_WORD_LEXICON},
                    {"Qwen", "Qwen", CW_WORD_INLINE},
                    {"engineers", "engineers", CW_WORD_RULE},
                    {"paid", "paid", CW_WORD_LEXICON},
                    {"one", "$1,249.50", CW_WORD_LEXICON},
                    {"cents", "$1,249.50", CW_WORD_RULE},
                    {"Grzegorzewski", "Grzegorzewski", CW_WORD_ESPEAK},
                    {".", ".", CW_WORD_PUNCTUATION}};
        for (size_t k = 0; k < sizeof want / sizeof want[0]; k++) {
            bool found = false;
            for (int i = 0; i < u.word_count; i++) {
                found = found || (strcmp(u.words[i].spoken, want[k].spoken) == 0 && strcmp(u.words[i].text, want[k].text) == 0 &&
                                  (int)u.words[i].source == want[k].source);
            }
            CHECKF(found, "no word \"%s\" from \"%s\" with source %d", want[k].spoken, want[k].text, want[k].source);
        }
        CHECK(u.words[1].offset == 5);
        CHECK_STR(u.words[1].phonemes, "kwˈɛn");
        cw_utterance_free(&u);
    }
    cw_speech_close(s);
}

/* Long text: every word is in some chunk, once, in order; ends are at clauses; no crumbs. */
static void long_texts(void) {
    static const char *const sentence[] = {
        "Open models, closed models: the fight is really about who pays. ", "She counted the speakers in, and let the silence speak. ",
        "Wait. ", "If you rent the same card from two providers, you may pay four times as much; nobody knows why. "};
    struct cw_speech *s = open_speech();
    struct cw_text text = {0};
    struct cw_utterance u;
    for (size_t k = 0; s && text.len + 120 < 20000; k++) {
        cw_text_add(&text, sentence[(k * 7 + k / 3) % 4]);
    }
    for (int max = 60; s && max <= 510; max += 90) {
        if (!plan(s, text.data, "en-us", max, &u)) {
            break;
        }
        struct cw_text whole = {0}, words = {0};
        for (int i = 0; i < u.word_count; i++) {
            cw_text_add(&words, u.words[i].source == CW_WORD_PUNCTUATION ? "" : u.words[i].spoken);
        }
        for (const char *p = text.data; *p; p++) {
            cw_text_add_n(&whole, p, strchr(" .,;:", *p) ? 0 : 1);
        }
        CHECKF(whole.len == words.len && memcmp(whole.data, words.data, whole.len) == 0, "max %d: the words are not the text", max);
        int hard = 0, crumbs = 0;
        for (int c = 0; c < u.chunk_count; c++) {
            hard += u.chunks[c].pause_ms == 0;
            crumbs += u.chunks[c].symbols * 6 < max;
        }
        CHECKF(hard == 0 || max < 150, "max %d: %d cuts inside a clause", max, hard);
        CHECKF(crumbs * 20 <= u.chunk_count, "max %d: %d of %d chunks are crumbs", max, crumbs, u.chunk_count);
        cw_text_free(&whole);
        cw_text_free(&words);
        cw_utterance_free(&u);
    }
    /* no mark at all, one endless word, one endless inline word */
    cw_text_clear(&text);
    for (int k = 0; k < 1500; k++) {
        cw_text_add(&text, "so many words ");
    }
    text.data[19999 < text.len ? 19999 : text.len] = '\0';
    if (s && plan(s, text.data, "en-us", 250, &u)) {
        CHECK(u.chunks[0].pause_ms == 0 && u.chunks[u.chunk_count - 1].pause_ms == 350);
        cw_utterance_free(&u);
    }
    cw_text_clear(&text);
    for (int k = 0; k < 19000; k++) {
        cw_text_add_char(&text, (char)('a' + k % 26));
    }
    if (s && plan(s, text.data, "en-us", 250, &u)) {
        cw_utterance_free(&u);
    }
    cw_text_clear(&text);
    cw_text_add(&text, "[word](/");
    for (int k = 0; k < 5000; k++) {
        cw_text_add(&text, k % 2 ? "ə" : "b");
    }
    cw_text_add(&text, "/)");
    if (s && plan(s, text.data, "en-us", 250, &u)) {
        CHECK(u.word_count > 19 && u.words[0].source == CW_WORD_INLINE);
        cw_utterance_free(&u);
    }
    cw_text_free(&text);
    cw_speech_close(s);
}

/* Marks at the ends of chunks book frames that the model fills with noise: exactly one is left. */
static void short_turns(void) {
    static const struct {
        const char *text, *phonemes;
        int pause;
    } turns[] = {{"Wait", "wˈAt.", 350},     {"Wait.", "wˈAt.", 350},    {"\"Wait!\"", "“wˈAt!", 350},  {"Wait?!?!", "wˈAt?", 350},
                 {"Wait...!", "wˈAt!", 350}, {"(Wait.)", "(wˈAt.", 350}, {"Wait —", "wˈAt—", 200},      {"Wait,", "wˈAt,", 120},
                 {"Wait:", "wˈAt:", 200},    {"Wait…", "wˈAt…", 350},    {"\"Wait!\".", "“wˈAt!", 350}, {". . . Wait", "wˈAt.", 350},
                 {"!Wait", "wˈAt.", 350}};
    struct cw_speech *s = open_speech();
    for (size_t i = 0; s && i < sizeof turns / sizeof turns[0]; i++) {
        struct cw_utterance u;
        if (plan(s, turns[i].text, "en-us", 250, &u)) {
            CHECKF(u.chunk_count == 1 && strcmp(u.chunks[0].phonemes, turns[i].phonemes) == 0 && u.chunks[0].pause_ms == turns[i].pause,
                   "\"%s\": expected %s and %d ms, found %s and %d ms", turns[i].text, turns[i].phonemes, turns[i].pause,
                   u.chunks[0].phonemes, u.chunks[0].pause_ms);
            cw_utterance_free(&u);
        }
    }
    cw_speech_close(s);
}

static void refusals(void) {
    struct cw_speech *s = open_speech();
    struct cw_speech_params params = cw_speech_params_default();
    struct cw_utterance u;
    struct cw_error err = {0};
    struct cw_text text = {0};
    CHECK_REFUSED(cw_speech_language("ja", &err), &err, "language \"ja\" (Japanese) has no front end");
    CHECK_REFUSED(cw_speech_language(NULL, &err), &err, "en-us, en-gb");
    CHECK(cw_speech_language("en-us", &err) == 0 && cw_speech_language("en-gb", &err) == 0);
    CHECK_REFUSED(cw_normalise("", &text, &err), &err, "at least one word", "nothing");
    CHECK_REFUSED(cw_normalise(" \n\t ", &text, &err), &err, "at least one word");
    CHECK_REFUSED(cw_normalise("... ?! —", &text, &err), &err, "at least one word", "only marks");
    CHECK_REFUSED(cw_normalise("😀", &text, &err), &err, "at least one word");
    CHECK_REFUSED(cw_normalise("a\x01z", &text, &err), &err, "byte 1", "control character", "U+0001");
    CHECK_REFUSED(cw_normalise("abc\x7f", &text, &err), &err, "byte 3", "U+007F");
    CHECK_REFUSED(cw_normalise("a\xC2\x85z", &text, &err), &err, "byte 1", "U+0085");
    CHECK_REFUSED(cw_normalise("ab\xFFz", &text, &err), &err, "byte 2", "UTF-8");
    CHECK_REFUSED(cw_normalise("ab\xC0\x80", &text, &err), &err, "byte 2", "UTF-8");
    CHECK_REFUSED(cw_normalise("ab\xE2\x80", &text, &err), &err, "byte 2", "UTF-8");
    CHECK_REFUSED(cw_normalise("Say [it](/g/) now", &text, &err), &err, "byte 10", "alphabet", "\"g\"", "U+0067", "[it]");
    CHECK_REFUSED(cw_normalise("Say [it](/ˈɪtŧ/)", &text, &err), &err, "byte 15", "U+0167");
    CHECK_REFUSED(cw_normalise("Say [it](//)", &text, &err), &err, "found none");
    CHECK_REFUSED(cw_normalise("Say [it](/ˈ/)", &text, &err), &err, "found none");
    char *longest = calloc(1, 20002);
    if (CHECK(longest != NULL)) {
        memset(longest, 'a', 20001);
        for (size_t k = 5; k < 20001; k += 6) {
            longest[k] = ' ';
        }
        CHECK_REFUSED(cw_normalise(longest, &text, &err), &err, "20000 bytes", "found 20001");
        longest[20000] = '\0';
        CHECKF(cw_normalise(longest, &text, &err) == 0, "%s", err.text);
        free(longest);
    }
    if (s) {
        params.max_symbols = 19;
        CHECK_REFUSED(cw_speech_plan(s, "Yes.", params, &u, &err), &err, "max_symbols", "20 to 510", "19");
        params.max_symbols = 250;
        params.language = "ja";
        CHECK_REFUSED(cw_speech_plan(s, "Yes.", params, &u, &err), &err, "\"ja\"");
        params.language = "en-us";
        CHECK_REFUSED(cw_speech_plan(s, "", params, &u, &err), &err, "at least one word");
        CHECK(err.code == CW_BAD_INPUT);
        cw_speech_close(s);
    }
    CHECK_REFUSED(cw_speech_open(&s, cw_test_dir(), &err), &err, "us.lex", "not there");
    CHECK(err.code == CW_NO_MODEL && s == NULL);
    cw_text_free(&text);
}

static void bad_lexicons(void) {
    static const struct {
        const char *content, *found;
    } bad[] = {{"", ""},
               {"#castwright-lexicon 1 gb\na\tA\n", "first line"},
               {"#castwright-lexicon 2 us\na\tA\n", "first line"},
               {"#castwright-lexicon 1 us\nb\tA\na\tA\n", "line 3"},
               {"#castwright-lexicon 1 us\na\tA\na\tA\n", "line 3"},
               {"#castwright-lexicon 1 us\na\n", "line 2"},
               {"#castwright-lexicon 1 us\na\tA", "cut line"},
               {"#castwright-lexicon 1 us\n\xff\tA\n", "UTF-8"},
               {"#castwright-lexicon 1 us\n\tA\n", "line 2"}};
    char path[CW_PATH_MAX];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cw_error err = {0};
        struct cw_speech *s = NULL;
        CHECK(cw_path_join(path, cw_test_dir(), "us.lex", &err) == 0 &&
              cw_file_write(path, bad[i].content, strlen(bad[i].content), &err) == 0);
        CHECK_REFUSED(cw_speech_open(&s, cw_test_dir(), &err), &err, "us.lex", bad[i].found);
    }
}

/* Look-up finds every word of a lexicon and none that is not there. */
static void lexicon_search(void) {
    static const char content[] = "#castwright-lexicon 1 us\nA\tx\na\tDEFAULT=b\tNOUN=c\tNone=d\nab\ty\nabc\tz\nb\tDEFAULT=q\n";
    static const char *const there[][2] = {{"A", "x"}, {"a", "b"}, {"ab", "y"}, {"abc", "z"}, {"b", "q"}};
    static const char *const not_there[] = {"", "0", "B", "aa", "abcd", "abb", "bb", "z", "\xff"};
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    struct cw_lexicon l = {0};
    size_t len = 0, n = 0;
    CHECK(cw_path_join(path, cw_test_dir(), "us.lex", &err) == 0 && cw_file_write(path, content, strlen(content), &err) == 0);
    if (!CHECKF(cw_lexicon_open(&l, path, "us", &err) == 0, "%s", err.text)) {
        return;
    }
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        const char *entry = cw_lexicon_find(&l, there[i][0], strlen(there[i][0]), &len);
        const char *value = entry ? cw_lexicon_value(entry, len, "DEFAULT", &n) : NULL;
        CHECKF(value && n == strlen(there[i][1]) && memcmp(value, there[i][1], n) == 0, "\"%s\" is not found with its value", there[i][0]);
    }
    for (size_t i = 0; i < sizeof not_there / sizeof not_there[0]; i++) {
        CHECKF(!cw_lexicon_find(&l, not_there[i], strlen(not_there[i]), &len), "\"%s\" is found", not_there[i]);
    }
    const char *entry = cw_lexicon_find(&l, "a", 1, &len);
    const char *value = cw_lexicon_value(entry, len, "None", &n);
    CHECK(value && n == 1 && *value == 'd');
    CHECK(!cw_lexicon_value(entry, len, "VERB", &n));
    cw_lexicon_close(&l);
}

/* A megabyte of plain text in turns of about 19,000 bytes: look-up must never be what a user waits for. */
static void fast_enough(void) {
    struct cw_speech *s = open_speech();
    struct cw_text text = {0};
    struct cw_speech_params params = cw_speech_params_default();
    struct cw_error err = {0};
    while (s && text.len < 19000) {
        cw_text_add(&text, "There were 12 of us in the room, and the engineers' answer was short: measure it first, then argue about it. ");
    }
    double start = cw_cpu_seconds();
    size_t done = 0;
    while (s && done < 1000000) {
        struct cw_utterance u;
        if (!CHECKF(cw_speech_plan(s, text.data, params, &u, &err) == 0, "%s", err.text)) {
            break;
        }
        done += text.len;
        cw_utterance_free(&u);
    }
    double seconds = cw_cpu_seconds() - start;
    CHECKF(!s || seconds < 8, "%.2f s for %zu bytes", seconds, done); /* a tenth of it in a release build; sanitizers are slow */
    cw_text_free(&text);
    cw_speech_close(s);
}

const struct cw_test cw_tests_speech[] = {
    {"speech.normalise", "numbers, dates, money, abbreviations and marks become the words that are spoken", normalise_table},
    {"speech.no_digit", "no digit or sign of a number survives, whatever stands around it", no_digit_left},
    {"speech.phonemes", "words sound as in misaki's alphabet, by context too", phoneme_table},
    {"speech.misaki", "sentences agree with misaki's own output", agrees_with_misaki},
    {"speech.utterances", "chunks and words index one another, in the model's alphabet only", utterances},
    {"speech.sources", "each word says where its phonemes come from and where it stands in the script", word_sources},
    {"speech.long", "20,000 bytes are cut at clause ends, nothing is lost, no chunk is too long", long_texts},
    {"speech.first_phrase", "a turn begins with a chunk that is made quickly, where that does not hurt", first_phrases},
    {"speech.short", "a chunk ends with exactly one mark, and its pause goes by it", short_turns},
    {"speech.refusals", "bad text, bad phonemes and unknown languages are refused by name and place", refusals},
    {"speech.bad_lexicon", "a lexicon that is cut, unsorted or of another kind is refused", bad_lexicons},
    {"speech.lexicon", "look-up finds what is there and nothing else", lexicon_search},
    {"speech.speed", "a megabyte of text takes well under a second", fast_enough},
    {0},
};
