//! Which items make which optimizer step: each epoch in an order of its own, decided by the seed and the epoch alone, so that step n is the
//! same whether the training came to it in one go or not.

use crate::catalogue::shuffle;

/// The steps of a training.
#[derive(Debug, Clone)]
pub struct Order {
    items: usize,
    batch: usize,
    seed: u64,
    /// Optimizer steps in all.
    pub steps: usize,
}

/// One optimizer step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub epoch: usize,
    /// Places in the list of items.
    pub items: Vec<usize>,
}

impl Order {
    /// `steps` or else `epochs` passes over the items, `batch` of them a step; an epoch's last step has what is left.
    pub fn new(items: usize, batch: usize, epochs: usize, steps: Option<usize>, seed: u64) -> Order {
        let mut order = Order { items, batch, seed, steps: 0 };
        order.steps = steps.unwrap_or(epochs.saturating_mul(order.steps_of_epoch()));
        order
    }

    pub fn steps_of_epoch(&self) -> usize {
        self.items.div_ceil(self.batch)
    }

    /// Epochs, with their fraction, after so many steps.
    pub fn epochs_after(&self, steps: usize) -> f64 {
        let each = self.steps_of_epoch();
        let within = ((steps % each) * self.batch).min(self.items) as f64 / self.items as f64;
        (steps / each) as f64 + within
    }

    /// Items seen after so many steps.
    pub fn items_after(&self, steps: usize) -> usize {
        let each = self.steps_of_epoch();
        (steps / each).saturating_mul(self.items) + ((steps % each) * self.batch).min(self.items)
    }

    /// Step number `step`, from 0.
    pub fn step(&self, step: usize) -> Step {
        let epoch = step / self.steps_of_epoch();
        let begin = step % self.steps_of_epoch() * self.batch;
        let end = (begin + self.batch).min(self.items);
        Step { epoch, items: self.epoch(epoch)[begin..end].to_vec() }
    }

    fn epoch(&self, epoch: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.items).collect();
        // Neighbouring seeds must not give neighbouring epochs the orders of another training.
        shuffle(&mut places, self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(epoch as u64));
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_every_item_once_in_an_order_of_its_own() {
        let order = Order::new(10, 4, 3, None, 42);
        assert_eq!((order.steps, order.steps_of_epoch()), (9, 3));
        let epoch =
            |number: usize| -> Vec<usize> { (0..3).flat_map(|step| order.step(number * 3 + step).items).collect() };
        for number in 0..3 {
            let mut items = epoch(number);
            items.sort_unstable();
            assert_eq!(items, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(epoch(0), epoch(1));
        assert_eq!(order.step(5), Step { epoch: 1, items: epoch(1)[8..].to_vec() });
        assert_eq!((order.items_after(3), order.items_after(5)), (10, 18));
        assert_eq!((order.epochs_after(3), order.epochs_after(4)), (1.0, 1.4));
    }

    #[test]
    fn steps_take_the_place_of_epochs_and_another_seed_gives_another_order() {
        let order = Order::new(10, 4, 3, Some(4), 42);
        assert_eq!(order.steps, 4);
        assert_ne!(Order::new(100, 50, 1, None, 1).step(0), Order::new(100, 50, 1, None, 2).step(0));
    }
}
