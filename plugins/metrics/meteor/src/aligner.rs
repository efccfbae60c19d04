//! The aligner: out of all possible matches, a set in which no word is used twice, that covers most words, in the fewest
//! chunks, with the least distance. A beam search over the reference's words.

use crate::matches::{Match, Module};

/// How the search weighs what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rules {
    /// As METEOR 1.5 does. Its counts of covered words are integers, so that a match that is not exact adds half its words
    /// rounded down, nothing for one word. And the distance of a path's continuation is charged to the path itself: a
    /// continuation pays for those tried before it, and never for its own match.
    #[default]
    Reference,
    /// As the papers say: half a point for each word of a match that is not exact, every path with its own distance.
    Published,
}

/// The number of paths that are kept from word to word.
const BEAM: usize = 40;
const NONE: u32 = u32::MAX;

/// A partial alignment, up to some word of the reference.
#[derive(Debug, Clone, Copy)]
struct Path {
    /// Words covered on both sides, in halves. Fixed matches are in every path and not counted.
    covered: u32,
    /// Closed chunks; the open one is not counted.
    chunks: u32,
    distance: u64,
    /// Where the caption's side of the open chunk ends; [`NONE`] where no chunk is open.
    chunk_end: u32,
    /// The first word of the reference after the last match.
    next_word: u32,
    /// The last match, an index into the search's steps.
    step: u32,
}

impl Path {
    const EMPTY: Path = Path { covered: 0, chunks: 0, distance: 0, chunk_end: NONE, next_word: 0, step: NONE };

    /// Sorts better paths first: more covered, fewer chunks, less distance.
    fn rank(&self) -> (u32, u32, u64) {
        (NONE - self.covered, self.chunks, self.distance)
    }

    fn close_chunk(&mut self) {
        if self.chunk_end != NONE {
            self.chunks += 1;
            self.chunk_end = NONE;
        }
    }

    fn with(mut self, found: &Match, step: u32) -> Path {
        if self.chunk_end != found.caption {
            self.close_chunk();
        }
        self.chunk_end = found.caption_range().end;
        self.next_word = found.reference_range().end;
        self.step = step;
        self
    }
}

/// A path in the making: what it becomes, the path it comes from, the match that it takes up.
#[derive(Debug, Clone, Copy)]
struct Continuation {
    path: Path,
    parent: u32,
    taken: u32,
}

/// A step of a path: the step before it, and the match that it takes.
#[derive(Debug, Clone, Copy)]
struct Step {
    before: u32,
    found: u32,
}

/// Aligns sentences, one pair after the other; keeps its buffers between them.
#[derive(Debug, Default)]
pub struct Aligner {
    paths: Vec<Path>,
    continuations: Vec<Continuation>,
    /// For each path, a bit for each of the caption's words that its (not fixed) matches use.
    used: Vec<u64>,
    used_before: Vec<u64>,
    steps: Vec<Step>,
    /// How many matches cover a word.
    caption_cover: Vec<u32>,
    reference_cover: Vec<u32>,
    chosen: Vec<Match>,
}

impl Aligner {
    /// The best alignment: its matches in the reference's order, and the number of its chunks. `matches` ascend by the
    /// reference's word; among those that begin at one word the order is the order of preference.
    pub fn align(
        &mut self,
        matches: &[Match],
        caption_words: usize,
        reference_words: usize,
        rules: Rules,
    ) -> (&[Match], u32) {
        self.count_cover(matches, caption_words, reference_words);
        let stride = caption_words.div_ceil(64);
        self.paths.clear();
        self.paths.push(Path::EMPTY);
        self.used.clear();
        self.used.resize(stride, 0);
        self.steps.clear();
        let mut first = 0;
        for word in 0..reference_words as u32 {
            let count = matches[first..].iter().take_while(|found| found.reference == word).count();
            let here = &matches[first..first + count];
            match here {
                [] => self.paths.iter_mut().filter(|path| path.next_word <= word).for_each(Path::close_chunk),
                [fixed] if self.has_no_competitor(fixed) => {
                    for path in &mut self.paths {
                        self.steps.push(Step { before: path.step, found: first as u32 });
                        *path = path.with(fixed, self.steps.len() as u32 - 1);
                    }
                }
                _ => self.branch(here, first as u32, word, stride, rules),
            }
            self.keep_best(matches, stride);
            first += count;
        }
        self.paths.iter_mut().for_each(Path::close_chunk);
        // The first of the best: `min_by_key` answers the earliest minimum.
        let best = self.paths.iter().min_by_key(|path| path.rank()).copied().unwrap_or(Path::EMPTY);
        self.chosen.clear();
        let mut at = best.step;
        while let Some(step) = self.steps.get(at as usize) {
            self.chosen.push(matches[step.found as usize]);
            at = step.before;
        }
        self.chosen.reverse();
        (&self.chosen, best.chunks)
    }

