"""Own-made product text for the tokenizer's and the metrics' parity: descriptions in a shop's manner, with the things that
tokenizers stumble over. Seeded, Python standard library only (3.11)."""

import random

NOUNS = "dress shirt t-shirt blouse jumper cardigan hoodie jacket coat trousers jeans shorts skirt top vest socks tights scarf hat cap " \
        "belt bag sandals boots trainers pyjamas bodysuit bikini swimsuit blazer polo-neck joggers leggings dungarees kimono parka".split()
COLOURS = ["black", "white", "off-white", "navy blue", "light beige", "dark-green", "red/white", "black/striped", "grey marl", "dusty pink"]
FABRICS = ["cotton", "soft cotton jersey", "a viscose weave", "ribbed fabric", "fine-knit wool", "washed denim", "imitation leather",
           "crêpe", "jacquard-weave cotton", "a linen/cotton blend", "recycled polyester", "Tencel™ lyocell", "stretch denim"]
SIZES = ["XS", "S/M", "L", "XXL", "36", "38/40", "W28/L32", "8-10Y", "1½-2Y", "34B", "one-size", "9-12 months", "US 6", "EUR 36"]
INCHES = ['3/4"', '1 3/4"', '1-3/4"', '10½"', "5'10\"", '2 1/2 in.', "32\"", '10"x10"', '¼"', "1 1/2-inch", "15.5''", '30"-32"', "6′ 2″"]
LENGTHS = ["3.5 cm", "20cm", "60x90 cm", "10-10.5 cm", "approx. 12 cm", "1,000 g", "30°C", "100 %", "50%", "5.5cm", "12oz.", "20 denier", "1.5 x 2 m"]
BRANDS = ["H&M", "Dolce&Gabbana", "D&G", "AT&T-blue", "Levi's®", "l'Avenue", "O'Neill", "rock & republic", "A&B Co.", "Möller", "Chloé", "b&w"]
PRICES = ["$20", "$19.99", "£20", "€ 29,95", "US$30", "us$ 20", "20 kr.", "99¢", "¥1000", "2 for $25"]
PHRASES = [
    "{N} in {F} with a {D} at the front.", "{C} {N} made of {F} (lining {L}).", "Size: {S}; length: {I}.", "Length {L}, width {L}…",
    "The women's {N} doesn't wrinkle, it's {C}.", "{B} {N} — now {P}!", "“{C}” {N} with ‘{D}’ detail", "{D}, {D} & {D}; unlined.",
    "Heel approx. {L}.", "w/ {D} and w/o {D}", "¾-length sleeves, {D}.", "Sleeve {I} / {L}", "{N}s can't be tumble-dried. Don't bleach!!",
    "Ladies' {N}, men's {N} + kids’ {N}", "From {P} (was {P})", "[New] {C} {N} {{limited}}", "Fits sizes {S}, {S} and {S}.", "No. {I} in size {S}",
    "Made in the U.S.A. by {B}.", "Composition: 95% cotton, 5% elastane", "{N} *sale* #new @{N}", "See www.example.com/{N} or mail shop@example.com.",
    "{C}–{C} stripes; {D} – {D}", "{N} \"with\" {D} ?!", "Rise: 10 1/2 in; inseam: {I}", "5-pocket {N}, zip-fly", "{B}'s {N} isn't cheap...",
    "{N}<br/>{D}", "cotton &amp; silk, {D}", "{C}, {C}/{C}", "Dr. {B} says: {N}, etc.", "{L}-{L}", "v. soft {N}; sz. {S}.", "{N} no. 5, fig. 3, vol. 2",
    "It's the '90s {N} we wanna wear, rock 'n' roll.", "{D} :) {D}", "{F}: {L}/{L}", "we've / they'll / you're / I'd", "{N}- and {N}-sets", "size {S}.",
]
DETAILS = ["v-neck", "round neck", "long raglan sleeves", "press-stud", "drawstring waist", "buttons", "flap pockets", "a concealed zip",
           "adjustable spaghetti straps", "ribbed cuffs", "dropped shoulders", "lace trims", "a D-ring belt", "mother-of-pearl buttons", "1/4-zip"]
