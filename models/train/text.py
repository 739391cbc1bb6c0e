#!/usr/bin/env python3
"""Sentences for the mel model's data: one a line, LANGUAGE <tab> TEXT, from books, scripts of our own and the patterns below.

    text.py OUT.tsv [--lines 8000] [--seed 1] [--book [LANGUAGE=]FILE]... [--script FILE]... [--lexicon FILE]

--book: text whose licence permits it, plain, a dictd database (.dict.dz), a page or a folder of pages (.html); English unless its language is
named (es, fr-fr, it, pt-br). --script: scripts that Castwright wrote. --lexicon: us.lex of the models folder, whose words fill lists. Same
arguments, same lines. Of the lines three in ten, spread evenly, are of other languages: from a language's books seven in ten, where there are
any, and from patterns.
"""
import argparse
import glob
import gzip
import html
import itertools
import os
import random
import re
import sys

SHARES = {"book": 0.36, "script": 0.08, "question": 0.11, "short": 0.08, "number": 0.13, "talk": 0.14, "list": 0.10}  # what a source lacks, the others make up
OTHER = 0.3  # of the lines
OTHER_BOOK = 0.7  # of a language's lines, where it has books
LENGTHS = (20, 250)  # characters of a passage of a book: one chunk of speech, mostly

# ---- patterns: [name] is one of SLOTS, {a|b} one of what is in it, # a number by its kind --------------------------------------------

