//! One queue of work for all devices: which cell's items a free device captions next. No threads and no clock here, so that a whole run
//! can be simulated.
//!
//! A device stays with the model that it has loaded while there is work for it. A free one takes the model with the most work left per
//! device on it, if loading it pays. It gets a part of what is left, smaller towards the end, so that all devices end together. With one
//! device, cells are done whole and in order.

use std::collections::VecDeque;

/// Seconds an item takes for each byte of weights, before anything was measured. Only the ratios between models and to `LOADING`
/// matter.
const CAPTIONING: f64 = 1e-11;
/// Seconds of loading for each byte of weights, before anything was measured.
const LOADING: f64 = 2e-9;
/// The least that a model's weights are taken for: preparing an image costs something too.
const SMALLEST: f64 = 5e7;
/// Batches of the smallest part, so that loader threads can run ahead.
const FEWEST_BATCHES: usize = 2;

/// Work for a device: items of one cell, by their places in the dataset's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub cell: usize,
    pub items: Vec<usize>,
}

/// What a free device does.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Part(Part),
    /// There is nothing now; a part may come back from another device.
    Wait,
    /// All work is done or given up.
    End,
}

pub struct Queue {
    models: Vec<Model>,
    cells: Vec<Cell>,
    devices: Vec<Device>,
    batch: usize,
}

struct Model {
    bytes: f64,
    /// Measured so far: items, their seconds of device time, loads and their seconds.
    items: f64,
    seconds: f64,
    loads: f64,
    load_seconds: f64,
}

struct Cell {
    model: usize,
    pending: VecDeque<usize>,
    in_hand: usize,
}

#[derive(Clone)]
struct Device {
    model: Option<usize>,
    cell: Option<usize>,
    refused: Vec<bool>,
}

impl Queue {
    /// `weights` are the models' sizes in bytes; `cells` their model and the items to do; `batch` the items of a batch.
    pub fn new(weights: &[u64], cells: Vec<(usize, VecDeque<usize>)>, devices: usize, batch: usize) -> Queue {
        let model = |bytes: &u64| Model {
            bytes: (*bytes as f64).max(SMALLEST),
            items: 0.0,
            seconds: 0.0,
            loads: 0.0,
            load_seconds: 0.0,
        };
        let device = Device { model: None, cell: None, refused: vec![false; weights.len()] };
        Queue {
            models: weights.iter().map(model).collect(),
            cells: cells.into_iter().map(|(model, pending)| Cell { model, pending, in_hand: 0 }).collect(),
            devices: vec![device; devices],
            batch: batch.max(1),
        }
    }

    /// Work for a free device.
    pub fn take(&mut self, device: usize) -> Next {
        if self.cells.iter().all(|cell| cell.pending.is_empty() && cell.in_hand == 0) {
            return Next::End;
        }
        let Some(model) = self.choose_model(device) else { return Next::Wait };
        let Some(cell) = self.choose_cell(device, model) else { return Next::Wait };
        self.devices[device].model = Some(model);
        self.devices[device].cell = Some(cell);
        let count = self.part_size(model, cell);
        let cell_state = &mut self.cells[cell];
        cell_state.in_hand += 1;
        let items = cell_state.pending.drain(..count).collect();
        Next::Part(Part { cell, items })
    }

    /// A part is done; that many of its items took that long, without loading. True if that was the cell's last.
    pub fn done(&mut self, cell: usize, items: usize, seconds: f64) -> bool {
        let state = &mut self.cells[cell];
        state.in_hand -= 1;
        let model = &mut self.models[state.model];
        model.items += items as f64;
        model.seconds += seconds;
        state.pending.is_empty() && state.in_hand == 0
    }

    /// A model was loaded in that time.
    pub fn loaded(&mut self, model: usize, seconds: f64) {
        self.models[model].loads += 1.0;
        self.models[model].load_seconds += seconds;
    }

    /// Has any device loaded the model?
    pub fn was_loaded(&self, model: usize) -> bool {
        self.models[model].loads > 0.0
    }

    /// A device cannot work on the model: the items go back for the others. True if there is no other that could take them.
    pub fn refuse(&mut self, device: usize, part: Part) -> bool {
        let state = &mut self.cells[part.cell];
        state.in_hand -= 1;
        for item in part.items.into_iter().rev() {
            state.pending.push_front(item);
        }
        let model = state.model;
        self.devices[device].refused[model] = true;
        self.devices[device].model = None;
        self.devices.iter().all(|device| device.refused[model])
    }

    /// The cell is given up: what is left of it is dropped. False if that was so already.
    pub fn give_up(&mut self, cell: usize) -> bool {
        let state = &mut self.cells[cell];
        let first = !state.pending.is_empty() || state.in_hand > 0;
        state.pending.clear();
        first
    }

