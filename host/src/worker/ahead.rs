//! Loading ahead: threads make numbered pieces of work some steps before the device takes them, in order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

/// Pieces that may wait, loaded, for the device.
const AHEAD: usize = 3;

struct Line<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    count: usize,
}

struct State<T> {
    /// The next piece that a loader takes.
    next: usize,
    /// How many pieces the device has taken.
    taken: usize,
    loaded: BTreeMap<usize, T>,
    /// Nobody will take any more.
    over: bool,
}

/// Runs `work` while `loaders` threads load the pieces 0 to `count` − 1. `work` takes them, each once and in order, by calling what it
/// is given; it may end before the last.
pub fn load_ahead<T: Send, R>(
    count: usize,
    loaders: usize,
    load: impl Fn(usize) -> T + Sync,
    work: impl FnOnce(&mut dyn FnMut(usize) -> T) -> R,
) -> R {
    let state = State { next: 0, taken: 0, loaded: BTreeMap::new(), over: false };
    let line = Line { state: Mutex::new(state), changed: Condvar::new(), count };
    std::thread::scope(|scope| {
        for _ in 0..loaders.clamp(1, count.max(1)) {
            scope.spawn(|| line.load(&load));
        }
        // However `work` ends, the loaders must, or the scope would wait for them.
        let _over = Over(&line);
        work(&mut |number| line.take(number))
    })
}

struct Over<'a, T>(&'a Line<T>);

impl<T> Drop for Over<'_, T> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.0.changed.notify_all();
    }
}

impl<T> Line<T> {
    fn load(&self, load: &(impl Fn(usize) -> T + Sync)) {
        loop {
            let number = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                while !state.over && state.next < self.count && state.next >= state.taken + AHEAD {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if state.over || state.next >= self.count {
                    return;
                }
                state.next += 1;
                state.next - 1
            };
            let loaded = load(number);
            self.state.lock().unwrap_or_else(PoisonError::into_inner).loaded.insert(number, loaded);
            self.changed.notify_all();
        }
    }

    fn take(&self, number: usize) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(loaded) = state.loaded.remove(&number) {
                state.taken = number + 1;
                self.changed.notify_all();
                return loaded;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn pieces_come_in_order_and_never_more_than_some_ahead() {
        let (loaded, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let load = |number: usize| {
            let ahead = loaded.fetch_add(1, Ordering::SeqCst) + 1 - taken.load(Ordering::SeqCst);
            assert!(ahead <= AHEAD + 1, "{ahead} pieces ahead");
            number * 10
        };
        let all: Vec<usize> = load_ahead(40, 4, load, |take| {
            let mut one = |number| {
                let piece = take(number);
                taken.fetch_add(1, Ordering::SeqCst);
                piece
            };
            (0..40).map(&mut one).collect()
        });
        assert_eq!(all, (0..40).map(|number| number * 10).collect::<Vec<_>>());
    }

    #[test]
    fn work_that_ends_early_ends_the_loaders() {
        let loaded = AtomicUsize::new(0);
        let load = |number: usize| {
            loaded.fetch_add(1, Ordering::SeqCst);
            number
        };
        assert_eq!(load_ahead(1000, 2, load, |take| take(0) + take(1)), 1);
        assert!(loaded.into_inner() < 20);
        assert_eq!(load_ahead(0, 2, |number| number, |_| 7), 7);
    }
}
