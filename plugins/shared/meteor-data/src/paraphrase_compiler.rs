//! Compiles METEOR's paraphrase table from its three-line records. The layout that it writes is described at
//! `paraphrases::Header`.

use crate::error::{DataError, Result};
use crate::paraphrases::{Header, MAGIC, Paraphrases, Partner};
use std::collections::HashMap;
use std::io::{BufRead, Write};

/// What a compiled table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSize {
    /// Records in the source.
    pub records: u64,
    /// Distinct pairs, whatever their direction.
    pub pairs: usize,
    pub words: usize,
}

/// Reads records (a line with the probability, the reference's phrase, its paraphrase) and writes the compiled table.
/// `source` is the SHA-256 of the file that the records come from; it is kept in the table.
///
/// # Errors
/// When the source ends inside a record, a phrase is empty or has more than seven words, or the writer fails.
pub fn compile_paraphrases(records: impl BufRead, source: [u8; 32], out: &mut impl Write) -> Result<TableSize> {
    let mut trie = Trie::default();
    let (mut pairs, count) = trie.read(records)?;
    let numbering = trie.number_breadth_first()?;
    pairs.iter_mut().flatten().for_each(|node| *node = numbering.number[*node as usize]);
    pairs.sort_unstable();
    pairs.dedup();
    pairs.retain(|[first, second]| first != second);
    let (partners, lists) = lists_of_the_rarer(&pairs, numbering.labels.len());

    let words = numbering.words.concat();
    let mut word_starts = vec![0];
    for word in &numbering.words {
        word_starts.push(word_starts.last().copied().unwrap_or(0) + word.len() as u32);
    }
    let mut header = Header {
        magic: MAGIC,
        words: numbering.words.len() as u32,
        phrases: numbering.labels.len() as u32,
        pairs: lists.len() as u32,
        word_bytes: u32::try_from(words.len()).map_err(|_| DataError::TooLarge("word list"))?,
        file_bytes: 0,
        source,
    };
    header.file_bytes = header.sections().1 as u64;
    out.write_all(bytemuck::bytes_of(&header))?;
    for section in [
        &words[..],
        &little_endian(&word_starts),
        &little_endian(&numbering.children),
        &little_endian(&partners),
        &little_endian(bytemuck::cast_slice(&lists)),
        &numbering.labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<u8>>(),
    ] {
        out.write_all(section)?;
        out.write_all(&[0; 8][..section.len().next_multiple_of(8) - section.len()])?;
    }
    out.flush()?;
    Ok(TableSize { records: count, pairs: lists.len(), words: numbering.words.len() })
}

fn little_endian(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Each pair goes to the list of the phrase that has fewer pairs: frequent phrases would have lists of tens of thousands.
/// Returns where each phrase's list starts, and the lists.
fn lists_of_the_rarer(pairs: &[[u32; 2]], phrases: usize) -> (Vec<u32>, Vec<Partner>) {
    let mut degree = vec![0u32; phrases];
    pairs.iter().flatten().for_each(|phrase| degree[*phrase as usize] += 1);
    // The owner, its partner, and whether the source has the owner first.
    let mut owned: Vec<(u32, u32, bool)> = pairs
        .iter()
        .map(|&[first, second]| {
            let rank = |phrase: u32| (degree[phrase as usize], phrase);
            if rank(first) < rank(second) { (first, second, true) } else { (second, first, false) }
        })
        .collect();
    owned.sort_unstable();
    let mut starts = vec![0u32; phrases + 1];
    let mut lists = Vec::with_capacity(owned.len());
    for both in owned.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (owner, partner, _) = both[0];
        starts[owner as usize + 1] += 1;
        let has = |owner_first| both.iter().any(|direction| direction.2 == owner_first);
        lists.push(Partner::new(partner, has(true), has(false)));
    }
    for phrase in 0..phrases {
        starts[phrase + 1] += starts[phrase];
    }
    (starts, lists)
}

const ROOT: u32 = u32::MAX;

