//! What a token is: a list of patterns. The longest match wins; of equally long ones, the first in the list.
//!
//! A pattern may look ahead; its action then says where the token itself ends. The rules were fitted to what the
//! reference does with text; the parity tests hold them to it, a limit or a rare form may never have been tried by itself.

use regex_automata::hybrid::dfa::DFA;
use regex_automata::util::syntax;
use regex_automata::{MatchKind, PatternID, nfa::thompson};
use std::sync::LazyLock;

/// What is done with a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The match is a token.
    Word,
    /// The match is a token, and keeps its soft hyphens.
    Verbatim,
    /// Several words as one token: spaces become no-break spaces, brackets are spelled out.
    Joined,
    /// A tag: as `Joined`, and its brackets stay.
    Markup,
    /// Capitals joined by `&`, which may be written as an entity.
    Initials,
    /// A character or run that has its own spelling: brackets, quotes, dashes, fractions, entities.
    Symbol,
    /// No token.
    Skip,
    /// Two tokens, the first of so many bytes.
    Two(usize),
    /// The match without its last character is a token.
    WithoutLast,
    /// The match up to its `n't` is a token.
    BeforeNot,
    /// The match up to its apostrophe is a token.
    BeforeEnding,
    /// The match up to and with its first full stop is a token.
    ThroughStop,
    /// So many characters at the start of the match are a token.
    Start(usize),
    /// `n't`, with any apostrophe.
    Not,
    /// `'s` and the like, with any apostrophe, and the character after it.
    Ending,
}

impl Action {
    /// Where the token ends, given the line up to the end of the match.
    pub fn token_end(self, matched: &str, start: usize) -> usize {
        let text = &matched[start..];
        let characters = |count: usize| text.char_indices().nth(count).map_or(matched.len(), |(at, _)| start + at);
        match self {
            Action::WithoutLast | Action::Ending => start + text.char_indices().next_back().map_or(0, |(at, _)| at),
            // `n`, an apostrophe, `t`.
            Action::BeforeNot => start + text.char_indices().nth_back(2).map_or(0, |(at, _)| at),
            Action::BeforeEnding => start + text.find(['\'', '’', '\u{92}']).unwrap_or(text.len()),
            Action::ThroughStop => start + text.find('.').map_or(text.len(), |at| at + 1),
            Action::Start(count) => characters(count),
            _ => matched.len(),
        }
    }
}

/// The rules, ready to run.
pub struct Rules {
    pub dfa: DFA,
    actions: Vec<Action>,
}

impl Rules {
    pub fn get() -> &'static Rules {
        static RULES: LazyLock<Rules> = LazyLock::new(Rules::build);
        &RULES
    }

    pub fn action(&self, pattern: PatternID) -> Action {
        self.actions[pattern.as_usize()]
    }

    fn build() -> Rules {
        let (patterns, actions): (Vec<String>, Vec<Action>) = table().into_iter().unzip();
        let dfa = DFA::builder()
            .configure(DFA::config().match_kind(MatchKind::All).cache_capacity(16 << 20))
            .thompson(thompson::Config::new().utf8(true))
            .syntax(syntax::Config::new().unicode(true))
            .build_many(&patterns)
            // The patterns are constants, and every test of this module builds them.
            .expect("the tokenizer's patterns are regular expressions");
        Rules { dfa, actions }
    }
}