SLOTS = {
    "thing": """bridge kettle theory harbour engine window garden treaty planet molecule ladder orchestra budget volcano language vaccine
        glacier keyboard lighthouse market battery telescope recipe railway sculpture forest contract satellite violin puzzle island
        microphone journal thermometer pension blanket magnet whale crystal democracy bicycle mushroom envelope museum hurricane
        calendar cathedral library algorithm neighbour coffee shoulder feather turbine passport pyramid sandwich asteroid""",
    "things": """bridges engines windows letters numbers voices glaciers planets markets forests batteries doctors farmers students rivers
        oranges machines neighbours galaxies diamonds churches judges children mice wolves leaves pictures measurements promises shoes
        elephants particles vegetables earthquakes newspapers committees secrets mosquitoes""",
    "quality": """quiet enormous fragile curious expensive ordinary ancient narrow generous peculiar obvious dangerous yellow honest thick
        invisible useful strange rough delicious brilliant awkward gentle scientific unusual cheap private frozen joyful early""",
    "does": """watches measures forgets repairs describes imagines borrows throws measures protects questions builds discovers ignores teaches
        remembers hears chooses judges mixes enjoys washes sketches""",
    "did": """watched measured forgot repaired described imagined borrowed threw protected questioned built discovered ignored taught
        remembered heard chose judged mixed enjoyed washed caught sold bought""",
    "do": """watch measure forget repair describe imagine borrow throw protect question build discover ignore teach remember hear
        choose judge mix enjoy wash catch sell buy""",
    "unit": "kilometres miles kilograms litres degrees seconds minutes hours days years dollars volts pages people metres percent",
}
PHRASES = {
    "person": ["my sister", "the mayor", "a young engineer", "our teacher", "the old captain", "her doctor", "his lawyer", "the committee",
               "every farmer", "the violinist", "a stranger", "their grandmother", "the referee", "Doctor Okafor", "Professor Lindqvist",
               "Maya", "Tom", "Julia", "Vikram", "Zoe", "the whole team"],
    "how": ["slowly", "carefully", "again", "together", "twice", "quickly", "badly", "on purpose", "by accident", "every morning", "at night",
            "for years", "without a word"],
    "where": ["in Vienna", "near the river", "behind the school", "on the moon", "under the table", "across the valley", "at home",
              "in the basement", "along the coast", "at the edge of the desert", "between two hills", "beyond the bridge"],
    "when": ["yesterday", "last winter", "in the morning", "after the storm", "before breakfast", "on Thursday", "at midnight",
             "two summers ago", "these days"],
    "place": ["Lisbon", "Nairobi", "Chicago", "Edinburgh", "Osaka", "Montreal", "Cairo", "Reykjavik", "Lagos", "Warsaw", "Sydney",
              "Buenos Aires", "Mumbai", "Geneva", "Honolulu"],
    "why": ["because nobody asked", "since it was raining", "although it was late", "so that everyone could hear",
            "unless the price goes up", "while the music played"],
}
PATTERNS = {
    "question": [
        "{Why|How|When} {does|would|did} [person] [do] the [quality] [thing]?", "Where did [person] [do] [things] [when]?", "Who [did] it?",
        "{Do|Did|Could|Should|Would} you [do] a [thing] [where]?", "What {exactly|really|else} is a [quality] [thing], {then|Tom|Maya}?",
        "How many [things] are there [where]?", "Is it [quality], or is it just [quality]?", "You [did] the [thing]? {Really|Why|On your own}?",
        "Have you ever [did] a [thing] [where], [how]?", "So which one is it, the [thing] or the [thing]?", "Can [things] really [do] [things]?",
        "What happens when [person] [does] the [thing] [how]?", "Isn't that a little [quality]?", "But what does it cost, [when]?",
    ],
    "short": [
        "Yes.", "No.", "Exactly.", "Right.", "Of course.", "Not quite.", "Never!", "Maybe.", "Huh.", "Okay, go on.", "I see.", "Good question.",
        "Hmm, [quality].", "That's [quality].", "The [thing].", "[things|cap]?", "How [quality]!", "Wait, what?", "Thank you, {Maya|Tom|Julia}.",
        "Absolutely not.", "Only [when].", "[place|cap].", "Well, [how].", "Oh, the [thing]!", "Nobody knows.", "#small.", "Sure, {why not|if you like|but how}?",
        "Both.", "Let's begin.", "Fair enough.", "And then?", "I doubt it.", "Welcome back.", "Mm, almost.", "Ask [person].",
    ],
    "number": [
        "In #year, [person] [did] #count [things] [where].", "It costs #money, and [when] it was #money.", "The [thing] is #decimal [unit] {long|wide|away}.",
        "About #percent of all [things] are [quality].", "Call #phone before #time.", "The meeting is on #date at #time.", "Between #year and #year the price rose by #percent.",
        "That makes #count [things], #count [things] and one [thing].", "Chapter #small, page #count.", "It was #small degrees, then minus #small.",
        "The #ordinal [thing] came #small [unit] after the #ordinal.", "#count people [did] it, out of #big.", "Roughly #big [unit] a second.",
        "Divide #count by #small and you get #decimal.", "On #date, [place] had #big people and #small [things].", "Flight #small to [place] leaves at #time.",
    ],
    "talk": [
        "Well, [person] [did] the [thing] [when], [why].", "I think [things] are [quality], but [person] {disagrees|laughs|isn't sure}.",
        "Hold on, {Tom|Maya|Julia}: the [thing] isn't [quality] at all!", "Look, it's simple. [things|cap] [do] [things], [how].",
        "You know what? [person|cap] once [did] a [quality] [thing] [where].", "And that's the odd part: nobody [did] the [thing], [why].",
        "Let me put it this way. A [thing] [does] [things], and a [quality] one [does] them [how].", "Oh no! The [thing] is gone, [why].",
        "Picture a [quality] [thing] [where]; now picture #count of them.", "So, to sum up, the [thing] [does] the [thing] [how], and that is [quality].",
        "Right, but if [person] [does] it [how], then every [thing] [where] turns [quality].", "Honestly? I'd rather [do] [things] [where] than [do] one [quality] [thing].",
        "First you [do] the [thing]. Then you [do] the [things], [how]. And then you wait.", "That's [quality], [quality] and a bit [quality]...",
        "\"[quality|cap],\" said [person], \"and [quality].\"", "Today we talk about [things]: what they [do], and why [person] [does] them [when].",
        "What a [quality] [thing]! [person|cap] [did] it [how].", "[person|cap] - who [did] the [thing] [when] - lives [where].",
    ],
    "list": [
        "[word|cap], [word], [word] and [word].", "The words are [word], [word] and [word].", "Not [word]; [word]!", "Is it [word] or [word]?",
        "[word|cap] [word], and [word] [word] [where].", "They said [word] [when], then [word], and finally [word] [word].",
        "[person|cap] [did] the [word] [word] [how].", "Spell [word], please: [word].", "A [word] is a kind of [word], {isn't it|they say|more or less}.",
    ],
}
OTHERS = {  # language: [opening], [noun] and [ending] of a plain sentence, and further patterns
    "es": ({"opening": ["¿Por qué", "Dime cuándo", "Nadie sabe cómo", "Ayer vimos que", "Creo que mañana", "¡Mira!", "Es verdad:", "En mi pueblo", "Resulta que", "A veces"],
            "noun": ["la luna pequeña", "el ingeniero joven", "mi abuela", "la ciudad vieja", "el tren de las ocho", "una guitarra roja", "el agua del río", "la gente de Bogotá", "cada niño",
                     "el zapatero", "la lluvia de abril", "nuestro equipo", "el viento del norte", "la hija del médico", "un viejo amigo", "la orquesta", "el jefe", "esa máquina"],
            "ending": ["llega siempre tarde.", "guarda diecisiete secretos.", "cruza el puente con cuidado.", "cambió para siempre.", "no cuesta nada.", "hace mucho ruido, ¿verdad?",
                       "quiere aprender otra lengua.", "se quedó en silencio.", "vale cuarenta y dos euros.", "sigue creciendo.", "nunca se equivoca.", "duerme junto a la chimenea.",
                       "busca las llaves perdidas.", "huele a pan recién hecho."]},
           ["Sí.", "No, gracias.", "Claro que sí.", "¡Qué raro!", "¿De verdad?", "Buenos días a todos.", "¿Y entonces?", "Por supuesto.", "Exacto, así es.", "Vamos a empezar.", "Ya veo.", "¿Quién lo hizo?",
            "En #year vivían aquí #n personas.", "Cuesta #n euros, no #n.", "Son las #small, más o menos.", "¿Cuántos kilómetros hay, #n o #n?", "El #small por ciento está de acuerdo.",
            "¿Has visto alguna vez [noun]?", "Hoy hablamos de [noun] y de [noun].", "Primero [noun], luego [noun].", "¿Qué prefieres, [noun] o [noun]?", "Bueno, [noun] [ending]"]),
    "fr-fr": ({"opening": ["Pourquoi", "Je crois que", "Personne ne dit que", "Hier soir,", "Écoute bien :", "Il paraît que", "Demain peut-être,", "C'est vrai,", "Figurez-vous que", "Parfois"],
               "noun": ["la petite lune", "le jeune ingénieur", "ma grand-mère", "cette vieille ville", "le train de huit heures", "un bon fromage", "l'eau de la rivière", "chaque enfant", "le musicien",
                        "la boulangère", "notre voisin du dessus", "la pluie d'automne", "un chien fatigué", "le professeur d'histoire", "une guitare rouge", "la mer", "ce grand bâtiment", "mon frère"],
               "ending": ["arrive toujours en retard.", "cache dix-sept secrets.", "traverse lentement le pont.", "a changé pour toujours.", "ne coûte presque rien.",
                          "fait beaucoup de bruit, non ?", "veut apprendre une autre langue.", "est resté silencieux.", "vaut quarante-deux euros.", "grandit un peu chaque jour.", "ne se trompe jamais.",
                          "cherche encore ses clés.", "sent bon le pain chaud.", "dort au coin du feu."]},
              ["Oui.", "Non merci.", "Bien sûr.", "C'est étrange !", "Vraiment ?", "Bonjour à tous.", "Et alors ?", "Exactement.", "On commence.", "Je vois.", "Qui a fait ça ?", "Pas tout à fait.",
               "En #year, #n personnes vivaient ici.", "Ça coûte #n euros, pas #n.", "Il est environ #small heures.", "Combien de kilomètres, #n ou #n ?", "#small pour cent des gens sont d'accord.",
               "Avez-vous déjà vu [noun] ?", "Aujourd'hui, nous parlons de tout : [noun], [noun] et [noun].", "D'abord [noun], ensuite [noun].", "Tu préfères [noun] ou [noun] ?", "Eh bien, [noun] [ending]"]),
    "it": ({"opening": ["Perché", "Credo che", "Nessuno sa come", "Ieri sera", "Ascolta:", "Si dice che", "Domani forse", "È vero,", "Pare proprio che", "A volte"],
            "noun": ["la piccola luna", "il giovane ingegnere", "mia nonna", "la città vecchia", "il treno delle otto", "una chitarra rossa", "l'acqua del fiume", "ogni bambino", "il vicino di casa",
                     "la maestra", "un cane stanco", "la pioggia d'autunno", "il medico del paese", "lo zio Giuseppe", "quella macchina", "il mare", "la nostra squadra", "gli amici di Chiara"],
            "ending": ["arriva sempre in ritardo.", "nasconde diciassette segreti.", "attraversa piano il ponte.", "è cambiato per sempre.", "non costa quasi niente.",
                       "fa molto rumore, vero?", "vuole imparare un'altra lingua.", "è rimasto in silenzio.", "vale quarantadue euro.", "cresce un poco ogni giorno.", "non sbaglia mai.",
                       "cerca ancora le chiavi.", "profuma di pane caldo.", "dorme accanto al fuoco."]},
           ["Sì.", "No, grazie.", "Certo che sì.", "Che strano!", "Davvero?", "Buongiorno a tutti.", "E allora?", "Esatto.", "Cominciamo.", "Capisco.", "Chi è stato?", "Non proprio.",
            "Nel #year vivevano qui #n persone.", "Costa #n euro, non #n.", "Sono circa le #small.", "Quanti chilometri sono, #n o #n?", "Il #small per cento è d'accordo.",
            "Hai mai visto [noun]?", "Oggi parliamo di tutto: [noun], [noun] e [noun].", "Prima [noun], poi [noun].", "Che cosa preferisci, [noun] o [noun]?", "Beh, [noun] [ending]"]),
    "pt-br": ({"opening": ["Por que", "Acho que", "Ninguém sabe como", "Ontem à noite", "Escute:", "Dizem que", "Amanhã talvez", "É verdade,", "Parece mesmo que", "Às vezes"],
               "noun": ["a pequena lua", "o jovem engenheiro", "minha avó", "a cidade velha", "o trem das oito", "um violão vermelho", "a água do rio", "cada criança", "o vizinho",
                        "a professora", "um cachorro cansado", "a chuva de verão", "o médico da vila", "o tio João", "aquela máquina", "o mar", "o nosso time", "a irmã da Conceição"],
               "ending": ["chega sempre atrasado.", "guarda dezessete segredos.", "atravessa a ponte devagar.", "mudou para sempre.", "não custa quase nada.",
                          "faz muito barulho, não é?", "quer aprender outra língua.", "ficou em silêncio.", "vale quarenta e dois reais.", "cresce um pouco a cada dia.", "nunca se engana.",
                          "ainda procura as chaves.", "cheira a pão quente.", "dorme perto do fogão."]},
              ["Sim.", "Não, obrigado.", "Claro que sim.", "Que estranho!", "É mesmo?", "Bom dia a todos.", "E então?", "Exatamente.", "Vamos começar.", "Entendi.", "Quem fez isso?", "Não exatamente.",
               "Em #year moravam aqui #n pessoas.", "Custa #n reais, não #n.", "São umas #small horas.", "Quantos quilômetros são, #n ou #n?", "#small por cento concordam.",
               "Você já viu [noun]?", "Hoje falamos de tudo: [noun], [noun] e [noun].", "Primeiro [noun], depois [noun].", "O que você prefere, [noun] ou [noun]?", "Bem, [noun] [ending]"]),
    "hi": ({"opening": ["क्या", "मुझे लगता है कि", "कल रात", "सुनो,", "लोग कहते हैं कि", "शायद", "सच यह है कि", "कभी कभी"],
            "noun": ["छोटा चाँद", "मेरी दादी", "पुराना शहर", "आठ बजे की गाड़ी", "नदी का पानी", "हर बच्चा", "हमारा पड़ोसी", "यह बड़ा मकान", "स्कूल का अध्यापक", "ठंडी हवा", "मेरा दोस्त", "बाज़ार का दुकानदार"],
            "ending": ["हमेशा देर से आता है।", "बहुत शोर करता है।", "धीरे धीरे पुल पार करता है।", "कुछ नहीं कहता।", "नई भाषा सीखना चाहता है।", "बदल गया है।", "कभी गलती नहीं करता।", "अपनी चाबी खोज रहा है।"]},
           ["हाँ।", "नहीं, धन्यवाद।", "बिलकुल।", "सच में?", "नमस्ते।", "और फिर?", "चलिए, शुरू करते हैं।", "मैं समझ गया।", "यह किसने किया?", "इसकी कीमत #n रुपये है।", "यहाँ #n लोग रहते थे।",
            "क्या आपने [noun] देखा है?", "आज हम बात करेंगे: [noun], [noun] और [noun]।", "पहले [noun], फिर [noun]।", "अच्छा, [noun] [ending]"]),
}
COMMON = {  # words that a sentence of the language has some of: a translation leaves sentences untranslated
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o este ha sus",
    "fr-fr": "de la le et les des en un du une que est pour qui dans par plus au pas sur ne se ce il sont avec",
    "it": "di e il la che in un per è del una si le con i non da della sono al dei gli come più lo questo nel",
    "pt-br": "de a o que e do da em um para com não uma os no se na por mais as dos como ao das é seu",
}
MONTHS = "January February March April May June July August September October November December".split()