/// Phrases while they are read: a node is a phrase, numbered as it came.
#[derive(Default)]
struct Trie {
    words: HashMap<Vec<u8>, u16>,
    /// (parent or [`ROOT`], word) to node.
    nodes: HashMap<(u32, u16), u32>,
}

/// The trie in its final order.
struct Numbering {
    /// From the node as read to its final number.
    number: Vec<u32>,
    words: Vec<Vec<u8>>,
    children: Vec<u32>,
    labels: Vec<u16>,
}

impl Trie {
    fn read(&mut self, mut records: impl BufRead) -> Result<(Vec<[u32; 2]>, u64)> {
        let mut pairs = Vec::new();
        let mut line = Vec::new();
        for record in 0.. {
            line.clear();
            if records.read_until(b'\n', &mut line)? == 0 {
                return Ok((pairs, record));
            }
            let mut sides = [0; 2];
            for (offset, side) in sides.iter_mut().enumerate() {
                let number = 3 * record + 2 + offset as u64;
                line.clear();
                if records.read_until(b'\n', &mut line)? == 0 {
                    return Err(DataError::Source { line: number, reason: "the file ends inside a record" });
                }
                *side = self.insert(&line, number)?;
            }
            pairs.push(sides);
        }
        Ok((pairs, 0))
    }

    fn insert(&mut self, phrase: &[u8], line: u64) -> Result<u32> {
        let mut node = ROOT;
        let words = phrase.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        for (position, word) in words.enumerate() {
            if position == Paraphrases::LONGEST {
                return Err(DataError::Source { line, reason: "a phrase has more than seven words" });
            }
            let word = match self.words.get(word) {
                Some(word) => *word,
                None => {
                    let number =
                        u16::try_from(self.words.len()).map_err(|_| DataError::TooLarge("more than 65536 words"))?;
                    self.words.insert(word.to_vec(), number);
                    number
                }
            };
            let next = self.nodes.len() as u32;
            node = *self.nodes.entry((node, word)).or_insert(next);
        }
        if node == ROOT { Err(DataError::Source { line, reason: "an empty phrase" }) } else { Ok(node) }
    }