    fn count_cover(&mut self, matches: &[Match], caption_words: usize, reference_words: usize) {
        self.caption_cover.clear();
        self.caption_cover.resize(caption_words, 0);
        self.reference_cover.clear();
        self.reference_cover.resize(reference_words, 0);
        for found in matches {
            found.caption_range().for_each(|word| self.caption_cover[word as usize] += 1);
            found.reference_range().for_each(|word| self.reference_cover[word as usize] += 1);
        }
    }

    /// True where no other match touches this one's words: it is fixed, whatever it counts.
    fn has_no_competitor(&self, found: &Match) -> bool {
        found.caption_range().all(|word| self.caption_cover[word as usize] == 1)
            && found.reference_range().all(|word| self.reference_cover[word as usize] == 1)
    }

    /// Continues every path with each match that it can take, and last without any.
    fn branch(&mut self, here: &[Match], first: u32, word: u32, stride: usize, rules: Rules) {
        self.continuations.clear();
        for (parent, path) in (0u32..).zip(&self.paths) {
            let mut path = *path;
            if path.next_word > word {
                self.continuations.push(Continuation { path, parent, taken: NONE });
                continue;
            }
            let used = &self.used[parent as usize * stride..][..stride];
            for (taken, found) in (first..).zip(here) {
                if found.caption_range().any(|word| used[word as usize / 64] >> (word % 64) & 1 == 1) {
                    continue;
                }
                let mut next = path.with(found, path.step);
                next.covered += covered(found, rules);
                let distance = u64::from(found.caption.abs_diff(found.reference));
                match rules {
                    Rules::Reference => path.distance += distance,
                    Rules::Published => next.distance += distance,
                }
                self.continuations.push(Continuation { path: next, parent, taken });
            }
            path.close_chunk();
            self.continuations.push(Continuation { path, parent, taken: NONE });
        }
        self.paths.clear();
    }

    /// Sorts the paths, equals in their order, and keeps the best; brings their used words up to date.
    fn keep_best(&mut self, matches: &[Match], stride: usize) {
        if !self.paths.is_empty() {
            if self.paths.len() == 1 || self.paths.is_sorted_by_key(Path::rank) {
                return;
            }
            self.continuations.clear();
            let unchanged =
                (0u32..).zip(&self.paths).map(|(parent, path)| Continuation { path: *path, parent, taken: NONE });
            self.continuations.extend(unchanged);
            self.paths.clear();
        }
        // Continuations come in the order of their parents and matches (without a match last), so that this key is stable.
        let key = |next: &Continuation| (next.path.rank(), next.parent, next.taken);
        if self.continuations.len() > 4 * BEAM {
            self.continuations.select_nth_unstable_by_key(BEAM, key);
            self.continuations.truncate(BEAM);
        }
        self.continuations.sort_unstable_by_key(key);
        self.continuations.truncate(BEAM);
        std::mem::swap(&mut self.used, &mut self.used_before);
        self.used.clear();
        for next in &self.continuations {
            let mut path = next.path;
            self.used.extend_from_slice(&self.used_before[next.parent as usize * stride..][..stride]);
            if next.taken != NONE {
                let start = self.used.len() - stride;
                for word in matches[next.taken as usize].caption_range() {
                    self.used[start + word as usize / 64] |= 1 << (word % 64);
                }
                self.steps.push(Step { before: path.step, found: next.taken });
                path.step = self.steps.len() as u32 - 1;
            }
            self.paths.push(path);
        }
    }
}