    /// A device's part is over, whatever became of it, without `done` or `refuse`.
    pub fn drop_part(&mut self, cell: usize) {
        self.cells[cell].in_hand -= 1;
    }

    fn choose_model(&self, device: usize) -> Option<usize> {
        let state = &self.devices[device];
        let mut open = (0..self.models.len()).filter(|model| !state.refused[*model] && self.pending(*model) > 0);
        if self.devices.len() == 1 {
            // In the plan's order, but not away from what is loaded.
            let loaded = state.model.filter(|model| self.pending(*model) > 0);
            return loaded.or_else(|| open.next());
        }
        if let Some(model) = state.model.filter(|model| self.pending(*model) > 0) {
            return Some(model);
        }
        let share = |model: usize| self.seconds_left(model) / (self.others_on(model, device) + 1) as f64;
        let pays = |model: &usize| {
            let others = self.others_on(*model, device);
            others == 0 || self.seconds_left(*model) / others as f64 > self.load_seconds(*model)
        };
        open.filter(pays).max_by(|a, b| share(*a).total_cmp(&share(*b)))
    }

    /// The cell that the device is at, else the model's largest.
    fn choose_cell(&self, device: usize, model: usize) -> Option<usize> {
        let of_model = |cell: &usize| self.cells[*cell].model == model && !self.cells[*cell].pending.is_empty();
        if let Some(cell) = self.devices[device].cell.filter(of_model) {
            return Some(cell);
        }
        let mut open = (0..self.cells.len()).filter(of_model);
        match self.devices.len() {
            1 => open.next(),
            _ => open.max_by_key(|cell| self.cells[*cell].pending.len()),
        }
    }

    fn part_size(&self, model: usize, cell: usize) -> usize {
        let pending = self.cells[cell].pending.len();
        if self.devices.len() == 1 {
            return pending;
        }
        // A first part is small: it tells how long the model's items take, and whether others should help.
        let measured = self.models[model].items > 0.0;
        let share = if measured { self.pending(model) / (2 * self.devices.len()) } else { 0 };
        let batches = share.div_ceil(self.batch).max(FEWEST_BATCHES);
        (batches * self.batch).min(pending)
    }

    fn pending(&self, model: usize) -> usize {
        self.cells.iter().filter(|cell| cell.model == model).map(|cell| cell.pending.len()).sum()
    }

    fn others_on(&self, model: usize, device: usize) -> usize {
        let others = self.devices.iter().enumerate().filter(|(other, _)| *other != device);
        others.filter(|(_, state)| state.model == Some(model)).count()
    }

    fn seconds_left(&self, model: usize) -> f64 {
        self.pending(model) as f64 * self.item_seconds(model)
    }

    /// As measured, else as models that were measured let expect.
    fn item_seconds(&self, model: usize) -> f64 {
        let state = &self.models[model];
        if state.items > 0.0 {
            return state.seconds / state.items;
        }
        let measured = self.models.iter().filter(|model| model.items > 0.0);
        let (seconds, work) = measured
            .fold((0.0, 0.0), |(seconds, work), model| (seconds + model.seconds, work + model.items * model.bytes));
        state.bytes * if work > 0.0 { seconds / work } else { CAPTIONING }
    }