    fn number_breadth_first(mut self) -> Result<Numbering> {
        // Every word needs its phrase, also where it stands only inside others.
        for word in 0..self.words.len() as u32 {
            let next = self.nodes.len() as u32;
            self.nodes.entry((ROOT, word as u16)).or_insert(next);
        }
        if self.nodes.len() >= 1 << 30 {
            return Err(DataError::TooLarge("phrases"));
        }
        let mut words: Vec<(Vec<u8>, u16)> = self.words.into_iter().collect();
        words.sort_unstable();
        let mut rank = vec![0u16; words.len()];
        words.iter().enumerate().for_each(|(position, (_, word))| rank[*word as usize] = position as u16);

        // Children of each node, as (parent, word's rank, node), sorted: a level is read off from the level above.
        let mut edges: Vec<(u32, u16, u32)> =
            self.nodes.into_iter().map(|((parent, word), node)| (parent, rank[word as usize], node)).collect();
        edges.sort_unstable();
        let of = |parent: u32| {
            let start = edges.partition_point(|edge| edge.0 < parent);
            edges[start..].iter().take_while(move |edge| edge.0 == parent)
        };
        let mut number = vec![0; edges.len()];
        let (mut labels, mut children, mut order) = (Vec::new(), Vec::new(), Vec::new());
        let mut place = |edge: &(u32, u16, u32), labels: &mut Vec<u16>, order: &mut Vec<u32>| {
            number[edge.2 as usize] = labels.len() as u32;
            labels.push(edge.1);
            order.push(edge.2);
        };
        of(ROOT).for_each(|edge| place(edge, &mut labels, &mut order));
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            children.push(labels.len() as u32);
            of(node).for_each(|edge| place(edge, &mut labels, &mut order));
            next += 1;
        }
        children.push(labels.len() as u32);
        Ok(Numbering { number, words: words.into_iter().map(|(word, _)| word).collect(), children, labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paraphrases::Phrase;
    use std::collections::BTreeSet;

    fn compile(source: &str) -> Result<(TableSize, Vec<u8>)> {
        let mut bytes = Vec::new();
        let size = compile_paraphrases(source.as_bytes(), [7; 32], &mut bytes)?;
        Ok((size, bytes))
    }

    fn open(bytes: &[u8]) -> Result<Paraphrases> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.bin");
        std::fs::write(&path, bytes).unwrap();
        Paraphrases::open(&path)
    }

    fn phrase(table: &Paraphrases, text: &str) -> Option<Phrase> {
        let mut words = text.split(' ').map(|word| table.word(word));
        let first = words.next()??;
        words.try_fold(first, |phrase, word| table.extend(phrase, word?))
    }

    /// The pair's directions, whichever of its phrases lists it.
    fn directions(table: &Paraphrases, one: &str, other: &str) -> Option<(bool, bool)> {
        let (one, other) = (phrase(table, one)?, phrase(table, other)?);
        let find = |a: Phrase, b: Phrase| table.partners(a).iter().find(|partner| partner.number() == b.number());
        let forward = find(one, other).map(|partner| (partner.listed_first(), partner.partner_first()));
        forward.or_else(|| find(other, one).map(|partner| (partner.partner_first(), partner.listed_first())))
    }

    const SOURCE: &str =
        "0.5\nin front of\nbefore\n0.1\nbefore\nin front of\n0.2\nbefore\nahead of\n0.3\nbig\nlarge\n0.3\nbig\nlarge\n";

    #[test]
    fn every_pair_is_found_with_its_directions() {
        let (size, bytes) = compile(SOURCE).unwrap();
        assert_eq!(size, TableSize { records: 5, pairs: 3, words: 7 });
        let table = open(&bytes).unwrap();
        assert_eq!(table.len(), 3);
        assert_eq!(directions(&table, "in front of", "before"), Some((true, true)));
        assert_eq!(directions(&table, "before", "ahead of"), Some((true, false)));
        assert_eq!(directions(&table, "ahead of", "before"), Some((false, true)));
        assert_eq!(directions(&table, "big", "large"), Some((true, false)));
        assert_eq!(directions(&table, "big", "before"), None);
        assert_eq!(phrase(&table, "in front").map(|phrase| table.partners(phrase).len()), Some(0));
        assert_eq!(phrase(&table, "front in"), None);
        assert_eq!(phrase(&table, "unheard"), None);
    }

    #[test]
    fn words_are_numbered_in_alphabetical_order() {
        let table = open(&compile(SOURCE).unwrap().1).unwrap();
        let words = ["ahead", "before", "big", "front", "in", "large", "of"];
        let numbers: Vec<u32> = words.iter().map(|word| table.word(word).unwrap().number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_source_that_ends_inside_a_record_is_refused_with_its_line() {
        let error = compile("0.5\na\nb\n0.5\na\n").unwrap_err();
        assert_eq!(error.to_string(), "line 6: the file ends inside a record");
        let error = compile("0.5\na\n\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3: an empty phrase");
        let error = compile("0.5\na b c d e f g h\nb\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2: a phrase has more than seven words");
    }

    #[test]
    fn an_empty_source_gives_an_empty_table() {
        let table = open(&compile("").unwrap().1).unwrap();
        assert!(table.is_empty());
        assert_eq!(table.word("a"), None);
    }

    #[test]
    fn a_torn_table_is_refused_and_a_damaged_one_never_panics() {
        let bytes = compile(SOURCE).unwrap().1;
        for length in 0..bytes.len() {
            assert!(open(&bytes[..length]).is_err(), "{length} bytes");
        }
        let words: BTreeSet<&str> = SOURCE.split_whitespace().collect();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            let Ok(table) = open(&damaged) else { continue };
            for one in &words {
                for other in &words {
                    let _ = directions(&table, one, other);
                }
            }
        }
    }
}