/// What a match adds to the words covered, in halves.
fn covered(found: &Match, rules: Rules) -> u32 {
    let (caption, reference) = (u32::from(found.caption_words), u32::from(found.reference_words));
    match (found.module, rules) {
        (Module::Exact, _) => 2 * (caption + reference),
        (_, Rules::Reference) => 2 * (caption / 2 + reference / 2),
        (_, Rules::Published) => caption + reference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(caption: u32, reference: u32, module: Module) -> Match {
        Match { caption, reference, caption_words: 1, reference_words: 1, module }
    }

    /// (Reference's word, caption's word) of each chosen match.
    fn aligned(
        matches: &[Match],
        caption_words: usize,
        reference_words: usize,
        rules: Rules,
    ) -> (Vec<(u32, u32)>, u32) {
        let mut aligner = Aligner::default();
        let (chosen, chunks) = aligner.align(matches, caption_words, reference_words, rules);
        (chosen.iter().map(|found| (found.reference, found.caption)).collect(), chunks)
    }

    fn exact(pairs: &[(u32, u32)]) -> Vec<Match> {
        pairs.iter().map(|(reference, caption)| found(*caption, *reference, Module::Exact)).collect()
    }

    #[test]
    fn adjacent_matches_form_one_chunk() {
        // a b c d | a b x c d
        let matches = exact(&[(0, 0), (1, 1), (3, 2), (4, 3)]);
        assert_eq!(aligned(&matches, 4, 5, Rules::Reference), (vec![(0, 0), (1, 1), (3, 2), (4, 3)], 2));
    }

    #[test]
    fn fewer_chunks_win_over_earlier_words() {
        // x a b | a x a b: the second `a` continues into `b`.
        let matches = exact(&[(0, 1), (1, 0), (2, 1), (3, 2)]);
        assert_eq!(aligned(&matches, 3, 4, Rules::Reference).1, 1);
    }

    #[test]
    fn the_distance_rule_of_the_reference_decides_as_in_the_jar() {
        // `of` against `of dogs of`, and `the` against `the the the`: what the jar answers.
        assert_eq!(aligned(&exact(&[(0, 0), (2, 0)]), 1, 3, Rules::Reference).0, [(2, 0)]);
        assert_eq!(aligned(&exact(&[(0, 0), (1, 0), (2, 0)]), 1, 3, Rules::Reference).0, [(1, 0)]);
        assert_eq!(aligned(&exact(&[(0, 0), (2, 0)]), 1, 3, Rules::Published).0, [(0, 0)]);
    }

    #[test]
    fn competing_one_word_synonyms_count_nothing_in_the_reference() {
        let matches = [found(0, 0, Module::Stem), found(0, 0, Module::Synonym)];
        assert_eq!(aligned(&matches, 1, 1, Rules::Reference).0, []);
        assert_eq!(aligned(&matches, 1, 1, Rules::Published).0, [(0, 0)]);
        // Without a competitor the match is fixed before the search.
        assert_eq!(aligned(&matches[1..], 1, 1, Rules::Reference).0, [(0, 0)]);
    }

    #[test]
    fn an_aligner_used_again_remembers_nothing() {
        let mut aligner = Aligner::default();
        let long = exact(&(0..200).flat_map(|r| (0..3).map(move |c| (r, (r + c) % 200))).collect::<Vec<_>>());
        aligner.align(&long, 200, 200, Rules::Reference);
        assert_eq!(aligner.align(&[], 0, 0, Rules::Reference), (&[][..], 0));
        assert_eq!(aligner.align(&exact(&[(0, 0)]), 1, 1, Rules::Reference), (&exact(&[(0, 0)])[..], 1));
    }
}