    fn load_seconds(&self, model: usize) -> f64 {
        let state = &self.models[model];
        if state.loads > 0.0 {
            return state.load_seconds / state.loads;
        }
        let measured = self.models.iter().filter(|model| model.loads > 0.0);
        let (seconds, bytes) = measured.fold((0.0, 0.0), |(seconds, bytes), model| {
            (seconds + model.load_seconds, bytes + model.loads * model.bytes)
        });
        state.bytes * if bytes > 0.0 { seconds / bytes } else { LOADING }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the queue does not know: how long items and loading take.
    struct World {
        weights: Vec<u64>,
        item_seconds: Vec<f64>,
        load_seconds: Vec<f64>,
        /// Model and items of each cell.
        cells: Vec<(usize, usize)>,
    }

    impl World {
        /// Runs the queue on a clock of its own. Gives the makespan, and how often each item was done.
        fn simulate(&self, devices: usize) -> (f64, Vec<Vec<usize>>) {
            let cells = self.cells.iter().map(|(model, items)| (*model, (0..*items).collect())).collect();
            let mut queue = Queue::new(&self.weights, cells, devices, 8);
            let mut done: Vec<Vec<usize>> = self.cells.iter().map(|(_, items)| vec![0; *items]).collect();
            let mut loaded: Vec<Option<usize>> = vec![None; devices];
            // The end of what each device has in hand, and what that is.
            let mut busy: Vec<Option<(f64, Part, f64)>> = (0..devices).map(|_| None).collect();
            let (mut now, mut ended) = (0.0, vec![false; devices]);
            loop {
                for device in 0..devices {
                    if busy[device].is_some() || ended[device] {
                        continue;
                    }
                    match queue.take(device) {
                        Next::Part(part) => {
                            let model = self.cells[part.cell].0;
                            let mut load = 0.0;
                            if loaded[device].replace(model) != Some(model) {
                                load = self.load_seconds[model];
                                queue.loaded(model, load);
                            }
                            let seconds = part.items.len() as f64 * self.item_seconds[model];
                            busy[device] = Some((now + load + seconds, part, seconds));
                        }
                        Next::Wait => {}
                        Next::End => ended[device] = true,
                    }
                }
                let next = (0..devices).filter(|device| busy[*device].is_some()).min_by(|a, b| {
                    let end = |device: usize| busy[device].as_ref().map_or(f64::INFINITY, |(end, ..)| *end);
                    end(*a).total_cmp(&end(*b))
                });
                let Some((end, part, seconds)) = next.and_then(|device| busy[device].take()) else {
                    return (now, done);
                };
                now = end;
                part.items.iter().for_each(|item| done[part.cell][*item] += 1);
                queue.done(part.cell, part.items.len(), seconds);
            }
        }

        /// No schedule is shorter: all work and one loading of each model, spread evenly; or the longest loading with its first batch.
        fn lower_bound(&self, devices: usize) -> f64 {
            let work: f64 = self.cells.iter().map(|(model, items)| *items as f64 * self.item_seconds[*model]).sum();
            let loading: f64 = self.load_seconds.iter().sum();
            ((work + loading) / devices as f64).max(self.load_seconds.iter().copied().fold(0.0, f64::max))
        }
    }

    /// Six models as in the study, of which one costs forty times another, on a large and a small dataset.
    fn study() -> World {
        let sizes = [2.7, 3.9, 6.7, 7.0, 12.0, 13.0];
        World {
            weights: sizes.iter().map(|billion| (billion * 2e9) as u64).collect(),
            // Not in proportion to the weights: captions differ in length, LLaVA has more image tokens.
            item_seconds: vec![0.02, 0.03, 0.06, 0.30, 0.15, 0.80],
            load_seconds: sizes.iter().map(|billion| billion * 4.0).collect(),
            cells: (0..6).flat_map(|model| [(model, 10_000), (model, 1_500)]).collect(),
        }
    }

    #[test]
    fn six_models_on_two_datasets_keep_eight_devices_busy_to_within_a_tenth_of_the_lower_bound() {
        let world = study();
        let (makespan, done) = world.simulate(8);
        assert!(done.iter().flatten().all(|times| *times == 1), "an item was left out or done twice");
        let bound = world.lower_bound(8);
        println!("makespan {makespan:.0} s, lower bound {bound:.0} s, ratio {:.3}", makespan / bound);
        assert!(makespan <= 1.1 * bound, "makespan {makespan:.0} s, lower bound {bound:.0} s");
    }

    #[test]
    fn one_large_model_among_small_ones_is_shared() {
        let world = World {
            weights: vec![1_000_000_000; 6],
            item_seconds: vec![1.0, 0.01, 0.01, 0.01, 0.01, 0.01],
            load_seconds: vec![10.0; 6],
            cells: (0..6).flat_map(|model| [(model, 3_000), (model, 200)]).collect(),
        };
        let (makespan, done) = world.simulate(8);
        assert!(done.iter().flatten().all(|times| *times == 1));
        assert!(makespan <= 1.1 * world.lower_bound(8), "{makespan} against {}", world.lower_bound(8));
    }

    #[test]
    fn one_device_does_cells_whole_and_in_order() {
        let cells = vec![(0, (0..5).collect()), (0, (0..9).collect()), (1, (0..40).collect())];
        let mut queue = Queue::new(&[1, 1_000_000_000_000], cells, 1, 8);
        for (cell, items) in [(0, 5), (1, 9), (2, 40)] {
            let expected = Part { cell, items: (0..items).collect() };
            assert_eq!(queue.take(0), Next::Part(expected));
            assert!(queue.done(cell, items, 1.0));
        }
        assert_eq!(queue.take(0), Next::End);
    }

    #[test]
    fn a_model_that_is_nearly_done_is_not_loaded_again() {
        let mut queue = Queue::new(&[10_000_000_000], vec![(0, (0..20).collect())], 2, 8);
        assert!(matches!(queue.take(0), Next::Part(_)));
        assert_eq!(queue.take(1), Next::Wait);
    }

    #[test]
    fn what_a_device_refuses_another_takes() {
        let mut queue = Queue::new(&[1], vec![(0, (0..16).collect())], 2, 8);
        let Next::Part(part) = queue.take(0) else { panic!("there is work") };
        assert!(!queue.refuse(0, part.clone()));
        assert_eq!(queue.take(0), Next::Wait);
        assert_eq!(queue.take(1), Next::Part(part.clone()));
        assert!(queue.refuse(1, part));
        assert!(queue.give_up(0));
        assert_eq!(queue.take(0), Next::End);
    }
}