/// Apostrophes: straight, typographic, both of Windows-1252, and the entity.
const APOSTROPHE: &str = r"(?:['’`‘‛\x{91}\x{92}]|&apos;)";
/// What begins a word, and with digits what continues it: letters, marks, signs that modify letters (`˚` too), the soft hyphen and letters
/// written as entities.
const LETTER: &str = r"(?:[\p{L}\p{M}\p{Sk}--\x{60}\x{5E}\x{A8}\x{AF}\x{B4}\x{B8}\x{20D0}-\x{20F0}\x{FE00}-\x{FE0F}]|\x{AD}|&[A-Za-z](?:acute|grave|circ|uml|tilde|ring|cedil|slash);)";
const INNER: &str = r"(?:[\p{L}\p{M}\p{Sk}--\x{60}\x{5E}\x{A8}\x{AF}\x{B4}\x{B8}\x{20D0}-\x{20F0}]|\p{Nd}|\x{AD}|&[A-Za-z](?:acute|grave|circ|uml|tilde|ring|cedil|slash);)";
/// A part of a compound, which may begin with an elision (`trompe-l'oeil`). Without marks: a decomposed accent parts a compound.
const PART: &str = r"(?:[dDlLoO]<APOS>[\p{L}\p{Nd}]{2,}|[\p{L}\p{Nd}]+)";
const SPACE: &str = r"[ \x{A0}]";

/// Abbreviations that keep their full stop wherever they stand: those that often end a sentence (months, states, companies),
const LAST_ABBREVIATIONS: &str = "al|ala|apr|ariz|assn|aug|bhd|bldg|blvd|bros|calif|co|colo|conn|corp|cos|ct|dak|dec|\
esq|est|etc|ext|feb|fla|fri|ga|inc|ind|intl|jan|jr|jul|jun|kan|kans|ky|ltd|mar|md|mich|minn|mo|mon|mont|neb|nev|nov|\
oct|okla|penn|plc|rd|rt|sep|sept|seq|sq|sr|sys|tel|tenn|thu|tue|tues|univ|va|vt|wed|wis|wisc|wyo";
/// and those that something follows (titles, ranks).
const ABBREVIATIONS: &str = "adj|adm|adv|alex|asst|atty|attys|ave|brig|capt|cf|cie|cmdr|col|cpl|dept|det|dr|drs|elec|\
ens|ft|gen|gov|govs|hon|insp|invt|jos|lt|maj|messrs|mlle|mme|mr|mrs|ms|msgr|mt|natl|pfc|ph|pres|prof|pvt|rep|reps|rev|\
sen|sens|sfc|sgt|spc|st|ste|supt|vs|wm";
/// Those that do so only with a capital: as plain words they are something else.
const CAPITAL_ABBREVIATIONS: &str =
    "Ark|ARK|Az|AZ|Del|DEL|Ill|ILL|La|LA|Mass|MASS|Miss|MISS|Ore|ORE|Pa|PA|Tex|TEX|Wash|WASH";
/// Those that do so unless all are capitals.
const SMALL_ABBREVIATIONS: &str = "[Mm]fg|[Mm]tg";
const SMALL_LAST_ABBREVIATIONS: &str = "[Pp]pte|[Pp]pty|[Pp]te|[Pp]tes|[Pp]ty|[Pp]tys";
/// Those that do so before a number.
const NUMBERED_ABBREVIATIONS: &str = "art|ca|fig|figs|no|nos|op|pp|prop";
/// A single letter's full stop ends the sentence when one of these follows with a capital.
const SENTENCE_STARTS: &str = "A|About|According|Additionally|After|An|As|At|But|Earlier|He|Her|Here|However|If|In|It|Last|Many|\
More|Now|Once|One|Other|Our|She|Since|So|Some|Such|That|The|Their|Then|There|These|They|This|We|What|When|While|Yet|You";
/// Characters that are a token each, beside ASCII's: signs, symbols, bullets, arrows.
const SIGNS: &str = r"\x{A1}\x{A5}-\x{A9}\x{AC}\x{AE}-\x{B1}\x{B4}\x{B6}-\x{B8}\x{BF}\x{D7}\x{F7}\x{2D8}-\x{2DD}\x{37E}\x{387}\x{589}\x{5BE}\x{5C0}\x{5C3}\x{5C6}\x{5F3}\x{5F4}\x{600}-\x{603}\x{606}-\x{60C}\x{614}\x{61B}\x{61E}\x{61F}\x{66A}\x{66D}\x{6D4}\x{700}-\x{70D}\x{7F6}-\x{7F8}\x{964}\x{965}\x{E3F}\x{E4F}\x{1FBD}\x{2016}\x{2017}\x{201A}\x{201E}-\x{2023}\x{2030}-\x{2038}\x{203B}\x{203E}-\x{2042}\x{2044}\x{207A}-\x{207E}\x{208A}-\x{208E}\x{20A4}\x{2100}\x{2101}\x{2103}-\x{2106}\x{2108}\x{2109}\x{2114}\x{2116}-\x{2118}\x{211E}-\x{2123}\x{2125}\x{2127}\x{2129}\x{212E}\x{213A}\x{213B}\x{2140}-\x{2144}\x{214A}-\x{214D}\x{214F}\x{2155}-\x{215E}\x{2190}-\x{2BFF}\x{3001}\x{3002}\x{3012}\x{30FB}\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF20}\x{FF3B}-\x{FF40}\x{FF5B}-\x{FF65}\x{FFE0}\x{FFE1}\x{FFE5}\x{FFE6}";