def number(kind, r):
    small, count = r.randint(2, 99), r.choice([r.randint(2, 999), r.randint(1000, 99999)])
    if kind == "small":
        return str(small)
    if kind == "count":
        return f"{count:,}" if count > 999 and r.random() < 0.7 else str(count)
    if kind == "big":
        return r.choice([f"{r.randint(10, 999)} {r.choice(['thousand', 'million', 'billion'])}", f"{r.randint(100, 9999) * 1000:,}", f"{r.randint(11, 99) / 10} million"])
    if kind == "year":
        return str(r.randint(1066, 2035))
    if kind == "money":
        return r.choice([f"${count}", f"${small}.{r.randint(0, 99):02d}", f"£{small}", f"€{count}", f"${r.randint(2, 90)} million"])
    if kind == "decimal":
        return f"{r.randint(0, 99)}.{r.randint(1, 999)}"
    if kind == "percent":
        return f"{r.choice([small, f'{small}.{r.randint(1, 9)}'])}{r.choice(['%', ' percent'])}"
    if kind == "phone":
        return f"555-{r.randint(0, 9999):04d}"
    if kind == "time":
        return r.choice([f"{r.randint(1, 12)}:{r.randint(0, 59):02d}", f"{r.randint(1, 12)} a.m.", f"{r.randint(1, 12)}:{r.randint(10, 59)} p.m.", f"{r.randint(1, 12)} o'clock"])
    if kind == "date":
        return r.choice([f"{r.choice(MONTHS)} {r.randint(1, 28)}", f"{r.choice(MONTHS)} {r.randint(1, 28)}, {r.randint(1900, 2035)}", f"the {r.randint(4, 19)}th of {r.choice(MONTHS)}"])
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(small, f"{r.randint(4, 19)}th")  # ordinal


