//! The tokenizer on single cases that the reference documents, and on text that nobody would write.

use language::ptb::{TokenBuffer, tokenize, tokenize_into};
use proptest::prelude::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(tokenize(text).join(" "), expected, "tokens of {text:?}");
}

#[test]
fn compounds_sizes_and_slashes_are_one_token() {
    check("5-pocket t-shirt 3/4-length s/m w/o", "5-pocket t-shirt 3/4-length s/m w/o");
    check("20cm 10x12 1-3/4 20-30 2020-01-01 1,000", "20cm 10x12 1-3/4 20-30 2020-01-01 1,000");
}

#[test]
fn units_negations_and_endings_are_split_off() {
    check("100% w/ 30°C US$20 us$20", "100 % w / 30 ° c us$ 20 us $ 20");
    check("size:XL women's don't cannot wanna 12oz.", "size xl women 's do n't can not wan na 12oz");
    check("It's they've I'll", "it 's they 've i 'll");
}

#[test]
fn inches_and_fractions_follow_the_reference() {
    check("1 3/4\"", "1\u{a0}3/4");
    check("¾-length 1½", "3/4 length 1 1/2");
    check("10\"x10\" 5'10\"", "10 x10 5 10");
}

#[test]
fn currencies_entities_and_signs_get_their_ascii_names() {
    check("£20 €20 20¢", "# 20 $ 20 20 cents");
    check("a &amp; b &lt;c&nbsp;d", "a & b < c d");
    check("(one) [two] {three} a :) b", "-lrb- one -rrb- -lsb- two -rsb- -lcb- three -rcb- a :-rrb- b");
    check("soft\u{ad}hyphen 👗 – — …", "softhyphen");
}

#[test]
fn case_decides_before_it_is_lowered() {
    check("H&M AT&T D&G a&b Dolce&Gabbana", "h&m at&t d&g a & b dolce & gabbana");
    check("Heel in La. and la. there", "heel in la. and la there");
}

#[test]
fn a_single_letters_full_stop_depends_on_this_captions_next_word_only() {
    check("size L.", "size l.");
    check("size L. The shirt", "size l the shirt");
    check("size L. shirt", "size l. shirt");
}

#[test]
fn line_breaks_of_every_kind_are_spaces() {
    for space in ["\n", "\r", "\r\n", "\t", "\u{b}", "\u{c}", "\u{2028}", "\u{2029}", "\u{85}"] {
        check(&format!("red{space}dress"), "red dress");
    }
}

#[test]
fn nothing_comes_of_nothing() {
    for text in ["", " ", "\n", "\0", ". , !", "\u{feff}", "''"] {
        check(text, "");
    }
}

#[test]
fn offsets_point_to_the_text_that_a_token_came_from() {
    let text = "The women’s 1 3/4\" dress—(it can't) cannot end.";
    let mut buffer = TokenBuffer::new();
    tokenize_into("earlier text", &mut buffer);
    let range = tokenize_into(text, &mut buffer);
    let pieces: Vec<_> = range.map(|index| (buffer.token(index), &text[buffer.source(index)])).collect();
    let expected = [
        ("the", "The"),
        ("women", "women"),
        ("'s", "’s"),
        ("1\u{a0}3/4", "1 3/4"),
        ("dress", "dress"),
        ("-lrb-", "("),
        ("it", "it"),
        ("ca", "ca"),
        ("n't", "n't"),
        ("-rrb-", ")"),
        ("can", "can"),
        ("not", "not"),
        ("end", "end"),
    ];
    assert_eq!(pieces, expected);
}

#[test]
fn a_hundred_kilobytes_without_a_space_take_no_quadratic_time() {
    let clock = std::time::Instant::now();
    for unit in [
        "a,", "a.", "www.5", "-", "a-", "@", "a@", "<a b='", "<!--", "<!-", "<x y ", "\"", "’", "3/4", "n't", "é",
        "&amp;", "a'", "1 ", "\0", ":-)", "http://",
    ] {
        let text = unit.repeat(100_000 / unit.len());
        let mut buffer = TokenBuffer::new();
        tokenize_into(&text, &mut buffer);
    }
    assert!(clock.elapsed().as_secs() < 60, "texts of 100 kB took {:?}", clock.elapsed());
    assert_eq!(tokenize(&"a".repeat(100_000)).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_lowercase_tokens_in_order_without_ascii_white_space(text in any::<String>()) {
        well_formed(&text)?;
    }

    #[test]
    fn text_of_signs_and_words_gives_well_formed_tokens(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "L", "The", "H&M", "5", "3/4", "½", "é", "in", ".", "n't", "'s", "’", "\"", "(", ")", "<", ">", "@", "-", "--", "/", "&amp;",
            " ", "\n", "\0", "\u{ad}", "\u{a0}", "http://", "www.", ":", "$", "…", "👗", "_", "^",
        ]), 0..24)
    ) {
        well_formed(&parts.concat())?;
    }

    #[test]
    fn a_caption_has_the_same_tokens_whatever_stands_before_it_in_the_buffer(before in ".{0,40}", text in ".{0,40}") {
        let mut buffer = TokenBuffer::new();
        tokenize_into(&before, &mut buffer);
        let range = tokenize_into(&text, &mut buffer);
        let tokens: Vec<String> = range.map(|index| buffer.token(index).to_owned()).collect();
        prop_assert_eq!(tokens, tokenize(&text));
    }
}

fn well_formed(text: &str) -> Result<(), TestCaseError> {
    let mut buffer = TokenBuffer::new();
    tokenize_into(text, &mut buffer);
    let mut before = 0;
    for index in 0..buffer.len() {
        let source = buffer.source(index);
        prop_assert!(before <= source.start && source.start < source.end, "overlapping or empty source {source:?}");
        prop_assert!(text.get(source.clone()).is_some(), "source {source:?} is no slice of the text");
        before = source.end;
        let token = buffer.token(index);
        prop_assert!(!token.is_empty());
        prop_assert!(!token.contains([' ', '\n', '\t', '\r']), "{token:?}");
        prop_assert!(!token.contains(|letter: char| letter.is_ascii_uppercase()), "{token:?}");
    }
    Ok(())
}