fn table() -> Vec<(String, Action)> {
    let mut table = Vec::new();
    let mut rule = |pattern: &str, action: Action| {
        let mut pattern = pattern
            .replace("<PART>", PART)
            .replace("<APOS>", APOSTROPHE)
            .replace("<L>", LETTER)
            .replace("<X>", INNER)
            .replace("<SP>", SPACE)
            .replace("<WORD>", &format!("{LETTER}{INNER}*(?:[.!?]{LETTER}{INNER}*)*"));
        // What stands above the basic plane is no letter, mark or digit to the reference, but vanishes: skin tones, styled letters.
        for class in [r"\p{L}", r"\p{M}", r"\p{Sk}", r"\p{Nd}"] {
            pattern = pattern.replace(class, &format!(r"[{class}&&\x{{0}}-\x{{FFFF}}]"));
        }
        table.push((pattern, action));
    };
    words(&mut rule);
    abbreviations(&mut rule);
    numbers(&mut rule);
    signs(&mut rule);
    table
}

fn words(rule: &mut impl FnMut(&str, Action)) {
    // Two words written as one.
    rule(r"(?i:cannot|gonna|gotta|lemme|gimme|wanna)", Action::Two(3));
    rule(r"(?i:can)(?i:not)", Action::Two(3));
    rule(r"(?i:more<APOS>n)", Action::Two(4));
    rule(r"(?i)'t(?:is|was)", Action::Start(2));
    // Negation, then the other endings.
    rule(r"[A-Za-z\x{AD}]*[A-MO-Za-mo-z\x{AD}][nN]<APOS>[tT]", Action::BeforeNot);
    rule(r"[A-Za-z\x{AD}]+['’\x{92}](?i:[smd]|re|ve|ll)[^A-Za-z]", Action::BeforeEnding);
    rule(r"[nN]<APOS>[tT]", Action::Not);
    rule(r"(?:['’\x{92}]|&apos;)(?i:[smd]|re|ve|ll)[^A-Za-z]", Action::Ending);
    rule(r"(?:[’\x{92}]|&apos;)(?i:[smd]|re|ve|ll)", Action::Not);
    rule(r"[’\x{92}][nN]", Action::Word);
    // Names and words with an apostrophe inside, at the start or at the end.
    rule(r"[dDlLoO]<APOS>[\p{L}\p{Nd}]{2,}", Action::Word);
    rule(r"[A-HJ-XZn]<APOS>\p{L}{2,}", Action::Word);
    rule(r"[lLdDjJyY]['’]", Action::Word);
    rule(r"[A-Za-z]+[aeiouyAEIOUY]<APOS>[aeiouA-Z]\p{L}*", Action::Word);
    rule(
        r"(?i:ol<APOS>|dunkin<APOS>|somethin<APOS>|ma<APOS>am|cap<APOS>n|o<APOS>clock|c<APOS>mon|c<APOS>est|d<APOS>ye)",
        Action::Word,
    );
    rule(r"(?i:e<APOS>er|s<APOS>mores|ev<APOS>ry|li<APOS>l|nat<APOS>l)", Action::Word);
    rule(r"(?i)['’](?:em|till?|cause|n['’])", Action::Word);
    rule(r"['’](?:[nN]|[0-9]{2})[ \t\r\n\x{A0}]", Action::WithoutLast);
    rule(r"['’][2-9]0[sS]", Action::Word);
    // Words, and words with digits; a full stop between letters joins (`hm.com`, `u.s`).
    rule("<WORD>", Action::Word);
    // One that ends a sentence is parted from a single letter after it, which would else make a name of both (`Co.A`).
    rule(
        &format!(r"(?:(?i:{LAST_ABBREVIATIONS})|{CAPITAL_ABBREVIATIONS}|{SMALL_LAST_ABBREVIATIONS})\.(?s:..)"),
        Action::ThroughStop,
    );
    rule(r"[\p{L}\p{Nd}]+", Action::Word);
    rule(r"[\p{M}--\x{20D0}-\x{20F0}\x{FE00}-\x{FE0F}]+|[cC]\+\+|[cCfF]#|\\\*", Action::Word);
    // The two prefixes that keep their hyphen by themselves.
    rule(r"(?i:anti|pro)-", Action::Word);
    // Compounds: hyphens and underscores; with numbers; slashes; capitals with `&` and `+`.
    rule(r"<PART>(?:[-_\x{58A}\x{2010}\x{2011}]<PART>)+", Action::Word);
    rule(r"[A-Za-z0-9][A-Za-z0-9.,\x{AD}]*(?:-(?:[A-Za-z0-9\x{AD}]+|[A-Za-z](?:\.[A-Za-z])+\.))+", Action::Word);
    rule(r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}", Action::Word);
    rule(r"[A-Z]+(?:(?:[+&]|&amp;|&AMP;)[A-Z]+)+", Action::Initials);
    // Addresses.
    rule(r#"(?i:https?)://[^\s\x{A0}"<>|()]+[^\s\x{A0}"<>|(){}.!?,-]"#, Action::Word);
    rule(
        r#"(?:(?i:www)\.(?:[^\s\x{A0}"<>|().!?,]+\.)+[A-Za-z]{2,4}|(?i:(?:[a-z]+\.)+(?:com|net|org|edu)))(?:/[^\s\x{A0}"<>|()]+[^\s\x{A0}"<>|(){}.!?,-])?"#,
        Action::Word,
    );
    rule(r#"<?[A-Za-z0-9][^\s\x{A0}"<>|()]*@(?:[^\s\x{A0}"<>|().]+\.)*[^\s\x{A0}"<>|().]+>?"#, Action::Verbatim);
    rule(r"@[A-Za-z_][A-Za-z0-9_]*", Action::Word);
    rule(r"#[\p{L}\x{AD}]+", Action::Verbatim);
    // Markup: tags, whose values stand in quotes; declarations, comments and instructions, which end with the first `>`.
    rule(
        r#"</?[A-Za-z][A-Za-z0-9_:.-]*(?: +[A-Za-z][A-Za-z0-9_:.-]*(?: *= *(?:'[^']*'|"[^"]*"))?)* */? *>"#,
        Action::Markup,
    );
    rule(r"<[!?][A-Za-z-][^>]*>", Action::Markup);
}

fn abbreviations(rule: &mut impl FnMut(&str, Action)) {
    rule(&format!(r"(?i:{LAST_ABBREVIATIONS}|{ABBREVIATIONS})\."), Action::Word);
    rule(&format!(r"(?:{CAPITAL_ABBREVIATIONS}|{SMALL_ABBREVIATIONS}|{SMALL_LAST_ABBREVIATIONS})\."), Action::Word);
    rule(&format!(r"(?i:{NUMBERED_ABBREVIATIONS})\.<SP>?[0-9]"), Action::ThroughStop);
    rule(r"[A-Za-z](?:\.[A-Za-z])*\.", Action::Word);
    rule(r"(?i:ph\.d|b\.sc|m\.sc)\.", Action::Word);
    rule(
        &format!(
            r"[A-Za-z]\.[ \t\r\n\x{{A0}}]+(?:{SENTENCE_STARTS}|(?-u:{}))[ \t\r\n\x{{A0}}]",
            SENTENCE_STARTS.to_uppercase()
        ),
        Action::Start(1),
    );
    // A full stop before a comma or colon can end no sentence.
    rule(r"<WORD>\.[,;:、]", Action::WithoutLast);
    rule(r"<PART>(?:[-_]<PART>)*\.[,;:、]", Action::WithoutLast);
    // Names of files, of which a letter with full stops (`A.C.`) is none.
    rule(
        r"(?i)[\p{L}\p{Nd}]+(?:\.[\p{L}\p{Nd}]+)*\.(?:c|h|x|gz|pl|ps|py|bat|bmp|cgi|cpp|dll|docx?|exe|gif|html?|jar|java|jpe?g|mov|pdf|php|png|ppt|sql|tar|txt|wav|xml|zip)[ \t\r\n\x{A0},.!?]",
        Action::WithoutLast,
    );
}

fn numbers(rule: &mut impl FnMut(&str, Action)) {
    rule(r"[+-]?(?:\p{Nd}+|\p{Nd}*(?:[.:,\x{AD}\x{66B}\x{66C}]\p{Nd}+)+)", Action::Word);
    rule(r"(?:[0-9]{1,4}[- \x{A0}])?[0-9]{1,4}(?:\\?/|⁄)[0-9]{1,4}", Action::Joined);
    rule(r"[0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{2,4}", Action::Word);
    rule(r"(?:\+\+?)?(?:[0-9]{2,4}[- \x{A0}])?[0-9]{2,4}[- \x{A0}][0-9]{3,4}[- \x{A0}]?[0-9]{3,5}", Action::Joined);
    rule(r"(?:\+\+?)?[0-9]{2,4}\.[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}", Action::Word);
    rule(r"\([0-9]{2,3}\)<SP>?[0-9]{3,4}[- \x{A0}]?[0-9]{3,5}", Action::Joined);
    rule(r"[¼½¾⅓⅔]", Action::Symbol);
    rule(r"[²³¹⁰⁴-⁹₀-₉]+", Action::Word);
}

fn signs(rule: &mut impl FnMut(&str, Action)) {
    rule(r"[A-Z]+\$", Action::Word);
    rule(r"(?i:&amp;|&lt;|&gt;|&quot;|&apos;|&mdash;|&ndash;)", Action::Symbol);
    rule(r"(?i:&nbsp;)", Action::Skip);
    rule(r"&#[0-9]+;|<L>", Action::Word);
    rule(r"[$€£¢¤\x{80}\x{20A0}()\[\]{}“”«»‘’‛‹›\x{91}-\x{94}\x{96}\x{97}–—―…]", Action::Symbol);
    rule(r"[“”«»‘’‹›‛`\x{91}-\x{94}]{2}", Action::Symbol);
    rule(r"''|``|-{1,4}|\.|\.{3,5}|[!?,:;'`]", Action::Skip);
    rule(r#"["]"#, Action::Skip);
    rule(r"-{5,}|[!?]{2,}|\*+|_+|#+|@+|<<|>>|[=~^|/\\%&+<>]", Action::Word);
    rule(&format!("[{SIGNS}]"), Action::Word);
    // Faces: what follows must be no letter or digit.
    rule(r"[<>]?[:;=][-o*']?[()\[\]dDpPO\\{@|][^A-Za-z0-9]", Action::WithoutLast);
    rule(r"\(?[\^x=~<>'-]_[\^x=~<>'-]\)?|\(\^\^\)", Action::Joined);
    rule(r"\x{AD}", Action::Skip);
}