def fill(pattern, slots, r):
    def one(m):
        name, _, how = m.group(1).partition("|")
        word = r.choice(slots[name])
        return word[0].upper() + word[1:] if how else word
    text = re.sub(r"\{([^{}]*)\}", lambda m: r.choice(m.group(1).split("|")), pattern)
    text = re.sub(r"\[([a-z]+(?:\|cap)?)\]", one, text)
    text = re.sub(r"#(\w+)", lambda m: number(m.group(1), r), text)
    text = re.sub(r"([ap]\.m\.)\.", r"\1", text)
    return re.sub(r"\ba (?=[aeiou])", "an ", re.sub(r"\bA (?=[aeiou])", "An ", text))


def other(language, r):
    slots, patterns = OTHERS[language]

    def one():
        text = "[opening] [noun] [ending]" if r.random() < 0.5 else r.choice(patterns)
        text = re.sub(r"\[(\w+)\]", lambda m: r.choice(slots[m.group(1)]), text)
        text = re.sub(r"#(\w+)", lambda m: str(r.randint(1100, 2035) if m.group(1) == "year" else r.randint(2, 99) if m.group(1) == "small" or r.random() < 0.5 else r.randint(100, 9999)), text)
        return text[0].upper() + text[1:]
    return " ".join(one() for _ in range(r.choice([1, 1, 2])))


