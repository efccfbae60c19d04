//! Where the vectors of heads lie in memory: those that are read, and the places that are written.

use crate::cpu::tile::{Left, PANEL, Target, Then};

/// The vectors of heads as they lie: those of a head are `[positions, size]`, the numbers of one side by side.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    pub numbers: &'a [f32],
    pub row_step: usize,
    pub head_step: usize,
    pub step: usize,
}

impl<'a> Heads<'a> {
    /// The vectors of a head.
    pub(super) fn of(&self, row: usize, head: usize) -> &'a [f32] {
        &self.numbers[row * self.row_step + head * self.head_step..]
    }

    /// The same as the left side of a product.
    pub(super) fn left(&self, row: usize, head: usize) -> Left<'a> {
        Left { numbers: self.of(row, head), row_step: self.step, inner_step: 1 }
    }
}

/// A place for the vectors of heads, as [`Heads`] lie.
#[derive(Clone, Copy)]
pub struct HeadsOut {
    begin: *mut f32,
    row_step: usize,
    head_step: usize,
    step: usize,
}

// SAFETY: threads write different heads.
unsafe impl Sync for HeadsOut {}
// SAFETY: as above.
unsafe impl Send for HeadsOut {}

impl HeadsOut {
    /// `count` of the `all` heads that stand side by side at each of `length` positions, from one on.
    pub fn new(numbers: &mut [f32], length: usize, all: usize, size: usize, from: usize, count: usize) -> HeadsOut {
        let step = all * size;
        assert!(from + count <= all && numbers.len().is_multiple_of((length * step).max(1)));
        HeadsOut {
            begin: numbers.as_mut_ptr().wrapping_add(from * size),
            row_step: length * step,
            head_step: size,
            step,
        }
    }

    /// A panel of a head's columns, from one position on.
    pub(super) fn target(
        &self,
        row: usize,
        head: usize,
        position: usize,
        column: usize,
        size: usize,
        then: Then<'static>,
    ) -> Target<'static> {
        let place = row * self.row_step + head * self.head_step + position * self.step + column;
        Target {
            begin: self.begin.wrapping_add(place),
            row_step: self.step,
            columns: PANEL.min(size - column),
            factor: 1.0,
            then,
        }
    }
}