ODD = ["", " ", "...", "!!!", "()", "½", "\"", "'", "1/2", "n't", "a", "L.", "& %", "— –", "👗 emoji 👠 dress", "naïve café", "日本語 のドレス", "x\u00a0y",
       "soft\u00adhyphen", "tab\there", "line\nbreak", "  double  spaces  ", "UPPER CASE DRESS", "1 000 000", "a.b.c", "0.5", ".5", "5.", "%", "°", "m²", "5² ² "]

# Forms of the trade that stand in few texts, each in a few frames: elided names in compounds, signs of other keyboards, decomposed accents.
RARE = ["trompe-l'oeil", "Trompe-L’Oeil", "point-d'esprit", "D'Orsay-style", "O'Neill-inspired", "Marc O'Polo-style", "Marc-O'Polo", "l'eau-de-vie",
        "Jeanne-d'Arc", "agnès-d'été", "t-L's", "d'L-V", "30\u02daC", "30 \u02da", "\u02daC", "6\u02dd heel", "a \u00a6 b", "re\u0301sume\u0301-style",
        "cre\u0302pe", "cre\u0302pe-look", "anti- slip", "pro- and anti-", "a-anti- b", "C#", "F# minor", "G#", "BLACK&AMP;WHITE", "h&AMP;m", "Co'Cé",
        "'till", "'tilt", "❤\ufe0f red", "❤\ufe0fred", "prêt-à-porter", "caf&eacute;-style", "m\u2011th", "é-s\u00adl", "drum'n'bass", "1950's-style",
        "Ltd.A", "Co.é", "A.P.C.", "5.c.", "3.jpg.", "care.html!", "'tissue' knit", "cann't", "<!--[if gte mso 9]><xml></xml><![endif]-->",
        "<!-- p > b -->red", "<!-- " + "p.style {margin: 0cm} " * 60 + "-->red", "<img src=x.jpg alt=\"a b\"/>", "<br / >red", "<?xml version=\"1.0\"?>",
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0//EN\">", "\U0001f469\U0001f3fb red", "1\ufe0f\u20e3 size", "\U0001d5d4 dress", "x\U0001d5d4x", "\x95 red"]
FRAMES = ["{}", "{} print", "a {}.", "({}, lined)", "Dress, {}; long", "size-{}"]


def rare():
    return [frame.format(form) for form in RARE for frame in FRAMES]


def phrase(rng):
    template = rng.choice(PHRASES)
    for key, words in [("N", NOUNS), ("C", COLOURS), ("F", FABRICS), ("S", SIZES), ("I", INCHES), ("L", LENGTHS), ("B", BRANDS), ("P", PRICES), ("D", DETAILS)]:
        while "{" + key + "}" in template:
            template = template.replace("{" + key + "}", rng.choice(words), 1)
    return template.replace("{{", "{").replace("}}", "}")


def description(rng):
    text = " ".join(phrase(rng) for _ in range(rng.choice([1, 1, 2, 3, 4])))
    kind = rng.random()
    if kind < 0.08:
        text = text.upper()
    elif kind < 0.2:
        text = text.lower()
    elif kind < 0.25:
        text = text.title()
    return text


def variation(rng, text):
    """The text as another writer, or a model, might have it: words dropped, swapped, repeated, replaced."""
    words = text.split(" ")
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(words))
        change = rng.random()
        if change < 0.4 and len(words) > 1:
            del words[at]
        elif change < 0.6:
            words.insert(at, rng.choice(words))
        elif change < 0.8:
            words[at] = rng.choice(NOUNS)
        else:
            other = rng.randrange(len(words))
            words[at], words[other] = words[other], words[at]
    return " ".join(words)


def items(count, seed):
    """`count` items: an id, a candidate and one to five references."""
    rng = random.Random(seed)
    made = []
    for index in range(count):
        base = rng.choice(ODD) if index % 17 == 16 else description(rng)
        references = [base] + [variation(rng, base) if rng.random() < 0.8 else description(rng) for _ in range(index % 5)]
        candidate = rng.choice([base, description(rng), rng.choice(ODD)]) if rng.random() < 0.15 else variation(rng, rng.choice(references))
        made.append({"id": f"p{index:04}", "candidate": candidate, "references": references})
    return made