# ---- books and scripts ------------------------------------------------------------------------------------------------------------------

QUOTES = {0x2018: "'", 0x2019: "'", 0x201c: '"', 0x201d: '"', 0x2013: "-", 0x2014: "-"}


def runs(parts, fits):
    """The sentences that fit, in lists of those that follow each other."""
    for good, run in itertools.groupby(parts, lambda s: bool(fits(s))):
        if good:
            yield list(run)


def sentences(path):
    """Runs of sentences: a list for each paragraph."""
    with open(path, "rb") as f:
        raw = f.read()
    if path.endswith((".dz", ".gz")):
        raw = gzip.decompress(raw)
    text = raw.decode("utf-8", "replace").replace("\r", "")

    def fits(s):
        letters = sum(c.isalpha() for c in s)
        plain = re.fullmatch(r"[A-Za-z0-9 ,.;:!?'\"$%&()-]+", s)
        return plain and s[0].isupper() and s[-1] in ".!?\"" and letters > 0.7 * len(s) and 2 <= len(s.split()) and not re.search(r"\b[A-Z]{5,}|\.\w+\.\w|\b[Ss]ee also\b", s)

    for paragraph in re.split(r"\n\s*\n|\n(?=\S)", text):
        p = re.sub(r"\s+", " ", paragraph.replace("{", "").replace("}", "").replace("_", "").replace("--", ", ")).strip()
        yield from runs(re.split(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(]?[A-Z])", p.translate(QUOTES)), fits)


def sentences_of_pages(path, language):
    """The same of a page, or a folder of pages, in one of the languages of COMMON."""
    common = set(COMMON[language].split())

    def fits(s):
        words = re.findall(r"[^\W\d_]+", s)
        return (re.fullmatch(r"[A-Za-zÀ-ÖØ-öø-ÿŒœ0-9 ,.;:!?¿¡'\"%()-]+", s) and s[-1] in ".!?" and len(words) >= 3 and sum(w in common for w in words) >= 0.25 * len(words)
                and not re.search(r"\w\.\w|\b[A-Z]{3,}|\b(?:the|of|and|is|to)\b", s))

    for page in sorted(glob.glob(os.path.join(glob.escape(path), "*.html"))) if os.path.isdir(path) else [path]:
        with open(page, encoding="utf-8") as f:
            body = f.read()
        for paragraph in re.findall(r'<(?:p|div class="para")>(.*?)(?=</?(?:p|div|ul|ol|dl|table|pre)\b)', body, re.S):
            p = html.unescape(re.sub(r"<[^>]*>", "", paragraph)).translate({**QUOTES, 0xab: '"', 0xbb: '"'})
            p = re.sub(r'"\s+(\w[^"]*?)\s+"', r'"\1"', re.sub(r"\s+", " ", p)).strip()
            yield from runs(re.split(r"(?<=[.!?])[\"')]*\s+(?=[\"'(¿¡]?[^\W\d_a-z])", p), fits)


def passages(found, r):
    r.shuffle(found)
    for run in found:
        i = 0
        while i < len(run):
            most, text = r.randint(*LENGTHS), run[i]
            i += 1
            while i < len(run) and len(text) + 1 + len(run[i]) <= most:
                text += " " + run[i]
                i += 1
            if len(text) <= LENGTHS[1] + 50:
                yield text


def turns(paths, r):
    found = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            body = f.read().split("---\n", 2)[-1]
        for line in body.splitlines():
            m = re.match(r"[A-Z]\w*: (.+)", line)
            if m:
                text = re.sub(r"\[[^\]]*\](\([^)]*\))?", "", m.group(1)).strip()
                found.append(" ".join(re.split(r"(?<=[.!?]) ", text)[r.choice([0, 0, 1, 2]):]) or text)
    r.shuffle(found)
    yield from dict.fromkeys(found)


def lexicon_words(path):
    with open(path, encoding="utf-8") as f:
        return [w for w in (line.split("\t")[0] for line in f) if re.fullmatch(r"[a-z]{3,14}", w)]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--lines", type=int, default=8000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--book", action="append", default=[])
    ap.add_argument("--script", action="append", default=[])
    ap.add_argument("--lexicon")
    a = ap.parse_args()
    r = random.Random(a.seed)
    slots = {name: words.split() for name, words in SLOTS.items()} | PHRASES
    slots["word"] = lexicon_words(a.lexicon) if a.lexicon else slots["thing"] + slots["things"] + slots["quality"]
    books = [b.split("=", 1) if "=" in b else ["en", b] for b in a.book]
    for language, _ in books:
        if language != "en" and language not in COMMON:
            sys.exit(f"--book {language}=…: expected one of {', '.join(COMMON)}, or no language for English")
    sources = {"book": passages([p for language, path in books if language == "en" for p in sentences(path)], r), "script": turns(a.script, r)}
    pages = {name: passages([p for language, path in books if language == name for p in sentences_of_pages(path, name)], r) for name in COMMON}
    for kind, patterns in PATTERNS.items():
        sources[kind] = (fill(r.choice(patterns), slots, r) for patterns in itertools.repeat(patterns))
    lines, counts = [], {}
    while len(lines) < a.lines:
        if r.random() < OTHER:
            language = r.choices(list(OTHERS), [1 if name in COMMON else 0.4 for name in OTHERS])[0]
            text = next(pages[language], None) if language in pages and r.random() < OTHER_BOOK else None
            kind = "other" if text is None else "other book"
            text = text or other(language, r)
        else:
            kind = r.choices(list(sources), [SHARES[k] for k in sources])[0]
            language, text = r.choices(["en-us", "en-gb"], [0.65, 0.35])[0], next(sources[kind], None)
            if text is None:
                del sources[kind]
                continue
            if kind in PATTERNS and kind != "short" and r.random() < 0.3:  # turns of several sentences
                text += " " + fill(r.choice(PATTERNS[r.choice(["talk", "question", "number"])]), slots, r)
        counts[kind] = counts.get(kind, 0) + 1
        lines.append(f"{language}\t{text}\n")
    with open(a.out, "w", encoding="utf-8") as f:
        f.writelines(lines)
    print(f"{a.out}: {len(lines)} lines, {sum(map(len, lines))} characters: " + ", ".join(f"{k} {n}" for k, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
